/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spool.c - opening and appending.
 * Must never say that a record is safe before the disk has it, nor leave half a record where the next one begins.
 * Called by work/, twchatctl and the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_atomic.h>

#include "spool/private.h"
#include "util/clock.h"

#define STATE_BYTES   4096
#define LOCK_PATIENCE apr_time_from_sec(2)  /* a holder needs as long as a sync; one that was stopped must not stop the others */
#define LOCK_STEP     200                   /* often: a sync takes about a millisecond, and a busy neighbour is back at once */

static const char state_magic[8] = { 'T', 'W', 'C', 'S', 'P', 'L', '1', '\n' };

/* ---- locks: flock, which belongs to the open file, so a second open in the same process is kept out too ---- */

static apr_status_t lock(int fd, int how)
{
    int rc;

    do
        rc = flock(fd, how);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return APR_SUCCESS;
    return errno == EWOULDBLOCK ? APR_EAGAIN : apr_get_os_error();
}

static apr_status_t try_lock(twc_spool_t *s)
{
    apr_status_t rv = apr_thread_mutex_trylock(s->mutex);

    if (rv != APR_SUCCESS)
        return APR_STATUS_IS_EBUSY(rv) ? APR_EAGAIN : rv;
    rv = lock(s->append_fd, LOCK_EX | LOCK_NB);
    if (rv != APR_SUCCESS)
        apr_thread_mutex_unlock(s->mutex);
    return rv;
}

apr_status_t twc_spool_lock(twc_spool_t *s)
{
    apr_time_t until = twc_clock_ticks() + LOCK_PATIENCE;
    apr_status_t rv;

    while ((rv = try_lock(s)) == APR_EAGAIN) {
        if (twc_clock_ticks() >= until)
            return APR_TIMEUP;
        apr_sleep(LOCK_STEP);
    }
    return rv;
}

void twc_spool_unlock(twc_spool_t *s)
{
    (void)lock(s->append_fd, LOCK_UN);
    apr_thread_mutex_unlock(s->mutex);
}

static apr_status_t open_file(const char *path, int *fd)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return *fd >= 0 ? APR_SUCCESS : apr_get_os_error();
}

static void name_claim(const twc_spool_t *s, apr_uint64_t claim, char *path, apr_size_t len)
{
    if (claim)
        apr_snprintf(path, len, "%s/replay-%" APR_UINT64_T_FMT ".lock", s->dir, claim);
    else
        apr_snprintf(path, len, "%s/replay.lock", s->dir);
}

/* The lock file that counts now: its number rises when a holder is passed by. */
static apr_status_t use_claim(twc_spool_t *s)
{
    apr_uint64_t claim = apr_atomic_read64(&s->state->claim);
    char path[APR_PATH_MAX];

    if (s->replay_fd >= 0 && s->claim == claim)
        return APR_SUCCESS;
    if (s->replay_fd >= 0)
        close(s->replay_fd);
    s->claim = claim;
    name_claim(s, claim, path, sizeof(path));
    return open_file(path, &s->replay_fd);
}

static bool is_stale(const twc_spool_t *s)
{
    return apr_atomic_read64(&s->state->claimed_at) + TWC_CLAIM_LEASE < (apr_uint64_t)twc_clock_ticks();
}

/* Whoever comes first: the number is changed under the append lock. */
static apr_status_t pass_by(twc_spool_t *s)
{
    apr_status_t rv = APR_EAGAIN;
    char old[APR_PATH_MAX];

    TWC_TRY(twc_spool_lock(s));
    if (twc_spool_holds(s) && is_stale(s)) {
        name_claim(s, s->claim, old, sizeof(old));
        apr_atomic_set64(&s->state->claimed_at, (apr_uint64_t)twc_clock_ticks());
        apr_atomic_set64(&s->state->claim, s->claim + 1);
        rv = use_claim(s);
        if (rv == APR_SUCCESS)
            rv = lock(s->replay_fd, LOCK_EX | LOCK_NB);
        (void)unlink(old);
    }
    twc_spool_unlock(s);
    return rv;
}

apr_status_t twc_spool_claim(twc_spool_t *s)
{
    apr_status_t rv;

    TWC_TRY(use_claim(s));
    rv = lock(s->replay_fd, LOCK_EX | LOCK_NB);
    if (rv == APR_EAGAIN && is_stale(s))
        rv = pass_by(s);
    if (rv == APR_SUCCESS)
        apr_atomic_set64(&s->state->claimed_at, (apr_uint64_t)twc_clock_ticks());
    return rv;
}

bool twc_spool_holds(const twc_spool_t *s)
{
    return apr_atomic_read64(&s->state->claim) == s->claim;
}

void twc_spool_release(twc_spool_t *s)
{
    (void)lock(s->replay_fd, LOCK_UN);
}

/* ---- what a crash left behind ------------------------------------------------------------------ */

/*
 * How much of what lies behind `written` is kept, and how many records that is. `written` may be older than the bytes:
 * nobody syncs the state, so a loss of power sets it back. What comes before a whole record, or is no beginning of
 * one, was written once and is damaged: the reader will set it aside. Half a record at the end nobody was told of.
 */
static apr_size_t measure_tail(twc_str_t bytes, apr_uint64_t *records)
{
    apr_size_t at = 0, next;
    twc_str_t payload;

    for (*records = 0; at < bytes.len; at = next, (*records)++) {
        twc_record_e what = twc_record_read(bytes.data + at, bytes.len - at, &payload);

        next = what == TWC_RECORD_GOOD ? at + TWC_RECORD_SIZE(payload.len) : twc_record_find(bytes.data, bytes.len, at + 1);
        if (what == TWC_RECORD_SHORT && next == bytes.len)
            break;
    }
    return at;
}

/*
 * The newest segment may end in records nobody was told of, because their process died first: they count,
 * to do them once more than needed does no harm. What follows them is half a record and goes.
 */
static apr_status_t settle_tail(twc_spool_t *s, apr_pool_t *scratch, const twc_segment_t *last)
{
    const char *path = twc_segment_path(scratch, s->dir, last->start);
    state_t *state = s->state;
    apr_uint64_t offset, records;
    apr_size_t good;
    twc_str_t tail;

    if (state->written < last->start)
        apr_atomic_set64(&state->written, last->start);
    offset = state->written - last->start;
    state->segment = last->start;
    if (last->size < offset) {          /* the disk lost what it said was safe; the reader will find the gap */
        state->segment = TWC_SEGMENT_NONE;
        return APR_SUCCESS;
    }
    TWC_TRY(twc_segment_read(scratch, path, offset, (apr_size_t)(last->size - offset), &tail));
    good = measure_tail(tail, &records);
    if (good < tail.len && !s->looking && truncate(path, (off_t)(offset + good)) != 0)
        return apr_get_os_error();
    state->appended += records;
    apr_atomic_set64(&state->written, state->written + good);
    return APR_SUCCESS;
}

static bool is_made(const state_t *state)
{
    return memcmp(state->magic, state_magic, sizeof(state_magic)) == 0;
}

/* Bring state and segments into agreement; the append lock is held. */
static apr_status_t settle(twc_spool_t *s, apr_pool_t *scratch)
{
    state_t *state = s->state;
    apr_array_header_t *segments;
    const twc_segment_t *first;

    TWC_TRY(twc_segment_list(scratch, s->dir, &segments, NULL));
    if (!is_made(state)) {
        memset(state, 0, sizeof(*state));
        memcpy(state->magic, state_magic, sizeof(state_magic));
    }
    if (segments->nelts == 0) {
        state->segment = TWC_SEGMENT_NONE;
        apr_atomic_set64(&state->replayed, state->written);
        return APR_SUCCESS;
    }
    first = &APR_ARRAY_IDX(segments, 0, twc_segment_t);
    TWC_TRY(settle_tail(s, scratch, &APR_ARRAY_IDX(segments, segments->nelts - 1, twc_segment_t)));
    if (state->replayed < first->start || state->replayed > state->written)
        apr_atomic_set64(&state->replayed, first->start);
    return APR_SUCCESS;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static apr_status_t close_all(void *baton)
{
    twc_spool_t *s = baton;

    if (s->state && !s->looking)
        munmap(s->state, STATE_BYTES);
    if (s->append_fd >= 0)
        close(s->append_fd);
    if (s->replay_fd >= 0)
        close(s->replay_fd);
    if (s->file_pool)
        apr_pool_destroy(s->file_pool);
    return APR_SUCCESS;
}

/* The whole file has blocks before it is mapped: a full disk must not become a SIGBUS. */
static apr_status_t map_state(twc_spool_t *s, const char *path)
{
    int fd, rc;
    void *map;

    TWC_TRY(open_file(path, &fd));
    rc = posix_fallocate(fd, 0, STATE_BYTES);
    if (rc == 0) {
        map = mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            rc = errno;
        else
            s->state = map;
    }
    close(fd);
    return rc;
}

static apr_status_t open_dir(twc_spool_t *s, apr_pool_t *scratch)
{
    apr_status_t rv = apr_dir_make_recursive(s->dir, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, scratch);

    if (rv != APR_SUCCESS && !APR_STATUS_IS_EEXIST(rv))
        return rv;
    TWC_TRY(open_file(apr_pstrcat(scratch, s->dir, "/append.lock", NULL), &s->append_fd));
    TWC_TRY(map_state(s, apr_pstrcat(scratch, s->dir, "/state", NULL)));
    TWC_TRY(use_claim(s));
    rv = twc_spool_lock(s);
    if (rv == APR_TIMEUP && is_made(s->state))  /* its holder has settled it, or whoever writes next does */
        return APR_SUCCESS;
    TWC_TRY(rv);
    rv = settle(s, scratch);
    if (rv == APR_SUCCESS && s->max_bytes)
        s->state->max_bytes = s->max_bytes;
    twc_spool_unlock(s);
    return rv;
}

static twc_spool_t *make(apr_pool_t *pool, const char *dir)
{
    twc_spool_t *s = apr_pcalloc(pool, sizeof(*s));

    *s = (twc_spool_t){ .pool = pool, .dir = apr_pstrdup(pool, dir), .append_fd = -1, .replay_fd = -1,
                        .file_start = TWC_SEGMENT_NONE };
    return s;
}

static const char *unusable(const twc_spool_t *s, apr_status_t rv)
{
    char words[120];

    return apr_psprintf(s->pool, "the spool directory %s cannot be used: %s", s->dir, apr_strerror(rv, words, sizeof(words)));
}

apr_status_t twc_spool_open(twc_spool_t **spool, apr_pool_t *pool, const char *dir, apr_uint64_t max_bytes,
                            const char **reason)
{
    twc_spool_t *s = make(pool, dir);
    apr_pool_t *scratch;
    apr_status_t rv;

    s->max_bytes = max_bytes;
    apr_pool_cleanup_register(pool, s, close_all, apr_pool_cleanup_null);
    *reason = "the spool has no memory";
    TWC_TRY(apr_thread_mutex_create(&s->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(apr_pool_create(&scratch, pool));
    rv = open_dir(s, scratch);
    apr_pool_destroy(scratch);
    if (rv != APR_SUCCESS) {
        *reason = unusable(s, rv);
        apr_pool_cleanup_run(pool, s, close_all);
        return rv;
    }
    *spool = s;
    return APR_SUCCESS;
}

/* A state that cannot be read is made again, as when it is lost. */
static void copy_state(twc_spool_t *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    s->state = apr_pcalloc(s->pool, sizeof(*s->state));
    if (fd < 0)
        return;
    if (pread(fd, s->state, sizeof(*s->state), 0) != (ssize_t)sizeof(*s->state))
        memset(s->state, 0, sizeof(*s->state));
    close(fd);
}

apr_status_t twc_spool_look(twc_spool_t **spool, apr_pool_t *pool, const char *dir, const char **reason)
{
    twc_spool_t *s = make(pool, dir);
    apr_status_t rv;

    s->looking = true;
    copy_state(s, apr_pstrcat(pool, dir, "/state", NULL));
    rv = settle(s, pool);
    if (rv != APR_SUCCESS) {
        *reason = unusable(s, rv);
        return rv;
    }
    *spool = s;
    return APR_SUCCESS;
}

bool twc_spool_exists(apr_pool_t *scratch, const char *dir)
{
    apr_array_header_t *segments;
    apr_finfo_t info;

    return apr_stat(&info, apr_pstrcat(scratch, dir, "/state", NULL), APR_FINFO_TYPE, scratch) == APR_SUCCESS
        || (twc_segment_list(scratch, dir, &segments, NULL) == APR_SUCCESS && segments->nelts > 0);
}

apr_uint64_t twc_spool_written(const twc_spool_t *s)
{
    return apr_atomic_read64(&s->state->written);
}

apr_uint64_t twc_spool_replayed(const twc_spool_t *s)
{
    return apr_atomic_read64(&s->state->replayed);
}

bool twc_spool_pending(const twc_spool_t *s)
{
    return twc_spool_replayed(s) != twc_spool_written(s);
}

/* ---- appending --------------------------------------------------------------------------------------- */

static void forget_file(twc_spool_t *s)
{
    if (s->file_pool)
        apr_pool_destroy(s->file_pool);
    s->file_pool = NULL;
    s->file = NULL;
    s->file_start = TWC_SEGMENT_NONE;
}

static apr_status_t use_file(twc_spool_t *s, apr_uint64_t start, bool create)
{
    apr_int32_t flags = APR_FOPEN_READ | APR_FOPEN_WRITE | (create ? APR_FOPEN_CREATE | APR_FOPEN_TRUNCATE : 0);

    forget_file(s);
    TWC_TRY(apr_pool_create_unmanaged_ex(&s->file_pool, NULL, NULL));
    TWC_TRY(apr_file_open(&s->file, twc_segment_path(s->file_pool, s->dir, start), flags,
                          APR_FPROT_UREAD | APR_FPROT_UWRITE, s->file_pool));
    s->file_start = start;
    return APR_SUCCESS;
}

static apr_status_t start_segment(twc_spool_t *s)
{
    apr_uint64_t start = s->state->written;

    TWC_TRY(use_file(s, start, true));
    TWC_TRY(twc_dir_sync(s->dir));
    s->state->segment = start;
    return APR_SUCCESS;
}

static apr_status_t file_bytes(twc_spool_t *s, apr_uint64_t *bytes)
{
    apr_finfo_t info;

    TWC_TRY(apr_file_info_get(&info, APR_FINFO_SIZE, s->file));
    *bytes = (apr_uint64_t)info.size;
    return APR_SUCCESS;
}

/* The file that ends where the spool ends; the append lock is held. */
static apr_status_t find_end(twc_spool_t *s, apr_pool_t *scratch)
{
    const state_t *state = s->state;
    apr_uint64_t bytes;

    if (state->segment == TWC_SEGMENT_NONE || state->written - state->segment >= SEGMENT_BYTES)
        return start_segment(s);
    if (s->file_start != state->segment)
        TWC_TRY(use_file(s, state->segment, false));
    TWC_TRY(file_bytes(s, &bytes));
    if (bytes == state->written - state->segment)
        return APR_SUCCESS;
    TWC_TRY(settle(s, scratch));        /* its last writer died in the middle */
    if (state->segment != TWC_SEGMENT_NONE)
        return use_file(s, state->segment, false);
    return start_segment(s);
}

static apr_status_t put(twc_spool_t *s, apr_pool_t *scratch, const char *data, apr_size_t len)
{
    apr_off_t offset;
    apr_status_t rv;

    TWC_TRY(find_end(s, scratch));
    offset = (apr_off_t)(s->state->written - s->state->segment);
    TWC_TRY(apr_file_seek(s->file, APR_SET, &offset));
    rv = apr_file_write_full(s->file, data, len, NULL);
    if (rv == APR_SUCCESS)
        rv = apr_file_datasync(s->file);
    if (rv != APR_SUCCESS) {            /* a failed sync may have dropped the pages: what was written counts for nothing */
        (void)apr_file_trunc(s->file, (apr_off_t)(s->state->written - s->state->segment));
        forget_file(s);
    }
    return rv;
}

void twc_spool_tidy(twc_spool_t *s)
{
    if (twc_spool_lock(s) != APR_SUCCESS)
        return;
    if (s->file_start != s->state->segment)
        forget_file(s);
    twc_spool_unlock(s);
}

static apr_status_t put_all(twc_spool_t *s, apr_pool_t *scratch, const twc_str_t *payloads, int count, apr_uint64_t *end)
{
    apr_size_t len = 0;
    apr_status_t rv;
    char *data, *p;

    for (int i = 0; i < count; i++) {
        if (payloads[i].len > TWC_RECORD_MAX)
            return APR_EINVAL;
        len += TWC_RECORD_SIZE(payloads[i].len);
    }
    p = data = apr_palloc(scratch, len);
    for (int i = 0; i < count; i++) {
        twc_record_write(p, payloads[i]);
        p += TWC_RECORD_SIZE(payloads[i].len);
    }
    TWC_TRY(twc_spool_lock(s));
    if (s->max_bytes && s->state->written - s->state->replayed + len > s->max_bytes)
        rv = APR_ENOSPC;
    else
        rv = put(s, scratch, data, len);
    if (rv == APR_SUCCESS) {
        s->state->appended += (apr_uint64_t)count;
        *end = s->state->written + len;
        apr_atomic_set64(&s->state->written, *end);
    }
    twc_spool_unlock(s);
    return rv;
}

apr_status_t twc_spool_append(twc_spool_t *s, const twc_str_t *payloads, int count, apr_uint64_t *end)
{
    apr_pool_t *scratch;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&scratch, NULL, NULL);

    if (rv != APR_SUCCESS)
        return rv;
    rv = put_all(s, scratch, payloads, count, end);
    apr_pool_destroy(scratch);
    return rv;
}
