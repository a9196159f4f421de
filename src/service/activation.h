/* SPDX-License-Identifier: MIT */
/*
 * activation: the listening sockets that a service manager opened for this process (socket activation, as
 * sd_listen_fds(3) documents it). The main thread, before others start.
 */
#ifndef HEADCAM_SERVICE_ACTIVATION_H
#define HEADCAM_SERVICE_ACTIVATION_H

#include <sys/types.h>

enum { ACTIVATION_FIRST_FD = 3 };

/*
 * How many sockets there are, from ACTIVATION_FIRST_FD on; 0 without a service manager. Takes the
 * variables that tell out of the environment: they are for no other process.
 */
int activation_take(void);

/* What LISTEN_PID and LISTEN_FDS say to a process; NULL: not set. Pure. */
int activation_count(const char *listen_pid, const char *listen_fds, pid_t process);

#endif
