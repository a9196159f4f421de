/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "encode/codec.h"
#include "encode/task.h"
#include "stream/raw.h"
#include "tests/unit/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A stream's frames on their way through the hub and the tasks, on one thread. */
static const struct jpeg_settings SETTINGS = {.quality = 90, .subsampling = JPEG_420};
enum { MAX_WATCHES = 8 };

static struct hub *hub;
static struct task_context context;
static struct task_worker worker;
static struct watch *watches[MAX_WATCHES];
static size_t watch_count;
static uint8_t *pixels;
static bool can_read, is_intact;
static uint64_t sequence;

static void on_job(void *arg)
{
    (void)arg;
}

static void free_codec(void *codec)
{
    codec_destroy(codec);
}

static int set_up(void **state)
{
    (void)state;
    const struct hub_options options = {.endpoint = "",
                                        .max_streams = 1,
                                        .max_variants = MAX_WATCHES,
                                        .quality = (uint32_t)SETTINGS.quality,
                                        .no_signal_after_ns = NS_PER_S};
    const struct hub_encoder encoder = {.on_job = on_job, .free_codec = free_codec};
    hub = hub_create(&options);
    hub_set_encoder(hub, &encoder);
    context = (struct task_context){
        .hub = hub, .frames = frame_pool_create(), .quality = SETTINGS.quality, .max_frame_bytes = 1 << 24};
    worker = (struct task_worker){.compressor = jpeg_compressor_create(&SETTINGS)};
    watch_count = 0;
    can_read = is_intact = true;
    sequence = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hub_destroy(hub);
    task_worker_fini(&worker);
    frame_pool_destroy(context.frames);
    free(pixels);
    pixels = NULL;
    return 0;
}

/* ---- a source ---- */

static bool read_pixels(const struct raw_frame *raw, size_t offset, void *into, size_t length)
{
    assert_true(offset + length <= raw->info.payload_bytes);
    memcpy(into, pixels + offset, length);
    return can_read;
}

static bool tell_intact(const struct raw_frame *raw)
{
    (void)raw;
    return is_intact;
}

static void release(struct raw_frame *raw)
{
    free(raw);
}

/* The colour at a place between 0 and 1: soft shapes. */
static double color_at(double x, double y, uint32_t channel)
{
    return 128 + 100 * sin(3.0 * x + channel) * cos(2.0 * y - channel);
}

/* Where a channel of RGB is in a pixel. */
static uint32_t byte_of(enum headcam_pixel_format format, uint32_t channel)
{
    return format == HEADCAM_BGRA || format == HEADCAM_BGR ? 2 - channel : channel;
}

static void paint(enum headcam_pixel_format format, uint32_t width, uint32_t height)
{
    struct dice dice = {1};
    const uint32_t bytes = raw_pixel_bytes(format), channels = bytes == 1 ? 1 : 3;
    free(pixels);
    pixels = memory_zeroed((size_t)width * height * bytes);
    dice_fill(&dice, pixels, (size_t)width * height * bytes); /* the alpha */
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < channels; c++)
                pixels[((size_t)y * width + x) * bytes + byte_of(format, c)] =
                    (uint8_t)(color_at((x + 0.5) / width, (y + 0.5) / height, c) + 0.5);
}

static struct raw_frame *make_raw(enum headcam_pixel_format format, uint32_t width, uint32_t height,
                                  bool is_in_ring)
{
    struct raw_frame *raw = memory_zeroed(sizeof(*raw));
    const uint32_t stride = width * raw_pixel_bytes(format);
    sequence++;
    raw->info = (struct raw_info){.instance = 1,
                                  .sequence = sequence,
                                  .width = width,
                                  .height = height,
                                  .stride = stride,
                                  .format = format,
                                  .payload_bytes = (size_t)stride * height};
    raw->arrival_ns = raw->capture_ns = clock_mono_ns();
    raw->payload = is_in_ring ? NULL : pixels;
    raw->read = read_pixels;
    raw->is_intact = tell_intact;
    raw->release = release;
    return raw;
}

/* ---- viewers ---- */

static void watch(uint32_t width, uint32_t quality)
{
    const struct variant_settings settings = {.width = width, .quality = quality};
    const struct audience audience = {.viewers = 1};
    watches[watch_count] = hub_watch(hub, "front", &settings);
    assert_non_null(watches[watch_count]);
    hub_set_audience(hub, watches[watch_count++], &audience);
}

/* Does all that there is to do, units in any order. */
static void work(void)
{
    struct task *task = memory_zeroed(sizeof(*task));
    while (hub_take_job(hub, &task->job)) {
        task_begin(&context, task);
        do {
            for (size_t unit = task->units; unit > 0; unit--)
                task_work(&context, task, &worker, unit - 1);
        } while (task_go_on(&context, task));
    }
    free(task);
}

static struct hub_view view_of(size_t number)
{
    struct hub_view view = {0};
    hub_look(hub, watches[number], &view);
    return view;
}

/* What a watch sees is the source in this size, as a picture of its own would be, above some quality. */
static void assert_seen(size_t number, uint32_t width, uint32_t height, bool is_gray)
{
    struct hub_view view = view_of(number);
    assert_non_null(view.frame);
    assert_int_equal(view.frame->width, width);
    assert_int_equal(view.frame->height, height);
    assert_int_equal(view.frame->sequence, sequence);
    uint32_t seen_width, seen_height;
    uint8_t *rgb = decode_jpeg(view.frame->jpeg, view.frame->jpeg_bytes, &seen_width, &seen_height);
    assert_int_equal(seen_width, width);
    assert_int_equal(seen_height, height);
    double sum = 0;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            for (uint32_t c = 0; c < 3; c++) {
                double error = rgb[((size_t)y * width + x) * 3 + c] -
                               color_at((x + 0.5) / width, (y + 0.5) / height, is_gray ? 0 : c);
                sum += error * error;
            }
        }
    }
    double psnr = 10 * log10(255.0 * 255.0 / (sum / (3.0 * width * height) + 1e-9));
    if (psnr < 35)
        fail_msg("%ux%u: %.1f dB", width, height, psnr);
    free(rgb);
    frame_unref(&view.frame);
}

static void assert_nothing_seen(void)
{
    for (size_t i = 0; i < watch_count; i++)
        assert_null(view_of(i).frame);
}

/* ---- the tests ---- */

TEST(every_variant_shows_the_picture_in_its_size_whatever_the_format)
{
    static const enum headcam_pixel_format formats[] = {HEADCAM_RGBA, HEADCAM_BGRA, HEADCAM_RGB, HEADCAM_BGR,
                                                        HEADCAM_GRAY8};
    watch(0, 0);
    watch(321, 0);
    watch(200, 70);
    watch(0, 60);
    for (size_t f = 0; f < COUNT(formats); f++) {
        paint(formats[f], 643, 481);
        for (int is_in_ring = 0; is_in_ring < 2; is_in_ring++) {
            hub_submit(hub, "front", make_raw(formats[f], 643, 481, is_in_ring));
            work();
            assert_seen(0, 643, 481, formats[f] == HEADCAM_GRAY8);
            assert_seen(1, 321, 240, formats[f] == HEADCAM_GRAY8);
            assert_seen(2, 200, 150, formats[f] == HEADCAM_GRAY8);
            assert_seen(3, 643, 481, formats[f] == HEADCAM_GRAY8);
        }
    }
}

TEST(a_large_frame_of_many_stripes_is_right_in_every_size)
{
    watch(1919, 0);
    watch(1280, 0);
    watch(500, 0);
    watch(16, 0);
    paint(HEADCAM_BGRA, 1920, 1080);
    hub_submit(hub, "front", make_raw(HEADCAM_BGRA, 1920, 1080, true));
    work();
    assert_seen(0, 1919, 1080, false);
    assert_seen(1, 1280, 720, false);
    assert_seen(2, 500, 282, false);
    assert_seen(3, 16, 10, false);
}

TEST(a_torn_frame_reaches_nobody_and_the_next_one_everybody)
{
    watch(0, 0);
    watch(100, 0);
    watch(0, 20);
    paint(HEADCAM_RGBA, 320, 240);
    is_intact = false;
    hub_submit(hub, "front", make_raw(HEADCAM_RGBA, 320, 240, true));
    work();
    assert_nothing_seen();
    is_intact = true;
    can_read = false;
    hub_submit(hub, "front", make_raw(HEADCAM_RGBA, 320, 240, true));
    work();
    assert_nothing_seen();
    can_read = true;
    hub_submit(hub, "front", make_raw(HEADCAM_RGBA, 320, 240, true));
    work();
    assert_seen(0, 320, 240, false);
    assert_seen(1, 100, 76, false);
    size_t count;
    struct stream_report *report = hub_report(hub, &count);
    assert_int_equal(report->torn, 1);
    assert_int_equal(report->dropped, 1);
    assert_int_equal(report->encoded, 1);
    free(report);
}

TEST(a_picture_that_rests_is_unchanged_in_every_variant)
{
    watch(0, 0);
    watch(100, 0);
    paint(HEADCAM_RGBA, 320, 240);
    for (int i = 0; i < 5; i++) {
        hub_submit(hub, "front", make_raw(HEADCAM_RGBA, 320, 240, true));
        work();
    }
    size_t count;
    struct stream_report *report = hub_report(hub, &count);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(report->variants[i].encoded, 2);
        assert_int_equal(report->variants[i].unchanged, 3);
    }
    assert_int_equal(report->encoded, 2);
    assert_int_equal(report->unchanged, 3);
    free(report);
    assert_seen(0, 320, 240, false);
    assert_seen(1, 100, 76, false);
}

/* A frame whose payload is a JPEG of what was painted. */
static void submit_jpeg(enum headcam_pixel_format format, uint32_t width, uint32_t height, struct bytes *jpeg)
{
    const struct jpeg_settings settings = {.quality = 95, .subsampling = JPEG_420};
    const struct jpeg_extras none = {0};
    const struct jpeg_pixels picture = {format, width, height, (size_t)width * raw_pixel_bytes(format),
                                        pixels};
    reference_jpeg(&picture, &settings, &none, jpeg);
    struct raw_frame *raw = make_raw(format, width, height, false);
    raw->info.format = HEADCAM_JPEG;
    raw->info.stride = 0;
    raw->info.payload_bytes = jpeg->length;
    raw->payload = jpeg->data;
    struct pool_frame *frame = frame_pool_take(context.frames);
    hub_submit_ready(hub, "front", raw, &frame->frame);
}

TEST(a_ready_jpeg_is_shown_in_other_sizes_and_qualities)
{
    struct bytes jpeg = {0};
    watch(320, 0);
    watch(0, 60);
    watch(99, 0);
    paint(HEADCAM_RGB, 643, 481);
    submit_jpeg(HEADCAM_RGB, 643, 481, &jpeg);
    work();
    assert_seen(0, 320, 240, false);
    assert_seen(1, 643, 481, false);
    assert_seen(2, 99, 74, false);
    bytes_fini(&jpeg);
}

TEST(a_small_variant_of_a_jpeg_alone_is_right_too)
{
    struct bytes jpeg = {0};
    watch(160, 0);
    paint(HEADCAM_GRAY8, 1280, 720);
    submit_jpeg(HEADCAM_GRAY8, 1280, 720, &jpeg);
    work();
    assert_seen(0, 160, 90, true);
    bytes_fini(&jpeg);
}

TEST(a_jpeg_that_cannot_be_decoded_comes_to_nothing)
{
    struct bytes jpeg = {0};
    watch(160, 0);
    paint(HEADCAM_RGB, 320, 240);
    context.max_frame_bytes = 320 * 240 * 4 - 1;
    submit_jpeg(HEADCAM_RGB, 320, 240, &jpeg);
    work();
    assert_nothing_seen();
    context.max_frame_bytes++;
    submit_jpeg(HEADCAM_RGB, 320, 240, &jpeg);
    work();
    assert_seen(0, 160, 120, false);
    bytes_fini(&jpeg);
}

TEST(a_notice_is_drawn_in_the_variants_size)
{
    watch(320, 0);
    assert_true(hub_request_notice(hub, watches[0]));
    work();
    struct hub_view view = view_of(0);
    assert_non_null(view.notice);
    assert_int_equal(view.notice->width, 320);
    assert_int_equal(view.notice->height, 180);
    uint32_t width, height;
    free(decode_jpeg(view.notice->jpeg, view.notice->jpeg_bytes, &width, &height));
    assert_int_equal(width, 320);
    assert_int_equal(height, 180);
    frame_unref(&view.notice);
}

TEST(a_task_may_be_given_up_in_any_step)
{
    struct task *task = memory_zeroed(sizeof(*task));
    watch(0, 0);
    watch(100, 0);
    paint(HEADCAM_RGBA, 320, 240);
    for (int steps = 0; steps < 2; steps++) {
        hub_submit(hub, "front", make_raw(HEADCAM_RGBA, 320, 240, true));
        assert_true(hub_take_job(hub, &task->job));
        task_begin(&context, task);
        for (int i = 0; i < steps; i++) {
            for (size_t unit = 0; unit < task->units; unit++)
                task_work(&context, task, &worker, unit);
            assert_true(task_go_on(&context, task));
        }
        task_give_up(&context, task);
    }
    hub_request_notice(hub, watches[0]);
    assert_true(hub_take_job(hub, &task->job));
    task_begin(&context, task);
    task_work(&context, task, &worker, 0);
    task_give_up(&context, task);
    free(task);
}

#define WITH_HUB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HUB(every_variant_shows_the_picture_in_its_size_whatever_the_format),
        WITH_HUB(a_large_frame_of_many_stripes_is_right_in_every_size),
        WITH_HUB(a_torn_frame_reaches_nobody_and_the_next_one_everybody),
        WITH_HUB(a_picture_that_rests_is_unchanged_in_every_variant),
        WITH_HUB(a_ready_jpeg_is_shown_in_other_sizes_and_qualities),
        WITH_HUB(a_small_variant_of_a_jpeg_alone_is_right_too),
        WITH_HUB(a_jpeg_that_cannot_be_decoded_comes_to_nothing),
        WITH_HUB(a_notice_is_drawn_in_the_variants_size),
        WITH_HUB(a_task_may_be_given_up_in_any_step),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("encode/task", tests, NULL, NULL);
}
