/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "http/reply.h"
#include "http/routes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Connections beside viewers and waiting snapshots: pages, status, and those that have not asked yet. */
enum { OTHER_CONNECTIONS = 256, OTHER_FILES = 256 };

/* An idle connection is closed after this; suspended ones, which wait or watch, are not. */
enum { IDLE_TIMEOUT_S = 30 };

static const struct {
    const char *path;
    bool takes_name;
    route *answer;
} routes[] = {
    {"/stream", true, route_stream},  {"/snapshot", true, route_snapshot},
    {"/status", false, route_status}, {"/healthz", false, route_healthz},
    {"/readyz", false, route_readyz}, {"/", false, route_page},
    {"/ws", true, route_ws},
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
    /* The first call comes ahead of a body. libmicrohttpd closes a connection that is answered then, which
       suits those who send one that nobody reads; the others may ask again on theirs. */
    if (is_known && !*request) {
        *request = memory_zeroed(sizeof(struct request));
        return MHD_YES;
    }
    if (*upload_bytes != 0) {
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (!answer && !route_is_asset(path))
        return reply_text(connection, MHD_HTTP_NOT_FOUND,
                          "nothing is here; try /, /stream/NAME, /snapshot/NAME or /status");
    if (!is_known || is_options)
        return reply_methods(connection, is_known ? MHD_HTTP_NO_CONTENT : MHD_HTTP_METHOD_NOT_ALLOWED);
    if (!answer)
        return route_asset(connection, path);
    if (name[0] && !name_is_valid(name, strlen(name)))
        return reply_text(connection, MHD_HTTP_NOT_FOUND,
                          "no stream can have that name; a name is " NAME_RULE);
    struct request *asked = *request;
    asked->method = method;
    asked->http_version = version;
    return answer(server, connection, name, asked);
}

static void finish_request(void *arg, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    (void)connection, (void)code;
    struct request *ended = *request;
    *request = NULL;
    if (!ended)
        return;
    if (ended->waiter)
        routes_free_waiter(arg, ended->waiter);
    if (ended->ws)
        routes_free_ws(arg, ended->ws);
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
static size_t raise_file_limit(size_t connections)
{
    rlim_t wanted = connections + OTHER_FILES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return connections;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return connections;
    log_warn("the system allows %llu open files; --max-viewers and --max-snapshots may need %llu",
             (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
    return limit.rlim_cur / 2 > OTHER_FILES ? limit.rlim_cur - OTHER_FILES : limit.rlim_cur / 2;
}

struct server *server_create(struct hub *hub, const struct server_options *options)
{
    struct server *server = memory_zeroed(sizeof(*server));
    server->hub = hub;
    server->options = *options;
    server->start_ns = clock_mono_ns();
    size_t connections = raise_file_limit(options->max_viewers + options->max_snapshots + OTHER_CONNECTIONS);
    server->sender = sender_create(hub, options->stuck_after_ns);
    if (!server->sender) {
        free(server);
        return NULL;
    }
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, handle_request, server,
        /* first: it is for what the other options log */
        MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL, MHD_OPTION_LISTEN_SOCKET, options->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, finish_request, server,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
    if (!server->daemon) {
        log_error("cannot start the HTTP server");
        sender_stop(server->sender);
        sender_destroy(server->sender);
        free(server);
        return NULL;
    }
    return server;
}

void server_destroy(struct server *server)
{
    sender_stop(server->sender);
    MHD_stop_daemon(server->daemon);
    sender_destroy(server->sender);
    free(server);
}
