/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/guard.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Connections beside viewers and waiting snapshots: pages, status, and those that have not asked yet. */
enum { OTHER_CONNECTIONS = 256 };

/*
 * Files beside these: a stream's agent has a connection and a ring, or two while it changes; an edge has
 * libzmq's for its socket, for what watches that, and its connection, or two while it changes.
 */
enum { FILES_OF_A_STREAM = 3, FILES_OF_AN_EDGE = 4, OTHER_FILES = 256 };

static const struct {
    const char *path;
    bool takes_name;
    route *answer;
} routes[] = {
    {"/metrics", false, route_metrics},  {"/stream", true, route_stream},  {"/ws", true, route_ws},
    {"/snapshot", true, route_snapshot}, {"/status", false, route_status}, {"/healthz", false, route_healthz},
    {"/readyz", false, route_readyz},    {"/", false, route_page},
};

/* The route of a path and the stream name in it, or NULL. */
static route *find_route(const char *path, const char **name)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        size_t length = strlen(routes[i].path);
        *name = "";
        if (strcmp(path, routes[i].path) == 0)
            return routes[i].answer;
        if (routes[i].takes_name && strncmp(path, routes[i].path, length) == 0 && path[length] == '/') {
            *name = path + length + 1;
            return routes[i].answer;
        }
    }
    return NULL;
}

static bool has_method(const char *method, const char *one, const char *other)
{
    return strcmp(method, one) == 0 || strcmp(method, other) == 0;
}

/* Answers a request that was let in. */
static enum MHD_Result answer_request(struct server *server, struct MHD_Connection *connection, route *answer,
                                      const char *name, struct request *request)
{
    char standard[NAME_BYTES];
    if (name[0] && !name_is_valid(name, strlen(name)))
        return reply_text(connection, MHD_HTTP_NOT_FOUND,
                          "no stream can have that name; a name is " NAME_RULE);
    /* Who may not see everything must not wait for whichever stream comes first. */
    if (!name[0] && grant_is_limited(&request->grant)) {
        guard_default_name(server, &request->grant, standard);
        name = standard;
    }
    if (name[0] && !grant_covers(&request->grant, name))
        return guard_reply_forbidden(connection, &request->grant, name);
    return answer(server, connection, name, request);
}

static enum MHD_Result handle_request(void *arg, struct MHD_Connection *connection, const char *path,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_bytes, void **request)
{
    (void)upload;
    struct server *server = arg;
    const char *name;
    route *answer = find_route(path, &name);
    bool is_options = strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0;
    bool is_known = is_options || has_method(method, MHD_HTTP_METHOD_GET, MHD_HTTP_METHOD_HEAD);
    /* /healthz is for those who look after the process; with OPTIONS browsers bring no credential. */
    bool is_guarded = is_known && !is_options && answer != route_healthz;
    enum MHD_Result result;
    /* The first call comes ahead of a body. libmicrohttpd closes a connection that is answered then, which
       suits those who send one that nobody reads; the others may ask again on theirs. */
    if (is_known && !*request) {
        struct request *begun = memory_zeroed(sizeof(*begun));
        begun->method = method;
        begun->http_version = version;
        *request = begun;
        return MHD_YES;
    }
    if (*upload_bytes != 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    connection_has_asked(connection);
    if (is_guarded && !guard_admit(server, connection, *request, &result))
        return result;
    if (!answer && !route_is_asset(path))
        return reply_text(connection, MHD_HTTP_NOT_FOUND,
                          "nothing is here; try /, /stream/NAME, /snapshot/NAME or /status");
    if (!is_known || is_options)
        return reply_methods(connection, is_known ? MHD_HTTP_NO_CONTENT : MHD_HTTP_METHOD_NOT_ALLOWED);
    if (!answer)
        return route_asset(connection, path);
    return answer_request(server, connection, answer, name, *request);
}

static void finish_request(void *arg, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    struct request *ended = *request;
    *request = NULL;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        connection_is_answered(connection);
    if (!ended)
        return;
    if (ended->waiter)
        routes_end_waiter(arg, ended->waiter, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    if (ended->ws)
        routes_free_ws(arg, ended->ws);
    guard_forget(ended);
    free(ended);
}

/* A %00 would end a path or a value early: it becomes a character that fits nowhere. */
static size_t unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg, (void)connection;
    size_t length = MHD_http_unescape(text);
    for (char *zero = text; (zero = memchr(zero, '\0', length - (size_t)(zero - text)));)
        *zero = '\x7f';
    return length;
}

static void log_daemon(void *arg, const char *format, va_list arguments)
{
    (void)arg;
    char line[512];
    vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http: %s", line);
}

/*
 * A connection is a file; the usual soft limit of 1024 is too low for the viewers that flags allow. Returns
 * how many connections there may be: producers must find files, too, as libzmq aborts where accept() does
 * not.
 */
static size_t raise_file_limit(const struct server_options *options)
{
    const size_t connections = options->max_viewers + options->max_snapshots + OTHER_CONNECTIONS;
    const size_t others =
        FILES_OF_A_STREAM * options->max_streams + FILES_OF_AN_EDGE * options->max_edges + OTHER_FILES;
    const rlim_t wanted = connections + others;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return connections;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return connections;
    log_warn(
        "the system allows %llu open files, and --max-viewers, --max-snapshots, --max-streams and "
        "--max-edges may need %llu; next: lower these, or raise the hard limit (LimitNOFILE=, ulimit -Hn)",
        (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
    const rlim_t half = limit.rlim_cur / 2, left = half > others ? limit.rlim_cur - others : half;
    return left < connections ? left : connections;
}

/* `more` are options for this daemon only. */
static struct MHD_Daemon *start_daemon(struct server *server, unsigned flags,
                                       const struct MHD_OptionItem *more)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | flags, 0,
        NULL, NULL, handle_request, server,
        /* first: it is for what the other options log */
        MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->max_connections, MHD_OPTION_NOTIFY_CONNECTION, connections_notify,
        &server->connections, MHD_OPTION_NOTIFY_COMPLETED, finish_request, server,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

/* Whether a connection is encrypted is a matter of its daemon; requests are answered alike. */
static bool start_daemons(struct server *server)
{
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls[TLS_CONNECTION_OPTIONS];
    tls_connection_options(tls);
    server->tls.tls = server->options.tls;
    server->daemons.connections = &server->connections;
    server->daemons.plain = start_daemon(server, 0, none);
    if (server->options.tls && handshakes_init(&server->tls.handshakes)) {
        server->daemons.handshakes = &server->tls.handshakes;
        server->daemons.tls = start_daemon(server, MHD_USE_TLS, tls);
    }
    if (server->daemons.plain && (server->daemons.tls || !server->options.tls))
        return true;
    log_error("cannot start the HTTP server");
    return false;
}

static struct sender *start_sender(struct server *server)
{
    const struct sender_options options = {
        .visits = &server->visits,
        .loop = server->loop,
        .access = server->options.access,
        .stuck_after_ns = server->options.stuck_after_ns,
        .pulses = server->options.pulses,
    };
    return sender_create(server->hub, &options);
}

struct server *server_create(struct hub *hub, const struct server_options *options)
{
    struct server *server = memory_zeroed(sizeof(*server));
    server->hub = hub;
    server->options = *options;
    server->start_ns = clock_mono_ns();
    server->start_real_ns = clock_real_ns();
    visits_init(&server->visits, options->stuck_after_ns);
    connections_init(&server->connections, options->idle_after_ns, options->stuck_after_ns, &server->tls);
    server->max_connections = raise_file_limit(options);
    server->loop = loop_create(options->listeners, server->max_connections, options->pulses);
    if (server->loop)
        server->sender = start_sender(server);
    if (!server->sender) {
        server_destroy(server);
        return NULL;
    }
    if (!start_daemons(server) || !loop_start(server->loop, &server->daemons)) {
        server_destroy(server);
        return NULL;
    }
    return server;
}

void server_recheck_logins(struct server *server)
{
    sender_recheck(server->sender);
}

void server_destroy(struct server *server)
{
    if (server->sender)
        sender_stop(server->sender);
    if (server->options.access)
        access_stop(server->options.access);
    if (server->loop)
        loop_stop(server->loop);
    MHD_stop_daemon(server->daemons.plain); /* NULL is none */
    MHD_stop_daemon(server->daemons.tls);
    connections_fini(&server->connections);
    if (server->daemons.handshakes)
        handshakes_fini(server->daemons.handshakes);
    if (server->sender)
        sender_destroy(server->sender);
    if (server->loop)
        loop_destroy(server->loop);
    free(server);
}
