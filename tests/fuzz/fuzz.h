/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.h - what every fuzz target shares. docs/testing.md tells how to run and add one.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "twc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef FUZZ_REPLAY
/** The target: try one input. pool is empty. */
static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size);
#endif

/** What must hold for any input. */
#define REQUIRE(condition)                                                    \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)

static inline apr_status_t fuzz_free(void *memory)
{
    free(memory);
    return APR_SUCCESS;
}

/** The input as a string of its own: exactly as long, so that reading beyond it is noticed, and without NUL inside. */
static inline char *fuzz_string(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    size_t len = strnlen((const char *)data, size);
    char *copy = malloc(len + 1);

    REQUIRE(copy);
    if (len)
        memcpy(copy, data, len);
    copy[len] = '\0';
    apr_pool_cleanup_register(pool, copy, fuzz_free, apr_pool_cleanup_null);
    return copy;
}

#ifndef FUZZ_REPLAY
/* The pool is empty again when an input is done: the leak check does not look into its memory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    fuzz_one(pool, data, size);
    apr_pool_clear(pool);
    return 0;
}
#endif

#endif
