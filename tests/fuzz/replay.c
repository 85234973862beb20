/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - runs a fuzz target over its corpus, or over the files that are named: the main of builds without libFuzzer.
 * Prints TAP.
 */
#include <apr_file_io.h>
#include <apr_file_info.h>
#include <apr_tables.h>

#define FUZZ_REPLAY
#include "fuzz.h"

static apr_pool_t *pool;
static int count;

static void play(const char *path)
{
    apr_finfo_t info;
    apr_file_t *file;
    uint8_t *data;
    apr_size_t len;

    if (apr_stat(&info, path, APR_FINFO_SIZE | APR_FINFO_TYPE, pool) != APR_SUCCESS || info.filetype != APR_REG)
        return;
    len = (apr_size_t)info.size;
    data = malloc(len ? len : 1);       /* as long as the file, so that reading beyond it is noticed */
    REQUIRE(data);
    REQUIRE(apr_file_open(&file, path, APR_FOPEN_READ, 0, pool) == APR_SUCCESS);
    REQUIRE(len == 0 || apr_file_read_full(file, data, len, &len) == APR_SUCCESS);
    apr_file_close(file);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    printf("ok %d - %s\n", ++count, path);
}

static void play_dir(const char *dir)
{
    apr_dir_t *d;
    apr_finfo_t info;

    REQUIRE(apr_dir_open(&d, dir, pool) == APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS)
        play(apr_pstrcat(pool, dir, "/", info.name, NULL));
    apr_dir_close(d);
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_"), *src = getenv("srcdir");

    for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
        name = next;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (argc > 1)
        for (int i = 1; i < argc; i++)
            play(argv[i]);
    else
        play_dir(apr_pstrcat(pool, src ? src : ".", "/tests/fuzz/corpus/", name ? name + 5 : "", NULL));
    printf("1..%d\n", count);
    return count == 0;
}
