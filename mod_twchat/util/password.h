/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * password.h - hashing passwords the way htpasswd and mod_authn_dbd understand, and what a password must be.
 */
#ifndef TWC_UTIL_PASSWORD_H
#define TWC_UTIL_PASSWORD_H

#include "twc.h"

#define TWC_PASSWORD_MAX 72             /* bytes; bcrypt reads no further */

/** bcrypt; takes the time cost asks for: 2^cost rounds, 4 to 17. */
apr_status_t twc_password_hash(apr_pool_t *pool, const char *plain, int cost, const char **hash);
/**
 * bcrypt, and whatever else htpasswd makes. A no takes at least the time a bcrypt of this cost takes; so does hash NULL, which is
 * nobody's.
 */
bool twc_password_matches(const char *plain, const char *hash, int cost);
/** Made with another cost, or another way? */
bool twc_password_is_old(const char *hash, int cost);

/**
 * Is it good enough?
 * @param min    characters
 * @param about  what its owner is called, user name first, NULL at the end: it must not contain the user name, nor be easy to guess for
 *               somebody who knows these. NULL: only its length counts
 * @return NULL, or why not, as a sentence
 */
const char *twc_password_weakness(apr_pool_t *pool, const char *plain, int min, const char *const *about);

#endif
