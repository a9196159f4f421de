/* SPDX-License-Identifier: MIT */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024, FIRST_FREE_PORT = 1024 };

__attribute__((format(printf, 2, 3))) static bool fail(char error[LISTEN_ERROR_BYTES], const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, LISTEN_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool has_room(const struct listeners *listeners, char error[LISTEN_ERROR_BYTES])
{
    return listeners->count < LISTEN_MOST ||
           fail(error, "there are more than %d sockets to listen on; leave out some of --listen",
                LISTEN_MOST);
}

/* ---- what a socket serves ---- */

static void write_unix_url(const struct sockaddr_un *address, socklen_t length, char url[LISTEN_URL_BYTES])
{
    /* An abstract name begins with a NUL, for which people write @, and ends with the address. */
    size_t room = length > sizeof(sa_family_t) ? length - sizeof(sa_family_t) : 0;
    bool is_abstract = room > 0 && address->sun_path[0] == '\0';
    snprintf(url, LISTEN_URL_BYTES, LISTEN_ADDRESS_UNIX "%s%.*s", is_abstract ? "@" : "",
             (int)(room - is_abstract), address->sun_path + is_abstract);
}

static void write_tcp_url(const struct sockaddr *address, socklen_t length, bool is_tls,
                          char url[LISTEN_URL_BYTES])
{
    char host[128] = "?", port[8] = "?";
    getnameinfo(address, length, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    /* Everywhere is no place to open in a browser. */
    const char *shown = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 ? "localhost" : host;
    snprintf(url, LISTEN_URL_BYTES, strchr(shown, ':') ? "%s://[%s]:%s/" : "%s://%s:%s/",
             is_tls ? "https" : "http", shown, port);
}

static struct listener *add(struct listeners *listeners, int fd)
{
    struct listener *listener = &listeners->item[listeners->count++];
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    *listener = (struct listener){.fd = fd};
    getsockname(fd, (struct sockaddr *)&address, &length);
    listener->is_tls = listeners->has_tls && address.ss_family != AF_UNIX;
    if (address.ss_family == AF_UNIX)
        write_unix_url((const struct sockaddr_un *)&address, length, listener->url);
    else
        write_tcp_url((const struct sockaddr *)&address, length, listener->is_tls, listener->url);
    return listener;
}

/* ---- TCP ---- */

union tcp_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

static in_port_t *port_of(union tcp_address *address)
{
    return address->any.sa_family == AF_INET6 ? &address->ipv6.sin6_port : &address->ipv4.sin_port;
}

static in_port_t bound_port(int fd)
{
    union tcp_address address = {.ipv6 = {0}};
    socklen_t length = sizeof(address);
    getsockname(fd, &address.any, &length);
    return *port_of(&address);
}

/* With the address's own port, or where that is 0 with this one. errno tells why not. */
static int bind_tcp(const struct addrinfo *address, in_port_t free_port)
{
    union tcp_address at = {.ipv6 = {0}};
    memcpy(&at, address->ai_addr, address->ai_addrlen); /* of AF_INET or AF_INET6: those that have a port */
    if (*port_of(&at) == 0)
        *port_of(&at) = free_port;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* [::] means everywhere */
    if (bind(fd, &at.any, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* A name may have an address twice, in /etc/hosts for one. */
static bool is_repeated(const struct addrinfo *first, const struct addrinfo *address)
{
    for (; first != address; first = first->ai_next)
        if (first->ai_addrlen == address->ai_addrlen &&
            memcmp(first->ai_addr, address->ai_addr, address->ai_addrlen) == 0)
            return true;
    return false;
}

/* The machine has no such address, as without IPv6: another one of the name will do. */
static bool is_missing(int error)
{
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

static bool fail_to_listen(const struct host_port *at, const char *reason, const char *advice,
                           char error[LISTEN_ERROR_BYTES])
{
    const char *format = strchr(at->host, ':') ? "[%s]:%s" : "%s:%s";
    char place[sizeof(*at) + sizeof("[]:")];
    snprintf(place, sizeof(place), format, at->host, at->port);
    return fail(error, "cannot listen on %s: %s; %schoose another --listen", place, reason, advice);
}

static bool fail_to_bind(const struct host_port *at, int reason, char error[LISTEN_ERROR_BYTES])
{
    bool is_privileged = reason == EACCES && atoi(at->port) < FIRST_FREE_PORT;
    return fail_to_listen(
        at, strerror(reason),
        is_privileged ? "this port needs CAP_NET_BIND_SERVICE, or systemd's headcam.socket; or " : "", error);
}

/* A browser takes whichever of a name's addresses answers, a script the first: all have to be served. */
static bool open_all(struct listeners *listeners, const struct addrinfo *addresses,
                     const struct host_port *at, char error[LISTEN_ERROR_BYTES])
{
    const size_t before = listeners->count;
    int reason = EADDRNOTAVAIL;
    in_port_t port = 0; /* of the first, where it may be any */
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        if (is_repeated(addresses, address))
            continue;
        if (!has_room(listeners, error))
            return false;
        int fd = bind_tcp(address, port);
        if (fd < 0 && errno == EADDRINUSE && port != 0)
            fd = bind_tcp(address, 0);
        if (fd >= 0) {
            port = bound_port(fd);
            add(listeners, fd);
        } else if (!is_missing(reason = errno)) {
            return fail_to_bind(at, reason, error);
        }
    }
    return listeners->count > before || fail_to_bind(at, reason, error);
}

static bool open_tcp(struct listeners *listeners, const struct host_port *at, char error[LISTEN_ERROR_BYTES])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses;
    int flaw = getaddrinfo(at->host, at->port, &hints, &addresses);
    if (flaw != 0)
        return fail_to_listen(at, gai_strerror(flaw), "", error);
    bool is_open = open_all(listeners, addresses, at, error);
    freeaddrinfo(addresses);
    return is_open;
}

/* ---- unix sockets ---- */

static int bind_unix(const char *path, mode_t mode)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path); /* as long as listen_address_read() allows */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* The file never has more permissions than it shall have, not even between bind and chmod. */
    mode_t old_mask = umask(~mode & 0777);
    bool is_bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    int reason = errno;
    umask(old_mask);
    if (is_bound && listen(fd, BACKLOG) == 0)
        return fd;
    errno = is_bound ? errno : reason;
    close(fd);
    return -1;
}

static bool open_unix(struct listeners *listeners, const char *path, mode_t mode,
                      char error[LISTEN_ERROR_BYTES])
{
    const struct socket_file file = {.path = path, .flag = "--listen", .scheme = LISTEN_ADDRESS_UNIX};
    if (!socket_file_prepare(&file, error))
        return false;
    int fd = bind_unix(path, mode);
    if (fd < 0)
        return fail(error, "cannot listen on " LISTEN_ADDRESS_UNIX "%s: %s; choose another --listen", path,
                    strerror(errno));
    struct listener *listener = add(listeners, fd);
    strcpy(listener->path, path);
    return socket_file_set_mode(&file, mode, error);
}

/* ---- all ---- */

bool listen_open(struct listeners *listeners, const struct listen_address *address, mode_t mode,
                 char error[LISTEN_ERROR_BYTES])
{
    if (!has_room(listeners, error))
        return false;
    return address->path[0] ? open_unix(listeners, address->path, mode, error)
                            : open_tcp(listeners, &address->tcp, error);
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

bool listen_adopt(struct listeners *listeners, int fd, char error[LISTEN_ERROR_BYTES])
{
    int family = socket_option(fd, SO_DOMAIN), flags = fcntl(fd, F_GETFL);
    if (!has_room(listeners, error))
        return false;
    if (socket_option(fd, SO_TYPE) != SOCK_STREAM || socket_option(fd, SO_ACCEPTCONN) != 1 ||
        (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
        return fail(error,
                    "descriptor %d from the service manager is no listening stream socket; "
                    "use ListenStream= and Accept=no in its .socket file",
                    fd);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return fail(error, "cannot use descriptor %d from the service manager: %s", fd, strerror(errno));
    add(listeners, fd);
    return true;
}

void listen_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->item[i].path[0])
            socket_file_remove(listeners->item[i].path);
        close(listeners->item[i].fd);
    }
    listeners->count = 0;
}

bool listen_is_local(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &length);
    if (address.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (address.ss_family != AF_INET6)
        return true;
    const struct in6_addr *ipv6 = &((struct sockaddr_in6 *)&address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(ipv6) || (IN6_IS_ADDR_V4MAPPED(ipv6) && ipv6->s6_addr[12] == IN_LOOPBACKNET);
}
