/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_record.c - the files of a spool: whatever the disk made of them, records are whole or none.
 */
#include "fuzz.h"
#include "spool/record.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    twc_str_t payload, back;
    apr_size_t at = 0;
    char *file;

    while (at < size) {                 /* as the reader walks through a segment */
        twc_record_e e = twc_record_read(bytes + at, size - at, &payload);

        if (e == TWC_RECORD_GOOD) {
            REQUIRE(payload.data >= bytes + at && payload.data + payload.len < bytes + size);
            at += TWC_RECORD_SIZE(payload.len);
            continue;
        }
        apr_size_t next = twc_record_find(bytes, size, at + 1);
        REQUIRE(next > at && next <= size);
        if (next < size)
            REQUIRE(twc_record_read(bytes + next, size - next, &payload) == TWC_RECORD_GOOD);
        at = next;
    }
    file = apr_palloc(pool, TWC_RECORD_SIZE(size));
    twc_record_write(file, (twc_str_t){ bytes, size });
    REQUIRE(twc_record_read(file, TWC_RECORD_SIZE(size), &back) == TWC_RECORD_GOOD);
    REQUIRE(back.len == size && (size == 0 || memcmp(back.data, bytes, size) == 0));
}
