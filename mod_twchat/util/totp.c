/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * totp.c - authenticator codes, recovery codes, and the seal for secrets at rest.
 * Must never compare a secret or a code in a time that tells how much of it was right.
 * Called by domain/account.c and domain/signin.c.
 */
#include <string.h>

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/sha.h>

#include "util/text.h"
#include "util/totp.h"

#define STEP_SECONDS 30
#define DIGITS       6
#define KEY_BYTES    32
#define IV_BYTES     12
#define TAG_BYTES    16

/* ---- codes -------------------------------------------------------------------------- */

apr_status_t twc_totp_generate(unsigned char secret[TWC_TOTP_BYTES])
{
    return apr_generate_random_bytes(secret, TWC_TOTP_BYTES);
}

const char *twc_totp_base32(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES])
{
    return apr_pencode_base32_binary(pool, secret, TWC_TOTP_BYTES, APR_ENCODE_NOPADDING, NULL);
}

const char *twc_totp_url(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES], const char *issuer, const char *account)
{
    const char *who = apr_pescape_urlencoded(pool, issuer), *name = apr_pescape_urlencoded(pool, account);
    char *url = apr_psprintf(pool, "otpauth://totp/%s:%s?secret=%s&issuer=%s", who, name, twc_totp_base32(pool, secret), who);
    char *out = apr_palloc(pool, 3 * strlen(url) + 1), *p = out;

    for (; *url; url++) {               /* apps read a plus as a plus */
        if (*url == '+') {
            memcpy(p, "%20", 3);
            p += 3;
        }
        else
            *p++ = *url;
    }
    *p = '\0';
    return out;
}

/* RFC 4226, section 5.3 */
static unsigned code_of(const unsigned char *secret, apr_int64_t step)
{
    unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned int len = 0, at;

    for (int i = 7; i >= 0; i--, step >>= 8)
        counter[i] = (unsigned char)(step & 0xff);
    HMAC(EVP_sha1(), secret, TWC_TOTP_BYTES, counter, sizeof(counter), mac, &len);
    at = mac[19] & 0xf;
    return ((mac[at] & 0x7fu) << 24 | (unsigned)mac[at + 1] << 16 | (unsigned)mac[at + 2] << 8 | mac[at + 3]) % 1000000;
}

const char *twc_totp_code(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES], apr_int64_t step)
{
    return apr_psprintf(pool, "%06u", code_of(secret, step));
}

/* Six digits, as a text without blanks; false when it is anything else. */
static bool read_code(const char *code, char digits[DIGITS + 1])
{
    int n = 0;

    for (; *code; code++) {
        if (*code == ' ')
            continue;
        if (!apr_isdigit(*code) || n == DIGITS)
            return false;
        digits[n++] = *code;
    }
    digits[n] = '\0';
    return n == DIGITS;
}

apr_int64_t twc_totp_step(const unsigned char secret[TWC_TOTP_BYTES], const char *code, apr_time_t now, apr_int64_t after)
{
    apr_int64_t present = apr_time_sec(now) / STEP_SECONDS, found = 0;
    char digits[DIGITS + 1], wanted[16];

    if (!read_code(code, digits))
        return 0;
    for (apr_int64_t step = present - 1; step <= present + 1; step++) {
        apr_snprintf(wanted, sizeof(wanted), "%06u", code_of(secret, step));
        if (CRYPTO_memcmp(wanted, digits, DIGITS) == 0 && step > after)
            found = step;
    }
    return found;
}

/* ---- recovery ------------------------------------------------------------------------- */

/* Without what is easily taken for something else: 0 o, 1 l i, u v. */
static const char letters[] = "23456789abcdefghjkmnpqrstwxyz";

apr_status_t twc_recovery_generate(apr_pool_t *pool, const char **code)
{
    char *text = apr_palloc(pool, 15), *p = text;
    unsigned char random;

    for (int i = 0; i < 12;) {
        TWC_TRY(apr_generate_random_bytes(&random, 1));
        if (random >= 256 / (sizeof(letters) - 1) * (sizeof(letters) - 1))
            continue;                   /* every letter is as likely */
        if (i && i % 4 == 0)
            *p++ = '-';
        *p++ = letters[random % (sizeof(letters) - 1)];
        i++;
    }
    *p = '\0';
    *code = text;
    return APR_SUCCESS;
}

const char *twc_recovery_hash(apr_pool_t *pool, const char *code)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *plain = apr_palloc(pool, strlen(code) + 1), *p = plain;

    for (; *code; code++)
        if (!apr_isspace(*code) && *code != '-')
            *p++ = (char)apr_tolower(*code);
    SHA256((const unsigned char *)plain, (size_t)(p - plain), digest);
    return twc_text_hex(pool, digest, sizeof(digest));
}

/* ---- seal -------------------------------------------------------------------------------- */

static bool derive(const char *secret, const char *label, unsigned char key[KEY_BYTES])
{
    static const unsigned char salt[] = "mod_twchat seal";
    EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    size_t len = KEY_BYTES;
    bool good = kdf && EVP_PKEY_derive_init(kdf) > 0 && EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) > 0
        && EVP_PKEY_CTX_set1_hkdf_salt(kdf, salt, sizeof(salt) - 1) > 0
        && EVP_PKEY_CTX_set1_hkdf_key(kdf, (const unsigned char *)secret, (int)strlen(secret)) > 0
        && EVP_PKEY_CTX_add1_hkdf_info(kdf, (const unsigned char *)label, (int)strlen(label)) > 0
        && EVP_PKEY_derive(kdf, key, &len) > 0;

    EVP_PKEY_CTX_free(kdf);
    return good;
}

/* IV, ciphertext, tag. */
static bool encrypt(const unsigned char *key, twc_str_t plain, unsigned char *out)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int len = 0, rest = 0;
    bool good = cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, out) > 0
        && EVP_EncryptUpdate(cipher, out + IV_BYTES, &len, (const unsigned char *)plain.data, (int)plain.len) > 0
        && EVP_EncryptFinal_ex(cipher, out + IV_BYTES + len, &rest) > 0
        && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out + IV_BYTES + plain.len) > 0;

    EVP_CIPHER_CTX_free(cipher);
    return good;
}

static bool decrypt(const unsigned char *key, const unsigned char *sealed, apr_size_t len, unsigned char *out)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    unsigned char tag[TAG_BYTES];
    int done = 0, rest = 0;
    bool good;

    memcpy(tag, sealed + IV_BYTES + len, TAG_BYTES);
    good = cipher && EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, sealed) > 0
        && EVP_DecryptUpdate(cipher, out, &done, sealed + IV_BYTES, (int)len) > 0
        && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) > 0 && EVP_DecryptFinal_ex(cipher, out + done, &rest) > 0;
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

apr_status_t twc_seal(apr_pool_t *pool, const char *secret, const char *label, twc_str_t plain, twc_str_t *sealed)
{
    unsigned char key[KEY_BYTES], *out = apr_palloc(pool, IV_BYTES + plain.len + TAG_BYTES);
    bool good;

    TWC_TRY(apr_generate_random_bytes(out, IV_BYTES));
    good = derive(secret, label, key) && encrypt(key, plain, out);
    OPENSSL_cleanse(key, sizeof(key));
    *sealed = (twc_str_t){ (const char *)out, IV_BYTES + plain.len + TAG_BYTES };
    return good ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t twc_unseal(apr_pool_t *pool, const char *secret, const char *label, twc_str_t sealed, twc_str_t *plain)
{
    unsigned char key[KEY_BYTES], *out;
    apr_size_t len;
    bool good;

    if (sealed.len < IV_BYTES + TAG_BYTES)
        return APR_EACCES;
    len = sealed.len - IV_BYTES - TAG_BYTES;
    out = apr_palloc(pool, len + 1);
    good = derive(secret, label, key) && decrypt(key, (const unsigned char *)sealed.data, len, out);
    OPENSSL_cleanse(key, sizeof(key));
    *plain = (twc_str_t){ (const char *)out, len };
    return good ? APR_SUCCESS : APR_EACCES;
}
