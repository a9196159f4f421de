/* SPDX-License-Identifier: MIT */
#include "base/little_endian.h"
#include "headcam/wire.h"
#include "ingest/ring.h"
#include "ingest/rings.h"
#include "tests/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t INSTANCE = UINT64_C(0x8f14e45fceea167a);
enum { NUMBER = 3, SLOTS = 4, SLOT_BYTES = 2 * HEADCAM_RING_PAGE, PATH_BYTES = 256 };
enum { FILE_BYTES = HEADCAM_RING_PAGE + SLOTS * SLOT_BYTES };

/* ---- a directory on a tmpfs, and the rings in it ---- */

static char directory[64], endpoint[128], ring_path[PATH_BYTES];
static uint8_t file[FILE_BYTES];

static void in_directory(const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", directory, name);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/dev/shm/test-ring-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(endpoint, sizeof(endpoint), "ipc://%s/ingest.sock", directory);
    snprintf(ring_path, sizeof(ring_path), "%s/headcam-%016" PRIx64 "-%d.ring", directory, INSTANCE, NUMBER);
    memset(file, 0, sizeof(file));
    memcpy(file, HEADCAM_RING_MAGIC, 8);
    put_little_endian(file + HEADCAM_RING_AT_INSTANCE, INSTANCE, 8);
    put_little_endian(file + HEADCAM_RING_AT_NUMBER, NUMBER, 4);
    put_little_endian(file + HEADCAM_RING_AT_SLOTS, SLOTS, 4);
    put_little_endian(file + HEADCAM_RING_AT_SLOT_BYTES, SLOT_BYTES, 8);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void write_file(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static void write_ring(void)
{
    write_file(ring_path, file, sizeof(file));
}

/* What a producer does to a slot; the sequence is even once it is written. */
static void write_slot(uint32_t slot, uint8_t pixel, uint64_t sequence)
{
    memset(file + HEADCAM_RING_PAGE + (size_t)slot * SLOT_BYTES, pixel, SLOT_BYTES);
    put_little_endian(file + HEADCAM_RING_AT_SEQUENCES + (size_t)slot * HEADCAM_RING_SEQUENCE_STRIDE,
                      sequence, 8);
    int fd = open(ring_path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, file, sizeof(file), 0), sizeof(file));
    close(fd);
}

static struct ring *open_as(const char *where, uint64_t instance, uint32_t number, uid_t owner,
                            char error[RING_ERROR_BYTES])
{
    const struct ring_claim claim = {
        .directory = where, .instance = instance, .number = number, .owner = owner};
    error[0] = '\0';
    return ring_open(&claim, error);
}

static struct ring *open_good(void)
{
    char error[RING_ERROR_BYTES];
    struct ring *ring = open_as(directory, INSTANCE, NUMBER, getuid(), error);
    assert_string_equal(error, "");
    assert_non_null(ring);
    return ring;
}

/* That what is there under the ring's name is not opened, and why. */
static void assert_refused(const char *reason)
{
    char error[RING_ERROR_BYTES];
    assert_null(open_as(directory, INSTANCE, NUMBER, getuid(), error));
    if (!strstr(error, reason))
        fail_msg("'%s' does not say '%s'", error, reason);
}

static int count_open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ---- reading ---- */

TEST(a_frame_is_read_from_its_slot)
{
    write_ring();
    write_slot(0, 10, 2);
    write_slot(SLOTS - 1, 40, 6);
    struct ring *ring = open_good();
    uint8_t pixels[SLOT_BYTES];
    assert_true(ring_read(ring, 0, 0, pixels, sizeof(pixels)));
    assert_int_equal(pixels[0], 10);
    assert_int_equal(pixels[SLOT_BYTES - 1], 10);
    assert_true(ring_read(ring, SLOTS - 1, SLOT_BYTES - 1, pixels, 1));
    assert_int_equal(pixels[0], 40);
    assert_true(ring_slot_is(ring, 0, 2));
    assert_true(ring_slot_is(ring, SLOTS - 1, 6));
    ring_unref(ring);
}

TEST(a_frame_that_is_overwritten_is_seen_to_be_torn)
{
    write_ring();
    write_slot(1, 10, 2);
    struct ring *ring = open_good();
    assert_true(ring_slot_is(ring, 1, 2));
    write_slot(1, 10, 3); /* it is being written */
    assert_false(ring_slot_is(ring, 1, 2));
    write_slot(1, 20, 4);
    assert_false(ring_slot_is(ring, 1, 2));
    assert_true(ring_slot_is(ring, 1, 4));
    ring_unref(ring);
}

TEST(there_is_no_frame_in_a_slot_that_is_not_there)
{
    write_ring();
    struct ring *ring = open_good();
    assert_true(ring_has_room(ring, SLOTS - 1, SLOT_BYTES));
    assert_false(ring_has_room(ring, SLOTS - 1, SLOT_BYTES + 1));
    assert_false(ring_has_room(ring, SLOTS, 1));
    assert_false(ring_has_room(ring, UINT32_MAX, 1));
    assert_false(ring_has_room(ring, 0, SIZE_MAX));
    ring_unref(ring);
}

TEST(a_file_that_is_cut_off_later_gives_no_pixels_and_no_crash)
{
    write_ring();
    write_slot(1, 10, 2);
    struct ring *ring = open_good();
    uint8_t pixels[SLOT_BYTES];
    assert_int_equal(truncate(ring_path, HEADCAM_RING_PAGE + SLOT_BYTES + 100), 0);
    assert_true(ring_read(ring, 1, 0, pixels, 100));
    assert_false(ring_read(ring, 1, 0, pixels, 101));
    assert_false(ring_read(ring, 2, 0, pixels, 1));
    assert_int_equal(truncate(ring_path, 0), 0);
    assert_false(ring_read(ring, 0, 0, pixels, 1));
    assert_false(ring_slot_is(ring, 1, 2));
    ring_unref(ring);
}

TEST(a_frame_is_read_after_its_file_was_removed)
{
    write_ring();
    write_slot(0, 10, 2);
    struct ring *ring = ring_ref(open_good());
    unlink(ring_path);
    ring_unref(ring); /* the frame's reference is left */
    uint8_t pixel;
    assert_true(ring_read(ring, 0, 0, &pixel, 1));
    assert_int_equal(pixel, 10);
    ring_unref(ring);
}

/* ---- files that are none ---- */

TEST(a_ring_that_is_not_there_is_refused)
{
    assert_refused("No such file");
}

TEST(a_symbolic_link_is_not_followed)
{
    char target[PATH_BYTES];
    in_directory("target", target);
    write_file(target, file, sizeof(file));
    assert_int_equal(symlink(target, ring_path), 0);
    assert_refused(strerror(ELOOP));
}

TEST(a_fifo_does_not_block)
{
    assert_int_equal(mkfifo(ring_path, 0600), 0);
    alarm(10);
    assert_refused("no regular file");
    alarm(0);
}

TEST(a_directory_is_refused)
{
    assert_int_equal(mkdir(ring_path, 0700), 0);
    assert_refused("no regular file");
}

TEST(the_file_of_another_user_is_refused)
{
    char error[RING_ERROR_BYTES];
    write_ring();
    assert_null(open_as(directory, INSTANCE, NUMBER, getuid() + 1, error));
    assert_non_null(strstr(error, "belongs to user"));
}

TEST(a_file_on_a_disk_is_refused)
{
    char disk[] = "build/test-ring-XXXXXX", path[PATH_BYTES], error[RING_ERROR_BYTES];
    struct statfs system;
    assert_non_null(mkdtemp(disk));
    snprintf(path, sizeof(path), "%s%s", disk, strrchr(ring_path, '/'));
    write_file(path, file, sizeof(file));
    struct ring *ring = open_as(disk, INSTANCE, NUMBER, getuid(), error);
    assert_int_equal(statfs(path, &system), 0);
    unlink(path);
    rmdir(disk);
    if ((unsigned long)system.f_type == TMPFS_MAGIC) {
        ring_unref(ring);
        skip(); /* the whole tree is in memory */
    }
    assert_null(ring);
    assert_non_null(strstr(error, "is not on a tmpfs"));
}

TEST(a_file_that_is_too_short_is_refused)
{
    const size_t lengths[] = {0, 8, HEADCAM_RING_PAGE - 1, HEADCAM_RING_PAGE, FILE_BYTES - 1};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        write_file(ring_path, file, lengths[i]);
        assert_refused(lengths[i] < HEADCAM_RING_PAGE ? "does not begin with" : "smaller than its");
    }
}

TEST(a_header_that_lies_is_refused)
{
    static const struct {
        size_t offset;
        uint64_t value;
        int bytes;
        const char *reason;
    } lies[] = {
        {HEADCAM_RING_AT_MAGIC, 0, 8, "does not begin with"},
        {HEADCAM_RING_AT_INSTANCE, 1, 8, "another producer's"},
        {HEADCAM_RING_AT_NUMBER, NUMBER + 1, 4, "another producer's"},
        {HEADCAM_RING_AT_SLOTS, 0, 4, "smaller than its"},
        {HEADCAM_RING_AT_SLOTS, SLOTS + 1, 4, "smaller than its"},
        {HEADCAM_RING_AT_SLOTS, HEADCAM_RING_SLOTS_MAX + 1, 4, "smaller than its"},
        {HEADCAM_RING_AT_SLOTS, UINT32_MAX, 4, "smaller than its"},
        {HEADCAM_RING_AT_SLOT_BYTES, 0, 8, "smaller than its"},
        {HEADCAM_RING_AT_SLOT_BYTES, SLOT_BYTES - 1, 8, "smaller than its"},
        {HEADCAM_RING_AT_SLOT_BYTES, SLOT_BYTES + HEADCAM_RING_PAGE, 8, "smaller than its"},
        {HEADCAM_RING_AT_SLOT_BYTES, UINT64_C(1) << 62, 8, "smaller than its"}, /* times 4 is 0 */
        {HEADCAM_RING_AT_SLOT_BYTES, UINT64_MAX - HEADCAM_RING_PAGE + 1, 8, "smaller than its"},
    };
    uint8_t honest[HEADCAM_RING_PAGE];
    memcpy(honest, file, sizeof(honest));
    for (size_t i = 0; i < COUNT(lies); i++) {
        put_little_endian(file + lies[i].offset, lies[i].value, lies[i].bytes);
        write_ring();
        assert_refused(lies[i].reason);
        memcpy(file, honest, sizeof(honest));
    }
}

TEST(a_refused_ring_leaves_no_file_open)
{
    int before = count_open_files();
    write_file(ring_path, file, 100);
    assert_refused("does not begin with");
    unlink(ring_path);
    assert_int_equal(mkfifo(ring_path, 0600), 0);
    assert_refused("no regular file");
    assert_int_equal(count_open_files(), before);
}

/* ---- dead producers ---- */

/* A process that holds a ring's lock, as a producer does as long as it lives. */
static pid_t hold_lock(const char *path)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void end_process(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

TEST(the_ring_of_a_living_producer_stays_and_that_of_a_dead_one_goes)
{
    write_ring();
    pid_t producer = hold_lock(ring_path);
    ring_clean(directory);
    bool stayed = exists(ring_path);
    end_process(producer);
    assert_true(stayed);
    ring_clean(directory);
    assert_false(exists(ring_path));
}

TEST(files_that_are_no_rings_stay)
{
    const char *const names[] = {"headcam-1.txt", "other-1-1.ring", ".ring", "ingest.sock", "headcam-"};
    char path[PATH_BYTES], fifo[PATH_BYTES], link[PATH_BYTES];
    for (size_t i = 0; i < COUNT(names); i++) {
        in_directory(names[i], path);
        write_file(path, "", 0);
    }
    in_directory("headcam-fifo.ring", fifo);
    in_directory("headcam-link.ring", link);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    alarm(10); /* a FIFO does not block */
    ring_clean(directory);
    alarm(0);
    for (size_t i = 0; i < COUNT(names); i++) {
        in_directory(names[i], path);
        assert_true(exists(path));
    }
    assert_true(exists(fifo));
    assert_true(exists(link));
}

TEST(a_directory_that_is_not_there_needs_no_cleaning)
{
    ring_clean("/dev/shm/test-ring-nowhere");
}

TEST(a_server_removes_the_rings_of_dead_producers_when_it_starts)
{
    write_ring();
    struct rings *rings = rings_create(endpoint);
    assert_false(exists(ring_path));
    rings_destroy(rings);
}

/* ---- which ring a stream has ---- */

static const struct ring_offer OFFER = {.number = NUMBER, .place = RING_BY_SOCKET};

static struct raw_info frame_in(uint32_t number, uint32_t slot)
{
    return (struct raw_info){.instance = INSTANCE, .ring = number, .slot = slot, .payload_bytes = SLOT_BYTES};
}

static bool is_found(struct rings *rings, const char *name, struct raw_info info)
{
    return rings_find(rings, name, &info) != NULL;
}

TEST(frames_are_found_in_the_ring_that_their_producer_offered)
{
    char reason[RING_ERROR_BYTES];
    struct rings *rings = rings_create(endpoint);
    write_ring();
    assert_false(is_found(rings, "front", frame_in(NUMBER, 0)));
    assert_true(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
    assert_string_equal(reason, "");
    assert_true(is_found(rings, "front", frame_in(NUMBER, SLOTS - 1)));
    assert_false(is_found(rings, "front", frame_in(NUMBER, SLOTS)));
    assert_false(is_found(rings, "front", frame_in(NUMBER + 1, 0)));
    assert_false(is_found(rings, "rear", frame_in(NUMBER, 0)));
    struct raw_info foreign = frame_in(NUMBER, 0), large = frame_in(NUMBER, 0);
    foreign.instance++;
    large.payload_bytes++;
    assert_false(is_found(rings, "front", foreign));
    assert_false(is_found(rings, "front", large));
    rings_destroy(rings);
}

TEST(an_offer_that_is_repeated_changes_nothing)
{
    char reason[RING_ERROR_BYTES];
    struct rings *rings = rings_create(endpoint);
    write_ring();
    int before = count_open_files();
    for (int i = 0; i < 3; i++) {
        strcpy(reason, "unset");
        assert_true(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
        assert_string_equal(reason, "");
        unlink(ring_path); /* it is open already */
    }
    assert_int_equal(count_open_files(), before + 1);
    rings_destroy(rings);
    assert_int_equal(count_open_files(), before);
}

TEST(a_ring_that_could_not_be_read_is_read_once_it_can)
{
    char reason[RING_ERROR_BYTES];
    struct rings *rings = rings_create(endpoint);
    for (int i = 0; i < 2; i++) {
        assert_false(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
        assert_non_null(strstr(reason, "No such file"));
        assert_false(is_found(rings, "front", frame_in(NUMBER, 0)));
    }
    write_ring();
    assert_true(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
    assert_string_equal(reason, "");
    assert_true(is_found(rings, "front", frame_in(NUMBER, 0)));
    rings_destroy(rings);
}

TEST(the_next_ring_of_a_stream_takes_the_place_of_the_last)
{
    char reason[RING_ERROR_BYTES];
    const struct ring_offer next = {.number = NUMBER + 1, .place = RING_BY_SOCKET};
    struct rings *rings = rings_create(endpoint);
    write_ring();
    assert_true(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
    int before = count_open_files();
    put_little_endian(file + HEADCAM_RING_AT_NUMBER, NUMBER + 1, 4);
    snprintf(ring_path, sizeof(ring_path), "%s/headcam-%016" PRIx64 "-%d.ring", directory, INSTANCE,
             NUMBER + 1);
    write_ring();
    assert_true(rings_offer(rings, "front", INSTANCE, &next, getuid(), reason));
    assert_int_equal(count_open_files(), before);
    assert_true(is_found(rings, "front", frame_in(NUMBER + 1, 0)));
    assert_false(is_found(rings, "front", frame_in(NUMBER, 0)));
    rings_destroy(rings);
}

TEST(a_producer_over_tcp_has_no_ring)
{
    char reason[RING_ERROR_BYTES];
    struct rings *rings = rings_create("tcp://127.0.0.1:5555");
    write_ring();
    assert_false(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
    assert_string_equal(reason, "a ring needs an ipc:// endpoint that is a file");
    const struct ring_offer shm = {.number = NUMBER, .place = RING_IN_SHM};
    assert_false(rings_offer(rings, "rear", INSTANCE, &shm, RINGS_NO_USER, reason));
    assert_string_equal(reason, "a ring needs an ipc:// endpoint");
    rings_destroy(rings);
}

TEST(the_ring_of_a_producer_that_is_gone_is_closed)
{
    char reason[RING_ERROR_BYTES];
    const struct hub_options options = {
        .endpoint = endpoint, .max_streams = 4, .no_signal_after_ns = 1, .forget_after_ns = UINT64_MAX};
    struct announcement announcement = {.instance = INSTANCE, .state = CONDITION_LIVE};
    struct hub *hub = hub_create(&options);
    struct rings *rings = rings_create(endpoint);
    write_ring();
    assert_int_equal(hub_announce(hub, "front", &announcement), HUB_TAKEN);
    int before = count_open_files();
    assert_true(rings_offer(rings, "front", INSTANCE, &OFFER, getuid(), reason));
    rings_tick(rings, hub);
    assert_true(is_found(rings, "front", frame_in(NUMBER, 0)));
    announcement.state = CONDITION_ENDED;
    hub_announce(hub, "front", &announcement);
    rings_tick(rings, hub);
    assert_false(is_found(rings, "front", frame_in(NUMBER, 0)));
    assert_int_equal(count_open_files(), before);
    rings_destroy(rings);
    hub_destroy(hub);
}

int main(void)
{
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RING_TEST(a_frame_is_read_from_its_slot),
        RING_TEST(a_frame_that_is_overwritten_is_seen_to_be_torn),
        RING_TEST(there_is_no_frame_in_a_slot_that_is_not_there),
        RING_TEST(a_file_that_is_cut_off_later_gives_no_pixels_and_no_crash),
        RING_TEST(a_frame_is_read_after_its_file_was_removed),
        RING_TEST(a_ring_that_is_not_there_is_refused),
        RING_TEST(a_symbolic_link_is_not_followed),
        RING_TEST(a_fifo_does_not_block),
        RING_TEST(a_directory_is_refused),
        RING_TEST(the_file_of_another_user_is_refused),
        RING_TEST(a_file_on_a_disk_is_refused),
        RING_TEST(a_file_that_is_too_short_is_refused),
        RING_TEST(a_header_that_lies_is_refused),
        RING_TEST(a_refused_ring_leaves_no_file_open),
        RING_TEST(the_ring_of_a_living_producer_stays_and_that_of_a_dead_one_goes),
        RING_TEST(files_that_are_no_rings_stay),
        RING_TEST(a_directory_that_is_not_there_needs_no_cleaning),
        RING_TEST(a_server_removes_the_rings_of_dead_producers_when_it_starts),
        RING_TEST(frames_are_found_in_the_ring_that_their_producer_offered),
        RING_TEST(an_offer_that_is_repeated_changes_nothing),
        RING_TEST(a_ring_that_could_not_be_read_is_read_once_it_can),
        RING_TEST(the_next_ring_of_a_stream_takes_the_place_of_the_last),
        RING_TEST(a_producer_over_tcp_has_no_ring),
        RING_TEST(the_ring_of_a_producer_that_is_gone_is_closed),
    };
    return cmocka_run_group_tests_name("ingest/ring", tests, NULL, NULL);
}
