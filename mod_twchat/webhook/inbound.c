/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.c - a message came in: verify, make durable, answer as the interface does.
 * Must never answer before the commit, nor do anything that can wait for the queue.
 * Called by the router for the inbound paths of all five interfaces.
 */
#include "domain/inbound.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "twilio/twiml.h"
#include "util/text.h"
#include "webhook/webhook.h"

#define XML "application/xml"
#define TEXT_XML "text/xml"

typedef struct says_t {
    twc_said_t accepted, forbidden, invalid;
} says_t;

/* compat.md, each interface's row of its inbound webhook */
static const says_t says[TWC_IF_COUNT] = {
    [TWC_IF_FLASK_CHAT] = { .accepted = { HTTP_OK, XML, TWC_TWIML_EMPTY },
                            .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_TEXT, "Forbidden" },
                            .invalid = { HTTP_OK, XML, TWC_TWIML_EMPTY } },
    [TWC_IF_WHATSAPP_INBOX] = { .accepted = { HTTP_OK, TEXT_XML, TWC_TWIML_EMPTY },
                                .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_JSON,
                                               "{\"success\":false,\"error\":\"Invalid signature\"}" },
                                .invalid = { HTTP_BAD_REQUEST, NULL, NULL } },
    [TWC_IF_APPOINTMENT_BOT] = { .accepted = { HTTP_OK, XML, "<Response></Response>" },
                                 .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_JSON,
                                                "{\"detail\":\"Invalid Twilio signature\"}" },
                                 .invalid = { HTTP_BAD_REQUEST, NULL, NULL } },
    [TWC_IF_AI_MESSAGING] = { .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_JSON,
                                             "{\"detail\":\"Invalid Twilio signature\"}" },
                              .invalid = { HTTP_BAD_REQUEST, NULL, NULL } },
    [TWC_IF_SMS_STORE] = { .accepted = { HTTP_OK, TEXT_XML, TWC_TWIML_EMPTY },
                           .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_TEXT, "Forbidden" },
                           .invalid = { HTTP_BAD_REQUEST, TWC_TYPE_TEXT, "Invalid SMS data" } },
};

/* sms-store asks for the account as well. */
static apr_status_t read_message(twc_req_t *q, const twc_webhook_t *hook, twc_inbound_t **in)
{
    TWC_TRY(twc_inbound_read(q->ctx, hook->form, hook->call, in));
    if (q->match->interface == TWC_IF_SMS_STORE && (!(*in)->account_sid || twc_text_blank((*in)->account_sid)))
        return twc_problem_field(q->ctx, "AccountSid", "missing", "Parameter AccountSid is missing.");
    return APR_SUCCESS;
}

/* Where Twilio tells what became of our TwiML answer: the status callback beside this webhook. */
static const char *ack_callback(twc_req_t *q, apr_int64_t message_id)
{
    for (int row = 0; row < twc_routes_count; row++)
        if (twc_routes[row].interface == q->match->interface
            && strcmp(twc_routes[row].endpoint, "twc_webhook_status") == 0)
            return apr_psprintf(q->r->pool, "%s%s?r=%" APR_INT64_T_FMT, twc_req_base(q),
                                twc_mount_url_path(q->r->pool, q->dir->mount, &twc_routes[row]), message_id);
    return NULL;
}

static apr_status_t answer_ack(twc_req_t *q, const twc_inbound_t *in)
{
    const char *twiml = twc_twiml_message(q->r->pool, q->tenant->conf->ack_text, ack_callback(q, in->message_id));

    return twc_reply(q, HTTP_OK, TEXT_XML, twiml, strlen(twiml));
}

/* Users of ai-messaging are not kept yet, so no sender belongs to one; the message is stored all the same. */
static apr_status_t answer_ai(twc_req_t *q, const twc_inbound_t *in)
{
    return twc_reply_json(q, HTTP_OK, apr_pstrcat(q->r->pool, "{\"status\":\"user not found\",\"from\":",
                                                  twc_text_json(q->r->pool, in->from), "}", NULL));
}

static apr_status_t answer(twc_req_t *q, const twc_inbound_t *in)
{
    static const twc_said_t plain_ok = { HTTP_OK, TWC_TYPE_TEXT, "OK" };

    if (in->ack_allowed)
        return answer_ack(q, in);
    if (q->match->interface == TWC_IF_AI_MESSAGING)
        return answer_ai(q, in);
    if (q->match->interface == TWC_IF_FLASK_CHAT && q->dir->plain_ok == 1)
        return twc_webhook_say(q, &plain_ok);
    return twc_webhook_say(q, &says[q->match->interface].accepted);
}

static apr_status_t invalid(twc_req_t *q, const twc_webhook_t *hook)
{
    static const twc_said_t unprocessable = { HTTP_UNPROCESSABLE_ENTITY, NULL, NULL };
    bool detail = twc_interfaces[q->match->interface].style == TWC_STYLE_DETAIL;
    const char *sid = twc_form_text(q->r->pool, hook->form, "MessageSid");

    return twc_webhook_invalid(q, hook, sid, hook->bad_json && detail ? &unprocessable
                                                                      : &says[q->match->interface].invalid);
}

/* Whatever the reason, Twilio must go to the fallback URL: that takes a 5xx. */
static apr_status_t failed(twc_req_t *q, const twc_webhook_t *hook, const char *sid, apr_status_t rv)
{
    twc_webhook_failed(q, hook, sid);
    return twc_reply_status_of(rv) >= 500 ? rv : APR_EGENERAL;
}

apr_status_t twc_webhook_inbound(twc_req_t *q)
{
    twc_webhook_t hook;
    twc_inbound_t *in;
    apr_status_t rv;
    bool mine;

    rv = twc_webhook_receive(q, "message", &says[q->match->interface].forbidden, &hook, &mine);
    if (!mine)
        return rv;
    if (read_message(q, &hook, &in) != APR_SUCCESS)
        return invalid(q, &hook);
    rv = twc_work_message(q->tenant->work, q->ctx, in);
    if (rv != APR_SUCCESS)
        return failed(q, &hook, in->sid, rv);
    twc_webhook_taken(q, &hook, in->sid, in->spooled ? TWC_TAKEN_SPOOLED : in->duplicate ? TWC_TAKEN_DUPLICATE : TWC_TAKEN_NEW);
    return answer(q, in);
}
