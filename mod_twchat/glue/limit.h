/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * limit.h - how often one caller may ask: a token bucket per account or key that all children and hosts share. A child draws slices of
 * it, so that most requests ask nobody.
 */
#ifndef TWC_GLUE_LIMIT_H
#define TWC_GLUE_LIMIT_H

#include "glue/request.h"

typedef struct twc_limits_t twc_limits_t;

apr_status_t twc_limits_create(twc_limits_t **limits, apr_pool_t *pool);

/**
 * May this caller ask once more?
 * @param wait  out when APR_EACCES: until they may
 * @return APR_SUCCESS | APR_EACCES too many | others of the database
 */
apr_status_t twc_limit_take(twc_limits_t *limits, twc_ctx_t *ctx, const twc_principal_t *who, apr_interval_time_t *wait);

#endif
