/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_answer.c - what Twilio's API answers, or somebody in its place: single messages and lists.
 */
#include <apr_tables.h>

#include "fuzz.h"
#include "twilio/client.h"
#include "util/text.h"

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    static const twc_conf_t conf = { .account_sid = "AC0123456789abcdef0123456789abcdef", .api_base = "https://api.twilio.com" };
    static const int statuses[] = { 200, 201, 400, 404, 429, 500 };
    apr_array_header_t *messages = apr_array_make(pool, 4, sizeof(const twc_remote_msg_t *));
    const char *next = NULL;

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        twc_outcome_t outcome = { .http_status = statuses[i] };

        twc_client_read_create(pool, statuses[i], (const char *)data, size, &outcome);
        if (outcome.sid)
            REQUIRE(statuses[i] < 300 && strlen(outcome.sid) == 34);
        REQUIRE(!outcome.message || twc_text_is_clean(outcome.message, strlen(outcome.message)));
    }
    if (twc_client_read_list(pool, &conf, (const char *)data, size, messages, &next) == APR_SUCCESS) {
        REQUIRE(!next || strncmp(next, conf.api_base, strlen(conf.api_base)) == 0);    /* credentials go nowhere else */
        for (int i = 0; i < messages->nelts; i++)
            REQUIRE(APR_ARRAY_IDX(messages, i, const twc_remote_msg_t *));
    }
}
