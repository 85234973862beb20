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

#define TEXT_MAX_CHARS 480
#define WORD_MAX 16

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

/* The body without white space around it, when it is short enough to be one word. */
static apr_size_t bare_word(const char **body)
{
    const char *end;

    while (**body && strchr(" \t\r\n\v\f", **body))
        (*body)++;
    end = *body + strlen(*body);
    while (end > *body && strchr(" \t\r\n\v\f", end[-1]))
        end--;
    return (apr_size_t)(end - *body);
}

twc_keyword_e twc_keyword_of(const char *body)
{
    apr_size_t len = bare_word(&body);

    if (len == 0 || len > WORD_MAX)
        return TWC_KEYWORD_NONE;
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

const char *twc_keyword_text(apr_pool_t *pool, const twc_conf_t *conf, twc_keyword_e keyword)
{
    const char *name = conf->business_name && *conf->business_name ? conf->business_name : "us";
    const char *text = "";

    switch (keyword) {
    case TWC_KEYWORD_STOP:
        text = "You have been unsubscribed and will get no more messages. Reply START to come back.";
        break;
    case TWC_KEYWORD_START:
        text = apr_psprintf(pool, "You are subscribed to messages from %s again. Reply STOP to unsubscribe.", name);
        break;
    case TWC_KEYWORD_HELP:
        text = apr_psprintf(pool, "This is %s.%s Message and data rates may apply. Reply STOP to unsubscribe.", name,
                            conf->support_number ? apr_pstrcat(pool, " For help call ", conf->support_number, ".", NULL) : "");
        break;
    case TWC_KEYWORD_NONE:
        break;
    }
    return twc_text_head(pool, text, TEXT_MAX_CHARS);
}

bool twc_keyword_confirm(const twc_conf_t *conf, const char *our_address, const char *opt_out_type)
{
    if (opt_out_type && *opt_out_type)
        return false;
    switch (twc_phone_sender_kind(our_address)) {
    case TWC_SENDER_LONGCODE_US:
    case TWC_SENDER_LONGCODE:
    case TWC_SENDER_TOLLFREE:
    case TWC_SENDER_SERVICE:
        return conf->confirm_longcode;
    default:
        return true;
    }
}
