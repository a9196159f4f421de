/* SPDX-License-Identifier: MIT */
#include "http/viewer.h"

#include "base/clock.h"
#include "http/drain.h"
#include "http/ws_client.h"
#include "tls/record.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* glibc's own struct tcp_info ends before the fields that matter here */
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What is written leaves at once; unix sockets always do that. */
static void hold_nothing_back(int fd)
{
    const int off = 0, on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void viewer_begin(struct viewer *viewer, uint64_t now_ns)
{
    hold_nothing_back(viewer->fd);
    pace_init(&viewer->pace, viewer->rate);
    viewer->begun_ns = viewer->progress_ns = now_ns;
}

static void write_multipart_head(struct viewer *viewer, const struct frame *frame, enum show_state state)
{
    viewer->head_bytes = 0;
    if (!viewer->is_open) {
        const char *opening = multipart_opening(viewer->advance_headers);
        viewer->head_bytes = strlen(opening);
        memcpy(viewer->head, opening, viewer->head_bytes);
        viewer->is_open = true;
    }
    viewer->head_bytes += multipart_head(viewer->head + viewer->head_bytes, frame, show_state_name(state),
                                         viewer->advance_headers);
}

void viewer_take(struct viewer *viewer, struct frame *frame, enum show_state state)
{
    _Static_assert(sizeof(viewer->head) >= WS_HEAD_BYTES, "room for either head");
    viewer->frame = frame_ref(frame);
    viewer->state = state;
    viewer->sent = 0;
    if (viewer->ws)
        viewer->head_bytes = ws_picture_head((uint8_t *)viewer->head, frame, state, ++viewer->ws->update);
    else
        write_multipart_head(viewer, frame, state);
}

void viewer_take_words(struct viewer *viewer, struct bytes *words)
{
    struct bytes empty = viewer->words;
    viewer->words = *words;
    *words = empty;
    viewer->sent = 0;
}

/* What is left of pieces after the first `sent` bytes. Returns the number of pieces. */
static int remaining_pieces(const struct iovec *pieces, int count, size_t sent, struct iovec *left)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        size_t skip = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
        sent -= skip;
        if (skip < pieces[i].iov_len)
            left[n++] = (struct iovec){(char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip};
    }
    return n;
}

/* Writes to the socket: the one place where that is done. Returns how many bytes went, or -1 and errno. */
static ssize_t write_pieces(const struct viewer *viewer, struct iovec *pieces, int count)
{
    if (viewer->session)
        return record_send(viewer->session, pieces, count);
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    return sendmsg(viewer->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends what is left of at most PIECES pieces. */
enum { PIECES = 3 };

static enum viewer_result send_pieces(struct viewer *viewer, const struct iovec *pieces, int count)
{
    for (;;) {
        struct iovec left[PIECES];
        int left_count = remaining_pieces(pieces, count, viewer->sent, left);
        if (left_count == 0)
            return VIEWER_DONE;
        ssize_t sent = write_pieces(viewer, left, left_count);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return VIEWER_BLOCKED;
            viewer_note_error(viewer, errno);
            return VIEWER_GONE;
        }
        viewer->sent += (size_t)sent;
        viewer->written_bytes += (size_t)sent;
    }
}

static enum viewer_result send_words(struct viewer *viewer)
{
    const struct iovec words = {viewer->words.data, viewer->words.length};
    enum viewer_result result = send_pieces(viewer, &words, 1);
    if (result == VIEWER_DONE)
        viewer->words.length = 0;
    return result;
}

enum viewer_result viewer_send(struct viewer *viewer)
{
    if (!viewer->frame)
        return send_words(viewer);
    const char *tail = viewer->ws ? "" : multipart_tail(viewer->advance_headers);
    const struct iovec pieces[PIECES] = {
        {viewer->head, viewer->head_bytes},
        {(void *)(uintptr_t)viewer->frame->data, viewer->frame->data_bytes},
        {(void *)(uintptr_t)tail, strlen(tail)},
    };
    enum viewer_result result = send_pieces(viewer, pieces, PIECES);
    if (result == VIEWER_DONE)
        frame_unref(&viewer->frame);
    return result;
}

ssize_t viewer_receive(const struct viewer *viewer, void *bytes, size_t room)
{
    return viewer->session ? record_receive(viewer->session, bytes, room)
                           : recv(viewer->fd, bytes, room, MSG_DONTWAIT);
}

/* On a unix socket with the kernel's own for each block, and in whole blocks. */
static size_t bytes_in_kernel(int fd)
{
    int queued = 0;
    return ioctl(fd, SIOCOUTQ, &queued) == 0 && queued > 0 ? (size_t)queued : 0;
}

void viewer_check_progress(struct viewer *viewer, uint64_t now_ns)
{
    size_t queued = bytes_in_kernel(viewer->fd);
    uint64_t drained = viewer->written_bytes - queued;
    /* One that has taken all there was is waiting for us. */
    if (drained != viewer->drained_bytes || queued == 0) {
        viewer->drained_bytes = drained;
        viewer->progress_ns = now_ns;
    }
}

uint64_t viewer_drain_ns(struct viewer *viewer, uint64_t now_ns)
{
    size_t queued = bytes_in_kernel(viewer->fd);
    if (queued <= DRAIN_FLOOR_BYTES)
        return 0;
    struct tcp_info info = {0}; /* stays so on a unix socket, of which there are no estimates */
    socklen_t info_bytes = sizeof(info);
    getsockopt(viewer->fd, IPPROTO_TCP, TCP_INFO, &info, &info_bytes);
    const struct drain_path path = {
        .delivery_bytes_per_s = info.tcpi_delivery_rate,
        .min_rtt_ns = info.tcpi_min_rtt * NS_PER_US,
    };
    viewer_check_progress(viewer, now_ns);
    return drain_wait_ns(&path, queued, now_ns - viewer->progress_ns);
}

void viewer_note_error(struct viewer *viewer, int error)
{
    bool is_left = error == 0 || error == EPIPE || error == ECONNRESET;
    bool is_refused = viewer->ws && ws_talk_has_refused(&viewer->ws->talk);
    viewer->end = is_refused ? VIEWER_REFUSED : is_left ? VIEWER_LEFT : VIEWER_FAILED;
    viewer->end_errno = is_left ? 0 : error;
}

int viewer_error(const struct viewer *viewer)
{
    int error = 0;
    socklen_t length = sizeof(error);
    return getsockopt(viewer->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

void viewer_shut(struct viewer *viewer)
{
    if (viewer->session)
        record_end(viewer->session);
    shutdown(viewer->fd, SHUT_WR);
}

void viewer_end(struct viewer *viewer, uint64_t now_ns)
{
    viewer->ended_ns = now_ns;
    frame_unref(&viewer->frame);
    frame_unref(&viewer->last);
    bytes_fini(&viewer->words);
    if (viewer->end == VIEWER_STUCK || viewer->end == VIEWER_SILENT) {
        const struct linger reset = {.l_onoff = 1, .l_linger = 0};
        setsockopt(viewer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
}
