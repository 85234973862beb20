/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * balance.h - the account's balance, asked for at most once a minute per child.
 */
#ifndef TWC_API_BALANCE_H
#define TWC_API_BALANCE_H

#include "glue/request.h"

apr_status_t twc_balance_create(twc_balance_t **balance, apr_pool_t *pool);

/** Amount and currency as Twilio writes them, in the request's pool. Errors as twc_client_balance. */
apr_status_t twc_balance_get(twc_req_t *q, const char **amount, const char **currency);

#endif
