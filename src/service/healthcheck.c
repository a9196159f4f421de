/* SPDX-License-Identifier: MIT */
#include "service/healthcheck.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* For each step. Container engines wait longer, and would only say that they waited. */
enum { TIMEOUT_S = 3 };

enum { STATUS_LINE_BYTES = 128, PLACE_BYTES = sizeof(struct listen_address) };

static const char REQUEST[] = "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n";

/* With whom it speaks, and how. */
struct conversation {
    char place[PLACE_BYTES]; /* for errors */
    int fd;
    gnutls_session_t tls; /* NULL: plain */
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct conversation *with, const char *format,
                                                       ...)
{
    char reason[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    snprintf(with->error, HEALTHCHECK_ERROR_BYTES, "%s: %s", with->place, reason);
    return false;
}

static bool fail_in_step(const struct conversation *with, const char *step, int number)
{
    if (number == EAGAIN || number == EWOULDBLOCK || number == EINPROGRESS)
        return fail(with, "no answer within %d s", TIMEOUT_S);
    return fail(with, "cannot %s: %s", step, strerror(number));
}

/* ---- connecting ---- */

static bool connect_to(struct conversation *with, const struct sockaddr *address, socklen_t length)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    with->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (with->fd < 0)
        return fail_in_step(with, "connect", errno);
    setsockopt(with->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(with->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)); /* of connect() as well */
    return connect(with->fd, address, length) == 0 || fail_in_step(with, "connect", errno);
}

static bool connect_to_path(struct conversation *with, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return fail(with, "the path is too long for a socket");
    strcpy(address.sun_path, path);
    return connect_to(with, (const struct sockaddr *)&address, sizeof(address));
}

/* Linux takes 0.0.0.0 and [::], where the server listens everywhere, for this machine. */
static bool connect_to_host(struct conversation *with, const struct listen_address *at)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses;
    if (strspn(at->tcp.port, "0") == strlen(at->tcp.port))
        return fail(with, "port 0 is another one at each start; choose one with --listen");
    int flaw = getaddrinfo(at->tcp.host, at->tcp.port, &hints, &addresses);
    if (flaw != 0)
        return fail(with, "%s", gai_strerror(flaw));
    bool connects = false;
    for (const struct addrinfo *address = addresses; address && !connects; address = address->ai_next) {
        if (with->fd >= 0)
            close(with->fd);
        connects = connect_to(with, address->ai_addr, address->ai_addrlen);
    }
    freeaddrinfo(addresses);
    return connects;
}

/* ---- speaking ---- */

static bool shake_hands(struct conversation *with)
{
    int result;
    gnutls_transport_set_int(with->tls, with->fd);
    gnutls_handshake_set_timeout(with->tls, TIMEOUT_S * 1000);
    do
        result = gnutls_handshake(with->tls);
    while (result < 0 && !gnutls_error_is_fatal(result) && result != GNUTLS_E_AGAIN);
    if (result == GNUTLS_E_AGAIN || result == GNUTLS_E_TIMEDOUT)
        return fail_in_step(with, "shake hands", EAGAIN);
    return result == 0 || fail(with, "TLS: %s", gnutls_strerror(result));
}

/* What gnutls_record_recv() and recv() return, with errno for both. */
static ssize_t receive(const struct conversation *with, char *into, size_t room)
{
    if (!with->tls)
        return recv(with->fd, into, room, 0);
    ssize_t got = gnutls_record_recv(with->tls, into, room);
    errno = got == GNUTLS_E_AGAIN ? EAGAIN : EPROTO;
    return got;
}

/* Far less than a socket's buffer: it goes at once. */
static bool send_request(const struct conversation *with)
{
    const ssize_t length = (ssize_t)strlen(REQUEST);
    ssize_t sent = with->tls ? gnutls_record_send(with->tls, REQUEST, (size_t)length)
                             : send(with->fd, REQUEST, (size_t)length, MSG_NOSIGNAL);
    return sent == length || fail(with, "it closed the connection");
}

static bool read_answer(const struct conversation *with)
{
    char line[STATUS_LINE_BYTES + 1] = "";
    size_t length = 0;
    while (length < STATUS_LINE_BYTES && !strchr(line, '\n')) {
        ssize_t got = receive(with, line + length, STATUS_LINE_BYTES - length);
        if (got < 0)
            return fail_in_step(with, "read the answer", errno);
        if (got == 0)
            break;
        length += (size_t)got;
        line[length] = '\0';
    }
    line[strcspn(line, "\r\n")] = '\0';
    unsigned major, minor, code;
    if (sscanf(line, "HTTP/%1u.%1u %3u", &major, &minor, &code) != 3)
        return fail(with, "the answer is not HTTP");
    if (code == 400 && !with->tls) /* so says a server with TLS */
        return fail(with, "/healthz answers %s; give --tls-cert, as the server has it", line);
    return code == 200 || fail(with, "/healthz answers %s", line);
}

static bool speak(struct conversation *with)
{
    return (!with->tls || shake_hands(with)) && send_request(with) && read_answer(with);
}

static bool speak_tls(struct conversation *with)
{
    gnutls_certificate_credentials_t trust = NULL;
    bool is_well = false;
    if (gnutls_certificate_allocate_credentials(&trust) != 0 ||
        gnutls_init(&with->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) != 0 ||
        gnutls_set_default_priority(with->tls) != 0 ||
        gnutls_credentials_set(with->tls, GNUTLS_CRD_CERTIFICATE, trust) != 0)
        fail(with, "TLS cannot be set up");
    else
        is_well = speak(with);
    if (with->tls)
        gnutls_deinit(with->tls);
    if (trust)
        gnutls_certificate_free_credentials(trust);
    return is_well;
}

static bool ask(const struct listen_address *at, bool has_tls, char error[HEALTHCHECK_ERROR_BYTES])
{
    struct conversation with = {.fd = -1, .error = error};
    bool is_unix = at->path[0] != '\0';
    if (is_unix)
        snprintf(with.place, sizeof(with.place), LISTEN_ADDRESS_UNIX "%s", at->path);
    else
        snprintf(with.place, sizeof(with.place), strchr(at->tcp.host, ':') ? "[%s]:%s" : "%s:%s",
                 at->tcp.host, at->tcp.port);
    bool is_well = (is_unix ? connect_to_path(&with, at->path) : connect_to_host(&with, at)) &&
                   (has_tls && !is_unix ? speak_tls(&with) : speak(&with));
    if (with.fd >= 0)
        close(with.fd);
    return is_well;
}

bool healthcheck(const struct listen_address addresses[], size_t count, bool has_tls,
                 char error[HEALTHCHECK_ERROR_BYTES])
{
    for (size_t i = 0; i < count; i++)
        if (!ask(&addresses[i], has_tls, error))
            return false;
    return true;
}
