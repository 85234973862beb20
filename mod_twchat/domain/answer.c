/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - one inbound message, at most one answer.
 * Must never answer a machine for ever, an opted-out customer, or one message twice.
 * Called by work/runner.c, inside the transaction that takes the job away.
 */
#include <regex.h>
#include <string.h>

#include "domain/answer.h"
#include "domain/keyword.h"
#include "domain/message.h"
#include "store/ingest.h"
#include "util/phone.h"
#include "util/text.h"

typedef struct work_t {
    twc_answer_t *answer;
    twc_answer_e outcome;
} work_t;

static bool is_ours(const twc_conf_t *conf, const char *address)
{
    return (conf->default_sender && strcmp(conf->default_sender, address) == 0)
           || (conf->whatsapp_sender && strcmp(conf->whatsapp_sender, address) == 0);
}

/* Automatic answers go to people's phones only. */
static bool answerable(const twc_conf_t *conf, const char *peer)
{
    const regex_t *pattern = conf->auto_reply_regex;

    if (!twc_phone_is_recipient(peer) || is_ours(conf, peer))
        return false;
    return pattern ? regexec(pattern, twc_phone_bare(peer), 0, NULL, 0) == 0
                   : twc_phone_is_e164(twc_phone_bare(peer));
}

static apr_status_t say(twc_ctx_t *ctx, work_t *w, const char *text, const char *source, bool confirmation)
{
    const twc_turn_t *turn = &w->answer->turn;
    twc_draft_t draft = { .to = turn->peer, .from = twc_message_service(ctx, NULL, turn->ours) ? NULL : turn->ours, .body = text,
                          .source = source, .priority = TWC_PRIORITY_REPLY, .reply_to = turn->message_id,
                          .opt_out_confirmation = confirmation };
    twc_queued_t queued;
    apr_status_t rv;

    rv = twc_message_queue(ctx, &draft, &queued);
    if (rv == APR_SUCCESS)
        w->outcome = TWC_ANSWER_QUEUED;
    else if (rv == APR_EACCES || rv == APR_EINVAL || rv == APR_EEXIST) {
        w->outcome = TWC_ANSWER_REFUSED;        /* trying again would not change it */
        rv = APR_SUCCESS;
    }
    return rv;
}

/* What they want was noted with the message. */
static apr_status_t confirm_keyword(twc_ctx_t *ctx, work_t *w, twc_keyword_e keyword)
{
    const twc_answer_t *a = w->answer;
    const char *service = twc_message_service(ctx, a->service_sid, a->turn.ours);
    bool allowed, first;

    if (!twc_keyword_confirm(ctx->conf, a->turn.ours, service, a->opt_out_type) || !twc_phone_is_recipient(a->turn.peer))
        return APR_SUCCESS;
    if (keyword == TWC_KEYWORD_HELP && a->opted_out)
        return APR_SUCCESS;
    TWC_TRY(twc_job_count_answer(ctx, a->turn.conv_id, &allowed, &first));
    if (!allowed) {
        w->outcome = TWC_ANSWER_SILENCED;
        return APR_SUCCESS;
    }
    return say(ctx, w, twc_keyword_text(ctx->pool, ctx->conf, keyword), "keyword", keyword == TWC_KEYWORD_STOP);
}

static apr_status_t compose(twc_ctx_t *ctx, const twc_answer_t *a, const char **text, const char **source)
{
    const twc_engine_t *engine = twc_bot_engine(ctx->conf);

    *text = NULL;
    *source = "auto-reply";
    if (strcmp(a->arg, TWC_ANSWER_ACK) == 0) {
        *text = ctx->conf->ack_text;
        return APR_SUCCESS;
    }
    if (a->auto_reply && a->auto_reply_text && !twc_text_blank(a->auto_reply_text)) {
        *text = a->auto_reply_text;
        return APR_SUCCESS;
    }
    *source = "bot";
    return engine ? engine->answer(ctx, &a->turn, text) : APR_SUCCESS;
}

/* The interface that got it answers automatically; the reserved words are honoured on all. */
static bool automatic(const twc_ctx_t *ctx, const twc_answer_t *a)
{
    bool asked = a->arg && (strcmp(a->arg, "flask-chat") == 0 || strcmp(a->arg, TWC_ANSWER_IF_AUTO_REPLY) == 0
                            || strcmp(a->arg, TWC_ANSWER_ACK) == 0);

    return asked && !a->stop_bot && answerable(ctx->conf, a->turn.peer);
}

/* In keywords mode HELP and START are the bot's own commands too, where it is the bot that answers. */
static bool is_for_the_bot(twc_ctx_t *ctx, const twc_answer_t *a)
{
    return !a->opt_out_type && !a->auto_reply && automatic(ctx, a) && twc_bot_is_command(ctx, a->turn.body);
}

static apr_status_t answer_text(twc_ctx_t *ctx, work_t *w)
{
    const twc_answer_t *a = w->answer;
    const char *text, *source;
    bool allowed, first;

    if (!automatic(ctx, a) || a->opted_out)
        return APR_SUCCESS;
    TWC_TRY(compose(ctx, a, &text, &source));
    if (!text)
        return APR_SUCCESS;
    TWC_TRY(twc_job_count_answer(ctx, a->turn.conv_id, &allowed, &first));
    if (!allowed) {
        w->outcome = first ? TWC_ANSWER_SILENCED : TWC_ANSWER_NONE;
        ctx->wake |= TWC_WAKE_EVENTS;
        return APR_SUCCESS;
    }
    return say(ctx, w, text, source, false);
}

static apr_status_t answer_one(twc_ctx_t *ctx, void *baton)
{
    work_t *w = baton;
    twc_answer_t *a = w->answer;
    twc_keyword_e keyword;

    TWC_TRY(twc_job_take_answer(ctx, a));
    if (!a->turn.message_id)
        return APR_SUCCESS;             /* deleted since: nobody is there to be answered */
    keyword = twc_keyword_of_opt_out_type(a->opt_out_type);
    if (keyword == TWC_KEYWORD_NONE)
        keyword = twc_keyword_of(a->turn.body);
    if (keyword == TWC_KEYWORD_NONE)
        return answer_text(ctx, w);
    return is_for_the_bot(ctx, a) ? answer_text(ctx, w) : confirm_keyword(ctx, w, keyword);
}

apr_status_t twc_answer_next(twc_ctx_t *ctx, twc_answer_t *answer, twc_answer_e *outcome)
{
    work_t w = { .answer = answer, .outcome = TWC_ANSWER_NONE };
    apr_status_t rv;

    *answer = (twc_answer_t){ .job_id = 0 };
    rv = twc_tx_run(ctx, answer_one, &w);
    *outcome = w.outcome;
    return rv;
}
