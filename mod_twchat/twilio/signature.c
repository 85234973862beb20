/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * signature.c - HMAC-SHA1 over URL and parameters, as Twilio does it.
 * Must never decode or re-encode the URL, nor tell by its time how much of a signature was right.
 * Called by webhook/, the sandbox and the load client.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "twilio/signature.h"

static int compare_str(const twc_str_t *a, const twc_str_t *b)
{
    apr_size_t n = a->len < b->len ? a->len : b->len;
    int c = memcmp(a->data, b->data, n);

    return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_pairs(const void *a, const void *b)
{
    const twc_pair_t *x = *(const twc_pair_t *const *)a, *y = *(const twc_pair_t *const *)b;
    int c = compare_str(&x->name, &y->name);

    return c ? c : compare_str(&x->value, &y->value);
}

/* What follows the URL: names and values in order, each distinct pair once. */
static twc_str_t parameters(apr_pool_t *pool, const twc_form_t *form)
{
    const twc_pair_t **sorted;
    apr_size_t len = 0;
    char *out, *o;

    if (!form || form->count == 0)
        return (twc_str_t){ "", 0 };
    sorted = apr_palloc(pool, (apr_size_t)form->count * sizeof(*sorted));
    for (int i = 0; i < form->count; i++) {
        sorted[i] = &form->pairs[i];
        len += sorted[i]->name.len + sorted[i]->value.len;
    }
    qsort(sorted, (size_t)form->count, sizeof(*sorted), compare_pairs);
    o = out = apr_palloc(pool, len + 1);
    for (int i = 0; i < form->count; i++) {
        if (i && compare_pairs(&sorted[i], &sorted[i - 1]) == 0)
            continue;
        memcpy(o, sorted[i]->name.data, sorted[i]->name.len);
        o += sorted[i]->name.len;
        memcpy(o, sorted[i]->value.data, sorted[i]->value.len);
        o += sorted[i]->value.len;
    }
    return (twc_str_t){ out, (apr_size_t)(o - out) };
}

static void sign(apr_pool_t *pool, const char *token, const char *url, twc_str_t params, char *out)
{
    apr_size_t url_len = strlen(url);
    char *data = apr_palloc(pool, url_len + params.len + 1);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;

    memcpy(data, url, url_len);
    memcpy(data + url_len, params.data, params.len);
    if (HMAC(EVP_sha1(), token, (int)strlen(token), (unsigned char *)data, url_len + params.len, digest, &digest_len))
        EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_len);
    else
        out[0] = '\0';                  /* no signature equals it: refused */
}

void twc_signature_make(apr_pool_t *scratch, const char *token, const char *url, const twc_form_t *form, char *out)
{
    sign(scratch, token, url, parameters(scratch, form), out);
}

/* ---- the three spellings of a URL ------------------------------------------------------ */

typedef struct url_t {
    const char *host;                   /* behind "://" */
    const char *host_end;               /* where ":port" or the path begins */
    const char *rest;                   /* path and query */
    const char *port;                   /* digits between host_end + 1 and rest, or NULL */
} url_t;

static bool split_url(const char *url, url_t *u)
{
    const char *p = strstr(url, "://");

    if (!p)
        return false;
    u->host = p + 3;
    u->rest = u->host + strcspn(u->host, "/?");
    p = u->host;
    if (*p == '[') {                    /* an IPv6 address has colons of its own */
        const char *close = memchr(p, ']', (size_t)(u->rest - p));
        p = close ? close : p;
    }
    u->host_end = memchr(p, ':', (size_t)(u->rest - p));
    u->port = u->host_end ? u->host_end + 1 : NULL;
    if (!u->host_end)
        u->host_end = u->rest;
    return true;
}

static const char *without_port(apr_pool_t *pool, const char *url, const url_t *u)
{
    return apr_psprintf(pool, "%.*s%s", (int)(u->host_end - url), url, u->rest);
}

static const char *with_default_port(apr_pool_t *pool, const char *url, const url_t *u)
{
    const char *port = strncasecmp(url, "https:", 6) == 0 ? "443" : "80";

    return apr_psprintf(pool, "%.*s:%s%s", (int)(u->host_end - url), url, port, u->rest);
}

/* ---- checking ------------------------------------------------------------------------------ */

static bool well_formed(const char *header)
{
    if (strlen(header) != TWC_SIGNATURE_LEN || header[TWC_SIGNATURE_LEN - 1] != '=')
        return false;
    for (int i = 0; i < TWC_SIGNATURE_LEN - 1; i++)
        if (!apr_isalnum(header[i]) && header[i] != '+' && header[i] != '/')
            return false;
    return true;
}

static bool matches(apr_pool_t *pool, const char *token, const char *url, twc_str_t params, const char *header)
{
    char made[TWC_SIGNATURE_LEN + 8] = "";

    sign(pool, token, url, params, made);
    return CRYPTO_memcmp(made, header, TWC_SIGNATURE_LEN) == 0;
}

static bool matches_any_url(apr_pool_t *pool, const char *token, const char *url, twc_str_t params, const char *header)
{
    url_t u;

    if (matches(pool, token, url, params, header))
        return true;
    if (!split_url(url, &u))
        return false;
    return matches(pool, token, u.port ? without_port(pool, url, &u) : with_default_port(pool, url, &u), params, header);
}

/* A body that is no form is vouched for by its hash in the signed URL. */
static bool body_hash_ok(apr_pool_t *pool, const char *url, twc_str_t body)
{
    const char *query = strchr(url, '?'), *given = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    const twc_form_t *form;

    if (query && twc_form_parse(pool, query + 1, strlen(query + 1), &form) == APR_SUCCESS)
        given = twc_form_text(pool, form, "bodySHA256");
    if (!given || strlen(given) != 64 || EVP_Digest(body.data, body.len, digest, &len, EVP_sha256(), NULL) != 1)
        return false;
    for (unsigned int i = 0; i < len; i++) {
        char pair[3];
        apr_snprintf(pair, sizeof(pair), "%02x", digest[i]);
        if (strncasecmp(pair, given + 2 * i, 2) != 0)
            return false;
    }
    return true;
}

twc_sig_verdict_e twc_signature_check(apr_pool_t *scratch, const char *const *tokens, int count, const char *header,
                                      const twc_signed_t *what)
{
    twc_str_t params;
    bool any = false;

    if (!header || !*header)
        return TWC_SIG_MISSING;
    if (strchr(header, ','))
        return TWC_SIG_REPEATED;
    if (!well_formed(header))
        return TWC_SIG_MALFORMED;
    params = parameters(scratch, what->form);
    for (int i = 0; i < count; i++) {
        if (!tokens[i])
            continue;
        any = true;
        if (matches_any_url(scratch, tokens[i], what->url, params, header))
            return what->body.data && !body_hash_ok(scratch, what->url, what->body) ? TWC_SIG_BODY_HASH : TWC_SIG_OK;
    }
    return any ? TWC_SIG_MISMATCH : TWC_SIG_NO_TOKEN;
}

const char *twc_signature_reason(twc_sig_verdict_e verdict)
{
    switch (verdict) {
    case TWC_SIG_OK: return "signature right";
    case TWC_SIG_MISSING: return "signature missing";
    case TWC_SIG_REPEATED: return "more than one signature";
    case TWC_SIG_MALFORMED: return "signature malformed";
    case TWC_SIG_MISMATCH: return "signature does not match (token or public URL?)";
    case TWC_SIG_BODY_HASH: return "bodySHA256 missing or not the body's";
    case TWC_SIG_NO_TOKEN: return "no auth token configured";
    }
    return "";
}
