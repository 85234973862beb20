/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * call.c - makes one outgoing call out of a configured URL and its parameters.
 * Must never change a byte of the URL that is signed.
 * Called by whoever has a webhook to make.
 */
#include <string.h>

#include <apr_lib.h>

#include "postman.h"
#include "twilio/signature.h"

#define TWIML_MAX_BYTES 65536

const char *sb_call_name(sb_call_e kind)
{
    static const char *const names[] = { "status", "inbound", "fallback", "redirect", "media" };

    return names[kind];
}

static void override_int(const char *value, int min, int max, int *field)
{
    apr_int64_t number = apr_atoi64(value);

    if (number >= min && number <= max)
        *field = (int)number;
}

static unsigned retry_word(const char *word)
{
    static const struct { const char *word; unsigned bits; } words[] = {
        { "4xx", SB_RETRY_4XX }, { "5xx", SB_RETRY_5XX }, { "ct", SB_RETRY_CONNECT }, { "rt", SB_RETRY_READ },
        { "all", SB_RETRY_4XX | SB_RETRY_5XX | SB_RETRY_CONNECT | SB_RETRY_READ }
    };

    for (apr_size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcasecmp(words[i].word, word))
            return words[i].bits;
    return 0;
}

static unsigned retry_bits(apr_pool_t *pool, const char *value)
{
    char *state, *list = apr_pstrdup(pool, value);
    unsigned bits = 0;

    for (char *word = apr_strtok(list, ",", &state); word; word = apr_strtok(NULL, ",", &state))
        bits |= retry_word(word);
    return bits;
}

void sb_override_parse(apr_pool_t *pool, const char *fragment, sb_override_t *override)
{
    char *state, *list = apr_pstrdup(pool, fragment);

    *override = (sb_override_t){ .connect_ms = 5000, .read_ms = 15000, .total_ms = 15000, .retries = 1,
                                 .retry_on = SB_RETRY_CONNECT };
    for (char *pair = apr_strtok(list, "&", &state); pair; pair = apr_strtok(NULL, "&", &state)) {
        if (!strncmp(pair, "ct=", 3))
            override_int(pair + 3, 100, 10000, &override->connect_ms);
        else if (!strncmp(pair, "rt=", 3))
            override_int(pair + 3, 100, 15000, &override->read_ms);
        else if (!strncmp(pair, "tt=", 3))
            override_int(pair + 3, 100, 15000, &override->total_ms);
        else if (!strncmp(pair, "rc=", 3) && apr_isdigit(pair[3]))
            override_int(pair + 3, 0, 5, &override->retries);
        else if (!strncmp(pair, "rp=", 3) && retry_bits(pool, pair + 3))
            override->retry_on = retry_bits(pool, pair + 3);
    }
}

static const twc_form_t *copy_form(apr_pool_t *pool, const twc_form_t *form)
{
    twc_form_t *copy = apr_pcalloc(pool, sizeof(*copy));
    twc_pair_t *pairs = apr_palloc(pool, sizeof(*pairs) * (form->count ? form->count : 1));

    for (int i = 0; i < form->count; i++) {
        const twc_pair_t *from = &form->pairs[i];
        pairs[i].name = (twc_str_t){ apr_pstrmemdup(pool, from->name.data, from->name.len), from->name.len };
        pairs[i].value = (twc_str_t){ apr_pstrmemdup(pool, from->value.data, from->value.len), from->value.len };
    }
    copy->pairs = pairs;
    copy->count = form->count;
    return copy;
}

static const char *encode_form(apr_pool_t *pool, const twc_form_t *form)
{
    apr_array_header_t *parts = apr_array_make(pool, form->count * 4, sizeof(const char *));

    for (int i = 0; i < form->count; i++) {
        APR_ARRAY_PUSH(parts, const char *) = i ? "&" : "";
        APR_ARRAY_PUSH(parts, const char *) = twc_form_escape(pool, form->pairs[i].name.data);
        APR_ARRAY_PUSH(parts, const char *) = "=";
        APR_ARRAY_PUSH(parts, const char *) = twc_form_escape(pool, form->pairs[i].value.data);
    }
    return apr_array_pstrcat(pool, parts, 0);
}

static void split_userinfo(sb_call_t *call, const char *info, apr_size_t len)
{
    const char *colon = memchr(info, ':', len), *end = info + len;
    const char *password = colon ? twc_url_unescape(call->pool, colon + 1, end - colon - 1) : "";

    call->user = twc_url_unescape(call->pool, info, colon ? (apr_size_t)(colon - info) : len);
    call->password = password ? password : "";
}

/* Takes "scheme://[user:pw@]host[/...]" apart without touching the rest. */
static bool split_url(sb_call_t *call, const char *target)
{
    const char *hash = strchr(target, '#'), *host = strstr(target, "://"), *slash, *at;
    const char *url = hash ? apr_pstrmemdup(call->pool, target, hash - target) : target;

    if (!host || (strncmp(target, "http://", 7) && strncmp(target, "https://", 8)))
        return false;
    host = url + (host - target) + 3;
    slash = host + strcspn(host, "/?");
    at = memchr(host, '@', slash - host);
    if (at) {
        split_userinfo(call, host, at - host);
        url = apr_pstrcat(call->pool, apr_pstrmemdup(call->pool, url, host - url), at + 1, NULL);
    }
    else
        url = apr_pstrdup(call->pool, url);
    if (slash == host)
        return false;
    call->url = *slash == '/' ? url : apr_pstrcat(call->pool, url, *slash ? "" : "/", NULL);
    sb_override_parse(call->pool, hash ? hash + 1 : "", &call->override);
    return true;
}

sb_call_t *sb_call_make(sb_call_e kind, sb_account_t *account, const char *target, const char *method,
                        const twc_form_t *form)
{
    apr_pool_t *pool;
    sb_call_t *call;
    const char *encoded;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return NULL;
    call = apr_pcalloc(pool, sizeof(*call));
    *call = (sb_call_t){ .pool = pool, .kind = kind, .account = account, .method = apr_pstrdup(pool, method),
                         .answer_max = TWIML_MAX_BYTES };
    if (!split_url(call, target)) {
        apr_pool_destroy(pool);
        return NULL;
    }
    call->form = copy_form(pool, form);
    encoded = encode_form(pool, call->form);
    if (!strcmp(method, "POST"))
        call->body = encoded;
    else if (*encoded)
        call->url = apr_pstrcat(pool, call->url, strchr(call->url, '?') ? "&" : "?", encoded, NULL);
    return call;
}
