/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * files.c - names and directory of a spool.
 * Must never take a file that is not ours for a segment.
 * Called by spool.c and reader.c.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/files.h"

#define DIGITS 20
#define SUFFIX ".spool"

const char *twc_segment_path(apr_pool_t *pool, const char *dir, apr_uint64_t start)
{
    return apr_psprintf(pool, "%s/%020" APR_UINT64_T_FMT SUFFIX, dir, start);
}

static bool read_name(const char *name, apr_uint64_t *start)
{
    if (strspn(name, "0123456789") != DIGITS || strcmp(name + DIGITS, SUFFIX) != 0)
        return false;
    *start = strtoull(name, NULL, 10);
    return true;
}

static int by_start(const void *a, const void *b)
{
    const twc_segment_t *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

apr_status_t twc_segment_list(apr_pool_t *pool, const char *dir, apr_array_header_t **segments, int *damaged)
{
    apr_array_header_t *list = apr_array_make(pool, 4, sizeof(twc_segment_t));
    apr_finfo_t info;
    apr_dir_t *d;
    apr_uint64_t start;
    int aside = 0;

    TWC_TRY(apr_dir_open(&d, dir, pool));
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS) {
        if (strncmp(info.name, "damaged-", 8) == 0)
            aside++;
        if (!read_name(info.name, &start))
            continue;
        if (apr_stat(&info, twc_segment_path(pool, dir, start), APR_FINFO_SIZE, pool) != APR_SUCCESS)
            continue;                   /* the reader was quicker */
        APR_ARRAY_PUSH(list, twc_segment_t) = (twc_segment_t){ start, (apr_uint64_t)info.size };
    }
    apr_dir_close(d);
    qsort(list->elts, (size_t)list->nelts, sizeof(twc_segment_t), by_start);
    *segments = list;
    if (damaged)
        *damaged = aside;
    return APR_SUCCESS;
}

apr_status_t twc_dir_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    if (fd < 0)
        return apr_get_os_error();
    if (fsync(fd) != 0)
        rv = apr_get_os_error();
    close(fd);
    return rv;
}
