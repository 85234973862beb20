/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * mask.h - how private things may appear in a log.
 */
#ifndef TWC_UTIL_MASK_H
#define TWC_UTIL_MASK_H

#include "twc.h"

/**
 * "+14155552671" -> "+1415•••2671", a channel prefix is kept; addresses of less than 12 characters
 * lose all but the last two. NULL gives "-". address is well-formed UTF-8, and so is the result.
 */
const char *twc_mask_phone(apr_pool_t *pool, const char *address);

/** "AC0123...9f" -> "AC01…9f"; anything under 10 characters becomes "…". */
const char *twc_mask_sid(apr_pool_t *pool, const char *sid);

/** Must the value of a form field, JSON key or header of this name stay out of logs? (one table, any case) */
bool twc_mask_is_sensitive(const char *name);

#endif
