/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * basic.h - name and password in a request (Basic authentication), against our accounts.
 */
#ifndef TWC_GLUE_BASIC_H
#define TWC_GLUE_BASIC_H

#include <httpd.h>

#include "glue/tenant.h"
#include "store/user.h"

/**
 * Check them. Accounts with a second factor cannot use them: a password alone must not be enough for them.
 * @return APR_SUCCESS | APR_EACCES wrong, disabled, second factor | APR_EBUSY too many attempts, problem->wait says how long
 *         | others: nobody can say right now
 */
apr_status_t twc_basic_check(twc_tenant_t *tenant, twc_ctx_t *ctx, const char *name, const char *password, const char *address,
                             const char *device, twc_user_t **user);

/** AuthBasicProvider twchat, Require twchat-role. Called while hooks are registered. */
void twc_basic_register(apr_pool_t *pool);

#endif
