/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.h - what all children together have done since the server was started, per tenant;
 * shown by server-status. Counters live in shared memory.
 */
#ifndef TWC_GLUE_STATUS_H
#define TWC_GLUE_STATUS_H

#include <httpd.h>

typedef enum {
    TWC_COUNT_ACCEPTED,                 /* webhooks stored */
    TWC_COUNT_DUPLICATE,                /* known already */
    TWC_COUNT_SPOOLED,                  /* kept on disk, because the database is away */
    TWC_COUNT_REFUSED,                  /* wrong signature */
    TWC_COUNT_INVALID,                  /* nothing to store */
    TWC_COUNT_FAILED,                   /* could not be stored: Twilio was told to come again */
    TWC_COUNT_API,                      /* requests of operators and programs */
    TWC_COUNT_DENIED,                   /* without valid credentials */
    TWC_COUNT_UNAVAILABLE,              /* 503 */
    TWC_COUNT_STREAMS,                  /* live pages opened */
    TWC_COUNTS
} twc_count_e;

/** post_config: shared memory for all tenants. */
apr_status_t twc_counters_create(apr_pool_t *pconf, server_rec *main_server);

/** post_config: a set of counters under this name; -1 when there is none left. */
int twc_counters_claim(const char *tenant);

/** Count one. */
void twc_counters_add(int counters, twc_count_e which);

/** status_hook of mod_status. */
int twc_status_block(request_rec *r, int flags);

#endif
