/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what happened, for people and for programs. People read httpd's error log, with one
 * tag per message (TWC1234, never reused); programs read TwchatLog, one JSON object per line:
 *   {"time","category","event","tenant",...}   category: auth, webhook, messages, work
 * Neither ever holds message texts, secrets or unmasked numbers.
 */
#ifndef TWC_GLUE_LOG_H
#define TWC_GLUE_LOG_H

#include <httpd.h>

#include "twc.h"

typedef struct twc_log_t twc_log_t;

/** Open a file (append) or "|program", as root, before children exist. NULL when that fails; told in the error log. */
twc_log_t *twc_log_open(apr_pool_t *pconf, server_rec *s, const char *target);

/**
 * Write one line. What follows are pairs of name and text, ended by NULL; pairs whose text is
 * NULL are left out, names in mask.h's table are not shown.
 * @param log  may be NULL: then nothing happens
 */
void twc_log_event(twc_log_t *log, apr_pool_t *pool, const char *tenant, const char *category,
                   const char *event, ...) __attribute__((sentinel));

/** A thread's way to the error log and, for what an administrator must know, to TwchatLog (twc_log_fn of work.h). */
void twc_log_work(void *server, int level, apr_status_t rv, const char *tag, const char *text);

#endif
