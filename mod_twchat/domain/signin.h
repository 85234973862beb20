/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signin.h - getting in: password, second factor, cookie or tokens; and how a credential is believed afterwards.
 */
#ifndef TWC_DOMAIN_SIGNIN_H
#define TWC_DOMAIN_SIGNIN_H

#include "store/signin.h"

/** Who knocks. */
typedef struct twc_knock_t {
    const char *username, *password;
    const char *code;                   /* second factor or recovery code; NULL: none given */
    const char *address;                /* of the client */
    const char *device;                 /* its User-Agent; may be NULL */
    int max;                            /* failures within a minute per address and account */
    apr_int64_t key_id;                 /* of the API key that stood in for the password; 0: none did */
    const char *key;                    /* its name */
} twc_knock_t;

/**
 * Check name, password and second factor. Costs the same time for a name nobody has. What fails against an account that exists is noted
 * in the audit log, and so is the moment from which an address or an account is not heard; not who merely had to wait for others.
 * @return APR_SUCCESS | APR_EACCES "credentials_wrong" | APR_EACCES "code_needed" the password was right | APR_EACCES "code_wrong"
 *         | APR_EACCES "user_disabled" the password was right | APR_EBUSY "too_many_attempts", problem->wait says how long
 *         | APR_EAGAIN busy
 */
apr_status_t twc_signin_check(twc_ctx_t *ctx, const twc_knock_t *knock, twc_user_t **user);

/** Who acts, in the audit log: "alice", or "alice (key:backup)" where a key stood in for the password. */
const char *twc_signin_actor(apr_pool_t *pool, const char *username, const char *key);

/** A browser's sign-in: value of its cookie (43 characters), and the token its changes must repeat. */
typedef struct twc_cookie_t {
    const char *value;
    const char *csrf;
} twc_cookie_t;
apr_status_t twc_signin_cookie(twc_ctx_t *ctx, const twc_user_t *user, const twc_knock_t *knock, twc_cookie_t *cookie);
/** The token that belongs to a cookie. */
const char *twc_signin_csrf(apr_pool_t *pool, const char *cookie);
/** Whose cookie is it? APR_ENOENT: nobody's (any more). */
apr_status_t twc_signin_by_cookie(twc_ctx_t *ctx, const char *cookie, twc_signin_t *signin);

/**
 * Sign an account out where it is signed in, once or everywhere; ctx->actor is who did it, as the audit log says.
 * @param why  "logout", "logout-all", "revoked"
 * @return APR_SUCCESS | APR_ENOENT "signin_unknown": it is not signed in there (any more)
 */
apr_status_t twc_signin_leave(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id, const char *why);
apr_status_t twc_signin_leave_all(twc_ctx_t *ctx, apr_int64_t user_id, const char *why);
/** One's own present sign-in, which may have ended already, or be none (id 0: who came with a key). */
apr_status_t twc_signin_logout(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id);

/** A program's sign-in. APR_EACCES "no_secret": tokens are not configured. */
typedef struct twc_tokens_t {
    const char *access, *refresh;
} twc_tokens_t;
apr_status_t twc_signin_tokens(twc_ctx_t *ctx, const twc_user_t *user, const twc_knock_t *knock, twc_tokens_t *tokens);
/**
 * New tokens for a refresh token, which is used up.
 * @return APR_SUCCESS | APR_EINVAL "token_invalid" | APR_TIMEUP "token_expired" | APR_ENOENT "token_used": unknown or used; then its family ends
 *         | APR_EACCES "user_disabled"
 */
apr_status_t twc_signin_refresh(twc_ctx_t *ctx, const char *token, twc_tokens_t *tokens);
/** Whose access token is it? APR_ENOENT: not to be believed, expired, signed out. signin->active false: the account is disabled */
apr_status_t twc_signin_by_token(twc_ctx_t *ctx, const char *token, twc_signin_t *signin);

#endif
