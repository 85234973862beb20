/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.h - the last calls, for tests and people who look for a mistake: one
 * journal of what was asked of us, one of what we called. Thread-safe by itself.
 */
#ifndef SB_JOURNAL_H
#define SB_JOURNAL_H

#include <jansson.h>

#include "box.h"

/** One call; strings are copied by sb_journal_add. NULL and 0 stand for "none". */
typedef struct sb_entry_t {
    apr_uint64_t id;                    /* set by sb_journal_add */
    apr_time_t time;
    const char *kind;                   /* webhooks: "status", "inbound", ...; static storage */
    const char *method;
    const char *url;                    /* requests: path and query */
    const char *params;                 /* form-encoded */
    const char *headers;                /* "Name: value\n"... */
    const char *user;                   /* requests: who signed in */
    const char *sid;                    /* the message it is about */
    int status;                         /* of the answer; 0: none came */
    int error_code;                     /* webhooks: what Twilio would record */
    const char *answer;                 /* webhooks: its body, cut; requests: none */
    const char *note;                   /* fault injected, or why it failed */
    int attempt;
    apr_interval_time_t took;
} sb_entry_t;

sb_journal_t *sb_journal_create(apr_pool_t *pool, int size);
void sb_journal_add(sb_journal_t *journal, const sb_entry_t *entry);
void sb_journal_clear(sb_journal_t *journal);

/** Which entries are wanted. */
typedef struct sb_look_t {
    apr_uint64_t after;                 /* ids above */
    const char *sid, *kind, *method, *path; /* path: a part of the URL; NULL: any */
    int limit;                          /* the newest so many */
} sb_look_t;

/** [{"id","time","method","url","params":{...}|name:[...],...}] oldest first; new reference. */
json_t *sb_journal_json(apr_pool_t *pool, sb_journal_t *journal, const sb_look_t *look);

#endif
