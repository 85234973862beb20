/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * number.c - senders and their webhook settings.
 * Must never change an array others may be reading: a longer copy takes its place.
 * Called by the directives, the API, the control resource and the replay.
 */
#include <string.h>

#include <apr_atomic.h>
#include <apr_md5.h>

#include "number.h"
#include "state.h"
#include "util/text.h"

sb_number_t *sb_number_find(const sb_account_t *account, const char *address)
{
    const apr_array_header_t *numbers = account->numbers;

    for (int i = 0; i < numbers->nelts; i++) {
        sb_number_t *number = APR_ARRAY_IDX(numbers, i, sb_number_t *);
        if (!strcmp(number->address, address))
            return number;
    }
    return NULL;
}

/* The same number has the same SID at every start, as at Twilio. */
static const char *make_sid(apr_pool_t *pool, const char *account, const char *address)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    const char *key = apr_pstrcat(pool, account, address, NULL);

    apr_md5(digest, key, strlen(key));
    return apr_pstrcat(pool, "PN", twc_text_hex(pool, digest, sizeof(digest)), NULL);
}

sb_number_t *sb_number_make(apr_pool_t *pool, const sb_account_t *account, const char *address)
{
    sb_number_t *number = apr_pcalloc(pool, sizeof(*number));

    address = apr_pstrdup(pool, address);
    *number = (sb_number_t){ .address = address, .name = address, .sid = make_sid(pool, account->sid, address),
                             .sms_url = "", .sms_method = "POST", .sms_fallback_url = "",
                             .sms_fallback_method = "POST", .status_callback = "", .status_callback_method = "POST",
                             .updated = account->created };
    return number;
}

void sb_number_add(apr_pool_t *pool, sb_account_t *account, sb_number_t *number)
{
    apr_array_header_t *longer = apr_array_copy(pool, account->numbers);

    APR_ARRAY_PUSH(longer, sb_number_t *) = number;
    /* An exchange with a barrier: whoever sees the array sees what is in it. */
    apr_atomic_xchgptr((void *)&account->numbers, longer);
}

/* ---- settings ------------------------------------------------------------------------ */

typedef struct setting_t {
    const char *param;
    apr_size_t offset;
    bool method, url;
} setting_t;

static const setting_t SETTINGS[] = {
    { "FriendlyName", offsetof(sb_number_t, name), false, false },
    { "SmsUrl", offsetof(sb_number_t, sms_url), false, true },
    { "SmsMethod", offsetof(sb_number_t, sms_method), true, false },
    { "SmsFallbackUrl", offsetof(sb_number_t, sms_fallback_url), false, true },
    { "SmsFallbackMethod", offsetof(sb_number_t, sms_fallback_method), true, false },
    { "StatusCallback", offsetof(sb_number_t, status_callback), false, true },
    { "StatusCallbackMethod", offsetof(sb_number_t, status_callback_method), true, false },
};

#define SETTINGS_COUNT (sizeof(SETTINGS) / sizeof(*SETTINGS))

static bool fits(const setting_t *setting, const char *value)
{
    if (setting->method)
        return !strcmp(value, "GET") || !strcmp(value, "POST");
    return !setting->url || !*value || !strncmp(value, "http://", 7) || !strncmp(value, "https://", 8);
}

const char *sb_number_check(sb_req_t *q)
{
    for (apr_size_t i = 0; i < SETTINGS_COUNT; i++) {
        const char *value = sb_req_field(q, SETTINGS[i].param);
        if (value && !fits(&SETTINGS[i], value))
            return SETTINGS[i].param;
    }
    return NULL;
}

/* Old values stay in the pool: settings change by hand, a few times in a life. */
void sb_number_apply(sb_req_t *q, sb_account_t *account, sb_number_t *number)
{
    for (apr_size_t i = 0; i < SETTINGS_COUNT; i++) {
        const char *value = sb_req_field(q, SETTINGS[i].param);
        if (value)
            *(const char **)((char *)number + SETTINGS[i].offset) = apr_pstrdup(q->box->pool, value);
    }
    number->updated = apr_time_now();
    sb_state_number(q->box->state, account, number);
}
