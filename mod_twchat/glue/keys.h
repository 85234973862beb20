/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keys.h - what a child remembers of credentials it has checked: API keys for a few seconds, so that a revoked one soon ends, and
 * passwords that Basic authentication sends with every request, which would take a processor's tenth of a second each.
 */
#ifndef TWC_GLUE_KEYS_H
#define TWC_GLUE_KEYS_H

#include "store/setting.h"
#include "store/user.h"

typedef struct twc_keys_t twc_keys_t;

apr_status_t twc_keys_create(twc_keys_t **keys, apr_pool_t *pool);

/**
 * Whose API key is this?
 * @param key  out: name NULL when it is nobody's
 * @return APR_SUCCESS | APR_EAGAIN and others of the database: nobody can say right now
 */
apr_status_t twc_keys_check(twc_keys_t *keys, twc_ctx_t *ctx, const char *text, twc_apikey_t *key);

/** Was this password right for this account as it is now, a short while ago? A changed password is another one. */
bool twc_keys_password_known(twc_keys_t *keys, apr_pool_t *pool, const twc_user_t *user, const char *password);
void twc_keys_password_remember(twc_keys_t *keys, apr_pool_t *pool, const twc_user_t *user, const char *password);

#endif
