/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api_account.c - Account, Balance and IncomingPhoneNumbers.
 * Must never show one account's settings to another.
 * Called by the dispatcher in api.c.
 */
#include <string.h>

#include "api.h"
#include "number.h"
#include "util/clock.h"
#include "util/phone.h"

/* ---- account and balance ------------------------------------------------------------- */

static json_t *account_json(sb_req_t *q)
{
    static const char *const parts[] = { "Balance", "IncomingPhoneNumbers", "Messages" };
    static const char *const keys[] = { "balance", "incoming_phone_numbers", "messages" };
    const sb_account_t *account = q->account;
    const char *base = apr_pstrcat(q->pool, "/2010-04-01/Accounts/", account->sid, NULL);
    const char *date = twc_clock_rfc2822(q->pool, account->created);
    json_t *uris = json_object();

    for (apr_size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        json_object_set_new(uris, keys[i], json_string(apr_pstrcat(q->pool, base, "/", parts[i], ".json", NULL)));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "sid", account->sid,
                     "friendly_name", "Sandbox", "status", "active", "type", "Full",
                     "owner_account_sid", account->sid, "auth_token", account->token, "date_created", date,
                     "date_updated", date, "subresource_uris", uris,
                     "uri", apr_pstrcat(q->pool, base, ".json", NULL));
}

void sb_api_account_fetch(sb_req_t *q)
{
    sb_reply_json(q, HTTP_OK, account_json(q));
}

static json_t *list_json(sb_req_t *q, const char *key, json_t *list, const char *uri)
{
    json_t *object = json_pack("{s:s, s:s, s:n, s:n, s:i, s:i, s:i}", "uri", uri, "first_page_uri", uri,
                               "next_page_uri", "previous_page_uri", "page", 0, "page_size", 50, "start", 0);

    json_object_set_new(object, "end", json_integer(json_array_size(list) ? (json_int_t)json_array_size(list) - 1 : 0));
    json_object_set_new(object, key, list);
    return object;
}

void sb_api_account_list(sb_req_t *q)
{
    json_t *list = json_array();

    json_array_append_new(list, account_json(q));
    sb_reply_json(q, HTTP_OK, list_json(q, "accounts", list, "/2010-04-01/Accounts.json"));
}

void sb_api_balance(sb_req_t *q)
{
    sb_reply_json(q, HTTP_OK, json_pack("{s:s, s:s, s:s}", "account_sid", q->account->sid, "balance", "100.00",
                                        "currency", "USD"));
}

/* ---- numbers ----------------------------------------------------------------------------- */

static json_t *number_json(sb_req_t *q, const sb_number_t *number)
{
    const char *updated = twc_clock_rfc2822(q->pool, number->updated);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s}",
        "sid", number->sid, "account_sid", q->account->sid, "api_version", "2010-04-01",
        "phone_number", number->address, "friendly_name", number->name,
        "sms_url", number->sms_url, "sms_method", number->sms_method, "sms_fallback_url", number->sms_fallback_url,
        "sms_fallback_method", number->sms_fallback_method, "status_callback", number->status_callback,
        "status_callback_method", number->status_callback_method, "sms_application_sid", "",
        "status", "in-use", "origin", "twilio", "date_created", twc_clock_rfc2822(q->pool, q->account->created),
        "date_updated", updated, "address_requirements", "none", "beta", 0,
        "uri", apr_psprintf(q->pool, "/2010-04-01/Accounts/%s/IncomingPhoneNumbers/%s.json", q->account->sid,
                            number->sid));

    json_object_set_new(object, "capabilities",
                        json_pack("{s:b, s:b, s:b, s:b}", "voice", 1, "sms", 1, "mms", 1, "fax", 0));
    return object;
}

/* Only real numbers are in this list; WhatsApp senders and names are managed elsewhere. */
static bool is_listed(const sb_number_t *number)
{
    return twc_phone_is_e164(number->address);
}

static bool wanted(sb_req_t *q, const sb_number_t *number)
{
    const char *phone = sb_req_query(q, "PhoneNumber"), *name = sb_req_query(q, "FriendlyName");

    return is_listed(number) && (!phone || !*phone || strstr(number->address, phone))
        && (!name || !*name || !strcmp(number->name, name));
}

void sb_api_number_list(sb_req_t *q)
{
    json_t *list = json_array();
    const char *uri = apr_psprintf(q->pool, "/2010-04-01/Accounts/%s/IncomingPhoneNumbers.json", q->account->sid);

    apr_thread_mutex_lock(q->box->lock);
    for (int i = 0; i < q->account->numbers->nelts; i++) {
        const sb_number_t *number = APR_ARRAY_IDX(q->account->numbers, i, sb_number_t *);
        if (wanted(q, number))
            json_array_append_new(list, number_json(q, number));
    }
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, list_json(q, "incoming_phone_numbers", list, uri));
}

static sb_number_t *by_sid(sb_req_t *q)
{
    const apr_array_header_t *numbers = q->account->numbers;

    for (int i = 0; i < numbers->nelts; i++) {
        sb_number_t *number = APR_ARRAY_IDX(numbers, i, sb_number_t *);
        if (is_listed(number) && !strcmp(number->sid, q->args[1]))
            return number;
    }
    return NULL;
}

void sb_api_number_fetch(sb_req_t *q)
{
    const sb_number_t *number = by_sid(q);
    json_t *json;

    if (!number) {
        sb_reply_empty(q, HTTP_NOT_FOUND);
        return;
    }
    apr_thread_mutex_lock(q->box->lock);
    json = number_json(q, number);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json);
}

void sb_api_number_update(sb_req_t *q)
{
    sb_number_t *number = by_sid(q);
    const char *wrong = sb_number_check(q);
    json_t *json;

    if (!number) {
        sb_reply_empty(q, HTTP_NOT_FOUND);
        return;
    }
    if (wrong) {
        sb_reply_error(q, HTTP_BAD_REQUEST, 21502, apr_pstrcat(q->pool, wrong, " is not valid", NULL));
        return;
    }
    apr_thread_mutex_lock(q->box->lock);
    sb_number_apply(q, q->account, number);
    json = number_json(q, number);
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json);
}
