/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * control_number.c - senders as tests want them: listed, added, pointed at a webhook,
 * WhatsApp senders too, which Twilio's own API does not list.
 * Must never leave a sender half set.
 * Called by the dispatcher in control.c.
 */
#include <string.h>

#include "control.h"
#include "number.h"
#include "util/phone.h"

static json_t *number_json(const sb_account_t *account, const sb_number_t *number)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "account_sid", account->sid,
                     "address", number->address, "sid", number->sid, "name", number->name,
                     "sms_url", number->sms_url, "sms_method", number->sms_method,
                     "fallback_url", number->sms_fallback_url, "fallback_method", number->sms_fallback_method,
                     "status_callback", number->status_callback);
}

void sb_control_add_numbers(const sb_account_t *account, json_t *list)
{
    for (int i = 0; i < account->numbers->nelts; i++)
        json_array_append_new(list, number_json(account, APR_ARRAY_IDX(account->numbers, i, sb_number_t *)));
}

void sb_control_numbers(sb_req_t *q)
{
    json_t *list = json_array();

    apr_thread_mutex_lock(q->box->lock);
    for (int i = 0; i < q->box->conf->accounts->nelts; i++)
        sb_control_add_numbers(APR_ARRAY_IDX(q->box->conf->accounts, i, sb_account_t *), list);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json_pack("{s:o}", "numbers", list));
}

/* The named account, or the first that has the number, or the first. */
static sb_account_t *account_for(sb_req_t *q, const char *address)
{
    const apr_array_header_t *accounts = q->box->conf->accounts;
    const char *sid = sb_req_field(q, "AccountSid");

    if (sid)
        return sb_account_find(q->box->conf, sid);
    for (int i = 0; i < accounts->nelts; i++)
        if (sb_number_find(APR_ARRAY_IDX(accounts, i, sb_account_t *), address))
            return APR_ARRAY_IDX(accounts, i, sb_account_t *);
    return APR_ARRAY_IDX(accounts, 0, sb_account_t *);
}

void sb_control_number_set(sb_req_t *q)
{
    const char *given, *address, *wrong;
    sb_account_t *account;
    sb_number_t *number;
    json_t *json = NULL;

    json_decref(sb_control_json(q));
    given = sb_req_field(q, "Address");
    address = given ? twc_phone_canonical(q->pool, given, true) : NULL;
    wrong = address ? sb_number_check(q) : "Address";
    if (wrong || !(account = account_for(q, address))) {
        sb_reply_json(q, HTTP_BAD_REQUEST, json_pack("{s:s}", "error", apr_pstrcat(q->pool, wrong ? wrong
                                                     : "AccountSid", " is missing or wrong", NULL)));
        return;
    }
    apr_thread_mutex_lock(q->box->lock);
    number = sb_number_find(account, address);
    if (!number) {
        number = sb_number_make(q->box->pool, account, address);
        sb_number_add(q->box->pool, account, number);
    }
    sb_number_apply(q, account, number);
    json = number_json(account, number);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json);
}
