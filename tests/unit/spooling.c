/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooling.c - a spool in a directory of its own for each test, on a disk that can have a bad block.
 */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "spooling.h"

apr_pool_t *pool;
char dir[64];
off_t bad_from, bad_to;

static int dirs;

/* In place of the C library's. */
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

int fresh(void **state)
{
    bad_from = bad_to = 0;
    apr_snprintf(dir, sizeof(dir), "spool-test-%d-%d", (int)getpid(), ++dirs);
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

int cleared(void **state)
{
    apr_pool_t *p;
    apr_dir_t *d;
    apr_finfo_t info;

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

twc_spool_t *opened(apr_uint64_t max)
{
    twc_spool_t *spool;
    const char *reason = "";
    apr_status_t rv = twc_spool_open(&spool, pool, dir, max, &reason);

    if (rv != APR_SUCCESS)
        print_error("%s\n", reason);
    assert_int_equal(rv, APR_SUCCESS);
    return spool;
}

apr_status_t put(twc_spool_t *spool, const char *text)
{
    twc_str_t payload = { text, strlen(text) };
    apr_uint64_t end;

    return twc_spool_append(spool, &payload, 1, &end);
}

const char *drained(twc_spool_t *spool)
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

const char *segment(int which)
{
    apr_array_header_t *list;

    assert_int_equal(twc_segment_list(pool, dir, &list, NULL), APR_SUCCESS);
    assert_true(which < list->nelts);
    return twc_segment_path(pool, dir, APR_ARRAY_IDX(list, which, twc_segment_t).start);
}
