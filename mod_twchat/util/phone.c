/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * phone.c - one spelling for every address.
 * Must never guess a country: a number without '+' gets one only where the caller says so.
 * Called by everybody that reads an address.
 */
#include <string.h>

#include <apr_lib.h>

#include "util/form.h"
#include "util/phone.h"
#include "util/text.h"

#define ADDRESS_MAX 100
#define PREFIX_MAX 16

static bool all_digits(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

bool twc_phone_is_e164(const char *s)
{
    apr_size_t n = strlen(s);

    return n >= 8 && n <= 16 && s[0] == '+' && s[1] != '0' && all_digits(s + 1);
}

/* "CC.id": a WhatsApp user who hides the number. */
static bool is_scoped_id(const char *s)
{
    return apr_isupper(s[0]) && apr_isupper(s[1]) && s[2] == '.' && s[3] && strspn(s + 3,
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == strlen(s + 3);
}

static bool has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool twc_phone_is_whatsapp(const char *s)
{
    const char *bare = twc_phone_bare(s);

    return has_prefix(s, "whatsapp:") && (twc_phone_is_e164(bare) || is_scoped_id(bare));
}

bool twc_phone_is_recipient(const char *s)
{
    return twc_phone_is_e164(s) || twc_phone_is_whatsapp(s)
           || (has_prefix(s, "rcs:") && twc_phone_is_e164(twc_phone_bare(s)));
}

/* Length of a channel prefix ("whatsapp"), without the colon; 0: none. */
static apr_size_t prefix_len(const char *s)
{
    const char *colon = strchr(s, ':');
    apr_size_t n = colon ? (apr_size_t)(colon - s) : 0;

    for (apr_size_t i = 0; i < n; i++)
        if (!apr_isalpha(s[i]))
            return 0;
    return n <= PREFIX_MAX ? n : 0;
}

const char *twc_phone_bare(const char *address)
{
    apr_size_t n = prefix_len(address);

    return n ? address + n + 1 : address;
}

const char *twc_phone_channel(apr_pool_t *pool, const char *address)
{
    apr_size_t n = prefix_len(address);

    return n ? apr_pstrmemdup(pool, address, n) : "sms";
}

const char *twc_phone_digits(apr_pool_t *pool, const char *address)
{
    const char *bare = twc_phone_bare(address);
    char *out = apr_palloc(pool, strlen(bare) + 1), *o = out;

    for (; *bare; bare++)
        if (apr_isdigit(*bare))
            *o++ = *bare;
    *o = '\0';
    return out;
}

/* The number without the marks people put into it; NULL when it holds anything else. */
static const char *number_of(apr_pool_t *pool, const char *s)
{
    char *out = apr_palloc(pool, strlen(s) + 1), *o = out;

    for (; *s; s++) {
        if (apr_isdigit(*s) || (*s == '+' && o == out))
            *o++ = *s;
        else if ((unsigned char)s[0] == 0xC2 && (unsigned char)s[1] == 0xA0)
            s++;
        else if (!strchr(" -.()/\t", *s))
            return NULL;
    }
    *o = '\0';
    return out;
}

static bool is_alphanumeric_sender(const char *s)
{
    apr_size_t n = strlen(s);
    bool letter = false;

    if (n < 1 || n > 11 || *s == '+')   /* what begins with '+' was meant as a number */
        return false;
    for (; *s; s++) {
        if (!apr_isalnum(*s) && !strchr(" +-_&", *s))
            return false;
        letter |= apr_isalpha(*s);
    }
    return letter;
}

static const char *canonical_bare(apr_pool_t *pool, const char *s, bool plus)
{
    const char *number = number_of(pool, s);
    apr_size_t n;

    if (!number)
        return NULL;
    if (number[0] == '+')
        return number[1] && all_digits(number + 1) ? number : NULL;
    n = strlen(number);
    if (plus && n >= 7 && n <= 15 && number[0] != '0')
        return apr_pstrcat(pool, "+", number, NULL);
    return n ? number : NULL;
}

/* On these channels people are known by their number; elsewhere digits are just an id. */
static bool has_numbers(const char *channel)
{
    return strcmp(channel, "whatsapp") == 0 || strcmp(channel, "rcs") == 0;
}

/* "%2B" that was encoded twice, and the blank that form decoding made of a '+'. */
static const char *restore_plus(apr_pool_t *pool, const char *text, bool *had_plus)
{
    const char *s = text;

    *had_plus = *s == ' ' && apr_isdigit(s[1]);
    while (*s == ' ')
        s++;
    s = twc_text_trim(pool, s);
    while (strncasecmp(s, "%2b", 3) == 0) {
        *had_plus = true;
        s = twc_text_trim(pool, s + 3);
    }
    return s;
}

const char *twc_phone_canonical(apr_pool_t *pool, const char *text, bool assume_plus)
{
    bool had_plus;
    const char *s, *bare, *number;
    apr_size_t n;

    for (const char *p = text; *p; p++)
        if (apr_iscntrl(*p) && *p != '\t')
            return NULL;
    s = restore_plus(pool, text, &had_plus);
    if (!*s || strlen(s) > ADDRESS_MAX)
        return NULL;
    n = prefix_len(s);
    if (n) {
        char *channel = apr_pstrmemdup(pool, s, n);
        for (char *p = channel; *p; p++)
            *p = (char)apr_tolower(*p);
        bare = restore_plus(pool, s + n + 1, &had_plus);
        if (!*bare)
            return NULL;
        number = has_numbers(channel) ? canonical_bare(pool, bare, true) : NULL;
        return apr_pstrcat(pool, channel, ":", number ? number : bare, NULL);
    }
    number = canonical_bare(pool, s, assume_plus || had_plus);
    if (number)
        return number;
    return is_alphanumeric_sender(s) ? s : NULL;
}

const char *twc_phone_received(apr_pool_t *pool, const char *text)
{
    const char *canonical = twc_phone_canonical(pool, text, false);

    return canonical ? canonical : twc_text_trim(pool, text);
}

static bool is_tollfree(const char *number)
{
    static const char *const codes[] = { "800", "833", "844", "855", "866", "877", "888" };

    if (!has_prefix(number, "+1") || strlen(number) != 12)
        return false;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strncmp(number + 2, codes[i], 3) == 0)
            return true;
    return false;
}

twc_sender_kind_e twc_phone_sender_kind(const char *sender)
{
    if (has_prefix(sender, "whatsapp:"))
        return TWC_SENDER_WHATSAPP;
    if (has_prefix(sender, "rcs:"))
        return TWC_SENDER_RCS;
    if (has_prefix(sender, "MG") && strlen(sender) == 34)
        return TWC_SENDER_SERVICE;
    if (is_tollfree(sender))
        return TWC_SENDER_TOLLFREE;
    if (sender[0] == '+')
        return has_prefix(sender, "+1") && strlen(sender) == 12 ? TWC_SENDER_LONGCODE_US : TWC_SENDER_LONGCODE;
    if (all_digits(sender))
        return strlen(sender) <= 6 ? TWC_SENDER_SHORTCODE : TWC_SENDER_LONGCODE;
    return TWC_SENDER_ALPHANUMERIC;
}

static const char *const kind_names[TWC_SENDER_KINDS] = {
    [TWC_SENDER_LONGCODE_US] = "longcode-us", [TWC_SENDER_LONGCODE] = "longcode",
    [TWC_SENDER_TOLLFREE] = "tollfree", [TWC_SENDER_SHORTCODE] = "shortcode",
    [TWC_SENDER_ALPHANUMERIC] = "alphanumeric", [TWC_SENDER_SERVICE] = "service",
    [TWC_SENDER_WHATSAPP] = "whatsapp", [TWC_SENDER_RCS] = "rcs",
};

const char *twc_sender_kind_name(twc_sender_kind_e kind)
{
    return kind_names[kind];
}

int twc_sender_kind_parse(const char *name)
{
    for (int i = 0; i < TWC_SENDER_KINDS; i++)
        if (strcasecmp(kind_names[i], name) == 0)
            return i;
    return -1;
}
