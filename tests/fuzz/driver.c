/* SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SEEDS = 256, MAX_INPUT_BYTES = 8192, MAX_MUTATIONS = 8, DEFAULT_RUNS = 200000 };

struct input {
    uint8_t bytes[MAX_INPUT_BYTES];
    size_t length;
};

static struct input seeds[MAX_SEEDS], input;
static size_t seed_count;

static void add_seed(const void *data, size_t size)
{
    if (seed_count == MAX_SEEDS || size > MAX_INPUT_BYTES)
        return;
    struct input *seed = &seeds[seed_count++];
    memcpy(seed->bytes, data, size);
    seed->length = size;
}

/* Keeps the input that a check or a sanitizer ended the run with. */
static void keep_input(int number)
{
    static const char path[] = "build/fuzz-input", message[] = "the input is in build/fuzz-input\n";
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file >= 0 && write(file, input.bytes, input.length) == (ssize_t)input.length &&
        write(STDERR_FILENO, message, sizeof(message) - 1) > 0)
        close(file);
    signal(number, SIG_DFL);
    raise(number);
}

static void remove_bytes(struct dice *dice)
{
    size_t at = dice_below(dice, input.length + 1);
    size_t length = dice_below(dice, input.length - at + 1);
    if (dice_below(dice, 2))
        length = length > 4 ? 4 : length;
    memmove(input.bytes + at, input.bytes + at + length, input.length - at - length);
    input.length -= length;
}

static void insert_bytes(struct dice *dice)
{
    size_t at = dice_below(dice, input.length + 1), length = 1 + dice_below(dice, 16);
    if (input.length + length > MAX_INPUT_BYTES)
        return;
    memmove(input.bytes + at + length, input.bytes + at, input.length - at);
    for (size_t i = 0; i < length; i++)
        input.bytes[at + i] = (uint8_t)dice_below(dice, 256);
    input.length += length;
}

/* Puts what often goes wrong in place of one to eight bytes. */
static void overwrite_number(struct dice *dice)
{
    static const uint64_t numbers[] = {0,          1,          2,         0x7f,      0x80,
                                       0xff,       0x100,      0x7fff,    0xffff,    0x7fffffff,
                                       0x80000000, UINT32_MAX, INT64_MAX, UINT64_MAX};
    size_t length = 1U << dice_below(dice, 4);
    if (input.length < length)
        return;
    size_t at = dice_below(dice, input.length - length + 1);
    uint64_t number = numbers[dice_below(dice, COUNT(numbers))];
    for (size_t i = 0; i < length; i++)
        input.bytes[at + i] = (uint8_t)(number >> (8 * i));
}

/* Takes the beginning of this input and the end of another seed. */
static void cross_over(struct dice *dice)
{
    const struct input *other = &seeds[dice_below(dice, seed_count)];
    size_t from = dice_below(dice, other->length + 1), at = dice_below(dice, input.length + 1);
    size_t length = other->length - from;
    if (at + length > MAX_INPUT_BYTES)
        length = MAX_INPUT_BYTES - at;
    memcpy(input.bytes + at, other->bytes + from, length);
    input.length = at + length;
}

static void mutate(struct dice *dice)
{
    switch (dice_below(dice, 6)) {
    case 0:
        remove_bytes(dice);
        break;
    case 1:
        insert_bytes(dice);
        break;
    case 2:
        overwrite_number(dice);
        break;
    case 3:
        cross_over(dice);
        break;
    default:
        if (input.length > 0)
            input.bytes[dice_below(dice, input.length)] ^= (uint8_t)(1U << dice_below(dice, 8));
        break;
    }
}

/* Runs a copy that ends where its allocation ends, so that a sanitizer sees a read beyond it. */
static void run_input(void)
{
    uint8_t *copy = memory_zeroed(input.length ? input.length : 1);
    memcpy(copy, input.bytes, input.length);
    LLVMFuzzerTestOneInput(copy, input.length);
    free(copy);
}

static unsigned long number_from_environment(const char *name, unsigned long standard)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoul(text, NULL, 10) : standard;
}

/* Sanitizers read these at their start, and then end with a signal. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void run_file(const char *path)
{
    size_t length;
    char *bytes = read_whole_file(path, &length);
    input.length = length < MAX_INPUT_BYTES ? length : MAX_INPUT_BYTES;
    memcpy(input.bytes, bytes, input.length);
    free(bytes);
    run_input();
}

static void run_mutations(unsigned long runs, struct dice dice)
{
    fuzz_seeds(add_seed);
    for (unsigned long run = 0; run < runs; run++) {
        input = seeds[run % seed_count];
        /* First every seed as it is. */
        size_t mutations = run < seed_count ? 0 : 1 + dice_below(&dice, MAX_MUTATIONS);
        while (mutations-- > 0)
            mutate(&dice);
        run_input();
    }
    printf("%lu inputs from %zu seeds\n", runs, seed_count);
}

int main(int argc, char *argv[])
{
    const struct dice dice = {number_from_environment("FUZZ_SEED", 1)};
    signal(SIGABRT, keep_input);
    signal(SIGSEGV, keep_input);
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    if (argc == 1)
        run_mutations(number_from_environment("FUZZ_RUNS", DEFAULT_RUNS), dice);
    return 0;
}
