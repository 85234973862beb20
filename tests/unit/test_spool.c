/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_spool.c - records on disk: in order, whole or not at all.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_thread_proc.h>

#include "spooling.h"

/* ---- records --------------------------------------------------------------------------- */

static void test_record(void **state)
{
    const char *text = "a=b\nTWC1 c";
    twc_str_t payload = { text, strlen(text) }, back;
    char file[TWC_RECORD_SIZE(10)];

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

    twc_record_write(file, payload);
    memcpy(file + 5, "ffffffff", 8);
    assert_int_equal(twc_record_read(file, sizeof(file), &payload), TWC_RECORD_BAD);
    memcpy(file + 5, "0000000G", 8);
    assert_int_equal(twc_record_read(file, sizeof(file), &payload), TWC_RECORD_BAD);
}

static void test_record_found_behind_rubbish(void **state)
{
    char file[40 + TWC_RECORD_SIZE(1)];

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
    put(opened(0), "a");
    put(opened(0), "b");
    assert_string_equal(drained(opened(0)), "a b");
    assert_string_equal(drained(opened(0)), "");
}

static void test_private(void **state)
{
    struct stat st;

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

    assert_int_equal(twc_spool_append(spool, &payload, 1, &end), APR_EINVAL);
    assert_false(twc_spool_pending(spool));
}

static void test_full(void **state)
{
    twc_spool_t *spool = opened(2 * TWC_RECORD_SIZE(1));

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

    assert_int_not_equal(twc_spool_open(&spool, pool, "/proc/none/spool", 0, &reason), APR_SUCCESS);
    assert_non_null(strstr(reason, "/proc/none/spool"));
}

static void test_no_spool(void **state)
{
    twc_spool_t *spool;
    const char *reason;

    assert_false(twc_spool_exists(pool, "/"));
    assert_false(twc_spool_exists(pool, dir));
    assert_int_not_equal(twc_spool_look(&spool, pool, dir, &reason), APR_SUCCESS);
    assert_non_null(strstr(reason, dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_record), TEST(test_record_length_lies), TEST(test_record_found_behind_rubbish), TEST(test_order),
        TEST(test_empty_when_done), TEST(test_survives_reopening), TEST(test_private), TEST(test_segments), TEST(test_too_large),
        TEST(test_full), TEST(test_one_reader), TEST(test_two_writers), TEST(test_a_writer_that_does_not_end),
        TEST(test_a_reader_that_does_not_go_on), TEST(test_removed_files_are_let_go), TEST(test_threads_and_a_reader),
        TEST(test_bad_directory), TEST(test_no_spool),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
