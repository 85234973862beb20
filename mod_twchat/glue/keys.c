/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keys.c - credentials a child has checked.
 * Must never keep a key or a password, only what they hash to, nor believe anything for long.
 * Called by principal.c and basic.c.
 */
#include <string.h>

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_thread_mutex.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "glue/keys.h"
#include "util/clock.h"

#define KEY_MAX       256
#define KNOWN_FOR     apr_time_from_sec(5)
#define UNKNOWN_FOR   apr_time_from_sec(1)
#define PASSWORD_FOR  apr_time_from_sec(300)
#define KEYS_MAX      2048

typedef struct known_t {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    twc_apikey_t key;                   /* name NULL: nobody's */
    apr_time_t until;
} known_t;

struct twc_keys_t {
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;                   /* cleared when there are too many */
    apr_hash_t *by_hash;
    unsigned char salt[32];             /* this child's: what it remembers of passwords means nothing elsewhere */
};

apr_status_t twc_keys_create(twc_keys_t **keys, apr_pool_t *pool)
{
    twc_keys_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_allocator_t *allocator;

    TWC_TRY(apr_generate_random_bytes(made->salt, sizeof(made->salt)));
    TWC_TRY(apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(apr_allocator_create(&allocator));
    TWC_TRY(apr_pool_create_ex(&made->pool, pool, NULL, allocator));
    apr_allocator_owner_set(allocator, made->pool);
    made->by_hash = apr_hash_make(made->pool);
    *keys = made;
    return APR_SUCCESS;
}

/* @return false: not known, ask the database */
static bool recall(twc_keys_t *keys, const unsigned char *hash, apr_pool_t *pool, twc_apikey_t *key)
{
    const known_t *known;
    bool fresh;

    apr_thread_mutex_lock(keys->mutex);
    known = apr_hash_get(keys->by_hash, hash, SHA256_DIGEST_LENGTH);
    fresh = known && known->until > twc_clock_ticks();
    if (fresh && key) {
        *key = known->key;
        key->name = known->key.name ? apr_pstrdup(pool, known->key.name) : NULL;
    }
    apr_thread_mutex_unlock(keys->mutex);
    return fresh;
}

static void remember(twc_keys_t *keys, const unsigned char *hash, const twc_apikey_t *key, apr_interval_time_t how_long)
{
    known_t *known;

    apr_thread_mutex_lock(keys->mutex);
    if (apr_hash_count(keys->by_hash) >= KEYS_MAX) {
        apr_pool_clear(keys->pool);
        keys->by_hash = apr_hash_make(keys->pool);
    }
    known = apr_hash_get(keys->by_hash, hash, SHA256_DIGEST_LENGTH);
    if (!known) {
        known = apr_pcalloc(keys->pool, sizeof(*known));
        memcpy(known->hash, hash, SHA256_DIGEST_LENGTH);
        apr_hash_set(keys->by_hash, known->hash, SHA256_DIGEST_LENGTH, known);
    }
    if (key) {
        const char *name = known->key.name;
        if (!name || !key->name || strcmp(name, key->name) != 0)
            name = key->name ? apr_pstrdup(keys->pool, key->name) : NULL;
        known->key = *key;
        known->key.name = name;
    }
    known->until = twc_clock_ticks() + how_long;
    apr_thread_mutex_unlock(keys->mutex);
}

/* ---- API keys ------------------------------------------------------------------------ */

apr_status_t twc_keys_check(twc_keys_t *keys, twc_ctx_t *ctx, const char *text, twc_apikey_t *key)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    apr_size_t len = strlen(text);
    apr_status_t rv;

    *key = (twc_apikey_t){ .name = NULL };
    if (!len || len > KEY_MAX)
        return APR_SUCCESS;
    SHA256((const unsigned char *)text, len, hash);
    if (recall(keys, hash, ctx->pool, key))
        return APR_SUCCESS;
    rv = twc_apikey_check(ctx, text, key);
    if (APR_STATUS_IS_ENOENT(rv)) {
        twc_problem_clear(ctx);
        *key = (twc_apikey_t){ .name = NULL };
        rv = APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        remember(keys, hash, key, key->name ? KNOWN_FOR : UNKNOWN_FOR);
    return rv;
}

/* ---- passwords ------------------------------------------------------------------------- */

/* The stored hash goes in, so that whatever was remembered ends with it. */
static bool digest(const twc_keys_t *keys, apr_pool_t *pool, const twc_user_t *user, const char *password, unsigned char *out)
{
    const char *text = apr_psprintf(pool, "%" APR_INT64_T_FMT "\n%s\n%s", user->id, user->password_hash, password);
    unsigned int len = 0;

    return HMAC(EVP_sha256(), keys->salt, sizeof(keys->salt), (const unsigned char *)text, strlen(text), out, &len)
        && len == SHA256_DIGEST_LENGTH;
}

bool twc_keys_password_known(twc_keys_t *keys, apr_pool_t *pool, const twc_user_t *user, const char *password)
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    return user->password_hash && digest(keys, pool, user, password, hash) && recall(keys, hash, pool, NULL);
}

void twc_keys_password_remember(twc_keys_t *keys, apr_pool_t *pool, const twc_user_t *user, const char *password)
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (user->password_hash && digest(keys, pool, user, password, hash))
        remember(keys, hash, NULL, PASSWORD_FOR);
}
