/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * password.c - hashing and judging passwords.
 * Must never log a password, nor answer sooner for a name that nobody has.
 * Called by util/hasher.c, and by domain/account.c for what a password must be.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_lib.h>
#include <apr_md5.h>
#include <apr_tables.h>
#include <zxcvbn.h>

#include "util/password.h"
#include "util/text.h"

#define SALT_BYTES 16
#define HASH_MAX   120

apr_status_t twc_password_hash(apr_pool_t *pool, const char *plain, int cost, const char **hash)
{
    unsigned char salt[SALT_BYTES];
    char out[HASH_MAX];

    TWC_TRY(apr_generate_random_bytes(salt, sizeof(salt)));
    TWC_TRY(apr_bcrypt_encode(plain, (unsigned)cost, salt, sizeof(salt), out, sizeof(out)));
    *hash = apr_pstrdup(pool, out);
    return APR_SUCCESS;
}

/* N of bcrypt's 2^N rounds; 0: made another way. */
static int cost_of(const char *hash)
{
    return strncmp(hash, "$2", 2) == 0 && hash[2] && hash[3] == '$' ? atoi(hash + 4) : 0;
}

static void take_time(const char *plain, int cost)
{
    static const unsigned char salt[SALT_BYTES] = "nobody has this";
    char out[HASH_MAX];

    (void)apr_bcrypt_encode(plain, (unsigned)cost, salt, sizeof(salt), out, sizeof(out));
}

/* A hash that is quicker to check than those of today would tell from others, and from none at all. */
bool twc_password_matches(const char *plain, const char *hash, int cost)
{
    if (hash && apr_password_validate(plain, hash) == APR_SUCCESS)
        return true;
    if (!hash || cost_of(hash) < cost)
        take_time(plain, cost);
    return false;
}

bool twc_password_is_old(const char *hash, int cost)
{
    char wanted[8];

    apr_snprintf(wanted, sizeof(wanted), "$2y$%02d$", cost);
    return strncmp(hash, wanted, 7) != 0;
}

/* ---- what it must be -------------------------------------------------------------------- */

/* zxcvbn's third of four steps: 10^8 guesses by somebody who knows words, names, keyboards and dates. The commonest passwords are all
 * far below, three words above. */
#define STRENGTH_BITS 26.6
/* Of a longer one the beginning must do: 72 bytes of the worst kind take it a tenth of a second. */
#define JUDGED_MAX 40

/* What its owner, and this program, is called, in lower case: each name as a whole, and the words in it. */
static const char **names_of(apr_pool_t *pool, const char *const *about)
{
    apr_array_header_t *names = apr_array_make(pool, 12, sizeof(const char *));

    APR_ARRAY_PUSH(names, const char *) = "twilio";
    APR_ARRAY_PUSH(names, const char *) = "twchat";
    for (; *about; about++) {
        char *name = apr_pstrdup(pool, *about), *last, *word;
        for (char *p = name; *p; p++)
            *p = (char)apr_tolower(*p);
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, name);
        for (word = apr_strtok(name, "._@+- ", &last); word; word = apr_strtok(NULL, "._@+- ", &last))
            if (strlen(word) >= 3)
                APR_ARRAY_PUSH(names, const char *) = word;
    }
    APR_ARRAY_PUSH(names, const char *) = NULL;
    return (const char **)names->elts;
}

static bool contains(apr_pool_t *pool, const char *text, const char *part)
{
    return strlen(part) >= 3 && strstr(twc_text_upper(pool, text), twc_text_upper(pool, part)) != NULL;
}

static const char *weakness_of_shape(apr_pool_t *pool, const char *plain, int min)
{
    if (!*plain)
        return "A password must not be empty.";
    if (!twc_text_is_clean(plain, strlen(plain)))
        return "A password must be text.";
    if (strlen(plain) > TWC_PASSWORD_MAX)
        return apr_psprintf(pool, "A password has at most %d bytes.", TWC_PASSWORD_MAX);
    if (twc_text_chars(plain) < (apr_size_t)min)
        return apr_psprintf(pool, "A password has at least %d characters.", min);
    return NULL;
}

const char *twc_password_weakness(apr_pool_t *pool, const char *plain, int min, const char *const *about)
{
    const char *weakness = weakness_of_shape(pool, plain, min);

    if (weakness || !about)
        return weakness;
    if (*about && contains(pool, plain, *about))
        return "A password must not contain the user name.";
    return ZxcvbnMatch(apr_pstrndup(pool, plain, JUDGED_MAX), names_of(pool, about), NULL) < STRENGTH_BITS
        ? "This password is too easy to guess; a few words that do not belong together are harder." : NULL;
}
