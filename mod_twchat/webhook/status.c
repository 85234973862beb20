/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.c - a message changed its status, or a call did; and calls that come in, which nobody takes.
 * Must never answer an unknown SID with an error: callbacks come early, and other programs send too.
 * Called by the router for the status paths and sms-store's voice webhook.
 */
#include "domain/inbound.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "twilio/twiml.h"
#include "util/text.h"
#include "webhook/webhook.h"

typedef struct says_t {
    twc_said_t accepted, forbidden, invalid;
} says_t;

/* compat.md, each interface's row of its status webhook */
static const says_t says[TWC_IF_COUNT] = {
    [TWC_IF_FLASK_CHAT] = { .accepted = { HTTP_OK, TWC_TYPE_JSON, "{\"status\":\"ok\"}" },
                            .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_JSON,
                                           "{\"status\":\"forbidden\",\"message\":\"Invalid signature\"}" } },
    [TWC_IF_APPOINTMENT_BOT] = { .accepted = { HTTP_OK, TWC_TYPE_TEXT, "" },
                                 .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_JSON,
                                                "{\"detail\":\"Invalid Twilio signature\"}" },
                                 .invalid = { HTTP_BAD_REQUEST, NULL, NULL } },
    [TWC_IF_SMS_STORE] = { .accepted = { HTTP_OK, TWC_TYPE_TEXT, "OK" },
                           .forbidden = { HTTP_FORBIDDEN, TWC_TYPE_TEXT, "Forbidden" },
                           .invalid = { HTTP_BAD_REQUEST, TWC_TYPE_TEXT, "Invalid status data" } },
};

static bool has(twc_req_t *q, const twc_form_t *form, const char *name)
{
    const char *value = twc_form_text(q->r->pool, form, name);

    return value && !twc_text_blank(value);
}

/* flask-chat says what is missing in words of its own. */
static apr_status_t invalid(twc_req_t *q, const twc_webhook_t *hook)
{
    static const twc_said_t no_sid = { HTTP_BAD_REQUEST, TWC_TYPE_JSON,
                                       "{\"status\":\"error\",\"message\":\"Missing MessageSid\"}" };
    static const twc_said_t no_status = { HTTP_BAD_REQUEST, TWC_TYPE_JSON,
                                          "{\"status\":\"error\",\"message\":\"Missing status\"}" };
    const char *field = q->ctx->problem->field;
    const twc_said_t *said = &says[q->match->interface].invalid;

    if (q->match->interface == TWC_IF_FLASK_CHAT)
        said = field && strcmp(field, "MessageStatus") == 0 ? &no_status : &no_sid;
    return twc_webhook_invalid(q, hook, twc_form_text(q->r->pool, hook->form, "MessageSid"), said);
}

static apr_status_t failed(twc_req_t *q, const twc_webhook_t *hook, const char *sid, apr_status_t rv)
{
    int status = twc_reply_status_of(rv);

    twc_webhook_failed(q, hook, sid);
    if (q->match->interface != TWC_IF_FLASK_CHAT)
        return status >= 500 ? rv : APR_EGENERAL;
    if (status != HTTP_SERVICE_UNAVAILABLE)
        status = HTTP_INTERNAL_SERVER_ERROR;
    else
        twc_reply_header(q, "Retry-After", "2");
    return twc_reply_json(q, status, "{\"status\":\"error\",\"message\":\"The status could not be stored.\"}");
}

/* A call's status: nothing of ours changes, but the journal shows that it came. */
static apr_status_t answer_call(twc_req_t *q, const twc_webhook_t *hook)
{
    const char *sid = twc_form_text(q->r->pool, hook->form, "CallSid");

    hook->call->kind = "voice";
    twc_webhook_taken(q, hook, sid, TWC_TAKEN_NEW);
    twc_work_journal(q->tenant->work, hook->call, "accepted", "call status", sid);
    return twc_webhook_say(q, &says[q->match->interface].accepted);
}

/* Our own URL stands in a TwiML answer as its action too, and what an action answers may be carried out: "OK" would be texted. */
static apr_status_t answer(twc_req_t *q)
{
    static const twc_said_t nothing_to_do = { HTTP_OK, "text/xml", TWC_TWIML_EMPTY };

    if (q->match->interface == TWC_IF_SMS_STORE && twc_req_query(q, "r"))
        return twc_webhook_say(q, &nothing_to_do);
    return twc_webhook_say(q, &says[q->match->interface].accepted);
}

apr_status_t twc_webhook_status(twc_req_t *q)
{
    twc_webhook_t hook;
    twc_status_t *st;
    apr_status_t rv;
    bool mine;

    rv = twc_webhook_receive(q, "status", &says[q->match->interface].forbidden, &hook, &mine);
    if (!mine)
        return rv;
    if (q->match->interface == TWC_IF_SMS_STORE && has(q, hook.form, "CallSid")
        && !has(q, hook.form, "MessageSid") && !has(q, hook.form, "SmsSid"))
        return answer_call(q, &hook);
    if (twc_inbound_read_status(q->ctx, hook.form, hook.call, &st) != APR_SUCCESS)
        return invalid(q, &hook);
    rv = twc_work_status(q->tenant->work, q->ctx, st);
    if (rv != APR_SUCCESS)
        return failed(q, &hook, st->sid, rv);
    twc_webhook_taken(q, &hook, st->sid, st->spooled ? TWC_TAKEN_SPOOLED : TWC_TAKEN_NEW);
    return answer(q);
}

apr_status_t twc_webhook_voice(twc_req_t *q)
{
    static const char refusal[] = "Calls are not taken at this number. Please send a text message. Goodbye.";
    twc_webhook_t hook;
    const char *twiml, *sid;
    apr_status_t rv;
    bool mine;

    rv = twc_webhook_receive(q, "voice", &says[q->match->interface].forbidden, &hook, &mine);
    if (!mine)
        return rv;
    sid = twc_form_text(q->r->pool, hook.form, "CallSid");
    twc_webhook_taken(q, &hook, sid, TWC_TAKEN_NEW);
    twc_work_journal(q->tenant->work, hook.call, "accepted", "call refused", sid);
    twiml = twc_twiml_voice_refusal(q->r->pool, refusal);
    return twc_reply(q, HTTP_OK, "text/xml", twiml, strlen(twiml));
}
