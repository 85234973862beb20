/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * change.h - how an account is changed: what is done to it, what ends with it, and what is written down of it. For the
 * files of domain/ that have the rules.
 */
#ifndef TWC_DOMAIN_CHANGE_H
#define TWC_DOMAIN_CHANGE_H

#include "store/user.h"

/** A change of one account: what it was, the change, what it is now. */
typedef struct twc_change_t {
    apr_int64_t id;
    apr_int64_t keep;                   /* this sign-in does not end; 0: no exception */
    const char *action;                 /* in the audit log */
    apr_status_t (*apply)(twc_ctx_t *ctx, const struct twc_change_t *change);
    /* for apply, whatever it wants of them */
    const twc_user_change_t *fields;
    const char *text;                   /* hash, ids */
    twc_role_e role;
    bool on;
    const void *more;
    /* what it may lead to */
    bool loses_super;                   /* it may take the super_admin away */
    bool raises;                        /* it may give a role, or a higher one */
    const char *ends;                   /* sign-ins end for this reason; NULL: they stay */
    const char *before, *after;         /* out, for the audit log */
} twc_change_t;

/**
 * Carry out what is done to one account in one go: all of it and its lines in the audit log, or nothing.
 * @return APR_SUCCESS | APR_ENOENT "user_unknown" | APR_EEXIST "last_super_admin", "password_unfit" | what apply returns
 */
apr_status_t twc_change_run(twc_ctx_t *ctx, twc_change_t *changes, int count);

/** A transaction that meets another's: of two at once the slower one learns only that it was; looking again tells at what. */
apr_status_t twc_change_repeat(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *ctx, void *baton), void *baton);

/** An id as the audit log has it, in ctx->pool. */
const char *twc_change_id(twc_ctx_t *ctx, apr_int64_t id);

#endif
