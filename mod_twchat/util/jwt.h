/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * jwt.h - tokens that programs carry: JSON Web Tokens, HS256 and nothing else (RFC 7519, RFC 8725).
 */
#ifndef TWC_UTIL_JWT_H
#define TWC_UTIL_JWT_H

#include "twc.h"

typedef enum { TWC_JWT_ACCESS, TWC_JWT_REFRESH } twc_jwt_type_e;

typedef struct twc_jwt_t {
    twc_jwt_type_e type;                /* claim type: "access" or "refresh" */
    apr_int64_t user_id;                /* sub, as text */
    const char *username;
    const char *signin;                 /* sid: the sign-in, as a UUID of its installation, so that no other believes it */
    const char *id;                     /* jti */
    apr_time_t issued_at, expires_at;   /* iat, exp: whole seconds */
} twc_jwt_t;

/** @param token  out, in ctx->pool */
apr_status_t twc_jwt_make(twc_ctx_t *ctx, const char *secret, const twc_jwt_t *jwt, const char **token);

/**
 * Read a token and believe it: signed with one of the secrets, HS256, of the wanted type, all claims there.
 * @param secrets  count of them, NULL entries unused
 * @return APR_SUCCESS | APR_EACCES not to be believed | APR_TIMEUP it would be, but has expired
 */
apr_status_t twc_jwt_read(apr_pool_t *pool, const char *const *secrets, int count, const char *token, twc_jwt_type_e type,
                          apr_time_t now, twc_jwt_t *jwt);

/** Does it look like a token at all: three parts of base64url, of bearable length. */
bool twc_jwt_looks(const char *token);

#endif
