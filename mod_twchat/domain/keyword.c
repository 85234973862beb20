/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * keyword.c - reserved words and their confirmations.
 * Must never take a sentence for a word: "stop by at five" is no opt-out.
 * Called by domain/answer.c and domain/inbound.c.
 */
#include <string.h>
#include <strings.h>

#include "domain/keyword.h"
#include "util/phone.h"
#include "util/text.h"

/* What an operator configured is cut here, so that the texts stay under 480 characters and end as carriers require. */
#define NAME_MAX_CHARS 160
#define NUMBER_MAX_CHARS 40

static const struct {
    const char *word;
    twc_keyword_e keyword;
} words[] = {
    { "STOP", TWC_KEYWORD_STOP }, { "STOPALL", TWC_KEYWORD_STOP }, { "UNSUBSCRIBE", TWC_KEYWORD_STOP },
    { "END", TWC_KEYWORD_STOP }, { "QUIT", TWC_KEYWORD_STOP }, { "REVOKE", TWC_KEYWORD_STOP },
    { "OPTOUT", TWC_KEYWORD_STOP },
    { "START", TWC_KEYWORD_START }, { "YES", TWC_KEYWORD_START }, { "UNSTOP", TWC_KEYWORD_START },
    { "HELP", TWC_KEYWORD_HELP }, { "INFO", TWC_KEYWORD_HELP },
};

/* Bytes of white space at s: ASCII, or the U+00A0 that some keyboards put behind a word. */
static apr_size_t space_at(const char *s)
{
    if (*s && strchr(" \t\r\n\v\f", *s))
        return 1;
    return strncmp(s, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

/* Length of the word that is all of the body, which is moved to it; 0 when it is more or less than a word. */
static apr_size_t only_word(const char **body)
{
    const char *end;
    apr_size_t n;

    while ((n = space_at(*body)) > 0)
        *body += n;
    for (end = *body; *end && space_at(end) == 0; end++)
        ;
    for (const char *p = end; *p; p += n)
        if ((n = space_at(p)) == 0)
            return 0;
    return (apr_size_t)(end - *body);
}

twc_keyword_e twc_keyword_of(const char *body)
{
    apr_size_t len = only_word(&body);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, body, len) == 0)
            return words[i].keyword;
    return TWC_KEYWORD_NONE;
}

twc_keyword_e twc_keyword_of_opt_out_type(const char *value)
{
    if (!value)
        return TWC_KEYWORD_NONE;
    if (strcasecmp(value, "STOP") == 0)
        return TWC_KEYWORD_STOP;
    if (strcasecmp(value, "START") == 0)
        return TWC_KEYWORD_START;
    return strcasecmp(value, "HELP") == 0 ? TWC_KEYWORD_HELP : TWC_KEYWORD_NONE;
}

/* before, value and after; nothing at all when there is no value. */
static const char *around(apr_pool_t *pool, const char *before, const char *value, apr_size_t max_chars, const char *after)
{
    return value && *value ? apr_pstrcat(pool, before, twc_text_head(pool, value, max_chars), after, NULL) : "";
}

const char *twc_keyword_text(apr_pool_t *pool, const twc_conf_t *conf, twc_keyword_e keyword)
{
    switch (keyword) {
    case TWC_KEYWORD_STOP:
        return "You have been unsubscribed and will get no more messages. Reply START to come back.";
    case TWC_KEYWORD_START:
        return apr_pstrcat(pool, "You are subscribed to messages", around(pool, " from ", conf->business_name, NAME_MAX_CHARS, ""),
                           " again. Reply STOP to unsubscribe.", NULL);
    case TWC_KEYWORD_HELP:
        return apr_pstrcat(pool, around(pool, "This is ", conf->business_name, NAME_MAX_CHARS, ". "),
                           around(pool, "For help call ", conf->support_number, NUMBER_MAX_CHARS, ". "),
                           "Message and data rates may apply. Reply STOP to unsubscribe.", NULL);
    case TWC_KEYWORD_NONE:
        break;
    }
    return "";
}

/* The last word about a sender; with NULL about all that are not named. */
static const twc_confirm_t *said_of(const twc_conf_t *conf, const char *sender)
{
    for (int i = conf->confirm_count - 1; i >= 0; i--) {
        const char *named = conf->confirm[i].sender;
        if (sender ? named && strcmp(named, sender) == 0 : !named)
            return &conf->confirm[i];
    }
    return NULL;
}

static bool twilio_confirms(const char *our_address)
{
    switch (twc_phone_sender_kind(our_address)) {
    case TWC_SENDER_LONGCODE_US:
    case TWC_SENDER_LONGCODE:
    case TWC_SENDER_TOLLFREE:
    case TWC_SENDER_SERVICE:
    case TWC_SENDER_RCS:
        return true;
    default:
        return false;
    }
}

bool twc_keyword_confirm(const twc_conf_t *conf, const char *our_address, const char *service, const char *opt_out_type)
{
    const twc_confirm_t *said, *all;

    if (opt_out_type && *opt_out_type)
        return false;
    said = said_of(conf, our_address);
    if (!said && service)
        said = said_of(conf, service);
    if (said)
        return said->confirm;
    all = said_of(conf, NULL);
    return (all && all->confirm) || !twilio_confirms(our_address);
}
