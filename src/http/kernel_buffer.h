/* SPDX-License-Identifier: MIT */
/*
 * kernel_buffer: how much of an answer the kernel takes ahead of its client. What it does not take waits
 * where it costs nothing, and each bit more that it takes tells that the client reads. Any thread.
 */
#ifndef HEADCAM_HTTP_KERNEL_BUFFER_H
#define HEADCAM_HTTP_KERNEL_BUFFER_H

/* Bounds it for a connection's socket. */
void kernel_buffer_bound(int fd);

#endif
