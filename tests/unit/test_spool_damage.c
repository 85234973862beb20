/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_spool_damage.c - what a spool gives back when files were torn, changed or lost, blocks cannot be read, and writers died.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>

#include "spooling.h"

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

/* ---- crashes ---------------------------------------------------------------------------------- */

static void test_torn_tail(void **state)
{
    put(opened(0), "a");
    append_bytes(segment(0), "TWC1 00000003 0123");
    assert_string_equal(drained(opened(0)), "a");
}

static void test_torn_tail_under_a_writer(void **state)
{
    twc_spool_t *spool = opened(0);

    put(spool, "a");
    append_bytes(segment(0), "TWC1 00000003 0123");     /* another process died in the middle */
    put(spool, "b");
    assert_string_equal(drained(spool), "a b");
}

static void test_whole_tail_nobody_was_told_of(void **state)
{
    char record[TWC_RECORD_SIZE(1) + 1] = { 0 };
    twc_spool_t *spool = opened(0);

    put(spool, "a");
    twc_record_write(record, (twc_str_t){ "b", 1 });
    append_bytes(segment(0), record);
    put(spool, "c");
    assert_string_equal(drained(spool), "a b c");
}

static void test_state_lost(void **state)
{
    twc_spool_t *spool = opened(0);

    put(spool, "a");
    put(spool, "b");
    assert_int_equal(remove(state_path()), 0);
    assert_string_equal(drained(opened(0)), "a b");
}

static void test_state_of_rubbish(void **state)
{
    twc_spool_t *spool = opened(0);

    put(spool, "a");
    change(state_path(), 0, "no state at all, whatever it was");
    assert_string_equal(drained(opened(0)), "a");
}

static void test_damaged_record(void **state)
{
    twc_spool_t *spool = opened(0);
    twc_spool_stat_t stat;

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

static void test_damaged_end(void **state)
{
    twc_spool_t *spool = opened(0);

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

    put(spool, "a");
    put(spool, "b");
    assert_int_equal(truncate(segment(0), (off_t)TWC_RECORD_SIZE(1) + 10), 0);
    put(spool, "c");
    assert_string_equal(drained(spool), "a ! c");
}

static void test_segment_lost(void **state)
{
    twc_spool_t *spool = opened(0);

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
    const struct CMUnitTest tests[] = {
        TEST(test_torn_tail), TEST(test_torn_tail_under_a_writer), TEST(test_whole_tail_nobody_was_told_of),
        TEST(test_state_lost), TEST(test_state_of_rubbish), TEST(test_damaged_record), TEST(test_what_is_left_of_it_is_kept),
        TEST(test_damaged_record_and_state_lost), TEST(test_damaged_record_and_state_set_back),
        TEST(test_damaged_end_and_state_lost), TEST(test_bad_block), TEST(test_bad_block_and_state_lost),
        TEST(test_looking_changes_nothing), TEST(test_damaged_end), TEST(test_bytes_lost), TEST(test_segment_lost),
        TEST(test_killed_writers),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("spool_damage", tests, NULL, NULL);
}
