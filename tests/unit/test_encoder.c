/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/memory.h"
#include "encode/encoder.h"
#include "tests/unit/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames of one stripe each, which are read when a thread works on them. */
enum { THREADS = 2, SIDE = 16, ROUNDS = 200, DEADLINE_S = 60 };

static struct hub *hub;
static struct pulses pulses;
static atomic_int begun, ended;
static atomic_bool was_alone;

/* All that are read wait for each other: as many as there are threads are worked on at a time. */
static bool read_with_the_others(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    const uint64_t deadline_ns = clock_mono_ns() + DEADLINE_S * NS_PER_S;
    memset(into, (int)(raw->info.sequence + offset), length);
    const int wanted = (atomic_fetch_add(&begun, 1) / THREADS + 1) * THREADS;
    while (atomic_load(&begun) < wanted)
        if (!still_before(deadline_ns)) {
            atomic_store(&was_alone, true);
            break;
        }
    return true;
}

static void release(struct raw_frame *raw)
{
    free(raw);
    atomic_fetch_add(&ended, 1);
}

static void submit(const char *name, uint64_t sequence)
{
    struct raw_frame *raw = memory_zeroed(sizeof(*raw));
    raw->info = (struct raw_info){.instance = 1,
                                  .sequence = sequence,
                                  .width = SIDE,
                                  .height = SIDE,
                                  .stride = SIDE * 4,
                                  .format = HEADCAM_RGBA,
                                  .payload_bytes = (size_t)SIDE * SIDE * 4};
    raw->arrival_ns = raw->capture_ns = clock_mono_ns();
    raw->read = read_with_the_others;
    raw->release = release;
    assert_int_equal(hub_submit(hub, name, raw), HUB_TAKEN);
}

static struct watch *watch(const char *name)
{
    static const struct variant_settings as_it_is;
    const struct audience audience = {.viewers = 1};
    struct watch *made = hub_watch(hub, name, &as_it_is);
    hub_set_audience(hub, made, &audience);
    return made;
}

TEST(frames_that_come_together_are_worked_on_together)
{
    const struct hub_options streams = {.endpoint = "",
                                        .max_streams = 2,
                                        .max_variants = 1,
                                        .quality = 80,
                                        .no_signal_after_ns = DEADLINE_S * NS_PER_S};
    const struct encoder_options encoding = {
        .jpeg = {.quality = 80}, .threads = THREADS, .pulses = &pulses, .max_frame_bytes = 1 << 20};
    pulses_init(&pulses);
    hub = hub_create(&streams);
    struct encoder *encoder = encoder_create(hub, &encoding);
    assert_non_null(encoder);
    struct watch *watches[] = {watch("front"), watch("rear")};
    for (int round = 1; round <= ROUNDS; round++) {
        submit("front", (uint64_t)round);
        submit("rear", (uint64_t)round);
        const uint64_t deadline_ns = clock_mono_ns() + 2 * (DEADLINE_S * NS_PER_S);
        while (atomic_load(&ended) < 2 * round && still_before(deadline_ns))
            ;
        assert_int_equal(atomic_load(&ended), 2 * round);
        assert_false(atomic_load(&was_alone));
    }
    encoder_destroy(encoder);
    for (size_t i = 0; i < COUNT(watches); i++)
        hub_unwatch(hub, watches[i]);
    hub_destroy(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_that_come_together_are_worked_on_together)};
    return cmocka_run_group_tests_name("encode/encoder", tests, NULL, NULL);
}
