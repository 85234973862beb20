/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * change.c - changes of accounts: guarded, all of them or none, with their lines in the audit log.
 * Must never leave a change without its line, nor the house without a super_admin.
 * Called by account.c and factor.c.
 */
#include <string.h>

#include "domain/change.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/signin.h"

const char *twc_change_id(twc_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, id);
}

/* What is done to one account in one go, all of it or nothing. */
typedef struct changes_t {
    twc_change_t *change;
    int count;
} changes_t;

static apr_status_t guard_last(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_user_t *user;
    int others;

    TWC_TRY(twc_user_other_supers(ctx, id, &others));
    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->role == TWC_ROLE_SUPER && user->active && others == 0)
        return twc_problem(ctx, APR_EEXIST, "last_super_admin", "This is the last active super_admin; make somebody else one first.");
    return APR_SUCCESS;
}

/* Registered with whatever was good enough for an account without rights: it does not do for one with them. */
static apr_status_t guard_rise(twc_ctx_t *ctx, apr_int64_t id, twc_role_e before)
{
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->role > before && user->password_hash && !user->password_fit)
        return twc_problem(ctx, APR_EEXIST, "password_unfit", "The password of this account is too weak for a role. Its owner can choose a "
                           "better one, or an administrator can set one; then give the role.");
    return APR_SUCCESS;
}

static apr_status_t carry_out(twc_ctx_t *ctx, twc_change_t *change)
{
    twc_user_t *was = NULL;

    change->after = NULL;
    if (change->raises)
        TWC_TRY(twc_user_load(ctx, change->id, &was));
    TWC_TRY(twc_user_row_json(ctx, change->id, &change->before));
    if (change->ends)
        TWC_TRY(twc_signin_end_all(ctx, change->id, change->keep, change->ends));
    TWC_TRY(change->apply(ctx, change));
    if (was)
        TWC_TRY(guard_rise(ctx, change->id, was->role));
    if (twc_user_row_json(ctx, change->id, &change->after) != APR_SUCCESS)
        twc_problem_clear(ctx);         /* deleted */
    return APR_SUCCESS;
}

/* First the locks that others take first as well, then the changes, at last the log, which is one queue until the commit. */
static apr_status_t carry_out_all(twc_ctx_t *ctx, void *baton)
{
    const changes_t *all = baton;

    for (int i = 0; i < all->count; i++)
        if (all->change[i].loses_super)
            TWC_TRY(guard_last(ctx, all->change[i].id));
    for (int i = 0; i < all->count; i++)
        TWC_TRY(carry_out(ctx, &all->change[i]));
    for (int i = 0; i < all->count; i++) {
        const twc_change_t *c = &all->change[i];
        TWC_TRY(twc_audit(ctx, c->action, "user", twc_change_id(ctx, c->id), c->before, c->after));
    }
    return APR_SUCCESS;
}

apr_status_t twc_change_repeat(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *, void *), void *baton)
{
    apr_status_t rv = twc_tx_run(ctx, fn, baton);

    if (!APR_STATUS_IS_EEXIST(rv) || !ctx->problem->code || strcmp(ctx->problem->code, "conflict") != 0)
        return rv;
    twc_problem_clear(ctx);
    return twc_tx_run(ctx, fn, baton);
}

apr_status_t twc_change_run(twc_ctx_t *ctx, twc_change_t *change, int count)
{
    changes_t all = { .change = change, .count = count };

    return twc_change_repeat(ctx, carry_out_all, &all);
}
