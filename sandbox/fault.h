/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fault.h - what is to go wrong. Chances and counts are set through
 * /sandbox/faults; with a seed, the same calls fail in the same order.
 * Every call needs box->lock.
 */
#ifndef SB_FAULT_H
#define SB_FAULT_H

#include <jansson.h>

#include "store.h"

/** Things that happen with a chance ("rate_X": 0..1) or the next times ("next_X": count). */
typedef enum {
    SB_FAULT_429,                       /* refused, never processed */
    SB_FAULT_500,                       /* 500/20500, not processed */
    SB_FAULT_503,                       /* 503/20503, not processed */
    SB_FAULT_500_AFTER_ACCEPT,          /* processed, yet answered 500 */
    SB_FAULT_RESET_BEFORE,              /* TCP reset, not processed */
    SB_FAULT_RESET_AFTER_ACCEPT,        /* processed, then a TCP reset */
    SB_FAULT_STALL,                     /* processed, answered stall_ms later */
    SB_FAULT_STALL_BEFORE,              /* stall_ms of silence, then a TCP reset, not processed */
    SB_FAULT_GARBAGE,                   /* processed, answered with 200 and a page of HTML */
    SB_FAULT_NO_SID,                    /* processed, answered with 201 and {} */
    SB_FAULT_REFUSE,                    /* 400 with refuse_code */
    SB_FAULT_CALLBACK_DUPLICATE,        /* a callback is made twice */
    SB_FAULT_CALLBACK_LOST,             /* a callback is not made */
    SB_FAULT_FINAL,                     /* the message ends as `final` says (rate 1 by default) */
    SB_FAULT_MEDIA_404,                 /* an attachment is not ready yet */
    SB_FAULT_KINDS
} sb_fault_e;

struct sb_faults_t {
    double rate[SB_FAULT_KINDS];
    int next[SB_FAULT_KINDS];
    int latency_ms, latency_jitter_ms;  /* every API call, after it was processed */
    int stall_ms;
    int retry_after;                    /* seconds, with 429 and 503; 0 = no header */
    int max_concurrent;                 /* 429 above so many API calls at once; 0 = no limit */
    int refuse_code;
    int callback_delay_ms;
    bool callback_shuffle;              /* each callback waits 0..callback_delay_ms (else 1000) */
    bool no_callbacks, no_walk;
    bool all_calls;                     /* "scope":"all": not only message creates */
    bool strict_media;                  /* a MediaUrl that cannot be fetched fails the message */
    bool media_redirect;                /* attachments answer 307 to another address */
    bool whatsapp_window;
    double mps;                         /* segments per second of each sender; 0 = no limit */
    sb_status_e final;
    int error_code;
    apr_uint64_t seed, state;
};

/** No faults; the window as configured. */
void sb_faults_clear(sb_faults_t *faults, const sb_conf_t *conf);

/** Does it happen this time? Counts go first. */
bool sb_fault_draw(sb_faults_t *faults, sb_fault_e kind);

/** A number in [0, below). */
int sb_fault_random(sb_faults_t *faults, int below);

/**
 * Change what the object names; the rest stays.
 * @return NULL, or what is wrong (then nothing was changed)
 */
const char *sb_faults_set(apr_pool_t *pool, sb_faults_t *faults, json_t *object);

/** Everything settable with its present value; counts that are left. New reference. */
json_t *sb_faults_json(apr_pool_t *pool, const sb_faults_t *faults);

#endif
