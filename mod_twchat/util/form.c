/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * form.c - application/x-www-form-urlencoded, both ways.
 * Must never repair what it reads: signatures are made over the decoded bytes.
 * Called by webhook/, twilio/ and the sandbox.
 */
#include <string.h>

#include <apr_lib.h>

#include "util/form.h"
#include "util/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode len bytes to out (which may be as long), NUL-terminate, return the length. */
static apr_size_t decode(char *out, const char *data, apr_size_t len, bool plus_is_space)
{
    char *o = out;

    for (apr_size_t i = 0; i < len; i++) {
        int hi, lo;
        if (data[i] == '%' && i + 2 < len && (hi = hex_digit(data[i + 1])) >= 0
            && (lo = hex_digit(data[i + 2])) >= 0) {
            *o++ = (char)(hi << 4 | lo);
            i += 2;
        }
        else
            *o++ = data[i] == '+' && plus_is_space ? ' ' : data[i];
    }
    *o = '\0';
    return (apr_size_t)(o - out);
}

static int count_pairs(const char *data, apr_size_t len)
{
    int n = 1;

    for (const char *p = data; (p = memchr(p, '&', len - (apr_size_t)(p - data))); p++)
        n++;
    return n;
}

apr_status_t twc_form_parse(apr_pool_t *pool, const char *data, apr_size_t len, const twc_form_t **form)
{
    twc_form_t *f = apr_pcalloc(pool, sizeof(*f));
    const char *end = data + len;
    twc_pair_t *pairs;
    char *out;
    int room;

    *form = f;
    if (len == 0)
        return APR_SUCCESS;
    room = count_pairs(data, len);
    if (room > 2 * TWC_FORM_MAX_PAIRS)
        return APR_ENOSPC;
    pairs = apr_palloc(pool, (apr_size_t)room * sizeof(*pairs));
    out = apr_palloc(pool, len + 2 * (apr_size_t)room);     /* each name and value gets a NUL */
    while (data < end) {
        const char *amp = memchr(data, '&', (apr_size_t)(end - data));
        const char *stop = amp ? amp : end;
        const char *eq = memchr(data, '=', (apr_size_t)(stop - data));
        if (stop > data) {
            twc_pair_t *pair = &pairs[f->count];
            if (f->count == TWC_FORM_MAX_PAIRS)
                return APR_ENOSPC;
            pair->name.data = out;
            pair->name.len = decode(out, data, (apr_size_t)((eq ? eq : stop) - data), true);
            out += pair->name.len + 1;
            pair->value.data = out;
            pair->value.len = eq ? decode(out, eq + 1, (apr_size_t)(stop - eq - 1), true) : decode(out, "", 0, true);
            out += pair->value.len + 1;
            f->count++;
        }
        data = stop + 1;
    }
    f->pairs = pairs;
    return APR_SUCCESS;
}

const twc_str_t *twc_form_raw(const twc_form_t *form, const char *name)
{
    apr_size_t len = strlen(name);

    for (int i = 0; i < form->count; i++)
        if (form->pairs[i].name.len == len && memcmp(form->pairs[i].name.data, name, len) == 0)
            return &form->pairs[i].value;
    return NULL;
}

const char *twc_form_text(apr_pool_t *pool, const twc_form_t *form, const char *name)
{
    const twc_str_t *raw = twc_form_raw(form, name);

    return raw ? twc_text_clean(pool, raw->data, raw->len) : NULL;
}

static const char *escape(apr_pool_t *pool, const char *s, const char *kept, bool space_is_plus)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, strlen(s) * 3 + 1), *o = out;

    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (apr_isalnum(c) || strchr(kept, c))
            *o++ = (char)c;
        else if (c == ' ' && space_is_plus)
            *o++ = '+';
        else {
            *o++ = '%';
            *o++ = digits[c >> 4];
            *o++ = digits[c & 15];
        }
    }
    *o = '\0';
    return out;
}

const char *twc_form_escape(apr_pool_t *pool, const char *s)
{
    return escape(pool, s, "-._*", true);
}

const char *twc_url_escape(apr_pool_t *pool, const char *s)
{
    return escape(pool, s, "-._~", false);
}

const char *twc_url_unescape(apr_pool_t *pool, const char *data, apr_size_t len)
{
    char *out;
    apr_size_t n;

    for (apr_size_t i = 0; i < len; i++)
        if (data[i] == '%' && (i + 2 >= len || hex_digit(data[i + 1]) < 0 || hex_digit(data[i + 2]) < 0))
            return NULL;
    out = apr_palloc(pool, len + 1);
    n = decode(out, data, len, false);
    if (memchr(out, '\0', n))
        return NULL;
    return twc_text_clean(pool, out, n);
}
