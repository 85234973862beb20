/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * admin.c - appointment-bot's administrators: signing in, who they are, what they did.
 * Must never let a key sign in as somebody who may do more than the key.
 * Called by the router.
 */
#include <httpd.h>

#include "domain/account.h"
#include "domain/signin.h"
#include "glue/cookie.h"
#include "glue/fields.h"
#include "glue/keys.h"
#include "glue/principal.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "store/audit.h"

#define ATTEMPTS_MAX 5
#define KEY_MIN      16                 /* shorter ones are passwords, surely */

static bool is_code(const twc_req_t *q, const char *code)
{
    return q->ctx->problem->code && strcmp(q->ctx->problem->code, code) == 0;
}

static apr_status_t invalid(twc_ctx_t *ctx)
{
    twc_problem_clear(ctx);
    return twc_problem(ctx, APR_EACCES, "credentials_wrong", "Invalid credentials");
}

/* A key stands in for the password of an account that may do no more than it; the sign-in stays bound to it. */
static apr_status_t check_key(twc_req_t *q, twc_knock_t *knock, twc_user_t **user)
{
    twc_apikey_t key;

    TWC_TRY(twc_keys_check(q->tenant->keys, q->ctx, knock->password, &key));
    if (!key.name || twc_user_by_login(q->ctx, knock->username, user) != APR_SUCCESS || !(*user)->active
        || (*user)->totp_on || (*user)->role > key.role)
        return invalid(q->ctx);
    knock->key_id = key.id;
    knock->key = key.name;
    return APR_SUCCESS;
}

static apr_status_t check(twc_req_t *q, twc_knock_t *knock, twc_user_t **user)
{
    apr_status_t rv;

    if (strlen(knock->password) >= KEY_MIN) {
        rv = check_key(q, knock, user);
        if (rv != APR_EACCES)
            return rv;
        twc_problem_clear(q->ctx);
    }
    rv = twc_signin_check(q->ctx, knock, user);
    if (rv == APR_SUCCESS && (*user)->role < TWC_ROLE_VIEWER)
        return invalid(q->ctx);
    return rv;
}

static apr_status_t refuse(twc_req_t *q, apr_status_t rv)
{
    if (rv != APR_EACCES)
        return rv;
    if (is_code(q, "code_needed") || is_code(q, "code_wrong"))
        return twc_reply_error(q, HTTP_UNAUTHORIZED, q->ctx->problem->detail);
    return twc_reply_error(q, HTTP_UNAUTHORIZED, "Invalid credentials");
}

apr_status_t twc_admin_login(twc_req_t *q)
{
    twc_knock_t knock = { .username = "admin", .address = q->r->useragent_ip,
                          .device = apr_table_get(q->r->headers_in, "User-Agent"), .max = ATTEMPTS_MAX };
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &knock.username, false }, { "password", TWC_FIELD_TEXT, &knock.password, true },
        { "code", TWC_FIELD_TEXT, &knock.code, false }, { NULL }
    };
    twc_cookie_t cookie;
    twc_user_t *user;
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    if (!twc_principal_same_origin(q))
        return twc_reply_error(q, HTTP_FORBIDDEN, "The request comes from a page of another site.");
    rv = check(q, &knock, &user);
    if (rv != APR_SUCCESS)
        return refuse(q, rv);
    TWC_TRY(twc_signin_cookie(q->ctx, user, &knock, &cookie));
    twc_cookie_set(q, &cookie);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:b, s:s}", "ok", 1, "username", user->username));
}

apr_status_t twc_admin_logout(twc_req_t *q)
{
    TWC_TRY(twc_signin_logout(q->ctx, q->who->id, q->who->signin_id));
    twc_cookie_clear(q);
    return twc_reply_json(q, HTTP_OK, "{\"ok\":true}");
}

apr_status_t twc_admin_me(twc_req_t *q)
{
    return twc_reply_json(q, HTTP_OK, "{\"authenticated\":true}");
}

/* ---- administrators ---------------------------------------------------------------------- */

apr_status_t twc_admin_users(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_user_admins_json(q->ctx, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

static apr_status_t read_role(twc_req_t *q, const char *text, twc_role_e *role)
{
    int parsed = text ? twc_role_parse(text) : TWC_ROLE_ADMIN;

    if (parsed < TWC_ROLE_VIEWER)
        return twc_fields_wrong(q, "body", "role", "value_error", "Input should be 'super_admin', 'admin', 'agent' or 'viewer'");
    *role = (twc_role_e)parsed;
    return APR_SUCCESS;
}

apr_status_t twc_admin_user_create(twc_req_t *q)
{
    twc_account_draft_t draft = { .audited_as = "admin_user.created" };
    const char *role = NULL, *json;
    int active = 1;
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &draft.username, true }, { "password", TWC_FIELD_TEXT, &draft.password, false },
        { "role", TWC_FIELD_TEXT, &role, false }, { "is_active", TWC_FIELD_BOOL, &active, false }, { NULL }
    };
    apr_int64_t id;
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(read_role(q, role, &draft.role));
    draft.inactive = !active;
    rv = twc_account_create(q->ctx, &draft, &id);
    if (APR_STATUS_IS_EEXIST(rv))
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Username already exists");
    TWC_TRY(rv);
    TWC_TRY(twc_user_admin_json(q->ctx, id, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

/* Who may only read is shown what is about things they may read. */
apr_status_t twc_admin_audit_events(twc_req_t *q)
{
    twc_audit_filter_t filter = { .entity = twc_req_query(q, "entity_type"), .id = twc_req_query(q, "entity_id"),
                                  .readable = q->who->role < TWC_ROLE_ADMIN };
    const char *json;
    int limit;

    TWC_TRY(twc_fields_query(q, "limit", 50, 1, q->tenant->conf->list_max, &limit));
    TWC_TRY(twc_audit_events_json(q->ctx, &filter, limit, &json));
    return twc_reply_json(q, HTTP_OK, json);
}
