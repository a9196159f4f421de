/* SPDX-License-Identifier: MIT */
/*
 * fuzz: what a fuzz test is. Built with clang's -fsanitize=fuzzer it is an ordinary libFuzzer target:
 *
 *   make CC=clang SANITIZE=fuzzer,address build/fuzzer-address/tests/fuzz/fuzz_message
 *
 * Otherwise driver.c runs it over a bounded number of inputs, mutated from its seeds, the same in every
 * run; FUZZ_RUNS and FUZZ_SEED in the environment change that. Files as arguments are run instead.
 */
#ifndef HEADCAM_TESTS_FUZZ_H
#define HEADCAM_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives good inputs, and near misses, to start from. */
void fuzz_seeds(void (*add)(const void *data, size_t size));

/* What must hold whatever the input; unlike assert() it is never compiled out. */
#define fuzz_check(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
