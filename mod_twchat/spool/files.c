/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * files.c - names, directory and bytes of a spool.
 * Must never take a file that is not ours for a segment, nor give up a segment for one bad block.
 * Called by spool.c and reader.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/files.h"

#define DIGITS 20
#define SUFFIX ".spool"
#define DAMAGED "damaged-"
#define BLOCK  4096

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
        if (strncmp(info.name, DAMAGED, strlen(DAMAGED)) == 0)
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

/* What a disk or a file system with checksums says of a block that it has lost. */
static bool is_lost(int error)
{
    return error == EIO || error == EBADMSG || error == EUCLEAN;
}

/* All at once, and block by block from the first trouble on. */
static apr_status_t fill(int fd, char *data, apr_size_t len, apr_uint64_t offset)
{
    bool careful = false;
    apr_size_t got = 0;

    while (got < len) {
        apr_uint64_t at = offset + got;
        apr_size_t piece = careful ? BLOCK - at % BLOCK : len;
        ssize_t n;

        if (piece > len - got)
            piece = len - got;
        n = pread(fd, data + got, piece, (off_t)at);
        if (n == 0)
            return APR_EOF;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !is_lost(errno))
            return apr_get_os_error();
        if (n < 0 && !careful) {
            careful = true;
            continue;
        }
        if (n < 0)
            memset(data + got, 0, piece);
        got += n < 0 ? piece : (apr_size_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t twc_segment_read(apr_pool_t *pool, const char *path, apr_uint64_t offset, apr_size_t len, twc_str_t *bytes)
{
    char *data = apr_palloc(pool, len + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    apr_status_t rv = APR_SUCCESS;

    *bytes = (twc_str_t){ data, len };
    if (fd < 0 && !is_lost(errno))
        return apr_get_os_error();
    if (fd < 0) {
        memset(data, 0, len);
        return rv;
    }
    rv = fill(fd, data, len, offset);
    close(fd);
    return rv;
}

/* The time keeps it apart from one of an earlier spool: positions begin anew when the state was lost. */
static const char *kept_path(apr_pool_t *pool, const char *dir, apr_uint64_t start)
{
    return apr_psprintf(pool, "%s/" DAMAGED "%020" APR_UINT64_T_FMT "-%" APR_TIME_T_FMT, dir, start, apr_time_now());
}

void twc_segment_dispose(apr_pool_t *scratch, const char *dir, apr_uint64_t start, bool keep)
{
    const char *path = twc_segment_path(scratch, dir, start);

    if (keep)
        (void)apr_file_rename(path, kept_path(scratch, dir, start), scratch);
    else
        (void)apr_file_remove(path, scratch);
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
