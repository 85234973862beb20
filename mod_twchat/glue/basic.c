/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * basic.c - our accounts for Apache: AuthBasicProvider twchat, AuthType twchat, Require twchat-role.
 * Must never let a password alone into an account that wants a second factor.
 * Called by httpd's authentication modules, and by principal.c where Apache does not ask.
 */
#include <httpd.h>
#include <ap_provider.h>
#include <http_core.h>
#include <http_request.h>
#include <mod_auth.h>

#include "domain/signin.h"
#include "glue/basic.h"
#include "glue/keys.h"
#include "glue/module.h"
#include "glue/principal.h"
#include "glue/reply.h"
#include "glue/router.h"

#define ATTEMPTS_MAX 10

/* ---- passwords --------------------------------------------------------------------------- */

/* The second factor cannot be asked for here. */
static apr_status_t may_without_factor(twc_ctx_t *ctx, const twc_user_t *user)
{
    if (user->totp_on)
        return twc_problem(ctx, APR_EACCES, "code_needed", "This account wants a second factor.");
    return user->active ? APR_SUCCESS : twc_problem(ctx, APR_EACCES, "user_disabled", "User is disabled");
}

apr_status_t twc_basic_check(twc_tenant_t *tenant, twc_ctx_t *ctx, const char *name, const char *password, const char *address,
                             const char *device, twc_user_t **user)
{
    const twc_knock_t knock = { .username = name, .password = password, .address = address, .device = device, .max = ATTEMPTS_MAX };
    apr_status_t rv = twc_user_by_login(ctx, name, user);

    if (rv == APR_SUCCESS && twc_keys_password_known(tenant->keys, ctx->pool, *user, password))
        return may_without_factor(ctx, *user);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOENT(rv))
        return rv;
    twc_problem_clear(ctx);
    TWC_TRY(twc_signin_check(ctx, &knock, user));
    twc_keys_password_remember(tenant->keys, ctx->pool, *user, password);
    return may_without_factor(ctx, *user);
}

bool twc_basic_lacks_factor(const twc_conf_t *conf, twc_role_e role, bool has)
{
    return conf->second_factor && (int)role >= conf->second_factor && !has;
}

/* ---- providers ------------------------------------------------------------------------------ */

static twc_tenant_t *open_tenant(request_rec *r, twc_ctx_t *ctx)
{
    twc_tenant_t *tenant = twc_tenant_of(r->server);
    const char *reason;

    if (!tenant || !twc_tenant_ready(tenant, &reason))
        return NULL;
    twc_tenant_ctx(tenant, ctx, r->pool);
    return tenant;
}

/* Notes of a request: whom our providers let in, and that they have yet to set up a second factor. */
#define LET_IN       "twchat-let-in"
#define LACKS_FACTOR "twchat-lacks-factor"

/* Apache asks once, and carries the user on to subrequests and redirects. */
static const char *noted(const request_rec *r, const char *note)
{
    const char *found = NULL;

    for (; r && !found; r = r->main ? r->main : r->prev)
        found = apr_table_get(r->notes, note);
    return found;
}

bool twc_basic_let_in(const request_rec *r)
{
    return noted(r, LET_IN) != NULL;
}

static void note(request_rec *r, const twc_conf_t *conf, const twc_user_t *user)
{
    apr_table_setn(r->notes, LET_IN, user->username);
    if (twc_basic_lacks_factor(conf, user->role, user->totp_on))
        apr_table_setn(r->notes, LACKS_FACTOR, user->username);
}

static authn_status check_password(request_rec *r, const char *name, const char *password)
{
    twc_tenant_t *tenant;
    twc_user_t *user;
    twc_ctx_t ctx;
    apr_status_t rv;

    if (!(tenant = open_tenant(r, &ctx)))
        return AUTH_GENERAL_ERROR;
    rv = twc_basic_check(tenant, &ctx, name, password, r->useragent_ip, apr_table_get(r->headers_in, "User-Agent"), &user);
    if (rv == APR_SUCCESS) {
        note(r, ctx.conf, user);
        return AUTH_GRANTED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "TWC1036: %s", ctx.problem->detail ? ctx.problem->detail : "sign-in refused");
    if (ctx.problem->wait > 0)
        twc_reply_retry_after(r, ctx.problem->wait);    /* httpd answers 401 to whatever is denied */
    return rv == APR_EACCES || APR_STATUS_IS_EBUSY(rv) ? AUTH_DENIED : AUTH_GENERAL_ERROR;
}

static const authn_provider password_provider = { check_password, NULL };

/* Who may sign in is not yet who may come in. Our own routes say so themselves, and let people set up what they lack. */
static bool may_come_in(request_rec *r)
{
    const twc_principal_t *who;
    twc_tenant_t *tenant;
    twc_ctx_t ctx;

    if (twc_router_serves(r))
        return true;
    if (noted(r, LACKS_FACTOR))
        return false;
    if (!twc_principal_set_user(r))
        return true;
    return (tenant = open_tenant(r, &ctx)) && twc_principal_resolve(r, tenant, &ctx, twc_config_dir(r), &who) == APR_SUCCESS
        && !who->disabled && !who->must_enroll;
}

int twc_basic_authz(request_rec *r)
{
    if (may_come_in(r))
        return DECLINED;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "TWC1037: %s: the account is disabled, or has yet to set up a second factor", r->uri);
    return HTTP_FORBIDDEN;
}

static const char *parse_role(cmd_parms *cmd, const char *line, const void **parsed)
{
    const char *word = ap_getword_conf(cmd->pool, &line);
    int role = twc_role_parse(word);
    int *kept;

    if (role < TWC_ROLE_NONE || *line)
        return "Require twchat-role takes one of none, viewer, agent, admin, super_admin; each includes those before it";
    kept = apr_palloc(cmd->pool, sizeof(*kept));
    *kept = role;
    *parsed = kept;
    return NULL;
}

/* Authorisation knows no "later": it denies, and says when. */
static authz_status no_answer(request_rec *r, const twc_ctx_t *ctx)
{
    if (!ctx->problem->wait)
        return AUTHZ_GENERAL_ERROR;
    twc_reply_retry_after(r, ctx->problem->wait);
    return AUTHZ_DENIED;
}

static authz_status check_role(request_rec *r, const char *line, const void *parsed)
{
    const int *wanted = parsed;
    const twc_principal_t *who;
    twc_tenant_t *tenant;
    twc_ctx_t ctx;

    if (!(tenant = open_tenant(r, &ctx)))
        return AUTHZ_GENERAL_ERROR;
    if (twc_principal_resolve(r, tenant, &ctx, twc_config_dir(r), &who) != APR_SUCCESS)
        return no_answer(r, &ctx);
    if (who->kind == TWC_WHO_NOBODY)
        return r->user ? AUTHZ_DENIED : AUTHZ_DENIED_NO_USER;
    if (who->disabled || (who->must_enroll && !twc_router_serves(r)))
        return AUTHZ_DENIED;
    return (int)who->role >= *wanted ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

static const authz_provider role_provider = { check_role, parse_role };

void twc_basic_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, "twchat", AUTHN_PROVIDER_VERSION, &password_provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "twchat-role", AUTHZ_PROVIDER_VERSION, &role_provider, AP_AUTH_INTERNAL_PER_CONF);
}
