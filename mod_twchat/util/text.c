/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * text.c - UTF-8, XML and JSON text.
 * Must never assume that bytes from outside are well-formed.
 * Called by everybody.
 */
#include <string.h>

#include <apr_lib.h>
#include <openssl/crypto.h>

#include "util/text.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Length of the well-formed character at p (1..4); 0 when there is none, and then *bad says how many
 * bytes the maximal ill-formed subsequence has (Unicode 15, table 3-7). */
static int char_len(const unsigned char *p, const unsigned char *end, int *bad)
{
    unsigned char lo = 0x80, hi = 0xBF;
    int need;

    *bad = 1;
    if (p[0] < 0x80)
        return p[0] ? 1 : 0;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        need = 1;
    else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        need = 2;
        lo = p[0] == 0xE0 ? 0xA0 : lo;
        hi = p[0] == 0xED ? 0x9F : hi;
    }
    else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        need = 3;
        lo = p[0] == 0xF0 ? 0x90 : lo;
        hi = p[0] == 0xF4 ? 0x8F : hi;
    }
    else
        return 0;
    for (int i = 1; i <= need; i++) {
        if (p + i >= end || p[i] < lo || p[i] > hi)
            return 0;
        *bad = i + 1;
        lo = 0x80;
        hi = 0xBF;
    }
    return need + 1;
}

/* Where the first byte stands that cannot stay; len when there is none. */
static apr_size_t clean_prefix(const char *data, apr_size_t len)
{
    const unsigned char *p = (const unsigned char *)data, *end = p + len;
    int bad;

    while (p < end) {
        int n = char_len(p, end, &bad);
        if (!n)
            break;
        p += n;
    }
    return (apr_size_t)(p - (const unsigned char *)data);
}

bool twc_text_is_clean(const char *data, apr_size_t len)
{
    return clean_prefix(data, len) == len;
}

const char *twc_text_clean(apr_pool_t *pool, const char *data, apr_size_t len)
{
    apr_size_t good = clean_prefix(data, len);
    const unsigned char *p, *end = (const unsigned char *)data + len;
    char *out, *o;

    if (good == len && data[len] == '\0')
        return data;
    o = out = apr_palloc(pool, good + (len - good) * 3 + 1);
    memcpy(o, data, good);
    o += good;
    for (p = (const unsigned char *)data + good; p < end; ) {
        int bad, n = char_len(p, end, &bad);
        if (n) {
            memcpy(o, p, (size_t)n);
            o += n;
            p += n;
            continue;
        }
        if (*p) {
            memcpy(o, REPLACEMENT, 3);
            o += 3;
        }
        p += bad;
    }
    *o = '\0';
    return out;
}

/* The character at *s, which is moved behind it; the text is well-formed. */
static unsigned next_char(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    int more = p[0] < 0x80 ? 0 : p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    unsigned c = more ? p[0] & (0x3Fu >> more) : p[0];

    for (int i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3Fu);
    *s += more + 1;
    return c;
}

/* Unicode 15: categories Cc, Zl, Zp, default ignorable code points, and fillers that are drawn as nothing. */
static const struct { unsigned from, to; } unseen[] = {
    { 0x00, 0x1F }, { 0x7F, 0x9F }, { 0xAD, 0xAD }, { 0x34F, 0x34F }, { 0x61C, 0x61C }, { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 },
    { 0x180B, 0x180F }, { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x2800, 0x2800 }, { 0x3164, 0x3164 },
    { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB }, { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A },
    { 0xE0000, 0xE0FFF },
};

static bool is_unseen(unsigned c)
{
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
        if (c >= unseen[i].from && c <= unseen[i].to)
            return true;
    return false;
}

bool twc_text_is_plain(const char *s, const char *also)
{
    if (!twc_text_is_clean(s, strlen(s)))
        return false;
    while (*s) {
        unsigned c = next_char(&s);
        if (is_unseen(c) && !(c < 0x80 && strchr(also, (int)c)))
            return false;
    }
    return true;
}

apr_size_t twc_text_chars(const char *s)
{
    apr_size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

apr_size_t twc_text_utf16(const char *s)
{
    apr_size_t n = 0;

    for (; *s; s++) {
        n += ((unsigned char)*s & 0xC0) != 0x80;
        n += (unsigned char)*s >= 0xF0;
    }
    return n;
}

/* Bytes of white space at s: ASCII, or U+00A0. */
static int space_at(const char *s)
{
    if (apr_isspace(*s))
        return 1;
    return (unsigned char)s[0] == 0xC2 && (unsigned char)s[1] == 0xA0 ? 2 : 0;
}

const char *twc_text_trim(apr_pool_t *pool, const char *s)
{
    const char *end;
    int n;

    while ((n = space_at(s)) > 0)
        s += n;
    end = s + strlen(s);
    while (end > s) {
        if (apr_isspace(end[-1]))
            end--;
        else if (end - s >= 2 && space_at(end - 2) == 2)
            end -= 2;
        else
            break;
    }
    return apr_pstrmemdup(pool, s, (apr_size_t)(end - s));
}

bool twc_text_blank(const char *s)
{
    int n;

    while ((n = space_at(s)) > 0)
        s += n;
    return *s == '\0';
}

const char *twc_text_upper(apr_pool_t *pool, const char *s)
{
    char *copy = apr_pstrdup(pool, s);

    for (char *p = copy; *p; p++)
        *p = (char)apr_toupper(*p);
    return copy;
}

const char *twc_text_head(apr_pool_t *pool, const char *s, apr_size_t chars)
{
    const char *end = s;

    for (; *end; end++)
        if (((unsigned char)*end & 0xC0) != 0x80 && chars-- == 0)
            break;
    return apr_pstrmemdup(pool, s, (apr_size_t)(end - s));
}

const char *twc_text_head_utf16(apr_pool_t *pool, const char *s, apr_size_t units)
{
    const char *end = s;

    for (; *end; end++) {
        apr_size_t needs = ((unsigned char)*end & 0xC0) == 0x80 ? 0 : (unsigned char)*end >= 0xF0 ? 2 : 1;
        if (needs > units)
            break;
        units -= needs;
    }
    return apr_pstrmemdup(pool, s, (apr_size_t)(end - s));
}

/* ---- XML ------------------------------------------------------------------------- */

static const char *xml_escape_of(unsigned char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\r': return "&#13;";
    default: return c < 0x20 && c != '\t' && c != '\n' ? "" : NULL;
    }
}

/* U+FFFE and U+FFFF are EF BF BE and EF BF BF. */
static bool xml_forbidden(const char *s)
{
    return (unsigned char)s[0] == 0xEF && (unsigned char)s[1] == 0xBF && (unsigned char)s[2] >= 0xBE;
}

const char *twc_text_xml(apr_pool_t *pool, const char *s)
{
    char *out = apr_palloc(pool, strlen(s) * 6 + 1), *o = out;

    while (*s) {
        const char *escape = xml_escape_of((unsigned char)*s);
        if (escape) {
            o = apr_cpystrn(o, escape, 7);
            s++;
        }
        else if (xml_forbidden(s))
            s += 3;
        else
            *o++ = *s++;
    }
    *o = '\0';
    return out;
}

/* ---- JSON ------------------------------------------------------------------------ */

/* The code unit of the escape at s, -1 when there is none. */
static int escaped_unit(const char *s, apr_size_t len)
{
    int unit = 0;

    if (len < 6 || s[0] != '\\' || s[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (!apr_isxdigit(s[i]))
            return -1;
        unit = unit * 16 + (apr_isdigit(s[i]) ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    }
    return unit;
}

void twc_text_pair_surrogates(char *json, apr_size_t len)
{
    apr_size_t i = 0;

    while (i < len) {
        int unit = escaped_unit(json + i, len - i);
        bool pair = unit >= 0xD800 && unit < 0xDC00 && (escaped_unit(json + i + 6, len - i - 6) & ~0x3FF) == 0xDC00;

        if (json[i] != '\\')
            i++;
        else if (unit < 0)
            i += 2;
        else {
            if (!pair && unit >= 0xD800 && unit < 0xE000)
                memcpy(json + i + 2, "fffd", 4);
            i += pair ? 12 : 6;
        }
    }
}

const char *twc_text_json(apr_pool_t *pool, const char *s)
{
    char *out, *o;

    if (!s)
        return "null";
    o = out = apr_palloc(pool, strlen(s) * 6 + 3);
    *o++ = '"';
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            *o++ = '\\';
            *o++ = (char)c;
        }
        else if (c < 0x20)
            o += apr_snprintf(o, 7, "\\u%04x", c);
        else
            *o++ = (char)c;
    }
    *o++ = '"';
    *o = '\0';
    return out;
}

const char *twc_text_hex(apr_pool_t *pool, const unsigned char *data, apr_size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char *out = apr_palloc(pool, n * 2 + 1);

    for (apr_size_t i = 0; i < n; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * n] = '\0';
    return out;
}

bool twc_text_same_secret(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len)
{
    return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}
