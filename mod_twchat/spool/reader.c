/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - what waits in the spool, in order, and what becomes of its files afterwards.
 * Must never remove bytes that were not replayed, nor stop for ever at bytes that cannot be read, on a full disk neither.
 * Called by work/replay.c and twchatctl, by one process at a time.
 */
#include <apr_atomic.h>

#include "spool/private.h"
#include "util/clock.h"

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
    apr_array_header_t *segments;
    int i;

    stretch->limit = twc_spool_written(s);
    TWC_TRY(twc_segment_list(scratch, s->dir, &segments, NULL));
    for (i = 0; i < segments->nelts && APR_ARRAY_IDX(segments, i, twc_segment_t).start <= at; i++)
        ;
    if (i < segments->nelts)
        stretch->limit = APR_ARRAY_IDX(segments, i, twc_segment_t).start;
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
    apr_size_t len = (apr_size_t)(stretch->there - at);

    return twc_segment_read(pool, twc_segment_path(pool, s->dir, stretch->segment.start), at - stretch->segment.start,
                            len < max ? len : max, bytes);
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

void twc_spool_set_aside(twc_spool_t *s, const twc_spooled_t *damaged)
{
    apr_atomic_set64(&s->state->keep, damaged->at + 1);
}

/* ---- done with ------------------------------------------------------------------------------- */

static void dispose(twc_spool_t *s, apr_pool_t *scratch, const twc_segment_t *segment)
{
    twc_segment_dispose(scratch, s->dir, segment->start, segment->start < s->state->keep);
}

static void remove_before(twc_spool_t *s, apr_pool_t *scratch, const apr_array_header_t *segments, apr_uint64_t to)
{
    for (int i = 0; i + 1 < segments->nelts; i++)
        if (APR_ARRAY_IDX(segments, i + 1, twc_segment_t).start <= to)
            dispose(s, scratch, &APR_ARRAY_IDX(segments, i, twc_segment_t));
}

/* The last segment goes when nothing waits any more, so that an idle spool is an empty directory. */
static void remove_last(twc_spool_t *s, apr_pool_t *scratch, const apr_array_header_t *segments)
{
    const twc_segment_t *last = &APR_ARRAY_IDX(segments, segments->nelts - 1, twc_segment_t);

    if (twc_spool_lock(s) != APR_SUCCESS)
        return;                         /* it goes with the next one */
    if (!twc_spool_pending(s)) {
        dispose(s, scratch, last);
        s->state->segment = TWC_SEGMENT_NONE;
    }
    twc_spool_unlock(s);
}

/* Never back: a reader that was passed by may come late. False: nothing before `to` was new. */
static bool move_on(twc_spool_t *s, apr_uint64_t to)
{
    apr_uint64_t before = twc_spool_replayed(s);

    while (before < to) {
        apr_uint64_t met = apr_atomic_cas64(&s->state->replayed, to, before);
        if (met == before)
            return true;
        before = met;
    }
    return false;
}

apr_status_t twc_spool_advance(twc_spool_t *s, apr_uint64_t to, int records)
{
    apr_array_header_t *segments;
    apr_pool_t *scratch;
    apr_status_t rv;

    if (move_on(s, to))
        s->state->done += (apr_uint64_t)records;
    if (twc_spool_holds(s))
        apr_atomic_set64(&s->state->claimed_at, (apr_uint64_t)twc_clock_ticks());
    TWC_TRY(apr_pool_create_unmanaged_ex(&scratch, NULL, NULL));
    rv = twc_segment_list(scratch, s->dir, &segments, NULL);
    if (rv == APR_SUCCESS && segments->nelts > 0) {
        remove_before(s, scratch, segments, to);
        if (!twc_spool_pending(s))
            remove_last(s, scratch, segments);
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
