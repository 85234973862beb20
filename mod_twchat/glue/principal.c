/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * principal.c - who is asking.
 * Must never take a wrong credential for a missing one, nor keep or log one.
 * Called by the router, and by httpd's authentication and authorisation phases.
 */
#include <httpd.h>
#include <apr_uri.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_cookies.h>

#include "domain/account.h"
#include "domain/signin.h"
#include "glue/basic.h"
#include "glue/keys.h"
#include "glue/module.h"
#include "glue/principal.h"
#include "util/jwt.h"
#include "util/text.h"

#define NOTE "mod_twchat:principal"

/* ---- what the request carries ------------------------------------------------------------- */

static const char *given_bearer(const request_rec *r)
{
    const char *authorization = apr_table_get(r->headers_in, "Authorization");

    if (!authorization || ap_cstr_casecmpn(authorization, "Bearer", 6) != 0 || (authorization[6] != ' ' && authorization[6]))
        return NULL;
    authorization += 6;
    while (*authorization == ' ')
        authorization++;
    return authorization;
}

/* Values of ours are base64url; anything else is not worth a question. Several of one name: somebody tosses cookies, none is taken. */
static const char *given_cookie(const request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Cookie"), *value = NULL;

    for (const char *p = header; p && *p;) {
        const char *end;
        while (*p == ' ' || *p == ';')
            p++;
        end = p + strcspn(p, ";");
        if (strncmp(p, TWC_COOKIE "=", sizeof(TWC_COOKIE)) == 0) {
            if (value)
                return NULL;
            p += sizeof(TWC_COOKIE);
            while (end > p && end[-1] == ' ')
                end--;
            value = apr_pstrmemdup(r->pool, p, (apr_size_t)(end - p));
        }
        p = end;
    }
    return value && *value ? value : NULL;
}

/* Where an AuthType is set, Basic authentication is Apache's own affair, unless the type is ours. */
static bool given_password(request_rec *r, const char **name, const char **password)
{
    const char *type = ap_auth_type(r);

    return (!type || ap_cstr_casecmp(type, "twchat") == 0) && ap_get_basic_auth_components(r, name, password) == APR_SUCCESS;
}

bool twc_principal_presents(request_rec *r)
{
    const char *name, *password;

    return apr_table_get(r->headers_in, "X-API-Key") || given_bearer(r) || given_cookie(r) || given_password(r, &name, &password);
}

/* ---- whom that is ---------------------------------------------------------------------------- */

/* An account may do what its role says, once it has the second factor that is asked of it. */
static void is_user(twc_principal_t *who, apr_int64_t id, const char *name, twc_role_e role, bool active)
{
    who->kind = TWC_WHO_USER;
    who->id = id;
    who->name = name;
    who->role = role;
    who->disabled = !active;
}

static void want_factor(twc_principal_t *who, const twc_conf_t *conf, bool has)
{
    who->must_enroll = twc_basic_lacks_factor(conf, who->role, has);
    if (who->must_enroll)
        who->role = TWC_ROLE_NONE;
}

static apr_status_t by_key(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx, const char *text, twc_principal_t *who)
{
    twc_apikey_t key;

    TWC_TRY(twc_keys_check(tenant->keys, ctx, text, &key));
    who->by = TWC_BY_KEY;
    who->refused = !key.name;
    if (!key.name)
        return APR_SUCCESS;
    who->kind = TWC_WHO_KEY;
    who->id = key.id;
    who->role = key.role;
    who->name = apr_pstrcat(r->pool, "key:", key.name, NULL);
    return APR_SUCCESS;
}

/* @return APR_ENOENT, problem forgotten: nobody's */
static apr_status_t found(twc_ctx_t *ctx, apr_status_t rv, const twc_signin_t *signin, twc_principal_t *who)
{
    if (APR_STATUS_IS_ENOENT(rv))
        twc_problem_clear(ctx);
    if (rv != APR_SUCCESS)
        return rv;
    is_user(who, signin->user_id, signin->username, signin->role, signin->active);
    want_factor(who, ctx->conf, signin->totp_on);
    who->signin_id = signin->id;
    who->key = signin->key;
    return APR_SUCCESS;
}

static apr_status_t by_token(twc_ctx_t *ctx, const char *token, twc_principal_t *who)
{
    twc_signin_t signin;
    apr_status_t rv = found(ctx, twc_signin_by_token(ctx, token, &signin), &signin, who);

    who->by = TWC_BY_TOKEN;
    who->refused = APR_STATUS_IS_ENOENT(rv);
    return who->refused ? APR_SUCCESS : rv;
}

static apr_status_t by_cookie(twc_ctx_t *ctx, const char *cookie, twc_principal_t *who)
{
    twc_signin_t signin;
    apr_status_t rv = found(ctx, twc_signin_by_cookie(ctx, cookie, &signin), &signin, who);

    if (rv != APR_SUCCESS)
        return rv;
    who->by = TWC_BY_COOKIE;
    who->ambient = true;
    who->csrf = twc_signin_csrf(ctx->pool, cookie);
    return APR_SUCCESS;
}

static apr_status_t by_password(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx, const char *name, const char *password,
                                twc_principal_t *who)
{
    twc_user_t *user;
    apr_status_t rv = twc_basic_check(tenant, ctx, name, password, r->useragent_ip, apr_table_get(r->headers_in, "User-Agent"), &user);

    who->by = TWC_BY_PASSWORD;
    who->refused = rv == APR_EACCES;
    if (who->refused)
        twc_problem_clear(ctx);
    if (rv != APR_SUCCESS)
        return who->refused ? APR_SUCCESS : rv;
    is_user(who, user->id, user->username, user->role, user->active);
    want_factor(who, ctx->conf, user->totp_on);
    who->ambient = true;
    return APR_SUCCESS;
}

static apr_status_t make_account(twc_ctx_t *ctx, const twc_dir_conf_t *dir, const char *name, twc_user_t **user)
{
    static const twc_actor_t apache = { .kind = "nobody", .name = "apache" };
    twc_account_draft_t draft = { .username = name, .email = strchr(name, '@') ? name : NULL, .origin = "apache",
                                  .role = (twc_role_e)(dir->trust_role == TWC_UNSET ? TWC_ROLE_NONE : dir->trust_role) };
    apr_int64_t id;
    apr_status_t rv;

    ctx->actor = &apache;
    rv = twc_account_create(ctx, &draft, &id);
    ctx->actor = NULL;
    if (APR_STATUS_IS_EEXIST(rv)) {     /* two first requests at once */
        twc_problem_clear(ctx);
        return twc_user_by_identity(ctx, name, user);
    }
    return rv == APR_SUCCESS ? twc_user_load(ctx, id, user) : rv;
}

/* Whom Apache let in is somebody here only when an account goes with the name. */
static apr_status_t by_apache(request_rec *r, twc_ctx_t *ctx, const twc_dir_conf_t *dir, twc_principal_t *who)
{
    twc_user_t *user;
    apr_status_t rv = twc_user_by_identity(ctx, r->user, &user);

    who->by = TWC_BY_APACHE;
    who->ambient = true;
    if (APR_STATUS_IS_ENOENT(rv)) {
        twc_problem_clear(ctx);
        if (dir->trust == TWC_TRUST_CREATE)
            rv = make_account(ctx, dir, r->user, &user);
        else
            who->stranger = r->user;
    }
    /* Anybody may have registered under the name of somebody Apache knows. Once an administrator gave it a role, it is theirs. */
    if (rv == APR_SUCCESS && !who->stranger && user->registered && user->role == TWC_ROLE_NONE)
        who->stranger = r->user;
    if (APR_STATUS_IS_EINVAL(rv)) {     /* no name an account may have */
        twc_problem_clear(ctx);
        who->stranger = r->user;
    }
    if (who->stranger)
        return APR_SUCCESS;
    TWC_TRY(rv);
    is_user(who, user->id, user->username, user->role, user->active);
    if (twc_basic_let_in(r))            /* single sign-on has second factors of its own; our passwords have ours */
        want_factor(who, ctx->conf, user->totp_on);
    return APR_SUCCESS;
}

bool twc_principal_set_user(const request_rec *r)
{
    return r->ap_auth_type && strcmp(r->ap_auth_type, "twchat") == 0;
}

static apr_status_t resolve(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx, const twc_dir_conf_t *dir, twc_principal_t *who)
{
    const char *key = apr_table_get(r->headers_in, "X-API-Key"), *bearer = given_bearer(r), *cookie = given_cookie(r);
    const char *name, *password;

    if (key)
        return by_key(r, tenant, ctx, key, who);
    if (bearer)
        return twc_jwt_looks(bearer) ? by_token(ctx, bearer, who) : by_key(r, tenant, ctx, bearer, who);
    if (cookie) {
        apr_status_t rv = by_cookie(ctx, cookie, who);
        if (!APR_STATUS_IS_ENOENT(rv))
            return rv;
        who->stale_cookie = true;
    }
    if (given_password(r, &name, &password))
        return by_password(r, tenant, ctx, name, password, who);
    if (r->user && *r->user && !twc_principal_set_user(r) && dir->trust != TWC_TRUST_OFF)
        return by_apache(r, ctx, dir, who);
    if (dir->open == 1)
        *who = (twc_principal_t){ .kind = TWC_WHO_OPEN, .name = "open", .role = TWC_ROLE_ADMIN, .ambient = true };
    return APR_SUCCESS;
}

typedef struct note_t {
    const twc_dir_conf_t *dir;
    const char *user;                   /* r->user it was found with */
    twc_principal_t who;
} note_t;

apr_status_t twc_principal_resolve(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx,
                                   const twc_dir_conf_t *dir, const twc_principal_t **out)
{
    void *found_before = NULL;
    note_t *note;

    apr_pool_userdata_get(&found_before, NOTE, r->pool);
    note = found_before;
    if (!note || note->dir != dir || (note->who.kind == TWC_WHO_NOBODY && note->user != r->user)) {
        note = apr_pcalloc(r->pool, sizeof(*note));
        note->dir = dir;
        note->user = r->user;
        TWC_TRY(resolve(r, tenant, ctx, dir, &note->who));
        apr_pool_userdata_setn(note, NOTE, NULL, r->pool);
    }
    *out = &note->who;
    return APR_SUCCESS;
}

const twc_actor_t *twc_principal_actor(request_rec *r, const twc_principal_t *who, const char *correlation_id)
{
    static const char *const kinds[] = { "nobody", "key", "user", "open" };
    twc_actor_t *actor = apr_pcalloc(r->pool, sizeof(*actor));

    *actor = (twc_actor_t){ .kind = kinds[who->kind], .id = who->id, .name = twc_signin_actor(r->pool, who->name, who->key),
                            .remote_addr = r->useragent_ip, .correlation_id = correlation_id };
    return actor;
}

/* ---- changes ----------------------------------------------------------------------------------- */

/* Host and port of a URL equal what the caller addressed, or the public URL. */
static bool is_ours(twc_req_t *q, const char *origin)
{
    const char *host = twc_req_header(q, "Host");
    apr_uri_t theirs, public_url;

    if (apr_uri_parse(q->r->pool, origin, &theirs) != APR_SUCCESS || !theirs.hostinfo)
        return false;
    if (host && ap_cstr_casecmp(host, theirs.hostinfo) == 0)
        return true;
    return apr_uri_parse(q->r->pool, twc_req_base(q), &public_url) == APR_SUCCESS && public_url.hostinfo
        && ap_cstr_casecmp(public_url.hostinfo, theirs.hostinfo) == 0;
}

bool twc_principal_same_origin(twc_req_t *q)
{
    const char *site = twc_req_header(q, "Sec-Fetch-Site");
    const char *origin = twc_req_header(q, "Origin");

    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    return !origin || is_ours(q, origin);
}

bool twc_principal_has_csrf(twc_req_t *q)
{
    const char *given = twc_req_header(q, "X-CSRF-Token");

    return !q->who->csrf || (given && twc_text_same_secret(given, strlen(given), q->who->csrf, strlen(q->who->csrf)));
}
