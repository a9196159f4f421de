/* SPDX-License-Identifier: MIT */
/*
 * fakev4l2.c: a V4L2 capture device for a program that can read nothing else, preloaded into it
 * (LD_PRELOAD). The camera itself is another process (camera.c), as a real device's DMA is not
 * the program's CPU either; the file that the program opens is the memory of its buffers.
 *
 *   FAKEV4L2_DEVICE   path that becomes the device: the buffers, one after the other
 *   FAKEV4L2_SIZE     WIDTHxHEIGHT of its YUYV frames
 *   FAKEV4L2_STAMPS   where to note when each frame was taken (common.h)
 *
 * Beside the device's path are two FIFOs. PATH.done is what open() returns: it turns readable when a
 * buffer is filled, and never writable, so select() and poll() need no help. PATH.queued takes the
 * numbers of empty buffers.
 */
#define _GNU_SOURCE
#include "camera.h"
#include "common.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* All else is hidden, lest it take the place of the program's own symbols. */
#define INTERPOSED __attribute__((visibility("default")))

static int device_fd = -1; /* PATH.done */
static int queued_fd = -1;
static int memory_fd = -1;
static unsigned width, height;
static struct stamp *stamps;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_ioctl)(int, unsigned long, ...);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

/* POSIX has dlsym() return functions as void *; ISO C has no cast for it. */
static void find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, sizeof(symbol));
}

__attribute__((constructor)) static void init(void)
{
    find(&real_open, "open");
    find(&real_close, "close");
    find(&real_ioctl, "ioctl");
    find(&real_mmap, "mmap");
}

static size_t buffer_bytes(void)
{
    return camera_buffer_bytes(width, height);
}

static int device_open(const char *path)
{
    char name[4096];
    const char *size = getenv("FAKEV4L2_SIZE");
    const char *stamps_path = getenv("FAKEV4L2_STAMPS");
    if (!size || !stamps_path) {
        errno = ENODEV;
        return -1;
    }
    parse_size(size, &width, &height);
    stamps = stamps_open(stamps_path, false);
    memory_fd = real_open(path, O_RDWR | O_CLOEXEC);
    snprintf(name, sizeof(name), "%s" CAMERA_QUEUED, path);
    queued_fd = real_open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(name, sizeof(name), "%s" CAMERA_DONE, path);
    device_fd = real_open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return device_fd;
}

INTERPOSED int open(const char *path, int flags, ...)
{
    const char *device = getenv("FAKEV4L2_DEVICE");
    if (device && !strcmp(path, device)) {
        return device_open(path);
    }
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return real_open(path, flags, mode);
}

INTERPOSED int close(int fd)
{
    if (fd >= 0 && fd == device_fd) {
        real_close(memory_fd);
        real_close(queued_fd);
        device_fd = -1;
    }
    return real_close(fd);
}

INTERPOSED void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0 && fd == device_fd) {
        /* A driver's buffers are there from the start; page faults would be the program's CPU. */
        return real_mmap(at, bytes, protection, flags | MAP_POPULATE, memory_fd, offset);
    }
    return real_mmap(at, bytes, protection, flags, fd, offset);
}

static int queue_command(int32_t command)
{
    return write(queued_fd, &command, sizeof(command)) == sizeof(command) ? 0 : -1;
}

static void fill_buffer(struct v4l2_buffer *buffer)
{
    buffer->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer->memory = V4L2_MEMORY_MMAP;
    buffer->length = (uint32_t)buffer_bytes();
    buffer->m.offset = (uint32_t)(buffer->index * buffer_bytes());
    buffer->field = V4L2_FIELD_NONE;
}

static int dequeue(struct v4l2_buffer *buffer)
{
    struct camera_done done;
    ssize_t n = read(device_fd, &done, sizeof(done));
    if (n != (ssize_t)sizeof(done)) {
        errno = n < 0 ? errno : EIO;
        return -1;
    }
    memset(buffer, 0, sizeof(*buffer));
    buffer->index = done.index;
    fill_buffer(buffer);
    buffer->bytesused = buffer->length;
    buffer->flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->sequence = done.sequence;
    buffer->timestamp.tv_sec = (time_t)(done.published_ns / NS_PER_S);
    buffer->timestamp.tv_usec = (suseconds_t)(done.published_ns % NS_PER_S / 1000);
    if (done.sequence < STAMPS_MAX) {
        atomic_store(&stamps[done.sequence].dequeued_ns, clock_ns(CLOCK_MONOTONIC_RAW));
    }
    return 0;
}

static int device_ioctl(unsigned long request, void *argument)
{
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        memset(capability, 0, sizeof(*capability));
        strcpy((char *)capability->driver, "headcam-bench");
        strcpy((char *)capability->card, "headcam-bench");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_S_INPUT:
        return 0;
    case VIDIOC_G_FMT:
    case VIDIOC_TRY_FMT:
    case VIDIOC_S_FMT: {
        struct v4l2_format *format = argument;
        format->fmt.pix.width = width;
        format->fmt.pix.height = height;
        format->fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
        format->fmt.pix.field = V4L2_FIELD_NONE;
        format->fmt.pix.bytesperline = 2 * width;
        format->fmt.pix.sizeimage = (uint32_t)buffer_bytes();
        format->fmt.pix.colorspace = V4L2_COLORSPACE_JPEG;
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *buffers = argument;
        if (buffers->memory != V4L2_MEMORY_MMAP) {
            break;
        }
        buffers->count = buffers->count < CAMERA_BUFFERS_MAX ? buffers->count : CAMERA_BUFFERS_MAX;
        return 0;
    }
    case VIDIOC_QUERYBUF:
        fill_buffer(argument);
        return 0;
    case VIDIOC_QBUF:
        return queue_command((int32_t)((struct v4l2_buffer *)argument)->index);
    case VIDIOC_DQBUF:
        return dequeue(argument);
    case VIDIOC_STREAMON:
        return queue_command(CAMERA_ON);
    case VIDIOC_STREAMOFF:
        return queue_command(CAMERA_OFF);
    default:
        break; /* no controls, no parameters, no events: as with many a capture card */
    }
    errno = EINVAL;
    return -1;
}

INTERPOSED int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (fd >= 0 && fd == device_fd) {
        /* Callers may have sign-extended the request. */
        return device_ioctl(request & 0xffffffffu, argument);
    }
    return real_ioctl(fd, request, argument);
}
