/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * load.c - the kernel's count of what the processors do.
 * Must never fail: where nothing can be read nothing is known.
 * Called by util/hasher.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/load.h"

#define FIELDS 8                        /* what comes after steal is counted in user and nice already */
#define IDLE   3
#define IOWAIT 4

twc_load_t twc_load_read(const char *line)
{
    twc_load_t load = { 0, 0 };
    const char *at = line + 4;

    if (strncmp(line, "cpu ", 4) != 0)
        return load;
    for (int i = 0; i < FIELDS; i++) {
        char *end;
        apr_uint64_t ticks = strtoull(at, &end, 10);

        if (end == at)
            break;
        load.total += ticks;
        if (i == IDLE || i == IOWAIT)
            load.idle += ticks;
        at = end;
    }
    return load;
}

twc_load_t twc_load_now(void)
{
    char line[256] = "";
    int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return (twc_load_t){ 0, 0 };
    do
        n = read(fd, line, sizeof(line) - 1);
    while (n < 0 && errno == EINTR);
    close(fd);
    line[n > 0 ? n : 0] = '\0';
    return twc_load_read(line);
}

bool twc_load_is_high(const twc_load_t *before, const twc_load_t *after)
{
    apr_uint64_t total = after->total - before->total, idle = after->idle - before->idle;

    return before->total > 0 && after->total > before->total && idle < total / 4 + (total < 4);
}
