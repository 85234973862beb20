/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * principal.c - who is asking.
 * Must never take a wrong key for a missing one, nor keep or log a key.
 * Called by the router, and by httpd's authentication phase through mod_twchat.c.
 */
#include <httpd.h>
#include <apr_hash.h>
#include <apr_thread_mutex.h>
#include <apr_uri.h>
#include <http_request.h>
#include <openssl/sha.h>

#include "glue/module.h"
#include "glue/principal.h"
#include "store/setting.h"
#include "util/clock.h"

#define KEY_MAX 256
#define KNOWN_FOR apr_time_from_sec(5)
#define UNKNOWN_FOR apr_time_from_sec(1)
#define KEYS_MAX 1024

typedef struct known_t {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    const char *name;                   /* NULL: no such key */
    apr_time_t until;
} known_t;

struct twc_keys_t {
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;                   /* cleared when there are too many */
    apr_hash_t *by_hash;
};

apr_status_t twc_keys_create(twc_keys_t **keys, apr_pool_t *pool)
{
    twc_keys_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_allocator_t *allocator;

    TWC_TRY(apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    TWC_TRY(apr_allocator_create(&allocator));
    TWC_TRY(apr_pool_create_ex(&made->pool, pool, NULL, allocator));
    apr_allocator_owner_set(allocator, made->pool);
    made->by_hash = apr_hash_make(made->pool);
    *keys = made;
    return APR_SUCCESS;
}

/* @return false: not known, ask the database */
static bool recall(twc_keys_t *keys, const unsigned char *hash, apr_pool_t *pool, const char **name)
{
    const known_t *known;
    bool fresh;

    apr_thread_mutex_lock(keys->mutex);
    known = apr_hash_get(keys->by_hash, hash, SHA256_DIGEST_LENGTH);
    fresh = known && known->until > twc_clock_ticks();
    if (fresh)
        *name = known->name ? apr_pstrdup(pool, known->name) : NULL;
    apr_thread_mutex_unlock(keys->mutex);
    return fresh;
}

static void remember(twc_keys_t *keys, const unsigned char *hash, const char *name)
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
    if (!known->name || !name || strcmp(known->name, name) != 0)
        known->name = name ? apr_pstrdup(keys->pool, name) : NULL;
    known->until = twc_clock_ticks() + (name ? KNOWN_FOR : UNKNOWN_FOR);
    apr_thread_mutex_unlock(keys->mutex);
}

/* X-API-Key wins; of Authorization only Bearer is ours. NULL: no credential of ours. */
static const char *given_key(const request_rec *r)
{
    const char *key = apr_table_get(r->headers_in, "X-API-Key");
    const char *authorization = apr_table_get(r->headers_in, "Authorization");

    if (key)
        return key;
    if (!authorization || ap_cstr_casecmpn(authorization, "Bearer", 6) != 0 || authorization[6] != ' ')
        return NULL;
    authorization += 7;
    while (*authorization == ' ')
        authorization++;
    return authorization;
}

bool twc_principal_has_key(const request_rec *r)
{
    return given_key(r) != NULL;
}

static apr_status_t check_key(twc_tenant_t *tenant, twc_ctx_t *ctx, const char *key, const char **name)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    apr_size_t len = strlen(key);
    apr_int64_t id;
    apr_status_t rv;

    *name = NULL;
    if (!len || len > KEY_MAX)
        return APR_SUCCESS;
    SHA256((const unsigned char *)key, len, hash);
    if (recall(tenant->keys, hash, ctx->pool, name))
        return APR_SUCCESS;
    rv = twc_apikey_check(ctx, key, &id, name);
    if (APR_STATUS_IS_ENOENT(rv)) {
        twc_problem_clear(ctx);
        *name = NULL;
        rv = APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        remember(tenant->keys, hash, *name);
    return rv;
}

static apr_status_t by_key(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx, twc_principal_t *who)
{
    const char *name;

    TWC_TRY(check_key(tenant, ctx, given_key(r), &name));
    who->kind = name ? TWC_WHO_KEY : TWC_WHO_NOBODY;
    who->name = name ? apr_pstrcat(r->pool, "key:", name, NULL) : NULL;
    who->refused = !name;
    return APR_SUCCESS;
}

apr_status_t twc_principal_resolve(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx,
                                   const twc_dir_conf_t *dir, const twc_principal_t **out)
{
    twc_principal_t *who = apr_pcalloc(r->pool, sizeof(*who));

    *out = who;
    if (twc_principal_has_key(r))
        return by_key(r, tenant, ctx, who);
    if (r->user && *r->user)
        *who = (twc_principal_t){ .kind = TWC_WHO_USER, .name = r->user, .ambient = true };
    else if (dir->open == 1)
        *who = (twc_principal_t){ .kind = TWC_WHO_OPEN, .name = "open", .ambient = true };
    return APR_SUCCESS;
}

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

    if (!q->who->ambient)
        return true;
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    return !origin || is_ours(q, origin);
}
