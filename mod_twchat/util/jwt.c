/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * jwt.c - tokens on libjwt.
 * Must never believe a token signed in another way than HS256, nor one without its claims.
 * Called by domain/signin.c, and by glue/principal.c to tell a token from a key.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>

#include "util/jwt.h"

#define TOKEN_MAX 4096

static const char *const types[] = { "access", "refresh" };

static apr_status_t free_jwt(void *jwt)
{
    jwt_free(jwt);
    return APR_SUCCESS;
}

static bool put_claims(jwt_t *made, const char *user, const twc_jwt_t *jwt)
{
    return jwt_add_grant(made, "sub", user) == 0 && jwt_add_grant(made, "username", jwt->username) == 0
        && jwt_add_grant(made, "type", types[jwt->type]) == 0 && jwt_add_grant(made, "jti", jwt->id) == 0
        && jwt_add_grant(made, "sid", jwt->signin) == 0 && jwt_add_grant_int(made, "iat", apr_time_sec(jwt->issued_at)) == 0
        && jwt_add_grant_int(made, "exp", apr_time_sec(jwt->expires_at)) == 0;
}

apr_status_t twc_jwt_make(twc_ctx_t *ctx, const char *secret, const twc_jwt_t *jwt, const char **token)
{
    jwt_t *made = NULL;
    char *text = NULL;

    if (jwt_new(&made) == 0 && put_claims(made, apr_psprintf(ctx->scratch, "%" APR_INT64_T_FMT, jwt->user_id), jwt)
        && jwt_set_alg(made, JWT_ALG_HS256, (const unsigned char *)secret, (int)strlen(secret)) == 0)
        text = jwt_encode_str(made);
    jwt_free(made);
    if (!text)
        return twc_problem(ctx, APR_ENOMEM, "no_memory", "The token could not be made.");
    *token = apr_pstrdup(ctx->pool, text);
    free(text);
    return APR_SUCCESS;
}

bool twc_jwt_looks(const char *token)
{
    apr_size_t len = strlen(token);
    int dots = 0;

    if (len > TOKEN_MAX || strspn(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len)
        return false;
    for (const char *p = token; *p; p++)
        dots += *p == '.';
    return dots == 2 && *token != '.';
}

static const char *text_claim(apr_pool_t *pool, jwt_t *jwt, const char *name)
{
    const char *value = jwt_get_grant(jwt, name);

    return value && *value ? apr_pstrdup(pool, value) : NULL;
}

/* A number, or false: absent, or something else. */
static bool time_claim(jwt_t *jwt, const char *name, apr_time_t *t)
{
    long value;

    errno = 0;
    value = jwt_get_grant_int(jwt, name);
    if (errno || value <= 0 || value > APR_INT64_MAX / APR_USEC_PER_SEC)
        return false;
    *t = apr_time_from_sec((apr_time_t)value);
    return true;
}

static bool user_claim(apr_pool_t *pool, jwt_t *jwt, apr_int64_t *id)
{
    const char *text = text_claim(pool, jwt, "sub");
    apr_size_t len = text ? strlen(text) : 0;

    *id = len && len <= 18 && strspn(text, "0123456789") == len ? apr_atoi64(text) : 0;
    return *id > 0;
}

static apr_status_t read_claims(apr_pool_t *pool, jwt_t *from, twc_jwt_type_e type, apr_time_t now, twc_jwt_t *jwt)
{
    const char *said = text_claim(pool, from, "type");

    if (jwt_get_alg(from) != JWT_ALG_HS256 || !said || strcmp(said, types[type]) != 0)
        return APR_EACCES;
    *jwt = (twc_jwt_t){ .type = type, .username = text_claim(pool, from, "username"), .id = text_claim(pool, from, "jti"),
                        .signin = text_claim(pool, from, "sid") };
    if (!user_claim(pool, from, &jwt->user_id) || !time_claim(from, "exp", &jwt->expires_at) || !time_claim(from, "iat", &jwt->issued_at)
        || !jwt->username || !jwt->id || !jwt->signin)
        return APR_EACCES;
    return jwt->expires_at > now ? APR_SUCCESS : APR_TIMEUP;
}

apr_status_t twc_jwt_read(apr_pool_t *pool, const char *const *secrets, int count, const char *token, twc_jwt_type_e type,
                          apr_time_t now, twc_jwt_t *jwt)
{
    jwt_t *read = NULL;

    if (!twc_jwt_looks(token))
        return APR_EACCES;
    for (int i = 0; i < count; i++) {
        if (!secrets[i] || jwt_decode(&read, token, (const unsigned char *)secrets[i], (int)strlen(secrets[i])) != 0)
            continue;
        apr_pool_cleanup_register(pool, read, free_jwt, apr_pool_cleanup_null);
        return read_claims(pool, read, type, now, jwt);
    }
    return APR_EACCES;
}
