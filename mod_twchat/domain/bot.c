/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * bot.c - the two engines flask-chat's clients know: echo and keywords.
 * Must never send anything: engines only say what they would answer.
 * Called by domain/answer.c.
 */
#include <string.h>
#include <strings.h>

#include "domain/bot.h"
#include "twilio/segment.h"
#include "util/text.h"

static apr_status_t answer_echo(twc_ctx_t *ctx, const twc_turn_t *turn, const char **text)
{
    static const char before[] = "Echo: ";

    if (twc_text_blank(turn->body))
        *text = "We got your message.";
    else
        *text = apr_pstrcat(ctx->pool, before,
                            twc_text_head_utf16(ctx->pool, turn->body, TWC_BODY_MAX_UNITS - (sizeof(before) - 1)), NULL);
    return APR_SUCCESS;
}

static const struct {
    const char *word, *text;
} commands[] = {
    { "HELP", "Commands: HELP shows this list, START greets you, STOP ends all messages." },
    { "START", "Hello! Write to us at any time; HELP lists what I understand." },
    { "STOP", "All right, you will get no more messages from us. START brings us back." },
};

static const char *command_text(apr_pool_t *pool, const char *body)
{
    const char *word = twc_text_trim(pool, body);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcasecmp(word, commands[i].word) == 0)
            return commands[i].text;
    return NULL;
}

static apr_status_t answer_keywords(twc_ctx_t *ctx, const twc_turn_t *turn, const char **text)
{
    *text = command_text(ctx->pool, turn->body);
    if (!*text)
        *text = "I did not understand that. Send HELP to see what I know.";
    return APR_SUCCESS;
}

static const twc_engine_t echo = { "echo", answer_echo };
static const twc_engine_t keywords = { "keywords", answer_keywords };

const twc_engine_t *twc_bot_engine(const twc_conf_t *conf)
{
    switch (conf->chat_mode) {
    case TWC_CHAT_ECHO: return &echo;
    case TWC_CHAT_KEYWORDS: return &keywords;
    case TWC_CHAT_OFF: break;
    }
    return NULL;
}

bool twc_bot_is_command(twc_ctx_t *ctx, const char *body)
{
    const char *word = twc_text_trim(ctx->scratch, body);

    return ctx->conf->chat_mode == TWC_CHAT_KEYWORDS && (strcasecmp(word, "HELP") == 0 || strcasecmp(word, "START") == 0);
}
