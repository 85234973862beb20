/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * message.c - what may be sent, from whom, and into the queue with it.
 * Must never talk to Twilio: a request to send is a row, the sender does the rest.
 * Called by api/, domain/answer.c and twchatctl.
 */
#include <string.h>

#include <apr_lib.h>
#include <jansson.h>

#include "domain/message.h"
#include "store/outbox.h"
#include "twilio/segment.h"
#include "util/phone.h"
#include "util/text.h"

#define URL_MAX         2000
#define VARIABLES_MAX   8192
#define LATE_MAX        apr_time_from_sec(300)                  /* a clock may be wrong, a year may not */
#define HORIZON         apr_time_from_sec(10LL * 366 * 86400)

/* ---- fields ------------------------------------------------------------------------- */

static bool is_sid(const char *s, const char *prefix)
{
    int n = 2;

    if (strncmp(s, prefix, 2) != 0)
        return false;
    while (apr_isxdigit(s[n]))
        n++;
    return n == 34 && s[n] == '\0';
}

static apr_status_t check_to(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    if (!d->to || twc_text_blank(d->to))
        return twc_problem_field(ctx, "to", "to_missing", "The recipient is missing.");
    m->to = twc_phone_canonical(ctx->pool, d->to, true);
    if (!m->to || !twc_phone_is_recipient(m->to))
        return twc_problem_field(ctx, "to", "to_invalid", "The recipient is no phone number: it must look like +14155550123"
                                 " or whatsapp:+14155550123.");
    return APR_SUCCESS;
}

const char *twc_message_service(twc_ctx_t *ctx, const char *named, const char *ours)
{
    if (named)
        return named;
    return strcmp(twc_phone_channel(ctx->scratch, ours), "sms") == 0 ? ctx->conf->messaging_service_sid : NULL;
}

static bool same_channel(apr_pool_t *pool, const char *a, const char *b)
{
    return strcmp(twc_phone_channel(pool, a), twc_phone_channel(pool, b)) == 0;
}

static apr_status_t check_from(twc_ctx_t *ctx, const char *from, twc_outgoing_t *m)
{
    m->from = twc_phone_canonical(ctx->pool, from, true);
    if (!m->from)
        return twc_problem_field(ctx, "from", "from_invalid", "The sender is neither a phone number, a short code nor a name of"
                                 " up to 11 characters.");
    if (!same_channel(ctx->scratch, m->from, m->to))
        return twc_problem_field(ctx, "from", "from_invalid", "Sender and recipient must be on the same channel: a recipient on"
                                 " WhatsApp needs a WhatsApp sender.");
    if (strcmp(m->from, m->to) == 0)
        return twc_problem_field(ctx, "from", "from_invalid", "Sender and recipient are the same.");
    return APR_SUCCESS;
}

/* A sender named by the caller, else the service, else the default of the channel. The configured service and
 * the default sender are for SMS; a service the caller names may hold senders of any channel. */
static apr_status_t choose_sender(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    const twc_conf_t *conf = ctx->conf;
    bool sms = strcmp(twc_phone_channel(ctx->scratch, m->to), "sms") == 0;
    const char *fallback = sms ? conf->default_sender : conf->whatsapp_sender;

    if (d->service_sid && !is_sid(d->service_sid, "MG"))
        return twc_problem_field(ctx, "messaging_service_sid", "service_invalid",
                                 "A messaging service SID is MG and 32 hexadecimal digits.");
    m->service_sid = d->service_sid;
    if (d->from && !twc_text_blank(d->from))
        return check_from(ctx, d->from, m);
    if (!m->service_sid && sms && !d->no_service)
        m->service_sid = conf->messaging_service_sid;
    if (m->service_sid)
        return APR_SUCCESS;
    if (fallback && same_channel(ctx->scratch, fallback, m->to))
        return check_from(ctx, fallback, m);
    return twc_problem(ctx, APR_EGENERAL, "not_configured", "No sender for this kind of recipient is configured.");
}

static apr_status_t check_media(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    if (d->num_media > TWC_MEDIA_MAX)
        return twc_problem_field(ctx, "media_urls", "media_too_many", "At most %d attachments can be sent, not %d.",
                                 TWC_MEDIA_MAX, d->num_media);
    for (int i = 0; i < d->num_media; i++) {
        const char *url = d->media_urls[i];
        apr_size_t scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
        bool bad = scheme == 0 || !url[scheme] || strchr("/?#:", url[scheme]) || strlen(url) > URL_MAX;

        for (const char *c = url; *c && !bad; c++)
            bad = apr_iscntrl(*c) || *c == ' ';
        if (bad)
            return twc_problem_field(ctx, "media_urls", "media_invalid", "An attachment is given by its full address,"
                                     " https://...");
    }
    m->media_urls = d->media_urls;
    m->num_media = d->num_media;
    return APR_SUCCESS;
}

/* Twilio takes an object of texts; null has no meaning there. */
static bool are_variables(const char *text)
{
    json_t *object = strlen(text) <= VARIABLES_MAX ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL, *value;
    bool good = json_is_object(object);
    const char *key;

    if (good)
        json_object_foreach(object, key, value)
            good = good && (json_is_string(value) || json_is_number(value));
    json_decref(object);
    return good;
}

static apr_status_t check_template(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    if (d->content_sid && !is_sid(d->content_sid, "HX"))
        return twc_problem_field(ctx, "content_sid", "content_sid_invalid", "A template's SID is HX and 32 hexadecimal digits.");
    if (d->content_variables && !d->content_sid)
        return twc_problem_field(ctx, "content_variables", "content_variables_invalid", "Variables need a template (content_sid).");
    if (d->content_variables && !are_variables(d->content_variables))
        return twc_problem_field(ctx, "content_variables", "content_variables_invalid",
                                 "Variables are a JSON object of texts, like {\"1\":\"Ann\"}.");
    m->content_sid = d->content_sid;
    m->content_variables = d->content_variables;
    return APR_SUCCESS;
}

static apr_status_t check_body(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    apr_size_t units;

    m->body = d->body ? twc_text_clean(ctx->pool, d->body, strlen(d->body)) : "";
    if (twc_text_blank(m->body) && m->num_media == 0 && !m->content_sid)
        return twc_problem_field(ctx, "body", "content_missing", "There is nothing to send: give a text, an attachment or a template.");
    units = twc_text_utf16(m->body);
    if (units > TWC_BODY_MAX_UNITS)
        return twc_problem_field(ctx, "body", "body_too_long", "The text has %" APR_SIZE_T_FMT " characters; at most %d can be sent.",
                                 units, TWC_BODY_MAX_UNITS);
    return APR_SUCCESS;
}

static apr_status_t check_send_at(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    apr_time_t now = apr_time_now();

    if (d->send_at && (d->send_at < now - LATE_MAX || d->send_at > now + HORIZON))
        return twc_problem_field(ctx, "send_at", "send_at_invalid", "The time to send at lies in the past or too far ahead.");
    m->send_at = d->send_at;
    return APR_SUCCESS;
}

/* What it costs its sender: Twilio counts segments on SMS, messages elsewhere and for pictures. */
static int cost_of(apr_pool_t *pool, const twc_outgoing_t *m)
{
    if (m->num_media > 0 || strcmp(twc_phone_channel(pool, m->to), "sms") != 0)
        return 1;
    return twc_segments_count(m->body).segments;
}

/* ---- calls ----------------------------------------------------------------------------- */

static apr_status_t check(twc_ctx_t *ctx, const twc_draft_t *d, twc_outgoing_t *m)
{
    if (!ctx->conf->account_sid)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "No Twilio account is configured.");
    TWC_TRY(check_to(ctx, d, m));
    TWC_TRY(check_media(ctx, d, m));
    TWC_TRY(check_template(ctx, d, m));
    TWC_TRY(check_body(ctx, d, m));
    TWC_TRY(check_send_at(ctx, d, m));
    TWC_TRY(choose_sender(ctx, d, m));
    m->source = d->source ? d->source : "api";
    m->priority = d->priority < 0 ? 0 : d->priority > 9 ? 9 : d->priority;
    m->segments = cost_of(ctx->scratch, m);
    m->reply_to = d->reply_to;
    m->confirmation = d->opt_out_confirmation;
    m->keep_refused = d->keep_refused;
    return APR_SUCCESS;
}

static apr_status_t queue(twc_ctx_t *ctx, twc_outgoing_t *m, twc_queued_t *queued)
{
    TWC_TRY(twc_outbox_insert(ctx, m));
    *queued = (twc_queued_t){ .id = m->id, .uuid = m->uuid, .from = m->from, .to = m->to, .status = m->status };
    return APR_SUCCESS;
}

apr_status_t twc_message_queue(twc_ctx_t *ctx, const twc_draft_t *draft, twc_queued_t *queued)
{
    twc_outgoing_t m = { .id = 0 };

    TWC_TRY(check(ctx, draft, &m));
    return queue(ctx, &m, queued);
}

apr_status_t twc_message_cancel(twc_ctx_t *ctx, apr_int64_t id)
{
    return twc_outbox_cancel(ctx, id);
}

apr_status_t twc_message_retry(twc_ctx_t *ctx, apr_int64_t id, twc_queued_t *queued)
{
    twc_outgoing_t m = { .id = 0 };

    TWC_TRY(twc_outbox_again(ctx, id, &m));
    if (twc_text_blank(m.body) && m.num_media == 0 && !m.content_sid)
        return twc_problem(ctx, APR_EEXIST, "content_missing", "The message was emptied, so there is nothing to send again.");
    if (m.service_sid)
        m.from = NULL;                  /* that number was the service's choice, and may be why it failed */
    if (!m.from && !m.service_sid)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "Nobody knows any more which sender it was for.");
    m.priority = TWC_PRIORITY_NORMAL;
    m.segments = cost_of(ctx->scratch, &m);
    return queue(ctx, &m, queued);
}
