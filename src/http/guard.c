/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text_list.h"
#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A browser asks for a password where it sees Basic, and must not where a token was wrong: it has none. */
static const char ASK_FOR_PASSWORD[] = "Basic realm=\"headcam\", charset=\"UTF-8\"",
                  ASK_FOR_TOKEN[] = "Bearer realm=\"headcam\", error=\"invalid_token\"";

static struct login *login_of(struct MHD_Connection *connection)
{
    struct login *login = memory_zeroed(sizeof(*login));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    login->address = address_of(info ? info->client_addr : NULL);
    credential_read(&login->credential,
                    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION),
                    routes_parameter(connection, "token"));
    return login;
}

static void forget_login(struct request *request)
{
    if (request->login)
        login_fini(request->login);
    free(request->login);
    request->login = NULL;
}

static void resume(struct check *check, void *connection)
{
    (void)check;
    MHD_resume_connection(connection);
}

static enum MHD_Result reply_throttled(struct MHD_Connection *connection, uint64_t wait_ns)
{
    char text[160];
    const uint64_t seconds = (wait_ns + NS_PER_S - 1) / NS_PER_S;
    snprintf(text, sizeof(text),
             "too many logins from your address failed, more than --login-failures allows; "
             "try again in %llu s",
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
    if (request->login) {
        verdict = access_settle(access, request->login, &request->grant);
    } else {
        request->login = login_of(connection);
        verdict = access_try(access, request->login, &request->grant);
    }
    if (verdict == ACCESS_CHECK) {
        MHD_suspend_connection(connection);
        access_check(access, request->login, resume, connection);
        *result = MHD_YES;
        return false;
    }
    request->is_admitted = verdict == ACCESS_GRANTED;
    if (!request->is_admitted)
        *result = reply_refused(access, connection, request->login, verdict);
    forget_login(request);
    return request->is_admitted;
}

void guard_forget(struct request *request)
{
    forget_login(request);
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

enum MHD_Result guard_reply_forbidden(struct MHD_Connection *connection, const struct grant *grant,
                                      const char *name)
{
    return reply_text(connection, MHD_HTTP_FORBIDDEN, "%s may not see the stream %s, only: %.700s",
                      grant->entry->name, name, grant->entry->streams);
}
