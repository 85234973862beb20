/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * account.c - what our own pages ask for about people: signing in, one's own account, everybody's accounts, keys, the audit log;
 * docs/page-api.md is the contract.
 * Must never answer with a hash, a sealed secret, or a key that was shown before.
 * Called by the router.
 */
#include <httpd.h>

#include "domain/account.h"
#include "domain/factor.h"
#include "domain/signin.h"
#include "glue/cookie.h"
#include "glue/fields.h"
#include "glue/principal.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "store/audit.h"
#include "store/setting.h"
#include "util/clock.h"
#include "util/qr.h"
#include "util/totp.h"

#define ATTEMPTS_MAX 10
#define DAYS_MAX     3650

static apr_status_t done(twc_req_t *q)
{
    return twc_reply_json(q, HTTP_OK, "{\"ok\":true}");
}

/* ---- signing in and out -------------------------------------------------------------------- */

apr_status_t twc_native_signin(twc_req_t *q)
{
    twc_knock_t knock = { .address = q->r->useragent_ip, .device = apr_table_get(q->r->headers_in, "User-Agent"), .max = ATTEMPTS_MAX };
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &knock.username, true }, { "password", TWC_FIELD_TEXT, &knock.password, true },
        { "code", TWC_FIELD_TEXT, &knock.code, false }, { NULL }
    };
    twc_cookie_t cookie;
    twc_user_t *user;
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    if (!twc_principal_same_origin(q))
        return twc_reply_error(q, HTTP_FORBIDDEN, "The request comes from a page of another site.");
    rv = twc_signin_check(q->ctx, &knock, &user);
    if (rv != APR_SUCCESS)
        return rv == APR_EACCES ? twc_reply_error(q, HTTP_UNAUTHORIZED, q->ctx->problem->detail) : rv;
    TWC_TRY(twc_signin_cookie(q->ctx, user, &knock, &cookie));
    twc_cookie_set(q, &cookie);
    return twc_reply_object(q, HTTP_OK, json_pack("{s:b, s:s, s:s}", "ok", 1, "user", user->username, "role", twc_role_name(user->role)));
}

apr_status_t twc_native_signout(twc_req_t *q)
{
    TWC_TRY(twc_signin_logout(q->ctx, q->who->id, q->who->signin_id));
    twc_cookie_clear(q);
    return done(q);
}

/* ---- one's own ------------------------------------------------------------------------------ */

static apr_status_t reply_row(twc_req_t *q, int status, apr_int64_t id)
{
    const char *json;

    TWC_TRY(twc_user_row_json(q->ctx, id, &json));
    return twc_reply_json(q, status, json);
}

apr_status_t twc_native_account(twc_req_t *q)
{
    return reply_row(q, HTTP_OK, q->who->id);
}

static apr_status_t read_change(twc_req_t *q, twc_user_change_t *change)
{
    const twc_field_t fields[] = {
        { "full_name", TWC_FIELD_TEXT, &change->full_name, false }, { "bio", TWC_FIELD_TEXT, &change->bio, false },
        { "email", TWC_FIELD_TEXT, &change->email, false }, { "phone_number", TWC_FIELD_TEXT, &change->phone_number, false }, { NULL }
    };

    return twc_fields_read(q, fields);
}

apr_status_t twc_native_account_change(twc_req_t *q)
{
    twc_user_change_t change = { NULL };

    TWC_TRY(read_change(q, &change));
    TWC_TRY(twc_account_change(q->ctx, q->who->id, &change));
    return reply_row(q, HTTP_OK, q->who->id);
}

apr_status_t twc_native_account_password(twc_req_t *q)
{
    const char *current = NULL, *fresh = NULL;
    const twc_field_t fields[] = {
        { "current_password", TWC_FIELD_TEXT, &current, true }, { "new_password", TWC_FIELD_TEXT, &fresh, true }, { NULL }
    };

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_account_change_password(q->ctx, q->who->id, current, fresh, q->who->signin_id));
    return done(q);
}

apr_status_t twc_native_account_sessions(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_signin_page_json(q->ctx, q->who->id, q->who->signin_id, &json));
    return twc_reply_json(q, HTTP_OK, apr_pstrcat(q->r->pool, "{\"items\":", json, "}", NULL));
}

apr_status_t twc_native_account_session_end(twc_req_t *q)
{
    TWC_TRY(twc_signin_leave(q->ctx, q->who->id, twc_req_id(q, "id"), "revoked"));
    return done(q);
}

apr_status_t twc_native_account_signout(twc_req_t *q)
{
    TWC_TRY(twc_signin_leave_all(q->ctx, q->who->id, "logout-all"));
    twc_cookie_clear(q);
    return done(q);
}

apr_status_t twc_native_factor(twc_req_t *q)
{
    twc_user_t *user;
    int left;

    TWC_TRY(twc_user_load(q->ctx, q->who->id, &user));
    TWC_TRY(twc_user_count_recovery(q->ctx, user->id, &left));
    return twc_reply_object(q, HTTP_OK, json_pack("{s:b, s:i}", "on", user->totp_on, "recovery_codes_left", left));
}

apr_status_t twc_native_factor_begin(twc_req_t *q)
{
    const char *password = NULL, *text, *url, *const *rows;
    const twc_field_t fields[] = { { "password", TWC_FIELD_TEXT, &password, false }, { NULL } };
    json_t *qr;
    int count = 0;

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_factor_begin(q->ctx, q->who->id, password, &text, &url));
    qr = json_array();
    if (twc_qr_rows(q->r->pool, url, &rows, &count) != APR_SUCCESS)
        count = 0;                      /* the key can be typed as well */
    for (int i = 0; i < count; i++)
        json_array_append_new(qr, json_string(rows[i]));
    return twc_reply_object(q, HTTP_OK, json_pack("{s:s, s:s, s:o}", "secret", text, "url", url, "qr", qr));
}

static apr_status_t reply_codes(twc_req_t *q, const char *const *codes)
{
    json_t *list = json_array();

    for (int i = 0; i < TWC_RECOVERY_CODES; i++)
        json_array_append_new(list, json_string(codes[i]));
    return twc_reply_object(q, HTTP_OK, json_pack("{s:o}", "recovery_codes", list));
}

apr_status_t twc_native_factor_confirm(twc_req_t *q)
{
    const char *code = NULL, *const *codes;
    const twc_field_t fields[] = { { "code", TWC_FIELD_TEXT, &code, true }, { NULL } };

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_factor_confirm(q->ctx, q->who->id, code, &codes));
    return reply_codes(q, codes);
}

apr_status_t twc_native_factor_codes(twc_req_t *q)
{
    const char *password = NULL, *const *codes;
    const twc_field_t fields[] = { { "password", TWC_FIELD_TEXT, &password, false }, { NULL } };

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_factor_renew_codes(q->ctx, q->who->id, password, &codes));
    return reply_codes(q, codes);
}

apr_status_t twc_native_factor_off(twc_req_t *q)
{
    const char *password = NULL;
    const twc_field_t fields[] = { { "password", TWC_FIELD_TEXT, &password, true }, { NULL } };

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_factor_off(q->ctx, q->who->id, password));
    return done(q);
}

/* ---- everybody's ------------------------------------------------------------------------------ */

apr_status_t twc_native_users(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_user_page_json(q->ctx, twc_req_query(q, "search"), twc_req_query(q, "after"),
                               twc_req_limit(q, "limit", 50, q->tenant->conf->list_max), &json));
    return twc_reply_json(q, HTTP_OK, json);
}

static apr_status_t read_role(twc_req_t *q, const char *text, int *role)
{
    *role = twc_role_parse(text);
    return *role >= TWC_ROLE_NONE ? APR_SUCCESS
        : twc_problem_field(q->ctx, "role", "role_unknown", "A role is none, viewer, agent, admin or super_admin.");
}

apr_status_t twc_native_user_create(twc_req_t *q)
{
    twc_account_draft_t draft = { .role = TWC_ROLE_NONE };
    const char *role = "none";
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &draft.username, true }, { "email", TWC_FIELD_TEXT, &draft.email, false },
        { "password", TWC_FIELD_TEXT, &draft.password, false }, { "full_name", TWC_FIELD_TEXT, &draft.full_name, false },
        { "phone_number", TWC_FIELD_TEXT, &draft.phone_number, false }, { "role", TWC_FIELD_TEXT, &role, false }, { NULL }
    };
    apr_int64_t id;
    int parsed;

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(read_role(q, role, &parsed));
    draft.role = (twc_role_e)parsed;
    TWC_TRY(twc_account_create(q->ctx, &draft, &id));
    return reply_row(q, HTTP_CREATED, id);
}

apr_status_t twc_native_user(twc_req_t *q)
{
    return reply_row(q, HTTP_OK, twc_req_id(q, "id"));
}

static apr_int64_t self(const twc_req_t *q)
{
    return q->who->kind == TWC_WHO_USER ? q->who->id : 0;
}

apr_status_t twc_native_user_change(twc_req_t *q)
{
    apr_int64_t id = twc_req_id(q, "id");
    twc_account_edit_t edit = { .role = -1, .active = -1 };
    const char *role = NULL;
    const twc_field_t fields[] = { { "role", TWC_FIELD_TEXT, &role, false }, { "is_active", TWC_FIELD_BOOL, &edit.active, false }, { NULL } };

    TWC_TRY(read_change(q, &edit.fields));
    TWC_TRY(twc_fields_read(q, fields));
    if (role)
        TWC_TRY(read_role(q, role, &edit.role));
    TWC_TRY(twc_account_edit(q->ctx, id, &edit, self(q)));
    return reply_row(q, HTTP_OK, id);
}

apr_status_t twc_native_user_delete(twc_req_t *q)
{
    TWC_TRY(twc_account_delete(q->ctx, twc_req_id(q, "id"), self(q)));
    return done(q);
}

apr_status_t twc_native_user_password(twc_req_t *q)
{
    const char *password = NULL;
    const twc_field_t fields[] = { { "password", TWC_FIELD_TEXT, &password, true }, { NULL } };

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(twc_account_reset_password(q->ctx, twc_req_id(q, "id"), password));
    return done(q);
}

apr_status_t twc_native_user_factor_reset(twc_req_t *q)
{
    TWC_TRY(twc_factor_off(q->ctx, twc_req_id(q, "id"), NULL));
    return done(q);
}

apr_status_t twc_native_user_signout(twc_req_t *q)
{
    twc_user_t *user;

    TWC_TRY(twc_user_load(q->ctx, twc_req_id(q, "id"), &user));
    TWC_TRY(twc_signin_leave_all(q->ctx, user->id, "revoked"));
    return done(q);
}

/* ---- keys ----------------------------------------------------------------------------------------- */

apr_status_t twc_native_keys(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_apikey_list(q->ctx, &json));
    return twc_reply_json(q, HTTP_OK, apr_pstrcat(q->r->pool, "{\"items\":", json, "}", NULL));
}

apr_status_t twc_native_key_create(twc_req_t *q)
{
    const char *name = NULL, *role = "admin", *key;
    apr_int64_t days = 0;
    const twc_field_t fields[] = {
        { "name", TWC_FIELD_TEXT, &name, true }, { "role", TWC_FIELD_TEXT, &role, false }, { "days", TWC_FIELD_INT, &days, false }, { NULL }
    };
    int parsed;

    TWC_TRY(twc_fields_read(q, fields));
    TWC_TRY(read_role(q, role, &parsed));
    if (days < 0 || days > DAYS_MAX)
        return twc_problem_field(q->ctx, "days", "days_invalid", "A key is good for 1 to %d days; 0: until it is revoked.", DAYS_MAX);
    TWC_TRY(twc_account_key_create(q->ctx, name, (twc_role_e)parsed, apr_time_from_sec(days * 86400), &key));
    return twc_reply_object(q, HTTP_CREATED, json_pack("{s:s}", "key", key));
}

apr_status_t twc_native_key_revoke(twc_req_t *q)
{
    TWC_TRY(twc_apikey_revoke(q->ctx, twc_req_param(q, "id")));
    return done(q);
}

/* ---- the audit log ----------------------------------------------------------------------------------- */

static apr_status_t read_instant(twc_req_t *q, const char *name, apr_time_t *t)
{
    const char *text = twc_req_query(q, name);

    if (text && *text && twc_clock_parse_iso(text, t, NULL) != APR_SUCCESS)
        return twc_problem_field(q->ctx, name, "time_invalid", "'%s' is a date or a time: 2026-01-31 or 2026-01-31T09:00:00Z.", name);
    return APR_SUCCESS;
}

static const char *filled(twc_req_t *q, const char *name)
{
    const char *text = twc_req_query(q, name);

    return text && *text ? text : NULL;
}

apr_status_t twc_native_audit(twc_req_t *q)
{
    const char *before = filled(q, "before"), *json;
    twc_audit_filter_t filter = { .entity = filled(q, "entity"), .id = filled(q, "id"), .actor = filled(q, "actor"),
                                  .action = filled(q, "action"),
                                  .before = before && strspn(before, "0123456789") == strlen(before) && strlen(before) <= 18 ? apr_atoi64(before) : 0 };

    TWC_TRY(read_instant(q, "since", &filter.since));
    TWC_TRY(read_instant(q, "until", &filter.until));
    TWC_TRY(twc_audit_page_json(q->ctx, &filter, twc_req_limit(q, "limit", 50, q->tenant->conf->list_max), &json));
    return twc_reply_json(q, HTTP_OK, json);
}
