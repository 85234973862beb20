/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * queue.c - messages in, claims out, results back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/message.h"
#include "queue.h"

twc_conf_t conf = { .account_sid = "AC1", .default_sender = OURS, .whatsapp_sender = "whatsapp:" OURS,
                    .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600 };

const char *of(apr_int64_t id, const char *column)
{
    return value(apr_psprintf(pool, "SELECT %s FROM messages WHERE id = %" APR_INT64_T_FMT, column, id));
}

const char *state_of(apr_int64_t id)
{
    const char *state = value(apr_psprintf(pool, "SELECT state FROM outbox WHERE message_id = %" APR_INT64_T_FMT, id));

    return state ? state : "gone";
}

int clean(void **state)
{
    for (int i = 0; i < TWC_SENDER_KINDS; i++)
        conf.rate[i] = 100;
    value("DELETE FROM messages");
    value("DELETE FROM senders");
    value("DELETE FROM consents");
    value("DELETE FROM daily_counts");
    value("DELETE FROM message_sids");
    value("DELETE FROM status_events");
    return 0;
}

apr_int64_t ask_as(const char *to, const char *body, int priority)
{
    twc_draft_t draft = { .to = to, .body = body, .priority = priority };
    twc_queued_t queued;

    assert_int_equal(twc_message_queue(ctx_new(), &draft, &queued), APR_SUCCESS);
    value("UPDATE senders SET tokens = 100, refilled_at = now() WHERE tokens = 1");
    return queued.id;
}

apr_int64_t ask(const char *to)
{
    return ask_as(to, "x", TWC_PRIORITY_NORMAL);
}

int claim(twc_claim_t **claims, int limit)
{
    int count;

    assert_int_equal(twc_outbox_claim(ctx_new(), limit, 0, LEASE, claims, &count), APR_SUCCESS);
    return count;
}

twc_claim_t claim_one(void)
{
    twc_claim_t *claims;

    assert_int_equal(claim(&claims, 1), 1);
    return claims[0];
}

void settle(twc_settle_t s)
{
    const twc_settle_t *item = &s;

    assert_int_equal(twc_outbox_settle(ctx_new(), &item, 1), APR_SUCCESS);
}
