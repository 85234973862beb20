/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_spool.c - records on disk: in order, whole or not at all, whatever died in between.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dlfcn.h>
#include <errno.h>

#include <cmocka.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_thread_proc.h>

#include "spool/private.h"

#define BATCH 16

static apr_pool_t *pool;
static char dir[64];
static int dirs;

/* A disk with a bad block: what touches [bad_from, bad_to) of any file cannot be read. */
static off_t bad_from, bad_to;

ssize_t pread(int fd, void *buffer, size_t count, off_t offset)
{
    static ssize_t (*real)(int, void *, size_t, off_t);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pread");
    if (offset < bad_to && offset + (off_t)count > bad_from) {
        errno = EIO;
        return -1;
    }
    return real(fd, buffer, count, offset);
}

static int fresh(void **state)
{
    (void)state;
    bad_from = bad_to = 0;
    apr_snprintf(dir, sizeof(dir), "spool-test-%d-%d", (int)getpid(), ++dirs);
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int cleared(void **state)
{
    apr_pool_t *p;
    apr_dir_t *d;
    apr_finfo_t info;

    (void)state;
    apr_pool_destroy(pool);
    apr_pool_create(&p, NULL);
    if (apr_dir_open(&d, dir, p) == APR_SUCCESS) {
        while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS)
            if (info.name[0] != '.')
                apr_file_remove(apr_pstrcat(p, dir, "/", info.name, NULL), p);
        apr_dir_close(d);
        apr_dir_remove(dir, p);
    }
    apr_pool_destroy(p);
    return 0;
}

static twc_spool_t *opened(apr_uint64_t max)
{
    twc_spool_t *spool;
    const char *reason = "";
    apr_status_t rv = twc_spool_open(&spool, pool, dir, max, &reason);

    if (rv != APR_SUCCESS)
        print_error("%s\n", reason);
    assert_int_equal(rv, APR_SUCCESS);
    return spool;
}

static apr_status_t put(twc_spool_t *spool, const char *text)
{
    twc_str_t payload = { text, strlen(text) };
    apr_uint64_t end;

    return twc_spool_append(spool, &payload, 1, &end);
}

/* All payloads that wait, joined by blanks; "!" for a damaged stretch. Does with them what the replay does. */
static const char *drained(twc_spool_t *spool)
{
    const char *all = "";

    assert_int_equal(twc_spool_claim(spool), APR_SUCCESS);
    for (;;) {
        twc_spooled_t records[BATCH];
        int count;

        assert_int_equal(twc_spool_read(spool, pool, twc_spool_replayed(spool), records, BATCH, &count), APR_SUCCESS);
        if (count == 0)
            break;
        for (int i = 0; i < count; i++) {
            all = apr_pstrcat(pool, all, *all ? " " : "", records[i].payload.data ? records[i].payload.data : "!", NULL);
            if (!records[i].payload.data)
                twc_spool_set_aside(spool, &records[i]);
        }
        assert_int_equal(twc_spool_advance(spool, records[count - 1].end, count), APR_SUCCESS);
    }
    twc_spool_release(spool);
    return all;
}

static const char *segment(int which)
{
    apr_array_header_t *list;

    assert_int_equal(twc_segment_list(pool, dir, &list, NULL), APR_SUCCESS);
    assert_true(which < list->nelts);
    return twc_segment_path(pool, dir, APR_ARRAY_IDX(list, which, twc_segment_t).start);
}

static const char *state_path(void)
{
    return apr_pstrcat(pool, dir, "/state", NULL);
}

static void change(const char *path, long offset, const char *bytes)
{
    FILE *f = fopen(path, "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, strlen(bytes), f), strlen(bytes));
    fclose(f);
}

static void append_bytes(const char *path, const char *bytes)
{
    FILE *f = fopen(path, "ab");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, strlen(bytes), f), strlen(bytes));
    fclose(f);
}

/* ---- records --------------------------------------------------------------------------- */

static void test_record(void **state)
{
    const char *text = "a=b\nTWC1 c";
    twc_str_t payload = { text, strlen(text) }, back;
    char file[TWC_RECORD_SIZE(10)];

    (void)state;
    twc_record_write(file, payload);
    assert_int_equal(twc_record_read(file, sizeof(file), &back), TWC_RECORD_GOOD);
    assert_int_equal(back.len, payload.len);
    assert_memory_equal(back.data, payload.data, payload.len);
    for (size_t len = 0; len < sizeof(file); len++)
        assert_int_equal(twc_record_read(file, len, &back), TWC_RECORD_SHORT);
    for (size_t i = 0; i < sizeof(file); i++) {
        file[i] ^= 1;
        assert_int_not_equal(twc_record_read(file, sizeof(file), &back), TWC_RECORD_GOOD);
        file[i] ^= 1;
    }
}

static void test_record_length_lies(void **state)
{
    char file[TWC_RECORD_SIZE(1)];
    twc_str_t payload = { "x", 1 };

    (void)state;
    twc_record_write(file, payload);
    memcpy(file + 5, "ffffffff", 8);
    assert_int_equal(twc_record_read(file, sizeof(file), &payload), TWC_RECORD_BAD);
    memcpy(file + 5, "0000000G", 8);
    assert_int_equal(twc_record_read(file, sizeof(file), &payload), TWC_RECORD_BAD);
}

static void test_record_found_behind_rubbish(void **state)
{
    char file[40 + TWC_RECORD_SIZE(1)];

    (void)state;
    memset(file, 'z', sizeof(file));
    memcpy(file + 3, "TWC1 00000001 ", 14);
    twc_record_write(file + 40, (twc_str_t){ "x", 1 });
    assert_int_equal(twc_record_find(file, sizeof(file), 0), 40);
    assert_int_equal(twc_record_find(file, sizeof(file), 41), sizeof(file));
}

/* ---- in and out --------------------------------------------------------------------------- */

static void test_order(void **state)
{
    twc_str_t two[2] = { { "b", 1 }, { "c", 1 } };
    twc_spool_t *spool = opened(0);
    apr_uint64_t end;

    (void)state;
    assert_false(twc_spool_pending(spool));
    assert_int_equal(put(spool, "a"), APR_SUCCESS);
    assert_true(twc_spool_pending(spool));
    assert_int_equal(twc_spool_append(spool, two, 2, &end), APR_SUCCESS);
    assert_int_equal(end, twc_spool_written(spool));
    assert_string_equal(drained(spool), "a b c");
    assert_false(twc_spool_pending(spool));
    assert_int_equal(put(spool, "d"), APR_SUCCESS);
    assert_string_equal(drained(spool), "d");
}

static void test_empty_when_done(void **state)
{
    twc_spool_t *spool = opened(0);
    twc_spool_stat_t stat;

    (void)state;
    put(spool, "a");
    assert_int_equal(twc_spool_stat(spool, pool, &stat), APR_SUCCESS);
    assert_int_equal(stat.segments, 1);
    drained(spool);
    assert_int_equal(twc_spool_stat(spool, pool, &stat), APR_SUCCESS);
    assert_int_equal(stat.segments, 0);
    assert_int_equal(stat.appended, 1);
    assert_int_equal(stat.done, 1);
}

static void test_survives_reopening(void **state)
{
    (void)state;
    put(opened(0), "a");
    put(opened(0), "b");
    assert_string_equal(drained(opened(0)), "a b");
    assert_string_equal(drained(opened(0)), "");
}

static void test_private(void **state)
{
    struct stat st;

    (void)state;
    put(opened(0), "a");
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(segment(0), &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
}

static void test_segments(void **state)
{
    twc_spool_t *spool = opened(0);
    char *big = malloc(6 * 1024 * 1024);
    twc_str_t payload = { big, 6 * 1024 * 1024 };
    twc_spooled_t records[BATCH];
    apr_uint64_t end;
    int count;

    (void)state;
    memset(big, 'x', payload.len);
    for (int i = 0; i < 7; i++)
        assert_int_equal(twc_spool_append(spool, &payload, 1, &end), APR_SUCCESS);
    assert_string_equal(segment(1) + strlen(dir), apr_psprintf(pool, "/%020d.spool", (int)(3 * TWC_RECORD_SIZE(payload.len))));
    for (int left = 7; left > 0; left -= count) {
        assert_int_equal(twc_spool_read(spool, pool, twc_spool_replayed(spool), records, BATCH, &count), APR_SUCCESS);
        assert_in_range(count, 1, left);
        for (int i = 0; i < count; i++)
            assert_int_equal(records[i].payload.len, payload.len);
        assert_int_equal(twc_spool_advance(spool, records[count - 1].end, count), APR_SUCCESS);
    }
    assert_false(twc_spool_pending(spool));
    free(big);
}

static void test_too_large(void **state)
{
    twc_spool_t *spool = opened(0);
    twc_str_t payload = { "", TWC_RECORD_MAX + 1 };
    apr_uint64_t end;

    (void)state;
    assert_int_equal(twc_spool_append(spool, &payload, 1, &end), APR_EINVAL);
    assert_false(twc_spool_pending(spool));
}

static void test_full(void **state)
{
    twc_spool_t *spool = opened(2 * TWC_RECORD_SIZE(1));

    (void)state;
    assert_int_equal(put(spool, "a"), APR_SUCCESS);
    assert_int_equal(put(spool, "b"), APR_SUCCESS);
    assert_int_equal(put(spool, "c"), APR_ENOSPC);
    assert_string_equal(drained(spool), "a b");
    assert_int_equal(put(spool, "c"), APR_SUCCESS);
    assert_string_equal(drained(spool), "c");
}

static void test_one_reader(void **state)
{
    twc_spool_t *one = opened(0), *other = opened(0);

    (void)state;
    assert_int_equal(twc_spool_claim(one), APR_SUCCESS);
    assert_int_equal(twc_spool_claim(other), APR_EAGAIN);
    twc_spool_release(one);
    assert_int_equal(twc_spool_claim(other), APR_SUCCESS);
}

/* A process that was stopped while it wrote. */
static void test_a_writer_that_does_not_end(void **state)
{
    twc_spool_t *spool = opened(0);
    const char *path = apr_pstrcat(pool, dir, "/append.lock", NULL);
    int fd = open(path, O_RDWR);

    (void)state;
    put(spool, "a");
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(put(spool, "b"), APR_TIMEUP);
    assert_string_equal(drained(spool), "a");
    spool = opened(0);                  /* a new process need not wait for it either */
    assert_int_equal(put(spool, "b"), APR_TIMEUP);
    close(fd);
    assert_int_equal(put(spool, "c"), APR_SUCCESS);
    assert_string_equal(drained(spool), "c");
}

static void test_a_reader_that_does_not_go_on(void **state)
{
    twc_spool_t *one = opened(0), *other = opened(0), *third = opened(0);
    twc_spooled_t records[BATCH];
    int count;

    (void)state;
    put(one, "a");
    assert_int_equal(twc_spool_claim(one), APR_SUCCESS);
    assert_int_equal(twc_spool_read(one, pool, twc_spool_replayed(one), records, BATCH, &count), APR_SUCCESS);
    put(one, "b");
    assert_int_equal(twc_spool_claim(other), APR_EAGAIN);
    one->state->claimed_at -= TWC_CLAIM_LEASE + 1;
    assert_string_equal(drained(other), "a b");
    assert_int_equal(twc_spool_claim(other), APR_SUCCESS);
    assert_int_equal(twc_spool_claim(third), APR_EAGAIN);
    put(other, "c");
    assert_false(twc_spool_holds(one));                 /* it goes on, and changes nothing */
    assert_int_equal(twc_spool_advance(one, records[0].end, 1), APR_SUCCESS);
    twc_spool_release(one);
    assert_int_equal(twc_spool_claim(one), APR_EAGAIN);
    twc_spool_release(other);
    assert_string_equal(drained(one), "c");
}

static void test_two_writers(void **state)
{
    twc_spool_t *one = opened(0), *other = opened(0);

    (void)state;
    put(one, "a");
    put(other, "b");
    put(one, "c");
    assert_string_equal(drained(other), "a b c");
    put(one, "d");
    put(other, "e");
    assert_string_equal(drained(one), "d e");
}

/* Files of ours that are open and gone. */
static int held_deleted(void)
{
    apr_finfo_t info;
    apr_dir_t *d;
    int count = 0;

    if (apr_dir_open(&d, "/proc/self/fd", pool) != APR_SUCCESS)
        skip();
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS) {
        char target[512];
        ssize_t len = readlink(apr_pstrcat(pool, "/proc/self/fd/", info.name, NULL), target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        count += strstr(target, dir) && strstr(target, ".spool (deleted)");
    }
    apr_dir_close(d);
    return count;
}

static void test_removed_files_are_let_go(void **state)
{
    twc_spool_t *one = opened(0), *other = opened(0);

    (void)state;
    put(one, "a");
    drained(other);
    assert_int_equal(held_deleted(), 1);
    twc_spool_tidy(one);
    assert_int_equal(held_deleted(), 0);
    put(one, "b");
    twc_spool_tidy(one);
    assert_string_equal(drained(other), "b");
}

/* The threads of requests write while the thread that replays empties the spool again and again. */
enum { THREADS = 4, EACH = 300 };
static volatile apr_uint32_t failed_appends;

static void *APR_THREAD_FUNC write_many(apr_thread_t *thread, void *baton)
{
    (void)thread;
    for (int i = 0; i < EACH; i++)
        if (put(baton, "x") != APR_SUCCESS)
            apr_atomic_inc32(&failed_appends);
    return NULL;
}

static void test_threads_and_a_reader(void **state)
{
    twc_spool_t *spool = opened(0);
    apr_thread_t *threads[THREADS];
    apr_pool_t *round;
    apr_status_t rv;
    int got = 0;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(apr_thread_create(&threads[i], NULL, write_many, spool, pool), APR_SUCCESS);
    apr_pool_create(&round, NULL);
    while (got < THREADS * EACH) {
        twc_spooled_t records[BATCH];
        int count;

        apr_pool_clear(round);
        assert_int_equal(twc_spool_read(spool, round, twc_spool_replayed(spool), records, BATCH, &count), APR_SUCCESS);
        for (int i = 0; i < count; i++)
            assert_non_null(records[i].payload.data);
        if (count)
            assert_int_equal(twc_spool_advance(spool, records[count - 1].end, count), APR_SUCCESS);
        got += count;
    }
    apr_pool_destroy(round);
    for (int i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    assert_int_equal(failed_appends, 0);
    assert_false(twc_spool_pending(spool));
}

static void test_bad_directory(void **state)
{
    twc_spool_t *spool;
    const char *reason = NULL;

    (void)state;
    assert_int_not_equal(twc_spool_open(&spool, pool, "/proc/none/spool", 0, &reason), APR_SUCCESS);
    assert_non_null(strstr(reason, "/proc/none/spool"));
}

/* ---- crashes ---------------------------------------------------------------------------------- */

static void test_torn_tail(void **state)
{
    (void)state;
    put(opened(0), "a");
    append_bytes(segment(0), "TWC1 00000003 0123");
    assert_string_equal(drained(opened(0)), "a");
}

static void test_torn_tail_under_a_writer(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    append_bytes(segment(0), "TWC1 00000003 0123");     /* another process died in the middle */
    put(spool, "b");
    assert_string_equal(drained(spool), "a b");
}

static void test_whole_tail_nobody_was_told_of(void **state)
{
    char record[TWC_RECORD_SIZE(1) + 1] = { 0 };
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    twc_record_write(record, (twc_str_t){ "b", 1 });
    append_bytes(segment(0), record);
    put(spool, "c");
    assert_string_equal(drained(spool), "a b c");
}

static void test_state_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    put(spool, "b");
    assert_int_equal(remove(state_path()), 0);
    assert_string_equal(drained(opened(0)), "a b");
}

static void test_state_of_rubbish(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    change(state_path(), 0, "no state at all, whatever it was");
    assert_string_equal(drained(opened(0)), "a");
}

static void test_damaged_record(void **state)
{
    twc_spool_t *spool = opened(0);
    twc_spool_stat_t stat;

    (void)state;
    put(spool, "a");
    put(spool, "bbbb");
    put(spool, "c");
    change(segment(0), (long)(TWC_RECORD_SIZE(1) + TWC_RECORD_HEAD + 1), "X");
    assert_string_equal(drained(spool), "a ! c");
    assert_int_equal(twc_spool_stat(spool, pool, &stat), APR_SUCCESS);
    assert_int_equal(stat.damaged, 1);
}

static void test_what_is_left_of_it_is_kept(void **state)
{
    twc_spool_t *spool = opened(0);
    apr_finfo_t info;
    const char *kept = NULL;
    apr_dir_t *d;

    (void)state;
    put(spool, "a");
    put(spool, "b");
    change(segment(0), -2, "X");
    drained(spool);
    put(spool, "c");                    /* in a segment of its own, which goes */
    drained(spool);
    assert_int_equal(apr_dir_open(&d, dir, pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS)
        if (strncmp(info.name, "damaged-", 8) == 0)
            kept = apr_pstrcat(pool, dir, "/", info.name, NULL);
    apr_dir_close(d);
    assert_non_null(kept);
    assert_int_equal(apr_stat(&info, kept, APR_FINFO_SIZE, pool), APR_SUCCESS);
    assert_int_equal(info.size, 2 * TWC_RECORD_SIZE(1));
}

static void test_damaged_record_and_state_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    put(spool, "bbbb");
    put(spool, "c");
    change(segment(0), (long)(TWC_RECORD_SIZE(1) + TWC_RECORD_HEAD + 1), "X");
    assert_int_equal(remove(state_path()), 0);
    assert_string_equal(drained(opened(0)), "a ! c");
}

static void test_damaged_record_and_state_set_back(void **state)
{
    const char *before = apr_pstrcat(pool, dir, "/state-before", NULL);
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    assert_int_equal(apr_file_copy(state_path(), before, APR_FPROT_OS_DEFAULT, pool), APR_SUCCESS);
    put(spool, "bbbb");
    put(spool, "c");
    change(segment(0), (long)(TWC_RECORD_SIZE(1) + TWC_RECORD_HEAD + 1), "X");
    append_bytes(segment(0), "TWC1 00000003 0123");
    assert_int_equal(rename(before, state_path()), 0);
    spool = opened(0);
    put(spool, "d");
    assert_string_equal(drained(spool), "a ! c d");
}

static void test_damaged_end_and_state_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    put(spool, "b");
    change(segment(0), -2, "X");
    assert_int_equal(remove(state_path()), 0);
    spool = opened(0);
    put(spool, "c");
    assert_string_equal(drained(spool), "a ! c");
}

/* The records before and behind it are whole; what shares its block is not to be had. */
static void test_bad_block(void **state)
{
    twc_spool_t *spool = opened(0);
    char large[3 * 4096 + 1];

    (void)state;
    memset(large, 'b', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    put(spool, "a");
    put(spool, large);
    put(spool, "c");
    bad_from = 4096 + 100;
    bad_to = bad_from + 1;
    assert_string_equal(drained(spool), "a ! c");
}

static void test_bad_block_and_state_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    assert_int_equal(remove(state_path()), 0);
    bad_to = 1;
    assert_string_equal(drained(opened(0)), "!");
}

static const char *content_of_dir(void)
{
    const char *all = "";
    apr_finfo_t info;
    apr_dir_t *d;

    assert_int_equal(apr_dir_open(&d, dir, pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS)
        if (apr_stat(&info, apr_pstrcat(pool, dir, "/", info.name, NULL), APR_FINFO_SIZE | APR_FINFO_MTIME, pool) == APR_SUCCESS)
            all = apr_psprintf(pool, "%s %s:%ld:%" APR_TIME_T_FMT, all, info.fname, (long)info.size, info.mtime);
    apr_dir_close(d);
    return all;
}

static void test_looking_changes_nothing(void **state)
{
    twc_spool_t *spool = opened(0);
    twc_spooled_t records[BATCH];
    const char *reason, *before;
    int count;

    (void)state;
    put(spool, "a");
    put(spool, "bbbb");
    put(spool, "c");
    change(segment(0), (long)(TWC_RECORD_SIZE(1) + TWC_RECORD_HEAD + 1), "X");
    append_bytes(segment(0), "TWC1 00000003 0123");
    assert_int_equal(remove(state_path()), 0);
    assert_true(twc_spool_exists(pool, dir));
    before = content_of_dir();
    assert_int_equal(twc_spool_look(&spool, pool, dir, &reason), APR_SUCCESS);
    assert_int_equal(twc_spool_read(spool, pool, twc_spool_replayed(spool), records, BATCH, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(twc_spool_read(spool, pool, records[0].end, records, BATCH, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_null(records[0].payload.data);
    assert_int_equal(twc_spool_read(spool, pool, records[0].end, records, BATCH, &count), APR_SUCCESS);
    assert_int_equal(count, 1);
    assert_string_equal(records[0].payload.data, "c");
    assert_int_equal(records[0].end, twc_spool_written(spool));
    assert_string_equal(content_of_dir(), before);
}

static void test_no_spool(void **state)
{
    twc_spool_t *spool;
    const char *reason;

    (void)state;
    assert_false(twc_spool_exists(pool, "/"));
    assert_false(twc_spool_exists(pool, dir));
    assert_int_not_equal(twc_spool_look(&spool, pool, dir, &reason), APR_SUCCESS);
    assert_non_null(strstr(reason, dir));
}

static void test_damaged_end(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    put(spool, "b");
    change(segment(0), -2, "X");
    assert_string_equal(drained(spool), "a !");
    put(spool, "c");
    assert_string_equal(drained(spool), "c");
}

static void test_bytes_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    put(spool, "b");
    assert_int_equal(truncate(segment(0), (off_t)TWC_RECORD_SIZE(1) + 10), 0);
    put(spool, "c");
    assert_string_equal(drained(spool), "a ! c");
}

static void test_segment_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    (void)state;
    put(spool, "a");
    assert_int_equal(remove(segment(0)), 0);
    assert_string_equal(drained(spool), "!");
    assert_string_equal(drained(opened(0)), "");
}

/* Children write numbered records and tell each that is safe by a pipe; all are killed at some moment. */
static void write_until_killed(int writer, int out)
{
    twc_spool_t *spool = opened(0);

    for (int i = 0; ; i++) {
        char text[24];

        apr_snprintf(text, sizeof(text), "%d:%06d", writer, i);
        if (put(spool, text) != APR_SUCCESS || write(out, text, 8) != 8)
            _exit(1);
    }
}

static void test_killed_writers(void **state)
{
    enum { WRITERS = 3 };
    pid_t pids[WRITERS];
    int ends[2], told = 0, status;
    char text[9] = { 0 };
    const char *all;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (int w = 0; w < WRITERS; w++) {
        pids[w] = fork();
        assert_true(pids[w] >= 0);
        if (pids[w] == 0)
            write_until_killed(w, ends[1]);
    }
    close(ends[1]);
    apr_array_header_t *heard = apr_array_make(pool, 500, sizeof(char *));
    while (told < 300 && read(ends[0], text, 8) == 8) {
        APR_ARRAY_PUSH(heard, char *) = apr_pstrdup(pool, text);
        if (++told % 100 == 0)
            kill(pids[told / 100 - 1], SIGKILL);
    }
    for (int w = 0; w < WRITERS; w++) {
        kill(pids[w], SIGKILL);
        assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
    }
    while (read(ends[0], text, 8) == 8)
        APR_ARRAY_PUSH(heard, char *) = apr_pstrdup(pool, text);
    close(ends[0]);
    all = drained(opened(0));
    for (int i = 0; i < heard->nelts; i++)
        assert_non_null(strstr(all, APR_ARRAY_IDX(heard, i, char *)));
    assert_null(strstr(all, "!"));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, fresh, cleared)
    const struct CMUnitTest tests[] = {
        T(test_record), T(test_record_length_lies), T(test_record_found_behind_rubbish),
        T(test_order), T(test_empty_when_done), T(test_survives_reopening), T(test_private), T(test_segments),
        T(test_too_large), T(test_full), T(test_one_reader), T(test_two_writers), T(test_a_writer_that_does_not_end),
        T(test_a_reader_that_does_not_go_on), T(test_removed_files_are_let_go), T(test_threads_and_a_reader), T(test_bad_directory),
        T(test_torn_tail), T(test_torn_tail_under_a_writer), T(test_whole_tail_nobody_was_told_of), T(test_state_lost),
        T(test_state_of_rubbish), T(test_damaged_record), T(test_what_is_left_of_it_is_kept),
        T(test_damaged_record_and_state_lost), T(test_damaged_record_and_state_set_back), T(test_damaged_end_and_state_lost),
        T(test_bad_block), T(test_bad_block_and_state_lost), T(test_looking_changes_nothing), T(test_no_spool), T(test_damaged_end), T(test_bytes_lost), T(test_segment_lost),
        T(test_killed_writers),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
