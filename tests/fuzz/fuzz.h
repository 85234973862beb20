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

/** What must hold for any input. */
#define REQUIRE(condition)                                                    \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                          \
        }                                                                     \
    } while (0)

/** An empty pool for this input. */
static inline apr_pool_t *fuzz_pool(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    apr_pool_clear(pool);
    return pool;
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
    apr_pool_cleanup_register(pool, copy, (apr_status_t (*)(void *))(void (*)(void))free, apr_pool_cleanup_null);
    return copy;
}

#endif
