/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * number.h - the senders of an account: finding, adding, changing their settings.
 */
#ifndef SB_NUMBER_H
#define SB_NUMBER_H

#include "request.h"

/** The sender of that address, or NULL; any thread, no lock. */
sb_number_t *sb_number_find(const sb_account_t *account, const char *address);

/** A sender with default settings in pool, of no account yet. */
sb_number_t *sb_number_make(apr_pool_t *pool, const sb_account_t *account, const char *address);

/** Give it to the account; pool outlives the account's use. Needs box->lock once the child runs. */
void sb_number_add(apr_pool_t *pool, sb_account_t *account, sb_number_t *number);

/** NULL, or the first field of the form (SmsUrl, SmsMethod, ...) that is wrong. */
const char *sb_number_check(sb_req_t *q);

/** Take over what the form says, and record it. Needs box->lock. */
void sb_number_apply(sb_req_t *q, sb_account_t *account, sb_number_t *number);

#endif
