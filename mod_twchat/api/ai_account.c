/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ai_account.c - ai-messaging's /auth: accounts, tokens, sessions, roles.
 * Must never tell whether it was the name or the password that was wrong.
 * Called by the router.
 */
#include <httpd.h>

#include "domain/account.h"
#include "domain/signin.h"
#include "glue/fields.h"
#include "glue/reply.h"
#include "glue/route.h"

#define ATTEMPTS_MAX 10

static apr_status_t message(twc_req_t *q, const char *text)
{
    return twc_reply_object(q, HTTP_OK, json_pack("{s:s}", "message", text));
}

static bool is_code(const twc_req_t *q, const char *code)
{
    return q->ctx->problem->code && strcmp(q->ctx->problem->code, code) == 0;
}

/* Conflicts are 400 here, and each route calls forbidden things by its own words. */
static apr_status_t refuse(twc_req_t *q, apr_status_t rv, const char *own_account)
{
    if (APR_STATUS_IS_ENOENT(rv))
        return twc_reply_error(q, HTTP_NOT_FOUND, "User not found");
    if (is_code(q, "own_account"))
        return twc_reply_error(q, HTTP_BAD_REQUEST, own_account);
    if (APR_STATUS_IS_EEXIST(rv) || rv == APR_EACCES)
        return twc_reply_error(q, HTTP_BAD_REQUEST, q->ctx->problem->detail);
    return rv;
}

static apr_status_t reply_user(twc_req_t *q, int status, apr_int64_t id)
{
    const char *json;
    apr_status_t rv = twc_user_json(q->ctx, id, &json);

    return rv == APR_SUCCESS ? twc_reply_json(q, status, json) : refuse(q, rv, NULL);
}

/* ---- signing in ----------------------------------------------------------------------- */

static twc_knock_t knock_of(const twc_req_t *q)
{
    return (twc_knock_t){ .address = q->r->useragent_ip, .device = apr_table_get(q->r->headers_in, "User-Agent"), .max = ATTEMPTS_MAX };
}

static apr_status_t reply_tokens(twc_req_t *q, int status, json_t *answer, const twc_tokens_t *tokens)
{
    json_object_set_new(answer, "access_token", json_string(tokens->access));
    json_object_set_new(answer, "refresh_token", json_string(tokens->refresh));
    json_object_set_new(answer, "token_type", json_string("bearer"));
    return twc_reply_object(q, status, answer);
}

/* flat: the account's fields stand beside the tokens, too. */
static apr_status_t reply_signed_in(twc_req_t *q, int status, const twc_user_t *user, const twc_knock_t *knock, bool flat)
{
    twc_tokens_t tokens;
    const char *text;
    json_t *row, *answer;

    TWC_TRY(twc_signin_tokens(q->ctx, user, knock, &tokens));
    TWC_TRY(twc_user_json(q->ctx, user->id, &text));
    row = json_loads(text, 0, NULL);
    answer = flat ? json_copy(row) : json_object();
    json_object_set_new(answer, "user", row);
    return reply_tokens(q, status, answer, &tokens);
}

/* Asked first: nobody is to have an account and no way in. */
static apr_status_t need_secret(twc_req_t *q)
{
    return q->tenant->conf->token_secrets[0] ? APR_SUCCESS
        : twc_problem(q->ctx, APR_EAGAIN, "no_secret", "Signing in by token is not configured (TwchatTokenSecret).");
}

static apr_status_t read_draft(twc_req_t *q, twc_account_draft_t *draft)
{
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &draft->username, true }, { "email", TWC_FIELD_TEXT, &draft->email, true },
        { "password", TWC_FIELD_TEXT, &draft->password, true }, { "full_name", TWC_FIELD_TEXT, &draft->full_name, false },
        { "phone_number", TWC_FIELD_TEXT, &draft->phone_number, false }, { NULL }
    };

    TWC_TRY(twc_fields_read(q, fields));
    return *draft->email ? APR_SUCCESS : twc_fields_wrong(q, "body", "email", "value_error", "value is not a valid email address");
}

apr_status_t twc_ai_register(twc_req_t *q)
{
    twc_account_draft_t draft = { .role = TWC_ROLE_NONE, .origin = "registered" };
    twc_knock_t knock = knock_of(q);
    twc_user_t *user;
    apr_int64_t id;
    apr_status_t rv;

    if (!q->tenant->conf->registration)
        return twc_reply_error(q, HTTP_FORBIDDEN, "Registration is closed");
    TWC_TRY(need_secret(q));
    TWC_TRY(read_draft(q, &draft));
    rv = twc_account_register(q->ctx, &draft, knock.address, &id);
    if (rv != APR_SUCCESS)
        return refuse(q, rv, NULL);
    TWC_TRY(twc_user_load(q->ctx, id, &user));
    return reply_signed_in(q, HTTP_CREATED, user, &knock, true);
}

static apr_status_t refuse_signin(twc_req_t *q, apr_status_t rv)
{
    if (rv != APR_EACCES)
        return rv;
    if (is_code(q, "user_disabled"))
        return twc_reply_error(q, HTTP_FORBIDDEN, q->ctx->problem->detail);
    twc_reply_header(q, "WWW-Authenticate", "Bearer");
    return twc_reply_error(q, HTTP_UNAUTHORIZED, q->ctx->problem->detail);
}

apr_status_t twc_ai_login(twc_req_t *q)
{
    twc_knock_t knock = knock_of(q);
    const twc_field_t fields[] = {
        { "username", TWC_FIELD_TEXT, &knock.username, true }, { "password", TWC_FIELD_TEXT, &knock.password, true },
        { "code", TWC_FIELD_TEXT, &knock.code, false }, { NULL }
    };
    twc_user_t *user;
    apr_status_t rv;

    TWC_TRY(need_secret(q));
    TWC_TRY(twc_fields_read(q, fields));
    rv = twc_signin_check(q->ctx, &knock, &user);
    return rv == APR_SUCCESS ? reply_signed_in(q, HTTP_OK, user, &knock, false) : refuse_signin(q, rv);
}

apr_status_t twc_ai_refresh(twc_req_t *q)
{
    const char *token = NULL;
    const twc_field_t fields[] = { { "refresh_token", TWC_FIELD_TEXT, &token, true }, { NULL } };
    twc_tokens_t tokens;
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    rv = twc_signin_refresh(q->ctx, token, &tokens);
    if (rv == APR_SUCCESS)
        return reply_tokens(q, HTTP_OK, json_object(), &tokens);
    if (is_code(q, "user_disabled"))
        return twc_reply_error(q, HTTP_FORBIDDEN, q->ctx->problem->detail);
    if (!is_code(q, "token_invalid") && !is_code(q, "token_expired") && !is_code(q, "token_used"))
        return rv;
    twc_reply_header(q, "WWW-Authenticate", "Bearer");
    return twc_reply_error(q, HTTP_UNAUTHORIZED, q->ctx->problem->detail);
}

apr_status_t twc_ai_logout(twc_req_t *q)
{
    TWC_TRY(twc_signin_logout(q->ctx, q->who->id, q->who->signin_id));
    return message(q, "Successfully logged out");
}

apr_status_t twc_ai_logout_all(twc_req_t *q)
{
    TWC_TRY(twc_signin_leave_all(q->ctx, q->who->id, "logout-all"));
    return message(q, "Successfully logged out from all devices");
}

/* ---- oneself ---------------------------------------------------------------------------- */

apr_status_t twc_ai_me(twc_req_t *q)
{
    return reply_user(q, HTTP_OK, q->who->id);
}

static apr_status_t change_me(twc_req_t *q, const twc_user_change_t *change)
{
    apr_status_t rv = twc_account_change(q->ctx, q->who->id, change);

    return rv == APR_SUCCESS ? reply_user(q, HTTP_OK, q->who->id) : refuse(q, rv, NULL);
}

apr_status_t twc_ai_me_change(twc_req_t *q)
{
    twc_user_change_t change = { NULL };
    const twc_field_t fields[] = {
        { "full_name", TWC_FIELD_TEXT, &change.full_name, false }, { "bio", TWC_FIELD_TEXT, &change.bio, false },
        { "phone_number", TWC_FIELD_TEXT, &change.phone_number, false }, { NULL }
    };

    TWC_TRY(twc_fields_read(q, fields));
    return change_me(q, &change);
}

apr_status_t twc_ai_me_phone(twc_req_t *q)
{
    twc_user_change_t change = { NULL };
    const twc_field_t fields[] = { { "phone_number", TWC_FIELD_TEXT, &change.phone_number, true }, { NULL } };

    TWC_TRY(twc_fields_read(q, fields));
    return change_me(q, &change);
}

apr_status_t twc_ai_me_password(twc_req_t *q)
{
    const char *current = NULL, *fresh = NULL;
    const twc_field_t fields[] = {
        { "current_password", TWC_FIELD_TEXT, &current, true }, { "new_password", TWC_FIELD_TEXT, &fresh, true }, { NULL }
    };
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    rv = twc_account_change_password(q->ctx, q->who->id, current, fresh, 0);
    return rv == APR_SUCCESS ? message(q, "Password changed successfully") : refuse(q, rv, NULL);
}

apr_status_t twc_ai_sessions(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_signin_list_json(q->ctx, q->who->id, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_ai_session_delete(twc_req_t *q)
{
    apr_int64_t id;

    TWC_TRY(twc_fields_id(q, "id", &id));
    TWC_TRY(twc_signin_leave(q->ctx, q->who->id, id, "revoked"));
    return message(q, "Session deleted successfully");
}

/* ---- accounts, for superusers ---------------------------------------------------------------- */

apr_status_t twc_ai_users(twc_req_t *q)
{
    int max = q->tenant->conf->list_max, skip, limit;
    const char *json;

    TWC_TRY(twc_fields_query(q, "skip", 0, 0, 1000000000, &skip));
    TWC_TRY(twc_fields_query(q, "limit", 100 < max ? 100 : max, 0, max, &limit));
    TWC_TRY(twc_user_list_json(q->ctx, skip, limit, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_ai_user(twc_req_t *q)
{
    apr_int64_t id;

    TWC_TRY(twc_fields_id(q, "id", &id));
    return reply_user(q, HTTP_OK, id);
}

apr_status_t twc_ai_user_create(twc_req_t *q)
{
    twc_account_draft_t draft = { .role = TWC_ROLE_NONE };
    apr_int64_t id;
    apr_status_t rv;

    TWC_TRY(read_draft(q, &draft));
    rv = twc_account_create(q->ctx, &draft, &id);
    return rv == APR_SUCCESS ? reply_user(q, HTTP_CREATED, id) : refuse(q, rv, NULL);
}

apr_status_t twc_ai_user_delete(twc_req_t *q)
{
    apr_int64_t id;
    apr_status_t rv;

    TWC_TRY(twc_fields_id(q, "id", &id));
    rv = twc_account_delete(q->ctx, id, q->who->id);
    return rv == APR_SUCCESS ? message(q, "User deleted successfully") : refuse(q, rv, "Cannot delete your own account");
}

static apr_status_t set_active(twc_req_t *q, bool active)
{
    apr_int64_t id;
    apr_status_t rv;

    TWC_TRY(twc_fields_id(q, "id", &id));
    rv = twc_account_set_active(q->ctx, id, active, q->who->id);
    return rv == APR_SUCCESS ? message(q, active ? "User enabled successfully" : "User disabled successfully")
        : refuse(q, rv, "Cannot disable your own account");
}

apr_status_t twc_ai_user_disable(twc_req_t *q) { return set_active(q, false); }
apr_status_t twc_ai_user_enable(twc_req_t *q) { return set_active(q, true); }

/* As FastAPI reads them; -1: it is none. */
static int parse_bool(const char *text)
{
    static const char *const words[] = { "false", "true", "0", "1", "off", "on", "no", "yes", "f", "t", "n", "y" };

    for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++)
        if (ap_cstr_casecmp(words[i], text) == 0)
            return i & 1;
    return -1;
}

static apr_status_t read_super(twc_req_t *q, int *on)
{
    const char *text = twc_req_query(q, "is_superuser");
    const twc_field_t fields[] = { { "is_superuser", TWC_FIELD_BOOL, on, true }, { NULL } };

    if (!text)
        return twc_fields_read(q, fields);
    *on = parse_bool(text);
    return *on >= 0 ? APR_SUCCESS
        : twc_fields_wrong(q, "query", "is_superuser", "bool_parsing", "Input should be a valid boolean, unable to interpret input");
}

apr_status_t twc_ai_user_super(twc_req_t *q)
{
    apr_int64_t id;
    int on = 0;
    apr_status_t rv;

    TWC_TRY(twc_fields_id(q, "id", &id));
    TWC_TRY(read_super(q, &on));
    rv = twc_account_set_super(q->ctx, id, on, q->who->id);
    return rv == APR_SUCCESS ? message(q, on ? "User superuser status set to True" : "User superuser status set to False")
        : refuse(q, rv, "Cannot change your own superuser status");
}

/* ---- roles ---------------------------------------------------------------------------------------- */

apr_status_t twc_ai_roles(twc_req_t *q)
{
    const char *json;

    TWC_TRY(twc_role_list_json(q->ctx, 0, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

apr_status_t twc_ai_role_create(twc_req_t *q)
{
    const char *name = NULL, *description = NULL, *json;
    const twc_field_t fields[] = {
        { "name", TWC_FIELD_TEXT, &name, true }, { "description", TWC_FIELD_TEXT, &description, false }, { NULL }
    };
    apr_status_t rv;

    TWC_TRY(twc_fields_read(q, fields));
    rv = twc_account_role_create(q->ctx, name, description, &json);
    return rv == APR_SUCCESS ? twc_reply_json(q, HTTP_CREATED, json) : refuse(q, rv, NULL);
}

apr_status_t twc_ai_role_delete(twc_req_t *q)
{
    apr_int64_t id;
    apr_status_t rv;

    TWC_TRY(twc_fields_id(q, "id", &id));
    rv = twc_account_role_delete(q->ctx, id);
    if (APR_STATUS_IS_ENOENT(rv))
        return twc_reply_error(q, HTTP_NOT_FOUND, "Role not found");
    return rv == APR_SUCCESS ? message(q, "Role deleted successfully") : refuse(q, rv, NULL);
}

static apr_status_t known_user(twc_req_t *q, apr_int64_t *id)
{
    twc_user_t *user;

    TWC_TRY(twc_fields_id(q, "id", id));
    return twc_user_load(q->ctx, *id, &user);
}

apr_status_t twc_ai_user_roles(twc_req_t *q)
{
    apr_int64_t id = 0;
    const char *json;
    apr_status_t rv = known_user(q, &id);

    if (rv != APR_SUCCESS)
        return refuse(q, rv, NULL);
    TWC_TRY(twc_role_list_json(q->ctx, id, &json));
    return twc_reply_json(q, HTTP_OK, json);
}

/* "{1,2}" */
static apr_status_t read_ids(twc_req_t *q, const char **ids)
{
    json_t *list = json_object_get(q->json, "role_ids"), *value;
    const char *text = "";
    size_t i;

    if (!json_is_array(list))
        return list ? twc_fields_wrong(q, "body", "role_ids", "list_type", "Input should be a valid list")
            : twc_fields_wrong(q, "body", "role_ids", "missing", "Field required");
    json_array_foreach(list, i, value) {
        if (!json_is_integer(value))
            return twc_fields_wrong(q, "body", "role_ids", "int_type", "Input should be a valid integer");
        text = apr_psprintf(q->r->pool, "%s%s%" APR_INT64_T_FMT, text, *text ? "," : "", (apr_int64_t)json_integer_value(value));
    }
    *ids = apr_pstrcat(q->r->pool, "{", text, "}", NULL);
    return APR_SUCCESS;
}

apr_status_t twc_ai_user_roles_set(twc_req_t *q)
{
    apr_int64_t id;
    const char *ids = "{}";
    apr_status_t rv;

    TWC_TRY(twc_fields_id(q, "id", &id));
    TWC_TRY(read_ids(q, &ids));
    rv = twc_account_assign_roles(q->ctx, id, ids);
    return rv == APR_SUCCESS ? message(q, "Roles assigned successfully") : refuse(q, rv, NULL);
}
