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

/* errno tells why not. */
static int bind_first(const struct addrinfo *addresses)
{
    int reason = EADDRNOTAVAIL;
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            reason = errno;
            continue;
        }
        const int on = 1, off = 0;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (address->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)); /* [::] means everywhere */
        if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
            return fd;
        reason = errno;
        close(fd);
    }
    errno = reason;
    return -1;
}

static bool open_tcp(struct listeners *listeners, const struct listen_address *at,
                     char error[LISTEN_ERROR_BYTES])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *left = strchr(at->tcp.host, ':') ? "[" : "", *right = left[0] ? "]" : "";
    struct addrinfo *addresses;
    int flaw = getaddrinfo(at->tcp.host, at->tcp.port, &hints, &addresses);
    if (flaw != 0)
        return fail(error, "cannot listen on %s%s%s:%s: %s; choose another --listen", left, at->tcp.host,
                    right, at->tcp.port, gai_strerror(flaw));
    int fd = bind_first(addresses);
    int reason = errno;
    freeaddrinfo(addresses);
    if (fd < 0) {
        bool is_privileged = reason == EACCES && atoi(at->tcp.port) < FIRST_FREE_PORT;
        return fail(error, "cannot listen on %s%s%s:%s: %s; %schoose another --listen", left, at->tcp.host,
                    right, at->tcp.port, strerror(reason),
                    is_privileged ? "this port needs CAP_NET_BIND_SERVICE, or systemd's headcam.socket; or "
                                  : "");
    }
    add(listeners, fd);
    return true;
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
                            : open_tcp(listeners, address, error);
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
