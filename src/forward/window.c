/* SPDX-License-Identifier: MIT */
#include "forward/window.h"

#include "base/clock.h"

/* The path may become slower, so what it could once is forgotten. */
static const uint64_t EPOCH_NS = 5 * NS_PER_S;

static uint64_t best_rate(const struct window *window)
{
    return window->rates[0] > window->rates[1] ? window->rates[0] : window->rates[1];
}

/* What was delivered while little was out says little of the path: a quarter, and half a frame, are added to
   find out whether it takes more. */
static size_t path_bytes(const struct window *window)
{
    double known = (double)best_rate(window) * (double)window->round_trip_ns / (double)NS_PER_S;
    return (size_t)(known * 1.25) + window->last_bytes / 2;
}

/* The first frame that is out has been so for twice as long as it should: the path, or the edge, stands
   still, whatever it could do before. */
static bool is_overdue(const struct window *window, uint64_t now_ns)
{
    const struct window_frame *first = &window->frames[window->first];
    uint64_t rate = best_rate(window);
    double should_ns = (double)window->round_trip_ns;
    if (rate > 0)
        should_ns += (double)first->bytes * (double)NS_PER_S / (double)rate;
    return (double)(now_ns - first->sent_ns) > 2 * should_ns;
}

bool window_may_send(const struct window *window, uint64_t now_ns)
{
    return window->count == 0 || (window->count < WINDOW_MOST && window->bytes <= path_bytes(window) &&
                                  !is_overdue(window, now_ns));
}

void window_sent(struct window *window, uint64_t sequence, size_t bytes, uint64_t now_ns)
{
    if (window->count == 0)
        window->delivered_ns = now_ns; /* idle time is no time of delivery */
    window->frames[(window->first + window->count) % WINDOW_MOST] = (struct window_frame){
        .sequence = sequence,
        .bytes = bytes,
        .sent_ns = now_ns,
        .delivered_before = window->delivered,
        .delivered_before_ns = window->delivered_ns,
    };
    window->count++;
    window->bytes += bytes;
    window->last_bytes = bytes;
}

static void note_rate(struct window *window, uint64_t rate, uint64_t now_ns)
{
    if (now_ns - window->epoch_began_ns >= EPOCH_NS) {
        window->rates[1] = window->rates[0];
        window->rates[0] = 0;
        window->epoch_began_ns = now_ns;
    }
    if (rate > window->rates[0])
        window->rates[0] = rate;
}

static bool is_out(const struct window *window, uint64_t sequence)
{
    for (size_t i = 0; i < window->count; i++)
        if (window->frames[(window->first + i) % WINDOW_MOST].sequence == sequence)
            return true;
    return false;
}

static struct window_frame take_first(struct window *window)
{
    const struct window_frame frame = window->frames[window->first];
    window->first = (window->first + 1) % WINDOW_MOST;
    window->count--;
    window->bytes -= frame.bytes;
    return frame;
}

bool window_acknowledged(struct window *window, uint64_t sequence, uint64_t now_ns)
{
    struct window_frame frame;
    if (!is_out(window, sequence))
        return false;
    do {
        frame = take_first(window);
        window->delivered += frame.bytes;
        if (frame.bytes > window->largest_delivered)
            window->largest_delivered = frame.bytes;
    } while (frame.sequence != sequence);
    window->delivered_ns = now_ns;
    uint64_t took_ns = now_ns - frame.delivered_before_ns;
    if (took_ns > 0)
        note_rate(window,
                  (uint64_t)((double)(window->delivered - frame.delivered_before) * (double)NS_PER_S /
                             (double)took_ns),
                  now_ns);
    return true;
}

void window_settle(struct window *window, uint64_t before_ns)
{
    while (window->count > 0 && window->frames[window->first].sent_ns < before_ns)
        take_first(window);
}

size_t window_largest(const struct window *window)
{
    size_t largest = 0;
    for (size_t i = 0; i < window->count; i++) {
        size_t bytes = window->frames[(window->first + i) % WINDOW_MOST].bytes;
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

void window_measured(struct window *window, uint64_t round_trip_ns)
{
    if (window->round_trip_ns == 0 || round_trip_ns < window->round_trip_ns)
        window->round_trip_ns = round_trip_ns;
}
