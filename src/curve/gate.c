/* SPDX-License-Identifier: MIT */
#include "curve/gate.h"

#include "base/log.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static const char FLAG[] = "--curve-allow", ENDPOINT[] = "inproc://zeromq.zap.01", VERSION[] = "1.0";

/* The parts of a question; the mechanism's own follow the last of them. */
enum { ASK_VERSION, ASK_ID, ASK_DOMAIN, ASK_ADDRESS, ASK_IDENTITY, ASK_MECHANISM, ASK_KEY, ASK_PARTS };
enum { PART_BYTES = 256 };

struct gate {
    const char *path;
    struct log_limit log; /* the answering thread's */
    pthread_mutex_t lock; /* guards the rest */
    struct key_list allowed;
};

struct question {
    char part[ASK_PARTS][PART_BYTES];
    size_t length[ASK_PARTS];
    int count;
};

struct gate *gate_create(const char *path, char error[KEYS_ERROR_BYTES])
{
    struct gate *gate = memory_zeroed(sizeof(*gate));
    gate->path = path;
    pthread_mutex_init(&gate->lock, NULL);
    if (keys_load_list(FLAG, path, &gate->allowed, error))
        return gate;
    gate_destroy(gate);
    return NULL;
}

void gate_destroy(struct gate *gate)
{
    keys_fini(&gate->allowed);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

void gate_reload(struct gate *gate)
{
    char error[KEYS_ERROR_BYTES];
    struct key_list fresh = {0};
    if (!keys_load_list(FLAG, gate->path, &fresh, error)) {
        log_error("%s; what was read before stays so", error);
        return;
    }
    log_info("%s %s read again: %zu keys", FLAG, gate->path, fresh.count);
    pthread_mutex_lock(&gate->lock);
    struct key_list old = gate->allowed;
    gate->allowed = fresh;
    pthread_mutex_unlock(&gate->lock);
    keys_fini(&old);
}

void *gate_open(void *context)
{
    void *socket = zmq_socket(context, ZMQ_REP);
    if (socket && zmq_bind(socket, ENDPOINT) != 0) {
        zmq_close(socket);
        return NULL;
    }
    return socket;
}

/* False: nobody asks. */
static bool receive(void *socket, struct question *question)
{
    int more = 1;
    size_t room = sizeof(more);
    memset(question, 0, sizeof(*question));
    while (more) {
        char surplus[PART_BYTES];
        int index = question->count;
        char *into = index < ASK_PARTS ? question->part[index] : surplus;
        int length = zmq_recv(socket, into, PART_BYTES, ZMQ_DONTWAIT);
        if (length < 0)
            return false;
        if (index < ASK_PARTS)
            question->length[index] = (size_t)length; /* over PART_BYTES: it was cut */
        question->count++;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &room);
    }
    return true;
}

static bool part_is(const struct question *question, int index, const char *text)
{
    return question->length[index] == strlen(text) && memcmp(question->part[index], text, strlen(text)) == 0;
}

static bool is_allowed(struct gate *gate, const struct question *question)
{
    if (question->count != ASK_PARTS || !part_is(question, ASK_VERSION, VERSION) ||
        !part_is(question, ASK_MECHANISM, "CURVE") || question->length[ASK_KEY] != KEYS_RAW_BYTES)
        return false;
    pthread_mutex_lock(&gate->lock);
    bool is_known = keys_contain(&gate->allowed, (const uint8_t *)question->part[ASK_KEY]);
    pthread_mutex_unlock(&gate->lock);
    return is_known;
}

static void log_refusal(struct gate *gate, const struct question *question)
{
    char key[KEYS_TEXT_BYTES] = "?";
    if (question->length[ASK_KEY] == KEYS_RAW_BYTES)
        zmq_z85_encode(key, (const uint8_t *)question->part[ASK_KEY], KEYS_RAW_BYTES);
    log_limited(&gate->log, LOG_WARN, "%.64s was turned away: its public key, %s, is not in %s %s",
                question->part[ASK_ADDRESS], key, FLAG, gate->path);
}

static void answer(void *socket, const struct question *question, bool is_good)
{
    size_t id_length = question->length[ASK_ID] < PART_BYTES ? question->length[ASK_ID] : PART_BYTES;
    const char *code = is_good ? "200" : "400", *reason = is_good ? "OK" : "unknown key";
    zmq_send(socket, VERSION, strlen(VERSION), ZMQ_SNDMORE);
    zmq_send(socket, question->part[ASK_ID], id_length, ZMQ_SNDMORE);
    zmq_send(socket, code, strlen(code), ZMQ_SNDMORE);
    zmq_send(socket, reason, strlen(reason), ZMQ_SNDMORE);
    zmq_send(socket, "", 0, ZMQ_SNDMORE); /* no user id */
    zmq_send(socket, "", 0, 0);           /* no metadata */
}

void gate_answer(struct gate *gate, void *socket)
{
    struct question question;
    while (receive(socket, &question)) {
        bool is_good = is_allowed(gate, &question);
        answer(socket, &question, is_good);
        if (!is_good)
            log_refusal(gate, &question);
    }
}
