/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * verdict.c - what to do about each way an attempt can end.
 * Must never let a message be sent again while Twilio may have it.
 * Called by work/sender.c, ledger.c and search.c.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_lib.h>

#include "twilio/error.h"
#include "twilio/status.h"
#include "util/text.h"
#include "work/verdict.h"

#define BACKOFF_BASE    apr_time_from_sec(1)
#define BACKOFF_MAX     apr_time_from_sec(60)
#define RETRY_BASE      apr_time_from_sec(30)   /* "may be retried a few times, spaced" */
#define RETRY_TRIES     5
#define GIVE_UP_TRIES   20                      /* what merely waited its turn for a day was not tried for a day */
#define PARK_CONFIG     apr_time_from_sec(60)
#define PARK_FULL       apr_time_from_sec(30)
#define LOOK_FIRST      apr_time_from_sec(2)    /* a callback often comes first and settles it */
#define LOOK_MAX        apr_time_from_sec(30)
#define LOOK_MIN        apr_time_from_msec(500)
#define LOOK_LATEST     apr_time_from_sec(600)  /* a longer lease is taken for a clock that was set back: store/ahead.c */
#define CLOCKS_DIFFER   apr_time_from_sec(600)
#define TRIAL_PREFIX    "Sent from your Twilio trial account - "

/* Uniform in [0, bound). Quality does not matter, being different from everybody else does. */
static apr_interval_time_t jitter(apr_interval_time_t bound)
{
    apr_uint64_t r = 0;

    apr_generate_random_bytes((unsigned char *)&r, sizeof(r));
    return bound > 0 ? (apr_interval_time_t)(r % (apr_uint64_t)bound) : 0;
}

apr_interval_time_t twc_backoff(int attempt)
{
    apr_interval_time_t bound = attempt < 7 ? BACKOFF_BASE << (attempt > 0 ? attempt - 1 : 0) : BACKOFF_MAX;

    return jitter(bound < BACKOFF_MAX ? bound : BACKOFF_MAX);
}

static void start(const twc_claim_t *claim, twc_settle_e verdict, twc_settle_t *s)
{
    *s = (twc_settle_t){ .id = claim->id, .attempt = claim->attempt, .verdict = verdict };
}

static void give_up(twc_settle_t *s)
{
    s->verdict = TWC_SETTLE_FAILED;
    s->reason = "It could not be sent for a whole day and was given up.";
}

static void later(const twc_claim_t *claim, apr_interval_time_t delay, apr_interval_time_t late, twc_settle_t *s)
{
    s->verdict = TWC_SETTLE_LATER;
    s->delay = delay;
    if (late + delay > TWC_GIVE_UP && claim->attempt >= GIVE_UP_TRIES)
        give_up(s);
}

static void unknown(apr_interval_time_t delay, twc_settle_t *s)
{
    s->verdict = TWC_SETTLE_UNKNOWN;
    s->delay = delay;
}

/* Configuration errors that concern one recipient, country or template: the sender works for others. */
static bool is_about_sender(int code)
{
    static const int others[] = { 21219, 21408, 21608, 21609, 21622, 63015, 63027, 63040, 63041, 63042 };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i] == code)
            return false;
    return true;
}

static void judge_refusal(const twc_claim_t *claim, const twc_outcome_t *o, const twc_error_info_t *info,
                          apr_interval_time_t late, twc_settle_t *s)
{
    switch (info->klass) {
    case TWC_ERR_THROTTLE:
        later(claim, twc_backoff(claim->attempt), late, s);
        s->park = o->code == 21611 ? PARK_FULL : 0;
        break;
    case TWC_ERR_RETRY:
        if (claim->attempt < RETRY_TRIES)
            later(claim, (RETRY_BASE << (claim->attempt - 1)) + jitter(RETRY_BASE), late, s);
        break;
    case TWC_ERR_AMBIGUOUS:
        unknown(LOOK_FIRST, s);
        break;
    case TWC_ERR_OPT_OUT:
        s->opt_out = o->code == 21610 || o->code == 63014;     /* 63033 is about marketing templates only */
        break;
    case TWC_ERR_CONFIG:
        s->park = is_about_sender(o->code) ? PARK_CONFIG : 0;
        break;
    default:
        break;
    }
}

static void judge_status(const twc_claim_t *claim, const twc_outcome_t *o, apr_interval_time_t late, twc_settle_t *s)
{
    const twc_error_info_t *info = twc_error_info(o->code, o->http_status);

    s->code = o->code;
    s->reason = info->code == 0 && o->message ? o->message : info->reason;
    if (o->http_status == 429)          /* refused before it was looked at, whatever the body says */
        later(claim, twc_backoff(claim->attempt), late, s);
    else if (o->http_status >= 500 || o->http_status == 408)
        unknown(LOOK_FIRST, s);
    else if (o->http_status == 404) {   /* it is the account that was not found */
        s->reason = "Twilio's API does not know the account; check the account SID and the configured API address.";
        s->park = PARK_CONFIG;
    }
    else if (o->http_status >= 400)
        judge_refusal(claim, o, info, late, s);
    else {
        s->reason = "Twilio's API answered with a redirect; check the configured API address.";
        s->park = PARK_CONFIG;
    }
    if (s->verdict == TWC_SETTLE_LATER && s->delay < o->retry_after)
        s->delay = o->retry_after + jitter(BACKOFF_BASE);
}

static void judge_silence(const twc_claim_t *claim, const twc_outcome_t *o, apr_interval_time_t late, twc_settle_t *s)
{
    s->reason = o->message ? o->message : "Twilio did not answer.";
    if (o->sent)
        unknown(LOOK_FIRST, s);
    else
        later(claim, twc_backoff(claim->attempt), late, s);
}

void twc_verdict_create(const twc_claim_t *claim, const twc_outcome_t *o, apr_interval_time_t late,
                        const twc_conf_t *conf, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_FAILED, s);
    if (o->http_status >= 200 && o->http_status < 300) {
        if (o->sid) {
            *s = (twc_settle_t){ .id = claim->id, .attempt = claim->attempt, .verdict = TWC_SETTLE_ACCEPTED, .sid = o->sid,
                                 .status = o->status, .from = o->from, .segments = o->num_segments, .code = o->code,
                                 .reason = o->code ? twc_error_info(o->code, 0)->reason : NULL };
            return;
        }
        s->reason = "Twilio answered without naming the message.";
        unknown(LOOK_FIRST, s);
    }
    else if (o->http_status == 0)
        judge_silence(claim, o, late, s);
    else
        judge_status(claim, o, late, s);
    if (s->verdict == TWC_SETTLE_UNKNOWN && s->delay > conf->grace)
        s->delay = conf->grace;
}

void twc_verdict_opted_out(const twc_claim_t *claim, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_FAILED, s);
    s->code = 21610;
    s->reason = twc_error_info(21610, 400)->reason;
}

void twc_verdict_unsent(const twc_claim_t *claim, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_LATER, s);
}

void twc_verdict_cut(const twc_claim_t *claim, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_UNKNOWN, s);
    s->delay = LOOK_FIRST;
    s->reason = "The request was cut off.";
}

/* ---- looking for it ----------------------------------------------------------------- */

typedef bool (*counts_fn)(char c);

static bool is_not_blank(char c)
{
    return !strchr(" \t\r\n", c);
}

static bool is_plain(char c)
{
    return apr_isalnum(c) && !((unsigned char)c & 0x80);
}

/* Equal in the characters that count, and they have some. */
static bool same_characters(const char *a, const char *b, counts_fn counts)
{
    bool any = false;

    for (;; a++, b++) {
        while (*a && !counts(*a))
            a++;
        while (*b && !counts(*b))
            b++;
        if (*a != *b || !*a)
            return *a == *b && any;
        any = true;
    }
}

/* Twilio may change blanks, and a messaging service with smart encoding quotes, dashes and the like. */
static bool same_text(const twc_claim_t *claim, const char *theirs)
{
    return same_characters(claim->body, theirs, is_not_blank)
           || (claim->service_sid && same_characters(claim->body, theirs, is_plain));
}

static bool same_content(const twc_claim_t *claim, const twc_remote_msg_t *r)
{
    const char *body = r->body ? r->body : "";

    if (claim->content_sid)
        return true;                    /* Twilio shows the template filled in */
    if ((claim->num_media > 0) != (r->num_media && atoi(r->num_media) > 0))
        return false;
    if (twc_text_blank(body))           /* a picture alone, or an account that keeps no texts: the rest decides */
        return true;
    return same_text(claim, body)
           || (strncmp(body, TRIAL_PREFIX, strlen(TRIAL_PREFIX)) == 0 && same_text(claim, body + strlen(TRIAL_PREFIX)));
}

static bool same_sender(const twc_claim_t *claim, const twc_remote_msg_t *r)
{
    if (claim->service_sid && (!r->service_sid || strcmp(claim->service_sid, r->service_sid) != 0))
        return false;
    if (claim->from && r->from)
        return strcmp(claim->from, r->from) == 0;
    return claim->service_sid != NULL;
}

apr_time_t twc_verdict_since(const twc_claim_t *claim)
{
    return claim->attempted_at - CLOCKS_DIFFER;
}

/* What was given in TwiML is a reply there, and nothing else is. */
static bool same_direction(const twc_claim_t *claim, const twc_remote_msg_t *r)
{
    if (!r->direction || strncmp(r->direction, "outbound", 8) != 0)
        return false;
    return (strcmp(r->direction, "outbound-reply") == 0) == (claim->attempt == 0);
}

bool twc_verdict_is_it(const twc_claim_t *claim, const twc_remote_msg_t *r)
{
    return r->sid && r->to && strcmp(claim->to, r->to) == 0 && same_direction(claim, r)
           && r->date_created >= twc_verdict_since(claim) && same_sender(claim, r) && same_content(claim, r);
}

void twc_verdict_found(const twc_claim_t *claim, const twc_remote_msg_t *r, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_ACCEPTED, s);
    s->found = true;
    s->delay = LOOK_FIRST;
    s->sid = r->sid;
    s->status = r->status;
    s->from = r->from;
    s->segments = r->num_segments ? atoi(r->num_segments) : 0;
    s->code = r->error_code;
    s->reason = r->error_code ? twc_error_info(r->error_code, 0)->reason : NULL;
}

void twc_verdict_missing(const twc_claim_t *claim, const twc_conf_t *conf, twc_settle_t *s)
{
    apr_interval_time_t rest = conf->grace - claim->age, step = conf->grace / 4;

    start(claim, TWC_SETTLE_UNKNOWN, s);
    s->checked = true;
    if (rest <= 0 && claim->checks >= 1) {
        s->verdict = TWC_SETTLE_LATER;
        if (claim->attempted_at + claim->age - claim->due_at > TWC_GIVE_UP)
            give_up(s);
        return;
    }
    step = step < LOOK_MAX ? step : LOOK_MAX;
    if (rest > 0 && step > rest)
        step = rest;
    s->delay = step > LOOK_MIN ? step : LOOK_MIN;
}

void twc_verdict_unread(const twc_claim_t *claim, const twc_outcome_t *o, twc_settle_t *s)
{
    start(claim, TWC_SETTLE_UNKNOWN, s);
    s->delay = LOOK_FIRST + twc_backoff(3);
    if (o->retry_after > s->delay)
        s->delay = o->retry_after < LOOK_LATEST ? o->retry_after : LOOK_LATEST;
}
