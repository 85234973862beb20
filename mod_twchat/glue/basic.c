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

static authn_status check_password(request_rec *r, const char *name, const char *password)
{
    twc_tenant_t *tenant;
    twc_user_t *user;
    twc_ctx_t ctx;
    apr_status_t rv;

    if (!(tenant = open_tenant(r, &ctx)))
        return AUTH_GENERAL_ERROR;
    rv = twc_basic_check(tenant, &ctx, name, password, r->useragent_ip, apr_table_get(r->headers_in, "User-Agent"), &user);
    if (rv == APR_SUCCESS)
        return AUTH_GRANTED;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "TWC1036: %s", ctx.problem->detail ? ctx.problem->detail : "sign-in refused");
    if (ctx.problem->wait > 0)
        twc_reply_retry_after(r, ctx.problem->wait);    /* httpd answers 401 to whatever is denied */
    return rv == APR_EACCES || APR_STATUS_IS_EBUSY(rv) ? AUTH_DENIED : AUTH_GENERAL_ERROR;
}

static const authn_provider password_provider = { check_password, NULL };

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
    return !who->disabled && (int)who->role >= *wanted ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

static const authz_provider role_provider = { check_role, parse_role };

void twc_basic_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, "twchat", AUTHN_PROVIDER_VERSION, &password_provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "twchat-role", AUTHZ_PROVIDER_VERSION, &role_provider, AP_AUTH_INTERNAL_PER_CONF);
}
