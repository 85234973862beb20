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

/** Does somebody of this role need a second factor they do not have? */
bool twc_basic_lacks_factor(const twc_conf_t *conf, twc_role_e role, bool has);
/** Was it a password of ours by which Apache's own authentication let somebody in? */
bool twc_basic_let_in(const request_rec *r);

/** auth_checker hook, before all others: whoever signed in with us and may do nothing is kept out of what is not ours, too. */
int twc_basic_authz(request_rec *r);

/** AuthBasicProvider twchat, Require twchat-role. Called while hooks are registered. */
void twc_basic_register(apr_pool_t *pool);

#endif
