/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - what waits in the spool, in order, and what becomes of its files afterwards.
 * Must never remove bytes that were not replayed, nor stop for ever at bytes that cannot be read.
 * Called by work/replay.c and twchatctl, by one process at a time.
 */
#include <string.h>
#include <unistd.h>

#include <apr_atomic.h>

#include "spool/private.h"

#define WINDOW (256 * 1024)             /* bytes looked at at once, unless a record is larger */

/* A stretch of one segment. */
typedef struct stretch_t {
    twc_segment_t segment;
    apr_uint64_t limit;                 /* where it ends for the reader: the next one's start, or what is written */
    apr_uint64_t there;                 /* where its bytes end */
} stretch_t;

/* @return APR_SUCCESS | APR_ENOENT: nothing covers `at`; limit says where bytes begin again */
static apr_status_t locate(const twc_spool_t *s, apr_pool_t *scratch, apr_uint64_t at, stretch_t *stretch)
{
    apr_uint64_t written = twc_spool_written(s);
    apr_array_header_t *segments;
    int i;

    TWC_TRY(twc_segment_list(scratch, s->dir, &segments, NULL));
    for (i = 0; i < segments->nelts && APR_ARRAY_IDX(segments, i, twc_segment_t).start <= at; i++)
        ;
    stretch->limit = i < segments->nelts ? APR_ARRAY_IDX(segments, i, twc_segment_t).start : written;
    if (i == 0)
        return APR_ENOENT;
    stretch->segment = APR_ARRAY_IDX(segments, i - 1, twc_segment_t);
    stretch->there = stretch->segment.start + stretch->segment.size;
    if (stretch->there > stretch->limit)
        stretch->there = stretch->limit;
    return stretch->there > at ? APR_SUCCESS : APR_ENOENT;
}

static apr_status_t read_bytes(const twc_spool_t *s, apr_pool_t *pool, const stretch_t *stretch, apr_uint64_t at,
                               apr_size_t max, twc_str_t *bytes)
{
    apr_off_t offset = (apr_off_t)(at - stretch->segment.start);
    apr_size_t len = (apr_size_t)(stretch->there - at);
    apr_file_t *file;
    char *data;

    if (len > max)
        len = max;
    data = apr_palloc(pool, len + 1);
    TWC_TRY(apr_file_open(&file, twc_segment_path(pool, s->dir, stretch->segment.start), APR_FOPEN_READ, 0, pool));
    TWC_TRY(apr_file_seek(file, APR_SET, &offset));
    TWC_TRY(apr_file_read_full(file, data, len, &len));
    apr_file_close(file);
    *bytes = (twc_str_t){ data, len };
    return APR_SUCCESS;
}

static int take_good(apr_pool_t *pool, apr_uint64_t at, twc_str_t bytes, twc_spooled_t *records, int max)
{
    apr_size_t offset = 0;
    twc_str_t payload;
    int count = 0;

    while (count < max && offset < bytes.len
           && twc_record_read(bytes.data + offset, bytes.len - offset, &payload) == TWC_RECORD_GOOD) {
        twc_spooled_t *record = &records[count++];
        record->at = at + offset;
        offset += TWC_RECORD_SIZE(payload.len);
        record->end = at + offset;
        record->payload = (twc_str_t){ apr_pstrmemdup(pool, payload.data, payload.len), payload.len };
    }
    return count;
}

/* No record begins at `at`: say up to where. */
static apr_status_t measure_damage(const twc_spool_t *s, apr_pool_t *pool, const stretch_t *stretch, apr_uint64_t at,
                                   twc_spooled_t *record)
{
    twc_str_t rest;
    apr_size_t next;

    TWC_TRY(read_bytes(s, pool, stretch, at, (apr_size_t)-1, &rest));
    next = twc_record_find(rest.data, rest.len, 1);
    *record = (twc_spooled_t){ .at = at, .end = next < rest.len ? at + next : stretch->limit };
    return APR_SUCCESS;
}

apr_status_t twc_spool_read(twc_spool_t *s, apr_pool_t *pool, apr_uint64_t at, twc_spooled_t *records, int max,
                            int *count)
{
    apr_size_t window = WINDOW;
    stretch_t stretch;
    twc_str_t bytes;
    apr_status_t rv;

    *count = 0;
    if (at >= twc_spool_written(s))
        return APR_SUCCESS;
    rv = locate(s, pool, at, &stretch);
    if (rv == APR_ENOENT) {
        records[0] = (twc_spooled_t){ .at = at, .end = stretch.limit };
        *count = 1;
        return APR_SUCCESS;
    }
    TWC_TRY(rv);
    do {
        TWC_TRY(read_bytes(s, pool, &stretch, at, window, &bytes));
        *count = take_good(pool, at, bytes, records, max);
        window *= 8;
    } while (*count == 0 && at + bytes.len < stretch.there && window <= (apr_size_t)8 * TWC_RECORD_MAX);
    if (*count == 0) {
        TWC_TRY(measure_damage(s, pool, &stretch, at, &records[0]));
        *count = 1;
    }
    return APR_SUCCESS;
}

apr_status_t twc_spool_set_aside(twc_spool_t *s, const twc_spooled_t *damaged)
{
    apr_pool_t *pool;
    stretch_t stretch;
    twc_str_t bytes;
    apr_file_t *file;
    apr_status_t rv;

    TWC_TRY(apr_pool_create_unmanaged_ex(&pool, NULL, NULL));
    rv = locate(s, pool, damaged->at, &stretch);
    if (rv == APR_SUCCESS)
        rv = read_bytes(s, pool, &stretch, damaged->at, (apr_size_t)(damaged->end - damaged->at), &bytes);
    else if (rv == APR_ENOENT) {        /* nothing to keep */
        bytes = (twc_str_t){ "", 0 };
        rv = APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        rv = apr_file_open(&file, apr_psprintf(pool, "%s/damaged-%020" APR_UINT64_T_FMT, s->dir, damaged->at),
                           APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE, APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
    if (rv == APR_SUCCESS)
        rv = apr_file_write_full(file, bytes.data, bytes.len, NULL);
    if (rv == APR_SUCCESS)
        rv = apr_file_sync(file);
    apr_pool_destroy(pool);
    return rv;
}

/* ---- done with ------------------------------------------------------------------------------- */

static void remove_before(twc_spool_t *s, apr_pool_t *scratch, const apr_array_header_t *segments, apr_uint64_t to)
{
    for (int i = 0; i + 1 < segments->nelts; i++)
        if (APR_ARRAY_IDX(segments, i + 1, twc_segment_t).start <= to)
            (void)apr_file_remove(twc_segment_path(scratch, s->dir, APR_ARRAY_IDX(segments, i, twc_segment_t).start), scratch);
}

/* The last segment goes when nothing waits any more, so that an idle spool is an empty directory. */
static apr_status_t remove_last(twc_spool_t *s, apr_pool_t *scratch, const apr_array_header_t *segments)
{
    const twc_segment_t *last = &APR_ARRAY_IDX(segments, segments->nelts - 1, twc_segment_t);

    TWC_TRY(twc_spool_lock(s));
    if (!twc_spool_pending(s)) {
        (void)apr_file_remove(twc_segment_path(scratch, s->dir, last->start), scratch);
        s->state->segment = TWC_SEGMENT_NONE;
    }
    twc_spool_unlock(s);
    return APR_SUCCESS;
}

apr_status_t twc_spool_advance(twc_spool_t *s, apr_uint64_t to, int records)
{
    apr_array_header_t *segments;
    apr_pool_t *scratch;
    apr_status_t rv;

    s->state->done += (apr_uint64_t)records;
    apr_atomic_set64(&s->state->replayed, to);
    TWC_TRY(apr_pool_create_unmanaged_ex(&scratch, NULL, NULL));
    rv = twc_segment_list(scratch, s->dir, &segments, NULL);
    if (rv == APR_SUCCESS && segments->nelts > 0) {
        remove_before(s, scratch, segments, to);
        if (!twc_spool_pending(s))
            rv = remove_last(s, scratch, segments);
    }
    apr_pool_destroy(scratch);
    return rv;
}

/* ---- for people --------------------------------------------------------------------------------- */

apr_status_t twc_spool_stat(twc_spool_t *s, apr_pool_t *scratch, twc_spool_stat_t *stat)
{
    apr_array_header_t *segments;

    *stat = (twc_spool_stat_t){ .written = twc_spool_written(s), .replayed = twc_spool_replayed(s),
                                .appended = s->state->appended, .done = s->state->done, .max_bytes = s->state->max_bytes };
    TWC_TRY(twc_segment_list(scratch, s->dir, &segments, &stat->damaged));
    stat->segments = segments->nelts;
    for (int i = 0; i < segments->nelts; i++)
        stat->disk_bytes += APR_ARRAY_IDX(segments, i, twc_segment_t).size;
    return APR_SUCCESS;
}
