/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_list.c - lists in the exact shape of their interfaces, paging that skips and repeats nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inbound.h"
#include "json.h"
#include "store/list.h"
#include "store/message.h"

#define ITEM_KEYS "id sid direction to_number from_number body status error created_at updated_at"

twc_conf_t conf = { .account_sid = "AC1" };

static json_t *item(json_t *page, int n)
{
    return json_array_get(json_object_get(page, "items"), n);
}

static int items(json_t *page)
{
    return (int)json_array_size(json_object_get(page, "items"));
}

/* ---- shapes ------------------------------------------------------------------------- */

static void flask_shapes(void **state)
{
    const char *json;
    json_t *page;

    ingest("SMshape", "+14150000001", "hi \"there\" <b> \xf0\x9f\x98\x80");
    assert_int_equal(twc_list_flask_messages(ctx_new(), NULL, 50, &json), APR_SUCCESS);
    page = parse(json);
    assert_keys(page, "items count");
    assert_keys(item(page, 0), ITEM_KEYS);
    assert_string_equal(text(item(page, 0), "body"), "hi \"there\" <b> \xf0\x9f\x98\x80");
    assert_int_equal(strlen(text(item(page, 0), "created_at")), strlen("2025-01-31T09:00:00"));
    assert_true(json_is_integer(json_object_get(item(page, 0), "id")));
    assert_true(json_is_null(json_object_get(item(page, 0), "error")));
    json_decref(page);

    assert_int_equal(twc_list_flask_conversations(ctx_new(), 50, &json), APR_SUCCESS);
    page = parse(json);
    assert_keys(item(page, 0), "participant last_body last_direction last_status last_error last_created_at last_updated_at total_messages");
    json_decref(page);

    assert_int_equal(twc_list_flask_stats(ctx_new(), &json), APR_SUCCESS);
    page = parse(json);
    assert_keys(page, "total inbound outbound latest");
    assert_keys(json_object_get(page, "latest"), ITEM_KEYS);
    json_decref(page);

    assert_int_equal(twc_list_flask_messages(ctx_new(), "outbound", 50, &json), APR_SUCCESS);
    page = parse(json);
    assert_int_equal(items(page), 0);
    assert_int_equal(json_integer_value(json_object_get(page, "count")), 0);
    json_decref(page);
}

static void stored_shapes(void **state)
{
    twc_stored_filter_t filter = { .direction = "inbound", .processed = 0, .phone = "+14150000002", .limit = 5 };
    const char *json, *uuid;
    json_t *page, *s;

    ingest_at("MMstored", "+14150000002", "pic", "[{\"url\":\"https://x/1\",\"type\":\"image/png\"}]", apr_time_now());
    assert_int_equal(twc_list_stored(ctx_new(), &filter, &json), APR_SUCCESS);
    page = parse(json);
    assert_keys(page, "messages count");
    s = json_array_get(json_object_get(page, "messages"), 0);
    assert_keys(s, "id messageSid accountSid from to body direction status numMedia mediaUrls processed chatId responseMessageSid"
                " errorCode errorMessage createdAt processedAt");
    assert_string_equal(json_string_value(json_array_get(json_object_get(s, "mediaUrls"), 0)), "https://x/1");
    assert_int_equal(strlen(text(s, "createdAt")), strlen("2025-01-31T09:00:00.123Z"));
    uuid = apr_pstrdup(pool, text(s, "id"));
    json_decref(page);

    assert_int_equal(twc_msg_mark_processed(ctx_new(), uuid, "chat", NULL), APR_SUCCESS);
    assert_int_equal(twc_msg_mark_processed(ctx_new(), uuid, NULL, "SMreply"), APR_SUCCESS);
    assert_int_equal(twc_list_stored_one(ctx_new(), uuid, &json), APR_SUCCESS);
    s = parse(json);
    assert_true(json_is_true(json_object_get(s, "processed")));
    assert_string_equal(text(s, "chatId"), "chat");
    assert_string_equal(text(s, "responseMessageSid"), "SMreply");
    json_decref(s);
    assert_int_equal(twc_list_stored(ctx_new(), &filter, &json), APR_SUCCESS);
    page = parse(json);
    assert_int_equal(json_integer_value(json_object_get(page, "count")), 0);
    json_decref(page);

    assert_int_equal(twc_list_stored_one(ctx_new(), "nonsense", &json), APR_ENOENT);
    assert_int_equal(twc_list_stored_one(ctx_new(), "00000000-0000-0000-0000-000000000001", &json), APR_ENOENT);
    assert_int_equal(twc_msg_mark_processed(ctx_new(), "' OR 1=1 --", NULL, NULL), APR_ENOENT);
    filter = (twc_stored_filter_t){ .processed = -1, .phone = OURS, .limit = 1000 };
    assert_int_equal(twc_list_stored(ctx_new(), &filter, &json), APR_SUCCESS);
    page = parse(json);
    assert_int_equal(json_integer_value(json_object_get(page, "count")), count("SELECT count(*) FROM messages"));
    json_decref(page);
}

static void entries_explain_errors(void **state)
{
    const char *json;
    json_t *page, *e;

    ingest("SMexplain", "+14150000003", "\"error_code\":30003 \\");
    count("UPDATE messages SET error_code = 30003, extra = '{\"error_code\":\"x\"}' WHERE sid = 'SMexplain'");
    assert_int_equal(twc_list_thread_entries(ctx_new(), "+14150000003", 0, 50, &json), APR_SUCCESS);
    page = parse(json);
    assert_keys(page, "items has_more");
    e = item(page, 0);
    assert_string_equal(text(e, "body"), "\"error_code\":30003 \\");
    assert_int_equal(json_integer_value(json_object_get(e, "error_code")), 30003);
    assert_true(json_string_length(json_object_get(e, "error_reason")) > 5);
    assert_true(json_is_string(json_object_get(e, "error_advice")));
    assert_keys(e, ITEM_KEYS " peer source error_code error_reason error_advice send_at media extra");
    json_decref(page);
}

/* ---- pages ---------------------------------------------------------------------------- */

static void thread_pages_meet(void **state)
{
    apr_time_t start = apr_time_now() - apr_time_from_sec(1000);
    apr_int64_t before = 0, last = 0;
    const char *json;
    int seen = 0;

    /* two at the same instant, and the newest arrives first */
    for (int i = 24; i >= 0; i--)
        ingest_at(apr_psprintf(pool, "SMpage%d", i), "+14150000010", apr_itoa(pool, i), NULL, start + apr_time_from_sec(i / 2));
    for (;;) {
        json_t *page;
        assert_int_equal(twc_list_thread_entries(ctx_new(), "+14150000010", before, 4, &json), APR_SUCCESS);
        page = parse(json);
        seen += items(page);
        before = json_integer_value(json_object_get(item(page, 0), "id"));
        assert_int_not_equal(before, last);
        last = before;
        if (json_is_false(json_object_get(page, "has_more"))) {
            json_decref(page);
            break;
        }
        json_decref(page);
    }
    assert_int_equal(seen, 25);
}

static void a_page_survives_the_loss_of_its_mark(void **state)
{
    const char *json;
    json_t *page;
    apr_int64_t first = ingest("SMmark1", "+14150000011", "1"), mark = ingest("SMmark2", "+14150000011", "2");

    assert_int_equal(twc_msg_delete(ctx_new(), "SMmark2"), APR_SUCCESS);
    assert_int_equal(twc_list_thread_entries(ctx_new(), "+14150000011", mark, 10, &json), APR_SUCCESS);
    page = parse(json);
    assert_int_equal(items(page), 1);
    assert_int_equal(json_integer_value(json_object_get(item(page, 0), "id")), first);
    json_decref(page);
}

static void threads_page_and_search(void **state)
{
    const char *json, *next = NULL;
    int seen = 0;
    json_t *page;

    do {
        assert_int_equal(twc_list_threads(ctx_new(), NULL, next, 2, &json), APR_SUCCESS);
        page = parse(json);
        seen += items(page);
        next = text(page, "next") ? apr_pstrdup(pool, text(page, "next")) : NULL;
        json_decref(page);
    } while (next);
    assert_int_equal(seen, count("SELECT count(*) FROM conversations WHERE last_at IS NOT NULL"));

    count("UPDATE contacts SET first_name = 'Jan_100%', last_name = 'Nowak' WHERE address = '+14150000010'");
    const struct { const char *search; int found; } rows[] = {
        { "(415) 000-0010", 1 }, { "0000010", 1 }, { "jan_1", 1 }, { "100%", 1 }, { "NOWAK", 1 }, { "n_100% now", 1 }, { "j%k", 0 },
        { "' OR '1'='1", 0 }, { "\\", 0 }, { "99999999", 0 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(twc_list_threads(ctx_new(), rows[i].search, NULL, 50, &json), APR_SUCCESS);
        page = parse(json);
        if (items(page) != rows[i].found)
            fail_msg("%s found %d", rows[i].search, items(page));
        json_decref(page);
    }
    assert_int_equal(twc_list_threads(ctx_new(), NULL, "nonsense", 50, &json), APR_EINVAL);
    assert_int_equal(twc_list_threads(ctx_new(), NULL, "1.2.3", 50, &json), APR_EINVAL);
}

/* A list's plan is the same whatever its page; making it anew for each call costs as much as the list. */
static void plans_of_lists_are_made_once(void **state)
{
    const char *json;

    for (int i = 0; i < 10; i++)
        assert_int_equal(twc_list_threads(ctx_new(), NULL, NULL, 50, &json), APR_SUCCESS);
    assert_true(count("SELECT generic_plans FROM pg_prepared_statements WHERE name = 'twc_threads'") >= 10);
    assert_int_equal(count("SELECT custom_plans FROM pg_prepared_statements WHERE name = 'twc_threads'"), 0);
    /* nothing is compiled: that takes longer than the statements do */
    assert_int_equal(count("SELECT (current_setting('jit') = 'off')::integer"), 1);
    /* what is not kept prepared is planned for the values at hand */
    assert_int_equal(count("SELECT (current_setting('plan_cache_mode') = 'auto')::integer"), 1);
}

static void sms_before_whatsapp(void **state)
{
    const char *json;
    json_t *page;

    ingest("SMwa", "whatsapp:+14150000012", "by WhatsApp");
    assert_int_equal(twc_list_flask_thread(ctx_new(), "+14150000012", "14150000012", 10, &json), APR_SUCCESS);
    page = parse(json);
    assert_string_equal(text(page, "participant"), "14150000012");
    assert_int_equal(items(page), 1);
    json_decref(page);
    ingest("SMsms", "+14150000012", "by SMS");
    assert_int_equal(twc_list_flask_thread(ctx_new(), "+14150000012", "x", 10, &json), APR_SUCCESS);
    page = parse(json);
    assert_string_equal(text(item(page, 0), "body"), "by SMS");
    json_decref(page);
    assert_int_equal(twc_list_flask_thread(ctx_new(), "whatsapp:+14150000012", "x", 10, &json), APR_SUCCESS);
    page = parse(json);
    assert_string_equal(text(item(page, 0), "body"), "by WhatsApp");
    json_decref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flask_shapes), cmocka_unit_test(stored_shapes), cmocka_unit_test(entries_explain_errors),
        cmocka_unit_test(thread_pages_meet), cmocka_unit_test(a_page_survives_the_loss_of_its_mark),
        cmocka_unit_test(threads_page_and_search), cmocka_unit_test(plans_of_lists_are_made_once),
        cmocka_unit_test(sms_before_whatsapp),
    };

    return database_run("twchat_test_list", tests, database_make, database_drop);
}
