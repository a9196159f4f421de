/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text_list.h"
#include "http/asked.h"
#include "http/peer.h"
#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A browser asks for a password where it sees Basic, and must not where a token was wrong: it has none. */
static const char ASK_FOR_PASSWORD[] = "Basic realm=\"headcam\", charset=\"UTF-8\"",
                  ASK_FOR_TOKEN[] = "Bearer realm=\"headcam\", error=\"invalid_token\"";

/* To log in, and what goes on when it is decided. */
struct attempt {
    struct login login;
    struct loop *loop;
    struct MHD_Connection *connection;
};

static struct address address_of_client(const struct server *server, struct MHD_Connection *connection)
{
    struct sockaddr_storage client;
    if (routes_forwarded_client(server, connection, &client))
        return address_of((const struct sockaddr *)&client);
    const struct sockaddr *peer =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    uid_t user;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    return peer_user(fd, &user) ? address_of_user(user) : address_of(peer);
}

static struct attempt *attempt_of(struct server *server, struct MHD_Connection *connection)
{
    struct attempt *attempt = memory_zeroed(sizeof(*attempt));
    attempt->loop = server->loop;
    attempt->connection = connection;
    attempt->login.address = address_of_client(server, connection);
    credential_read(&attempt->login.credential, asked_header(connection, MHD_HTTP_HEADER_AUTHORIZATION),
                    asked_parameter(connection, "token"));
    return attempt;
}

static void forget_attempt(struct request *request)
{
    if (request->attempt)
        login_fini(&request->attempt->login);
    free(request->attempt);
    request->attempt = NULL;
}

/* The HTTP thread may free the attempt as soon as the connection goes on. */
static void resume(struct check *check, void *arg)
{
    (void)check;
    const struct attempt *attempt = arg;
    loop_resume(attempt->loop, attempt->connection);
}

static enum MHD_Result reply_throttled(struct MHD_Connection *connection, uint64_t wait_ns)
{
    char text[160];
    const uint64_t seconds = (wait_ns + NS_PER_S - 1) / NS_PER_S;
    snprintf(text, sizeof(text),
             "too many logins from your address failed or are being checked, more than --login-failures "
             "allows; try again in %llu s",
             (unsigned long long)seconds);
    return reply_too_many(connection, seconds, text);
}

static enum MHD_Result reply_busy(struct MHD_Connection *connection, size_t max_logins)
{
    char reason[128];
    snprintf(reason, sizeof(reason), "%zu passwords wait to be checked, as many as --max-logins allows",
             max_logins);
    return reply_unavailable(connection, reason);
}

static enum MHD_Result reply_refused(const struct access *access, struct MHD_Connection *connection,
                                     const struct login *login, enum access_verdict verdict)
{
    switch (verdict) {
    case ACCESS_WRONG:
        if (login->credential.kind == CREDENTIAL_TOKEN)
            return reply_unauthorized(connection, ASK_FOR_TOKEN,
                                      "this token is not known here; ask for a new one");
        return reply_unauthorized(connection, ASK_FOR_PASSWORD, "the user or the password is wrong");
    case ACCESS_THROTTLED:
        return reply_throttled(connection, login->wait_ns);
    case ACCESS_BUSY:
        return reply_busy(connection, access_max_logins(access));
    case ACCESS_ENDING:
        return reply_unavailable(connection, "the server is shutting down");
    default:
        return reply_unauthorized(connection, ASK_FOR_PASSWORD,
                                  "log in with a user and password, or with a token: "
                                  "?token=TOKEN, or Authorization: Bearer TOKEN");
    }
}

bool guard_admit(struct server *server, struct MHD_Connection *connection, struct request *request,
                 enum MHD_Result *result)
{
    struct access *access = server->options.access;
    enum access_verdict verdict;
    if (!access || request->is_admitted)
        return true;
    if (request->attempt) {
        verdict = access_settle(access, &request->attempt->login, &request->grant);
    } else {
        request->attempt = attempt_of(server, connection);
        verdict = access_try(access, &request->attempt->login, &request->grant);
    }
    if (verdict == ACCESS_CHECK) {
        MHD_suspend_connection(connection);
        access_check(access, &request->attempt->login, resume, request->attempt);
        *result = MHD_YES;
        return false;
    }
    atomic_fetch_add_explicit(&server->logins[verdict], 1, memory_order_relaxed);
    request->is_admitted = verdict == ACCESS_GRANTED;
    if (!request->is_admitted)
        *result = reply_refused(access, connection, &request->attempt->login, verdict);
    forget_attempt(request);
    return request->is_admitted;
}

void guard_forget(struct request *request)
{
    forget_attempt(request);
    grant_fini(&request->grant);
}

bool guard_default_name(struct server *server, const struct grant *grant, char name[NAME_BYTES])
{
    bool has_default = hub_default_name(server->hub, name);
    if (!grant_is_limited(grant) || (has_default && grant_covers(grant, name)))
        return has_default;
    const char *rest = grant->entry->streams;
    const struct text_item first = text_list_next(&rest);
    snprintf(name, NAME_BYTES, "%.*s", (int)first.length, first.text);
    return true;
}

struct stream_report *guard_visible_streams(struct server *server, const struct grant *grant, size_t *count)
{
    size_t all, seen = 0;
    struct stream_report *reports = hub_report(server->hub, &all);
    for (size_t i = 0; i < all; i++)
        if (grant_covers(grant, reports[i].name)) {
            if (seen != i)
                reports[seen] = reports[i];
            seen++;
        }
    *count = seen;
    return reports;
}

struct edge_report *guard_visible_edges(struct server *server, const struct grant *grant, size_t *count)
{
    struct edge_report *reports = edges_get(hub_edges(server->hub), count);
    if (grant_is_limited(grant))
        *count = 0;
    return reports;
}

enum MHD_Result guard_reply_forbidden(struct MHD_Connection *connection, const struct grant *grant,
                                      const char *name)
{
    return reply_text(connection, MHD_HTTP_FORBIDDEN, "%s may not see the stream %s, only: %.700s",
                      grant->entry->name, name, grant->entry->streams);
}
