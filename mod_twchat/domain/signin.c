/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signin.c - getting in, and being believed afterwards.
 * Must never say whether it was the name or the password that was wrong, nor in another time.
 * Called by the endpoints that sign in, by glue/principal.c for each request with a credential.
 */
#include <string.h>

#include <apr_encode.h>
#include <apr_general.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "domain/factor.h"
#include "domain/guess.h"
#include "domain/signin.h"
#include "store/audit.h"
#include "store/db.h"
#include "util/jwt.h"
#include "util/password.h"
#include "util/text.h"
#include "util/totp.h"
#include "util/hasher.h"

#define COOKIE_BYTES  32
#define COOKIE_CHARS  43
#define ID_BYTES      16
#define TAKEN_BACK    APR_OS_START_USERERR  /* rolls a transaction back, and is no failure */

enum { ACCOUNT, ADDRESS };              /* keys of an attempt to sign in */

static const char *sha256_hex(apr_pool_t *pool, const char *text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text, strlen(text), digest);
    return twc_text_hex(pool, digest, sizeof(digest));
}

static const char *id_text(twc_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, id);
}

/* ---- what the audit log is told ------------------------------------------------------------ */

/* A line about somebody who knocks. */
typedef struct note_t {
    const twc_knock_t *knock;
    const char *action, *entity, *id, *after;
    bool kept;
} note_t;

/* Written and taken back where it is not to be kept: the log is not for what strangers type, and the time must not tell that there is nobody. */
static apr_status_t note(twc_ctx_t *ctx, void *baton)
{
    const note_t *note = baton;

    TWC_TRY(twc_audit_softly(ctx));
    TWC_TRY(twc_audit(ctx, note->action, note->entity, note->id, NULL, note->after));
    return note->kept ? APR_SUCCESS : TAKEN_BACK;
}

/* Nobody has said yet who they are. What the caller is told stays as it is. */
static apr_status_t tell(twc_ctx_t *ctx, note_t *line)
{
    const twc_actor_t stranger = { .kind = "nobody", .remote_addr = line->knock->address,
                                   .correlation_id = ctx->actor ? ctx->actor->correlation_id : NULL };
    const twc_actor_t *actor = ctx->actor;
    twc_problem_t told = *ctx->problem;
    apr_status_t rv;

    twc_problem_clear(ctx);
    ctx->actor = &stranger;
    rv = twc_tx_run(ctx, note, line);
    ctx->actor = actor;
    if (rv != APR_SUCCESS && rv != TAKEN_BACK)
        return rv;
    *ctx->problem = told;
    return APR_SUCCESS;
}

static apr_status_t tell_failure(twc_ctx_t *ctx, const twc_knock_t *knock, const twc_user_t *user, const char *why)
{
    note_t line = { .knock = knock, .action = "user.signin_failed", .entity = "user", .id = id_text(ctx, user ? user->id : 0), .kept = user };

    line.after = apr_psprintf(ctx->pool, "{\"username\":%s,\"why\":\"%s\"}", twc_text_json(ctx->pool, user ? user->username : ""), why);
    return tell(ctx, &line);
}

/* A key without its kind is what fell silent: an address, or the network of one. */
static apr_status_t tell_silence(twc_ctx_t *ctx, const twc_knock_t *knock, const twc_user_t *user, const twc_attempt_t *attempt)
{
    apr_time_t seconds = apr_time_sec(ctx->problem->wait + APR_USEC_PER_SEC / 2);
    const char *after = apr_psprintf(ctx->pool, "{\"seconds\":%" APR_TIME_T_FMT "}", seconds);
    note_t address = { .knock = knock, .action = "address.silenced", .entity = "address", .id = strchr(attempt->keys[ADDRESS], ' ') + 1,
                       .after = after, .kept = true };
    note_t account = { .knock = knock, .action = "user.silenced", .entity = "user", .id = id_text(ctx, user ? user->id : 0), .after = after,
                       .kept = user };

    if (attempt->fell[ADDRESS])
        TWC_TRY(tell(ctx, &address));
    return attempt->fell[ACCOUNT] ? tell(ctx, &account) : APR_SUCCESS;
}

/* ---- name, password, second factor ------------------------------------------------------ */

static apr_status_t find_user(twc_ctx_t *ctx, const char *name, twc_user_t **user)
{
    apr_status_t rv = twc_user_by_login(ctx, name, user);

    if (!APR_STATUS_IS_ENOENT(rv))
        return rv;
    twc_problem_clear(ctx);
    *user = NULL;
    return APR_SUCCESS;
}

static bool is_digits(const char *code)
{
    return strspn(code, "0123456789 ") == strlen(code);
}

static apr_status_t check_code(twc_ctx_t *ctx, const twc_user_t *user, const char *code)
{
    const unsigned char *secret;
    apr_int64_t step;
    int left;

    if (!code || twc_text_blank(code))
        return twc_problem(ctx, APR_EACCES, "code_needed", "This account wants a second factor: the code of its authenticator app.");
    if (!is_digits(code)) {
        if (twc_user_use_recovery(ctx, user->id, twc_recovery_hash(ctx->pool, code), &left) == APR_SUCCESS)
            return APR_SUCCESS;
        return APR_STATUS_IS_ENOENT(ctx->problem->status) ? APR_EACCES : ctx->problem->status;
    }
    TWC_TRY(twc_factor_secret(ctx, user, &secret));
    step = twc_totp_step(secret, code, apr_time_now(), 0);
    return step ? twc_user_take_step(ctx, user->id, step)
        : twc_problem(ctx, APR_EACCES, "code_wrong", "The code is wrong, or no longer valid.");
}

static apr_status_t check_password(twc_ctx_t *ctx, const char *password, const twc_user_t *user)
{
    bool fits = strlen(password) <= TWC_PASSWORD_MAX, matches;

    TWC_TRY(twc_hasher_check(ctx->hasher, ctx, fits ? password : "", user && fits ? user->password_hash : NULL, &matches));
    return matches ? APR_SUCCESS : twc_problem(ctx, APR_EACCES, "credentials_wrong", "Incorrect username or password");
}

/* Which of the three it was, for the audit log; being asked for the code is no failure. */
static const char *failure(const twc_ctx_t *ctx)
{
    static const struct { const char *code, *why; } failures[] = {
        { "credentials_wrong", "password" }, { "user_disabled", "disabled" }, { "code_wrong", "code" }
    };

    for (size_t i = 0; ctx->problem->code && i < sizeof(failures) / sizeof(failures[0]); i++)
        if (strcmp(failures[i].code, ctx->problem->code) == 0)
            return failures[i].why;
    return NULL;
}

static apr_status_t check_all(twc_ctx_t *ctx, const twc_knock_t *knock, const twc_user_t *user)
{
    TWC_TRY(check_password(ctx, knock->password, user));
    if (!user->active)
        return twc_problem(ctx, APR_EACCES, "user_disabled", "User is disabled");
    return user->totp_on ? check_code(ctx, user, knock->code) : APR_SUCCESS;
}

/* A name nobody has is limited like one that somebody has. */
static const char *account_key(twc_ctx_t *ctx, const char *name, const twc_user_t *user)
{
    return user ? apr_pstrcat(ctx->pool, "account ", id_text(ctx, user->id), NULL)
        : apr_pstrcat(ctx->pool, "account ", sha256_hex(ctx->pool, twc_text_upper(ctx->pool, name)), NULL);
}

/* A hash made another way, or at another cost, is made as it would be today. Where there is no room for that, the next time does. */
static void renew_hash(twc_ctx_t *ctx, twc_user_t *user, const char *password)
{
    const char *fresh;

    if (!twc_password_is_old(user->password_hash, ctx->conf->password_cost))
        return;
    if (twc_hasher_hash(ctx->hasher, ctx, password, &fresh) == APR_SUCCESS
        && twc_user_renew_hash(ctx, user->id, user->password_hash, fresh) == APR_SUCCESS)
        user->password_hash = fresh;
    else
        twc_problem_clear(ctx);
}

apr_status_t twc_signin_check(twc_ctx_t *ctx, const twc_knock_t *knock, twc_user_t **user)
{
    twc_attempt_t attempt = { .max = knock->max, .window = TWC_GUESS_WINDOW };
    apr_status_t rv;

    TWC_TRY(find_user(ctx, knock->username, user));
    attempt.keys[ACCOUNT] = account_key(ctx, knock->username, *user);
    attempt.keys[ADDRESS] = twc_attempt_address(ctx->pool, knock->address);
    rv = twc_guess_begin(ctx, &attempt);
    if (rv == APR_EBUSY)
        TWC_TRY(tell_silence(ctx, knock, *user, &attempt));
    if (rv != APR_SUCCESS)
        return rv;
    rv = twc_guess_end(ctx, &attempt, check_all(ctx, knock, *user));
    if (failure(ctx))
        TWC_TRY(tell_failure(ctx, knock, *user, failure(ctx)));
    if (rv != APR_SUCCESS)
        return rv;
    renew_hash(ctx, *user, knock->password);
    return APR_SUCCESS;
}

/* ---- cookies --------------------------------------------------------------------------------- */

typedef struct entry_t {
    const twc_user_t *user;
    const twc_knock_t *knock;
    twc_signin_draft_t draft;
    apr_int64_t id;
    const char *handle;
} entry_t;

static entry_t entry_of(const twc_user_t *user, const twc_knock_t *knock, apr_interval_time_t life)
{
    return (entry_t){ .user = user, .knock = knock, .draft = { .user_id = user->id, .key_id = knock->key_id, .device = knock->device,
                                                               .address = knock->address, .life = life } };
}

const char *twc_signin_actor(apr_pool_t *pool, const char *username, const char *key)
{
    return key ? apr_pstrcat(pool, username, " (key:", key, ")", NULL) : username;
}

/* Who signs in acts for themselves from here on. */
static apr_status_t enter(twc_ctx_t *ctx, void *baton)
{
    entry_t *entry = baton;
    twc_actor_t actor = ctx->actor ? *ctx->actor : (twc_actor_t){ .remote_addr = entry->knock->address };
    const twc_actor_t *before = ctx->actor;
    apr_status_t rv;

    TWC_TRY(twc_signin_insert(ctx, &entry->draft, &entry->id, &entry->handle));
    actor.kind = "user";
    actor.id = entry->user->id;
    actor.name = twc_signin_actor(ctx->pool, entry->user->username, entry->knock->key);
    ctx->actor = &actor;
    rv = twc_audit(ctx, "user.signed_in", "user", id_text(ctx, entry->user->id), NULL, NULL);
    ctx->actor = before;
    return rv;
}

const char *twc_signin_csrf(apr_pool_t *pool, const char *cookie)
{
    static const char what[] = "csrf";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    HMAC(EVP_sha256(), cookie, (int)strlen(cookie), (const unsigned char *)what, sizeof(what) - 1, mac, &len);
    return apr_pencode_base64_binary(pool, mac, len, APR_ENCODE_BASE64URL | APR_ENCODE_NOPADDING, NULL);
}

apr_status_t twc_signin_cookie(twc_ctx_t *ctx, const twc_user_t *user, const twc_knock_t *knock, twc_cookie_t *cookie)
{
    entry_t entry = entry_of(user, knock, ctx->conf->session_life);
    unsigned char secret[COOKIE_BYTES];

    TWC_TRY(apr_generate_random_bytes(secret, sizeof(secret)));
    cookie->value = apr_pencode_base64_binary(ctx->pool, secret, sizeof(secret), APR_ENCODE_BASE64URL | APR_ENCODE_NOPADDING, NULL);
    cookie->csrf = twc_signin_csrf(ctx->pool, cookie->value);
    entry.draft.secret = sha256_hex(ctx->pool, cookie->value);
    return twc_tx_run(ctx, enter, &entry);
}

static apr_status_t unknown(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_ENOENT, "signin_unknown", "Nobody is signed in with this.");
}

apr_status_t twc_signin_by_cookie(twc_ctx_t *ctx, const char *cookie, twc_signin_t *signin)
{
    if (strlen(cookie) != COOKIE_CHARS)
        return unknown(ctx);
    TWC_TRY(twc_signin_by_secret(ctx, sha256_hex(ctx->pool, cookie), signin));
    return signin->ended && signin->active ? unknown(ctx) : APR_SUCCESS;
}

/* ---- signing out -------------------------------------------------------------------------------- */

static const char *ended(twc_ctx_t *ctx, apr_int64_t signin, const char *why)
{
    return apr_psprintf(ctx->pool, "{\"session\":%" APR_INT64_T_FMT ",\"why\":\"%s\"}", signin, why);
}

typedef struct leaving_t {
    apr_int64_t user_id, id;            /* id: of the sign-in */
    const char *why;
} leaving_t;

static apr_status_t leave(twc_ctx_t *ctx, void *baton)
{
    const leaving_t *l = baton;

    TWC_TRY(twc_signin_end(ctx, l->user_id, l->id, l->why));
    return twc_audit(ctx, "user.signed_out", "user", id_text(ctx, l->user_id), NULL, ended(ctx, l->id, l->why));
}

apr_status_t twc_signin_leave(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id, const char *why)
{
    leaving_t leaving = { .user_id = user_id, .id = id, .why = why };

    return twc_tx_run(ctx, leave, &leaving);
}

apr_status_t twc_signin_logout(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id)
{
    apr_status_t rv = id ? twc_signin_leave(ctx, user_id, id, "logout") : APR_SUCCESS;

    if (!APR_STATUS_IS_ENOENT(rv))
        return rv;
    twc_problem_clear(ctx);             /* somebody else was faster */
    return APR_SUCCESS;
}

static apr_status_t leave_all(twc_ctx_t *ctx, void *baton)
{
    const leaving_t *l = baton;

    TWC_TRY(twc_signin_end_all(ctx, l->user_id, 0, l->why));
    return twc_audit(ctx, "user.signed_out_everywhere", "user", id_text(ctx, l->user_id), NULL,
                     apr_psprintf(ctx->pool, "{\"why\":\"%s\"}", l->why));
}

apr_status_t twc_signin_leave_all(twc_ctx_t *ctx, apr_int64_t user_id, const char *why)
{
    leaving_t leaving = { .user_id = user_id, .why = why };

    return twc_tx_run(ctx, leave_all, &leaving);
}

/* ---- tokens ------------------------------------------------------------------------------------ */

static apr_status_t make_id(twc_ctx_t *ctx, const char **id)
{
    unsigned char bytes[ID_BYTES];

    TWC_TRY(apr_generate_random_bytes(bytes, sizeof(bytes)));
    *id = twc_text_hex(ctx->pool, bytes, sizeof(bytes));
    return APR_SUCCESS;
}

static apr_status_t write_tokens(twc_ctx_t *ctx, const char *username, apr_int64_t user_id, const char *handle, const char *refresh_id,
                                 twc_tokens_t *tokens)
{
    const twc_conf_t *conf = ctx->conf;
    apr_time_t now = apr_time_now();
    twc_jwt_t jwt = { .type = TWC_JWT_ACCESS, .user_id = user_id, .username = username, .signin = handle, .issued_at = now,
                      .expires_at = now + conf->access_life };

    TWC_TRY(make_id(ctx, &jwt.id));
    TWC_TRY(twc_jwt_make(ctx, conf->token_secrets[0], &jwt, &tokens->access));
    jwt.type = TWC_JWT_REFRESH;
    jwt.id = refresh_id;
    jwt.expires_at = now + conf->refresh_life;
    return twc_jwt_make(ctx, conf->token_secrets[0], &jwt, &tokens->refresh);
}

static apr_status_t need_secret(twc_ctx_t *ctx)
{
    return ctx->conf->token_secrets[0] ? APR_SUCCESS
        : twc_problem(ctx, APR_EAGAIN, "no_secret", "Signing in by token is not configured (TwchatTokenSecret).");
}

apr_status_t twc_signin_tokens(twc_ctx_t *ctx, const twc_user_t *user, const twc_knock_t *knock, twc_tokens_t *tokens)
{
    entry_t entry = entry_of(user, knock, ctx->conf->refresh_life);
    const char *id;

    TWC_TRY(need_secret(ctx));
    TWC_TRY(make_id(ctx, &id));
    entry.draft.refresh = sha256_hex(ctx->pool, id);
    TWC_TRY(twc_tx_run(ctx, enter, &entry));
    return write_tokens(ctx, user->username, user->id, entry.handle, id, tokens);
}

static apr_status_t read_refresh(twc_ctx_t *ctx, const char *token, twc_jwt_t *jwt)
{
    apr_status_t rv = twc_jwt_read(ctx->pool, ctx->conf->token_secrets, TWC_TOKENS_MAX, token, TWC_JWT_REFRESH, apr_time_now(), jwt);

    if (rv == APR_SUCCESS)
        return rv;
    return APR_STATUS_IS_TIMEUP(rv) ? twc_problem(ctx, rv, "token_expired", "Refresh token expired")
        : twc_problem(ctx, APR_EINVAL, "token_invalid", "Invalid refresh token");
}

/* A refresh token is exchanged. */
typedef struct turn_t {
    const twc_jwt_t *jwt;
    const char *next;
    twc_signin_t signin;
    bool reused;                        /* it was a second time, and the sign-in has ended */
} turn_t;

static apr_status_t turn(twc_ctx_t *ctx, void *baton)
{
    turn_t *t = baton;
    apr_status_t rv = twc_signin_rotate(ctx, t->jwt->signin, sha256_hex(ctx->pool, t->jwt->id), sha256_hex(ctx->pool, t->next),
                                        ctx->conf->refresh_life, &t->signin);

    if (rv != APR_EACCES)
        return rv;
    twc_problem_clear(ctx);
    t->reused = true;
    return twc_audit(ctx, "user.token_reused", "user", id_text(ctx, t->signin.user_id), NULL, ended(ctx, t->signin.id, "reuse"));
}

static apr_status_t used(twc_ctx_t *ctx)
{
    twc_problem_clear(ctx);
    return twc_problem(ctx, APR_ENOENT, "token_used", "Refresh token not found or already used");
}

apr_status_t twc_signin_refresh(twc_ctx_t *ctx, const char *token, twc_tokens_t *tokens)
{
    twc_jwt_t jwt;
    turn_t t = { .jwt = &jwt };
    apr_status_t rv;

    TWC_TRY(need_secret(ctx));
    TWC_TRY(read_refresh(ctx, token, &jwt));
    TWC_TRY(make_id(ctx, &t.next));
    rv = twc_tx_run(ctx, turn, &t);
    if (APR_STATUS_IS_ENOENT(rv))
        return used(ctx);
    if (rv != APR_SUCCESS)
        return rv;
    if (t.reused || t.signin.user_id != jwt.user_id)
        return used(ctx);
    if (!t.signin.active)
        return twc_problem(ctx, APR_EACCES, "user_disabled", "User is disabled");
    return write_tokens(ctx, t.signin.username, t.signin.user_id, t.signin.handle, t.next, tokens);
}

apr_status_t twc_signin_by_token(twc_ctx_t *ctx, const char *token, twc_signin_t *signin)
{
    twc_jwt_t jwt;

    if (!ctx->conf->token_secrets[0]
        || twc_jwt_read(ctx->pool, ctx->conf->token_secrets, TWC_TOKENS_MAX, token, TWC_JWT_ACCESS, apr_time_now(), &jwt) != APR_SUCCESS)
        return unknown(ctx);
    TWC_TRY(twc_signin_by_handle(ctx, jwt.signin, jwt.user_id, signin));
    return signin->ended && signin->active ? unknown(ctx) : APR_SUCCESS;
}
