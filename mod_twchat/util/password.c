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

/* What lists of stolen passwords begin with, in lower case, sorted; digits at the end are taken off before looking. */
static const char *const common[] = {
    "abc", "abcd", "access", "admin", "administrator", "amanda", "andrea", "andrew", "angel", "anthony", "apache", "apple", "asdf",
    "asdfgh", "asdfghjkl", "ashley", "austin", "bailey", "banana", "baseball", "basketball", "batman", "biteme", "blink", "buster",
    "butterfly", "charlie", "cheese", "chelsea", "chocolate", "computer", "cookie", "daniel", "dragon", "eminem", "flower", "football",
    "freedom", "fuckyou", "george", "ginger", "google", "guest", "hannah", "harley", "hello", "hockey", "hottie", "hunter", "iloveyou",
    "internet", "jasmine", "jennifer", "jessica", "jordan", "joshua", "justin", "killer", "letmein", "liverpool", "login", "lovely",
    "loveme", "maggie", "manager", "master", "matthew", "mercedes", "merlin", "michael", "michelle", "monkey", "mustang", "nicole",
    "ninja", "nothing", "operator", "passw0rd", "password", "pepper", "pokemon", "princess", "purple", "qazwsx", "qwerty",
    "qwertyuiop", "robert", "root", "samsung", "secret", "server", "shadow", "snoopy", "soccer", "solo", "starwars", "summer",
    "sunshine", "superman", "support", "system", "taylor", "tennis", "test", "testing", "thomas", "thunder", "tigger", "trustno",
    "twilio", "user", "welcome", "whatever", "william", "winter", "yankees", "zaq", "zxcvbn", "zxcvbnm",
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "Summer2024!" is summer. */
static bool is_common(apr_pool_t *pool, const char *plain)
{
    char *stem = apr_pstrdup(pool, plain);
    apr_size_t len;

    for (char *p = stem; *p; p++)
        *p = (char)apr_tolower(*p);
    for (len = strlen(stem); len && !apr_isalpha(stem[len - 1]); len--)
        stem[len - 1] = '\0';
    return !len || bsearch(&stem, common, sizeof(common) / sizeof(common[0]), sizeof(common[0]), compare) != NULL;
}

/* "aaaaaaaa", "abababab", "12345678", "87654321", "qwertzui" */
static bool is_row(const char *plain)
{
    static const char *const rows[] = { "01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "asdfghjkl",
                                        "zxcvbnm", "yxcvbnm", "azertyuiop", "98765432109876543210", "zyxwvutsrqponmlkjihgfedcba" };
    apr_size_t len = strlen(plain), same = 0, next = 0;

    for (apr_size_t i = 2; i < len; i++)
        same += plain[i] == plain[i - 2];
    for (apr_size_t i = 1; i < len; i++)
        for (apr_size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
            char pair[3] = { (char)apr_tolower(plain[i - 1]), (char)apr_tolower(plain[i]), '\0' };
            if (strstr(rows[r], pair)) {
                next++;
                break;
            }
        }
    return len >= 3 && (same == len - 2 || next == len - 1);
}

static bool contains(apr_pool_t *pool, const char *text, const char *part)
{
    return strlen(part) >= 3 && strstr(twc_text_upper(pool, text), twc_text_upper(pool, part)) != NULL;
}

const char *twc_password_weakness(apr_pool_t *pool, const char *plain, int min, const char *username)
{
    if (!*plain)
        return "A password must not be empty.";
    if (!twc_text_is_clean(plain, strlen(plain)))
        return "A password must be text.";
    if (strlen(plain) > TWC_PASSWORD_MAX)
        return apr_psprintf(pool, "A password has at most %d bytes.", TWC_PASSWORD_MAX);
    if (twc_text_chars(plain) < (apr_size_t)min)
        return apr_psprintf(pool, "A password has at least %d characters.", min);
    if (!username)
        return NULL;
    if (contains(pool, plain, username))
        return "A password must not contain the user name.";
    return is_common(pool, plain) || is_row(plain) ? "This password is one of the first that are tried; choose another." : NULL;
}
