/* SPDX-License-Identifier: MIT */
#include "service/activation.h"

#include "base/text.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

int activation_count(const char *listen_pid, const char *listen_fds, pid_t process)
{
    uint64_t pid, count;
    if (!text_read_number(listen_pid, &pid) || pid != (uint64_t)process)
        return 0; /* meant for a process that started this one */
    return text_read_number(listen_fds, &count) && count <= INT_MAX - ACTIVATION_FIRST_FD ? (int)count : 0;
}

int activation_take(void)
{
    int count = activation_count(getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getpid());
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}
