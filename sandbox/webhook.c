/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.c - builds the parameters of Twilio's webhooks and posts the calls.
 * Must never wait; box->lock is held.
 * Called by the walk (statuses) and by inbound.c.
 */
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "errors.h"
#include "fault.h"
#include "number.h"
#include "webhook.h"
#include "util/phone.h"

#define API_VERSION "2010-04-01"

void sb_params_init(sb_params_t *params, apr_pool_t *pool)
{
    params->pool = pool;
    params->pairs = apr_array_make(pool, 40, sizeof(twc_pair_t));
}

void sb_params_add(sb_params_t *params, const char *name, const char *value)
{
    APR_ARRAY_PUSH(params->pairs, twc_pair_t) = (twc_pair_t){ { name, strlen(name) }, { value, strlen(value) } };
}

void sb_params_add_encoded(sb_params_t *params, const char *encoded)
{
    const twc_form_t *form;

    if (twc_form_parse(params->pool, encoded, strlen(encoded), &form) != APR_SUCCESS)
        return;
    for (int i = 0; i < form->count; i++)
        APR_ARRAY_PUSH(params->pairs, twc_pair_t) = form->pairs[i];
}

twc_form_t sb_params_form(const sb_params_t *params)
{
    return (twc_form_t){ .pairs = (const twc_pair_t *)params->pairs->elts, .count = params->pairs->nelts };
}

static bool is_whatsapp(const sb_msg_t *msg)
{
    return !strncmp(msg->to->addr, "whatsapp:", 9);
}

/* ---- status callbacks ---------------------------------------------------------------- */

/* "+1415555XXXX": Twilio masks the last four digits. */
static const char *mask_last(apr_pool_t *pool, const char *address)
{
    char *masked = apr_pstrdup(pool, twc_phone_bare(address));
    apr_size_t len = strlen(masked);

    for (apr_size_t i = len > 4 ? len - 4 : 0; i < len; i++)
        masked[i] = 'X';
    return masked;
}

static const char *receipt_time(apr_pool_t *pool, apr_time_t when)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    return apr_psprintf(pool, "%02d%02d%02d%02d%02d", t.tm_year % 100, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min);
}

static void add_channel(sb_params_t *params, const sb_msg_t *msg)
{
    sb_params_add(params, "ChannelInstallSid", apr_pstrcat(params->pool, "XE", msg->account->sid + 2, NULL));
    sb_params_add(params, "ChannelPrefix", "whatsapp");
    sb_params_add(params, "ChannelToAddress", mask_last(params->pool, msg->to->addr));
    sb_params_add(params, "StructuredMessage", "false");
    if (msg->status == SB_READ || msg->status == SB_DELIVERED)
        sb_params_add(params, "EventType", msg->status == SB_READ ? "READ" : "DELIVERED");
    if (msg->error_code) {
        sb_params_add(params, "EventType", msg->status == SB_FAILED ? "FAILED" : "UNDELIVERED");
        sb_params_add(params, "ChannelStatusMessage", sb_error_text(msg->error_code));
    }
}

static void status_params(sb_params_t *params, const sb_msg_t *msg)
{
    const char *status = sb_status_name(msg->status);

    sb_params_add(params, "ApiVersion", API_VERSION);
    sb_params_add(params, "SmsSid", msg->sid);
    sb_params_add(params, "SmsStatus", status);
    sb_params_add(params, "MessageSid", msg->sid);
    sb_params_add(params, "MessageStatus", status);
    sb_params_add(params, "AccountSid", msg->account->sid);
    sb_params_add(params, "To", msg->to->addr);
    sb_params_add(params, "From", msg->from ? msg->from->addr : "");
    if (msg->service[0])
        sb_params_add(params, "MessagingServiceSid", msg->service);
    if (msg->error_code) {
        sb_params_add(params, "ErrorCode", apr_itoa(params->pool, msg->error_code));
        sb_params_add(params, "ErrorMessage", sb_error_text(msg->error_code));
    }
    if (is_whatsapp(msg))
        add_channel(params, msg);
    else if (msg->status == SB_DELIVERED || msg->status == SB_UNDELIVERED)
        sb_params_add(params, "RawDlrDoneDate", receipt_time(params->pool, msg->updated));
}

static const char *callback_of(const sb_msg_t *msg)
{
    const sb_service_t *service;

    if (*msg->callback)
        return msg->callback;
    service = msg->service[0] ? sb_service_find(msg->account, msg->service) : NULL;
    return service ? service->status_callback : "";
}

static apr_time_t callback_due(sb_faults_t *faults)
{
    int delay = faults->callback_delay_ms;

    if (faults->callback_shuffle)
        delay = sb_fault_random(faults, (delay ? delay : 1000) + 1);
    return delay ? apr_time_now() + apr_time_from_msec(delay) : 0;
}

static void post_status(sb_box_t *box, const sb_msg_t *msg, const char *url, const twc_form_t *form)
{
    sb_call_t *call = sb_call_make(SB_CALL_STATUS, msg->account, url, msg->callback_method, form);

    if (!call)
        return;
    call->sid = apr_pstrdup(call->pool, msg->sid);
    call->due = callback_due(box->faults);
    sb_postman_post(box->postman, call);
}

void sb_webhook_status(sb_box_t *box, const sb_msg_t *msg)
{
    const char *url = callback_of(msg);
    sb_params_t params;
    apr_pool_t *pool;
    twc_form_t form;

    if (!*url || msg->hidden || box->faults->no_callbacks || sb_fault_draw(box->faults, SB_FAULT_CALLBACK_LOST))
        return;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return;
    sb_params_init(&params, pool);
    status_params(&params, msg);
    form = sb_params_form(&params);
    post_status(box, msg, url, &form);
    if (sb_fault_draw(box->faults, SB_FAULT_CALLBACK_DUPLICATE))
        post_status(box, msg, url, &form);
    apr_pool_destroy(pool);
}

/* ---- inbound messages ------------------------------------------------------------------ */

static void add_media(sb_params_t *params, const sb_msg_t *msg, const char *base)
{
    sb_params_add(params, "NumMedia", apr_itoa(params->pool, msg->num_media));
    for (int i = 0; i < msg->num_media; i++) {
        const sb_media_t *media = &msg->media[i];
        const char *url = *media->url ? media->url
            : apr_psprintf(params->pool, "%s/" API_VERSION "/Accounts/%s/Messages/%s/Media/%s",
                           base, msg->account->sid, msg->sid, media->sid);
        sb_params_add(params, apr_psprintf(params->pool, "MediaUrl%d", i), url);
        sb_params_add(params, apr_psprintf(params->pool, "MediaContentType%d", i), media->type);
    }
}

/* What the carrier knows about a place; Twilio sends the names even when empty. */
static void add_geography(sb_params_t *params)
{
    static const char *const names[] = { "FromCity", "FromState", "FromZip", "FromCountry",
                                         "ToCity", "ToState", "ToZip", "ToCountry" };

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        sb_params_add(params, names[i], strstr(names[i], "Country") ? "US" : "");
}

static void inbound_params(sb_params_t *params, const sb_msg_t *msg, const char *opt_out_type, const char *base)
{
    const sb_service_t *service = sb_service_of(msg->account, msg->to->addr);

    if (is_whatsapp(msg))
        sb_params_add(params, "ReferralNumMedia", "0");
    else
        add_geography(params);
    sb_params_add(params, "SmsMessageSid", msg->sid);
    sb_params_add(params, "SmsSid", msg->sid);
    sb_params_add(params, "MessageSid", msg->sid);
    sb_params_add(params, "SmsStatus", "received");
    sb_params_add(params, "AccountSid", msg->account->sid);
    sb_params_add(params, "ApiVersion", API_VERSION);
    if (service)
        sb_params_add(params, "MessagingServiceSid", service->sid);
    sb_params_add(params, "From", msg->from->addr);
    sb_params_add(params, "To", msg->to->addr);
    sb_params_add(params, "Body", msg->body);
    sb_params_add(params, "NumSegments", is_whatsapp(msg) ? "1" : apr_itoa(params->pool, msg->segments));
    add_media(params, msg, base);
    if (opt_out_type)
        sb_params_add(params, "OptOutType", opt_out_type);
    sb_params_add_encoded(params, msg->extra);
}

bool sb_webhook_inbound(sb_box_t *box, const sb_msg_t *msg, const char *opt_out_type, const char *base)
{
    const sb_number_t *number = sb_number_find(msg->account, msg->to->addr);
    const sb_service_t *service = sb_service_of(msg->account, msg->to->addr);
    const char *url = service && *service->inbound_url ? service->inbound_url : number->sms_url;
    sb_params_t params;
    twc_form_t form;
    apr_pool_t *pool;
    sb_call_t *call;

    if (!*url || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return false;
    sb_params_init(&params, pool);
    inbound_params(&params, msg, opt_out_type, base);
    form = sb_params_form(&params);
    call = sb_call_make(SB_CALL_INBOUND, msg->account, url, number->sms_method, &form);
    apr_pool_destroy(pool);
    if (!call)
        return false;
    call->sid = apr_pstrdup(call->pool, msg->sid);
    call->sender = apr_pstrdup(call->pool, msg->to->addr);
    call->done = sb_answer_read;
    sb_postman_post(box->postman, call);
    return true;
}
