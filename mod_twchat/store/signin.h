/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signin.h - where people are signed in: a browser by its cookie, a program by its tokens; and the
 * attempts to get in.
 */
#ifndef TWC_STORE_SIGNIN_H
#define TWC_STORE_SIGNIN_H

#include "store/user.h"

/** What a credential led to. */
typedef struct twc_signin_t {
    apr_int64_t id;                     /* of the sign-in */
    const char *handle;                 /* the same, as a UUID that only this installation knows */
    apr_int64_t user_id;
    const char *username;
    twc_role_e role;
    bool active;                        /* the account */
    bool ended;                         /* the sign-in: signed out, expired, revoked */
    bool totp_on;                       /* the account has a second factor */
    const char *key;                    /* name of the API key that stood in for the password; NULL: none did */
} twc_signin_t;

/** A new sign-in. */
typedef struct twc_signin_draft_t {
    apr_int64_t user_id;
    apr_int64_t key_id;                 /* of the API key that stood in for the password, with which it ends; 0: none */
    const char *secret;                 /* sha256 of the cookie's value, lower-case hex; NULL: one by tokens */
    const char *refresh;                /* sha256 of the id of the first refresh token, likewise; NULL: one by cookie */
    const char *device, *address;
    apr_interval_time_t life;           /* until it ends by itself */
} twc_signin_draft_t;

/** Keep it. handle: out, its id for tokens */
apr_status_t twc_signin_insert(twc_ctx_t *ctx, const twc_signin_draft_t *draft, apr_int64_t *id, const char **handle);

/** By the sha256 of a cookie's value. APR_ENOENT: nobody's. Notes the use, at most once a minute. */
apr_status_t twc_signin_by_secret(twc_ctx_t *ctx, const char *secret, twc_signin_t *signin);
/** By the handle in an access token, which must be that account's. The same. */
apr_status_t twc_signin_by_handle(twc_ctx_t *ctx, const char *handle, apr_int64_t user_id, twc_signin_t *signin);

/**
 * Exchange a refresh token's id for the next one: of many callers with the same one a single one gets through; an id that was used
 * before ends the sign-in.
 * @return APR_SUCCESS | APR_ENOENT no such sign-in, or ended | APR_EACCES used before; the sign-in has been ended
 */
apr_status_t twc_signin_rotate(twc_ctx_t *ctx, const char *handle, const char *refresh, const char *next,
                               apr_interval_time_t life, twc_signin_t *signin);

/** End one, of this account; APR_ENOENT when it has none such that is active. */
apr_status_t twc_signin_end(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t id, const char *why);
/** End all of an account but one (0: all). */
apr_status_t twc_signin_end_all(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t but, const char *why);

/** Active ones: [{id, user_id, device_info, ip_address, created_at, expires_at, is_active}…], times naive UTC with microseconds. */
apr_status_t twc_signin_list_json(twc_ctx_t *ctx, apr_int64_t user_id, const char **json);
/** For our pages: [{id, kind, device_info, ip_address, created_at, last_used_at, expires_at, current}…]; current by id. */
apr_status_t twc_signin_page_json(twc_ctx_t *ctx, apr_int64_t user_id, apr_int64_t current, const char **json);

/** Remove what ended, or was last tried, longer ago than a month. */
apr_status_t twc_signin_purge(twc_ctx_t *ctx);

/* ---- attempts ----------------------------------------------------------------------------- */

/**
 * An attempt at something that may be tried max times within window, for each of one or two keys. Failures count, shared by all
 * children and hosts; beyond them nobody is heard for a window, then two, four … up to an hour. Attempts whose end nobody knows
 * yet count as far as they could become failures too many: so guesses at the same time are bounded, and successes cost nobody anything.
 */
typedef struct twc_attempt_t {
    const char *keys[2];                /* "account 7", and twc_attempt_address's or NULL */
    int max;
    apr_interval_time_t window;
    apr_int64_t id;                     /* out */
    bool fell[2];                       /* out when APR_EBUSY: it was the one too many for this key, which fell silent by it */
} twc_attempt_t;

/**
 * Each attempt that was begun is ended by one of the three below; where its process dies, after a minute.
 * @return APR_SUCCESS | APR_EBUSY too many failed, problem->wait says how long to wait | APR_EAGAIN "busy": those under way could
 *         all fail, and then this one were one too many
 */
apr_status_t twc_attempt_begin(twc_ctx_t *ctx, twc_attempt_t *attempt);
/** It did not come to an answer: as if it had not been made. */
apr_status_t twc_attempt_end(twc_ctx_t *ctx, const twc_attempt_t *attempt);
/** It was right, and what failed before it for keys[0] is forgotten. */
apr_status_t twc_attempt_forgive(twc_ctx_t *ctx, const twc_attempt_t *attempt);
/** It was wrong. */
apr_status_t twc_attempt_fail(twc_ctx_t *ctx, const twc_attempt_t *attempt);

/** The key of a client's address; of an IPv6 address its network's, the first 64 bits. */
const char *twc_attempt_address(apr_pool_t *pool, const char *address);

/* ---- API callers ------------------------------------------------------------------------------ */

/**
 * Draw a slice of requests from a caller's bucket, which all children and hosts share.
 * @param rate     requests a second; burst: what may gather
 * @param want     at most
 * @param granted  out: 0 when there is nothing left
 * @param wait     out: until one is there again, when granted is 0
 */
apr_status_t twc_bucket_draw(twc_ctx_t *ctx, const char *key, double rate, double burst, int want, int *granted,
                             apr_interval_time_t *wait);

#endif
