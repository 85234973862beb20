/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * load.h - whether the machine has processors to spare.
 */
#ifndef TWC_UTIL_LOAD_H
#define TWC_UTIL_LOAD_H

#include <stdbool.h>

#include <apr.h>

/** What all processors together have done since the machine started, in the kernel's ticks (proc(5), /proc/stat). */
typedef struct twc_load_t {
    apr_uint64_t total, idle;           /* both 0: the system does not tell */
} twc_load_t;

twc_load_t twc_load_now(void);

/** From the first line of /proc/stat: "cpu  user nice system idle iowait irq softirq steal ...". */
twc_load_t twc_load_read(const char *line);

/** Was less than a quarter of the time between the two idle? False where nobody can say. */
bool twc_load_is_high(const twc_load_t *before, const twc_load_t *after);

#endif
