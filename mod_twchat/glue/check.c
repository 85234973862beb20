/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * check.c - what a single value of a directive must be.
 * Must never touch files or the network: what a value points to is site.c's business.
 * Called by the setters, as the table of directives says.
 */
#include <regex.h>

#include <apr_lib.h>
#include <apr_network_io.h>
#include <httpd.h>

#include "glue/check.h"
#include "glue/secret.h"
#include "twilio/segment.h"
#include "util/phone.h"
#include "util/text.h"

static const char *check_sid(apr_pool_t *pool, const char *word, const char *prefix)
{
    if (strncmp(word, prefix, 2) == 0 && strlen(word) == 34 && strspn(word + 2, "0123456789abcdefABCDEF") == 32)
        return NULL;
    return apr_psprintf(pool, "'%s' is no SID: %s and 32 hexadecimal digits", word, prefix);
}

const char *twc_check_account(apr_pool_t *pool, const char *word) { return check_sid(pool, word, "AC"); }
const char *twc_check_key_sid(apr_pool_t *pool, const char *word) { return check_sid(pool, word, "SK"); }
const char *twc_check_service(apr_pool_t *pool, const char *word) { return check_sid(pool, word, "MG"); }

static bool is_port(const char *word)
{
    char *end;
    apr_int64_t port = apr_strtoi64(word, &end, 10);

    return apr_isdigit(*word) && !*end && port >= 1 && port <= 65535;
}

/* Names, addresses and, in brackets, those of IPv6. */
static bool is_host(const char *word, apr_size_t len)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    if (len > 2 && word[0] == '[' && word[len - 1] == ']')
        return strspn(word + 1, "0123456789abcdefABCDEF:.") == len - 2;
    return len && apr_isalnum(*word) && strspn(word, name) >= len;
}

const char *twc_check_url(apr_pool_t *pool, const char *word)
{
    apr_uri_t uri;
    bool clean = true;

    for (const char *p = word; *p; p++)
        clean = clean && (unsigned char)*p > ' ' && *p != 0x7f;
    if (!clean || apr_uri_parse(pool, word, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname
        || (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0))
        return apr_psprintf(pool, "'%s' is no URL: https://host, with a port or a path where needed", word);
    if (uri.port_str && !is_port(uri.port_str))
        return apr_psprintf(pool, "'%s' has a port that is none: 1 to 65535", word);
    if (uri.query || uri.fragment || uri.user)
        return apr_psprintf(pool, "'%s' must not have a query, a fragment or a user", word);
    return NULL;
}

/* Compared byte by byte with what browsers write: lower case, no path, no slash at the end. */
const char *twc_check_origin(apr_pool_t *pool, const char *word)
{
    apr_uri_t uri;
    bool fine = strcmp(word, "*") == 0;

    if (!fine && !twc_check_url(pool, word) && apr_uri_parse(pool, word, &uri) == APR_SUCCESS && !uri.path)
        fine = is_host(uri.hostname, strlen(uri.hostname)) || strchr(uri.hostname, ':');
    for (const char *p = word; *p && fine; p++)
        fine = !apr_isupper(*p);
    return fine ? NULL : apr_psprintf(pool, "'%s' is no origin: https://app.example.com, with a port where it is unusual, without a slash "
                                      "at the end; or *", word);
}

const char *twc_check_sender(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    if (!address || strcmp(twc_phone_channel(pool, address), "sms") != 0)
        return apr_psprintf(pool, "'%s' is no sender: +14155552671, a short code or an alphanumeric sender", word);
    return NULL;
}

const char *twc_check_whatsapp(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    return address && twc_phone_is_whatsapp(address) ? NULL
        : apr_psprintf(pool, "'%s' is no WhatsApp sender: whatsapp:+14155552671", word);
}

/* Texts go out in messages and into the database, which takes UTF-8 alone: a file saved as Latin-1 would fail every statement. */
const char *twc_check_utf8(apr_pool_t *pool, const char *word)
{
    return twc_text_is_clean(word, strlen(word)) ? NULL : "the text is not written in UTF-8";
}

const char *twc_check_message(apr_pool_t *pool, const char *word)
{
    const char *wrong = twc_check_utf8(pool, word);
    apr_size_t units = wrong ? 0 : twc_text_utf16(word);

    if (units > TWC_BODY_MAX_UNITS)
        wrong = apr_psprintf(pool, "the text has %" APR_SIZE_T_FMT " characters; a message takes %d", units, TWC_BODY_MAX_UNITS);
    return wrong;
}

/* Somebody customers can write to: names are not. */
const char *twc_check_written_to(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    if (twc_check_service(pool, word) == NULL)
        return NULL;
    if (!address || twc_phone_sender_kind(address) == TWC_SENDER_ALPHANUMERIC || (*address == '+' && !twc_phone_is_e164(address)))
        return apr_psprintf(pool, "'%s' is no sender people write to: +14155552671, 12345, whatsapp:+14155552671, rcs:agent or MG...", word);
    return NULL;
}

const char *twc_check_regex(apr_pool_t *pool, const char *word)
{
    regex_t regex;
    char words[200];
    int rc = regcomp(&regex, word, REG_EXTENDED | REG_NOSUB);

    if (rc == 0) {
        regfree(&regex);
        return NULL;
    }
    regerror(rc, &regex, words, sizeof(words));
    return apr_psprintf(pool, "'%s' is no regular expression: %s", word, words);
}

apr_status_t twc_check_read_subnet(apr_ipsubnet_t **net, apr_pool_t *pool, const char *word)
{
    char *address = apr_pstrdup(pool, word);
    char *mask = strchr(address, '/');

    if (mask)
        *mask++ = '\0';
    return apr_ipsubnet_create(net, address, mask, pool);
}

const char *twc_check_subnet(apr_pool_t *pool, const char *word)
{
    apr_ipsubnet_t *net;

    return twc_check_read_subnet(&net, pool, word) == APR_SUCCESS ? NULL
        : apr_psprintf(pool, "'%s' is no address: 10.0.0.1, 10.0.0.0/8 or an IPv6 one", word);
}

const char *twc_check_host(apr_pool_t *pool, const char *word)
{
    const char *bracket = strrchr(word, ']'), *colon = strrchr(bracket ? bracket : word, ':');
    apr_size_t len = colon ? (apr_size_t)(colon - word) : strlen(word);

    return is_host(word, len) && (!colon || is_port(colon + 1)) ? NULL
        : apr_psprintf(pool, "'%s' is no host name: media.example.com, with a port where needed", word);
}

/* HMAC's key: less than the hash is long could be guessed (RFC 7518, 3.2). How long it really is shows when it is read. */
const char *twc_check_token_secret(apr_pool_t *pool, const char *word)
{
    const char *wrong = twc_secret_check(pool, word);

    if (!wrong && twc_secret_is_inline(word) && strlen(word) < 32)
        wrong = "a token secret has at least 32 characters: openssl rand -base64 48";
    return wrong;
}

const char *twc_check_log(apr_pool_t *pool, const char *word)
{
    if (*word == '|')
        return word[1] ? NULL : "after | comes the program that reads the lines";
    return *word ? NULL : "the path of a file must not be empty";
}
