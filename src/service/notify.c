/* SPDX-License-Identifier: MIT */
#include "service/notify.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* A manager that does not read must not keep this thread from its signals. */
static const struct timeval SEND_TIMEOUT = {.tv_sec = 1};

bool notify_read_address(const char *text, struct sockaddr_un *address, socklen_t *length)
{
    size_t count = strlen(text);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((text[0] != '/' && text[0] != '@') || count < 2 || count >= sizeof(address->sun_path))
        return false;
    memcpy(address->sun_path, text, count);
    if (text[0] == '@')
        address->sun_path[0] = '\0';
    /* A name in the abstract namespace has no terminator. */
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + (text[0] == '/'));
    return true;
}

void notify_init(struct notify *notify)
{
    const char *text = getenv("NOTIFY_SOCKET");
    notify->length = 0;
    if (text && !notify_read_address(text, &notify->address, &notify->length))
        log_warn("NOTIFY_SOCKET is no unix socket; the service manager is told nothing");
    unsetenv("NOTIFY_SOCKET");
}

void notify_send(const struct notify *notify, const char *assignments)
{
    if (!notify_is_wanted(notify))
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &SEND_TIMEOUT, sizeof(SEND_TIMEOUT)) != 0 ||
        sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL, (const struct sockaddr *)&notify->address,
               notify->length) < 0)
        log_warn("cannot tell the service manager %.*s: %s", (int)strcspn(assignments, "\n"), assignments,
                 strerror(errno));
    if (fd >= 0)
        close(fd);
}

uint64_t notify_read_watchdog(const char *usec, const char *pid, pid_t process)
{
    uint64_t us, watched;
    if (pid && (!text_read_number(pid, &watched) || watched != (uint64_t)process))
        return 0;
    return text_read_number(usec, &us) && us <= UINT64_MAX / NS_PER_US ? us * NS_PER_US : 0;
}

uint64_t notify_take_watchdog(void)
{
    uint64_t timeout_ns = notify_read_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"), getpid());
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return timeout_ns;
}
