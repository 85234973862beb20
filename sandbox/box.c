/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * box.c - finding accounts and services; making SIDs and pools.
 * Must never change what is configured.
 * Called by every part of the sandbox.
 */
#include <string.h>

#include <apr_allocator.h>
#include <apr_general.h>
#include <apr_lib.h>

#include "box.h"

sb_account_t *sb_account_find(const sb_conf_t *conf, const char *sid)
{
    for (int i = 0; i < conf->accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(conf->accounts, i, sb_account_t *);
        if (!strcmp(account->sid, sid))
            return account;
    }
    return NULL;
}

const sb_service_t *sb_service_find(const sb_account_t *account, const char *sid)
{
    for (int i = 0; i < account->services->nelts; i++) {
        const sb_service_t *service = &APR_ARRAY_IDX(account->services, i, sb_service_t);
        if (!strcmp(service->sid, sid))
            return service;
    }
    return NULL;
}

static bool pool_holds(const sb_service_t *service, const char *address)
{
    for (int i = 0; i < service->addresses->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(service->addresses, i, const char *), address))
            return true;
    return false;
}

const sb_service_t *sb_service_of(const sb_account_t *account, const char *address)
{
    for (int i = 0; i < account->services->nelts; i++) {
        const sb_service_t *service = &APR_ARRAY_IDX(account->services, i, sb_service_t);
        if (pool_holds(service, address))
            return service;
    }
    return NULL;
}

apr_pool_t *sb_pool_create(apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS
        || apr_pool_create_ex(&pool, parent, NULL, allocator) != APR_SUCCESS)
        return NULL;
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

/* One draw of the kernel's generator per thread gives a random start; a 128-bit
 * mix of a counter from there on is unique and costs no system call per message. */
static apr_uint64_t mix(apr_uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static void hex16(char *out, apr_uint64_t value)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 15; i >= 0; i--, value >>= 4)
        out[i] = digits[value & 15];
}

void sb_sid_make(char *out, const char *prefix)
{
    static __thread apr_uint64_t state[2];

    if (state[0] == 0)
        apr_generate_random_bytes((unsigned char *)state, sizeof(state));
    state[0] += 0x9e3779b97f4a7c15ULL;
    state[1] += 0xd1342543de82ef95ULL;
    out[0] = prefix[0];
    out[1] = prefix[1];
    hex16(out + 2, mix(state[0]));
    hex16(out + 18, mix(state[1] ^ state[0]));
    out[SB_SID_LEN] = '\0';
}

bool sb_sid_is(const char *s, const char *prefix)
{
    if (strlen(s) != SB_SID_LEN || strncmp(s, prefix, 2))
        return false;
    for (const char *p = s + 2; *p; p++)
        if (!apr_isxdigit(*p))
            return false;
    return true;
}
