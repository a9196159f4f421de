/* SPDX-License-Identifier: MIT */
#include "ingest/ring.h"

#include "base/little_endian.h"
#include "base/log.h"
#include "base/memory.h"
#include "headcam/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PREFIX "headcam-"
#define SUFFIX ".ring"

/* Of a stream one frame waits and one is encoded; a third arrives meanwhile. */
enum { SPARE_COUNT = 3 };

struct ring {
    atomic_uint references;
    void *_Atomic spare[SPARE_COUNT]; /* given back, or NULL */
    int fd;
    uint32_t slots;
    uint64_t slot_bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(char error[RING_ERROR_BYTES], const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, RING_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* Reads exactly these bytes. False: the file has fewer. */
static bool read_exactly(int fd, uint64_t offset, void *into, size_t length)
{
    uint8_t *to = into;
    while (length > 0) {
        ssize_t got = pread(fd, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

/* On a tmpfs pread() copies memory and never waits, whatever a producer would like it to do. */
static bool check_file(int fd, const struct ring_claim *claim, struct stat *status,
                       char error[RING_ERROR_BYTES])
{
    struct statfs system;
    if (fstat(fd, status) != 0 || fstatfs(fd, &system) != 0)
        return refuse(error, "cannot look at the ring: %s", strerror(errno));
    if (!S_ISREG(status->st_mode))
        return refuse(error, "the ring is no regular file");
    if (status->st_uid != claim->owner)
        return refuse(error, "the ring belongs to user %u, its agent runs as user %u",
                      (unsigned)status->st_uid, (unsigned)claim->owner);
    if ((unsigned long)system.f_type != TMPFS_MAGIC && (unsigned long)system.f_type != RAMFS_MAGIC)
        return refuse(error, "%s is not on a tmpfs", claim->directory);
    return true;
}

static bool check_header(struct ring *ring, const struct ring_claim *claim, const struct stat *status,
                         char error[RING_ERROR_BYTES])
{
    uint8_t page[HEADCAM_RING_PAGE];
    if (!read_exactly(ring->fd, 0, page, sizeof(page)) ||
        memcmp(page + HEADCAM_RING_AT_MAGIC, HEADCAM_RING_MAGIC, strlen(HEADCAM_RING_MAGIC)) != 0)
        return refuse(error, "the ring does not begin with " HEADCAM_RING_MAGIC);
    if (little_endian(page + HEADCAM_RING_AT_INSTANCE, 8) != claim->instance ||
        little_endian(page + HEADCAM_RING_AT_NUMBER, 4) != claim->number)
        return refuse(error, "the ring is another producer's");
    ring->slots = (uint32_t)little_endian(page + HEADCAM_RING_AT_SLOTS, 4);
    ring->slot_bytes = little_endian(page + HEADCAM_RING_AT_SLOT_BYTES, 8);
    uint64_t file_bytes = (uint64_t)status->st_size;
    if (ring->slots < 1 || ring->slots > HEADCAM_RING_SLOTS_MAX || ring->slot_bytes == 0 ||
        ring->slot_bytes % HEADCAM_RING_PAGE != 0 || file_bytes < HEADCAM_RING_PAGE ||
        ring->slot_bytes > (file_bytes - HEADCAM_RING_PAGE) / ring->slots)
        return refuse(error, "the ring's file is smaller than its %" PRIu32 " slots of %" PRIu64 " bytes",
                      ring->slots, ring->slot_bytes);
    return true;
}

struct ring *ring_open(const struct ring_claim *claim, char error[RING_ERROR_BYTES])
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/" PREFIX "%016" PRIx64 "-%" PRIu32 SUFFIX, claim->directory,
             claim->instance, claim->number);
    /* A symbolic link is not followed, and a FIFO does not block. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        refuse(error, "cannot open %s: %s", path, strerror(errno));
        return NULL;
    }
    struct ring *ring = memory_zeroed(sizeof(*ring));
    atomic_init(&ring->references, 1);
    ring->fd = fd;
    struct stat status;
    if (!check_file(fd, claim, &status, error) || !check_header(ring, claim, &status, error)) {
        ring_unref(ring);
        return NULL;
    }
    return ring;
}

struct ring *ring_ref(struct ring *ring)
{
    atomic_fetch_add_explicit(&ring->references, 1, memory_order_relaxed);
    return ring;
}

void ring_unref(struct ring *ring)
{
    if (ring && atomic_fetch_sub_explicit(&ring->references, 1, memory_order_acq_rel) == 1) {
        close(ring->fd);
        for (int i = 0; i < SPARE_COUNT; i++)
            free(ring->spare[i]);
        free(ring);
    }
}

bool ring_has_room(const struct ring *ring, uint32_t slot, size_t payload_bytes)
{
    return slot < ring->slots && payload_bytes <= ring->slot_bytes;
}

bool ring_read(const struct ring *ring, uint32_t slot, size_t offset, void *into, size_t length)
{
    return read_exactly(ring->fd, HEADCAM_RING_PAGE + slot * ring->slot_bytes + offset, into, length);
}

bool ring_slot_is(const struct ring *ring, uint32_t slot, uint64_t sequence)
{
    uint8_t bytes[8];
    uint64_t offset = HEADCAM_RING_AT_SEQUENCES + (uint64_t)slot * HEADCAM_RING_SEQUENCE_STRIDE;
    /* Pixels are read before the sequence after them, and after the sequence before them. */
    atomic_thread_fence(memory_order_seq_cst);
    bool is_read = read_exactly(ring->fd, offset, bytes, sizeof(bytes));
    atomic_thread_fence(memory_order_seq_cst);
    return is_read && little_endian(bytes, sizeof(bytes)) == sequence;
}

void *ring_take_memory(struct ring *ring, size_t bytes)
{
    for (int i = 0; i < SPARE_COUNT; i++) {
        void *memory = atomic_exchange(&ring->spare[i], NULL);
        if (memory)
            return memory;
    }
    return memory_zeroed(bytes);
}

void ring_give_memory(struct ring *ring, void *memory)
{
    for (int i = 0; i < SPARE_COUNT && memory; i++)
        memory = atomic_exchange(&ring->spare[i], memory);
    free(memory);
}

static bool is_ring_name(const char *name)
{
    size_t length = strlen(name);
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && length > strlen(SUFFIX) &&
           strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* A producer holds the lock as long as it lives, and takes it before the file has this name. */
static bool is_dead(int directory, const char *name)
{
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat status;
    bool dead = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return dead;
}

void ring_clean(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (is_ring_name(entry->d_name) && is_dead(dirfd(directory), entry->d_name) &&
            unlinkat(dirfd(directory), entry->d_name, 0) == 0)
            log_info("removed %s/%s: its agent is gone", path, entry->d_name);
    closedir(directory);
}
