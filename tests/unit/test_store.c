/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_store.c - lists in the exact shape of their interfaces, paging that skips and repeats nothing,
 * deleting and redacting that leave no trace in counters and summaries, messages met in Twilio's lists.
 * Needs a database to work in: TWCHAT_TEST_DATABASE, a conninfo string; its schema
 * "twchat_test_store" is made and dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_atomic.h>
#include <apr_general.h>
#include <apr_thread_proc.h>
#include <jansson.h>

#include "store/ingest.h"
#include "store/list.h"
#include "store/message.h"
#include "store/migrate.h"
#include "store/setting.h"
#include "store/signin.h"
#include "store/sql.h"

#define SCHEMA "twchat_test_store"
#define OURS "+15005550006"

static apr_pool_t *pool;
static twc_db_t *db;
static twc_conf_t conf = { .account_sid = "AC1", .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600, .ack_text = "Got it.",
                           .journal_keep = APR_USEC_PER_SEC * 3600 };

static twc_ctx_t *ctx_new(void)
{
    twc_ctx_t *ctx = apr_palloc(pool, sizeof(*ctx));

    twc_ctx_init(ctx, pool, db, &conf);
    return ctx;
}

static apr_int64_t count(const char *text)
{
    twc_sql_t sql = { "test", text, 0 };
    twc_rows_t *rows;

    assert_int_equal(twc_db_run(ctx_new(), &sql, NULL, &rows), APR_SUCCESS);
    return twc_rows_count(rows) ? twc_rows_int(rows, 0, 0) : 0;
}

static apr_int64_t ingest_at(const char *sid, const char *from, const char *body, const char *media, apr_time_t at)
{
    twc_call_t call = { .interface = "flask-chat", .kind = "message", .method = "POST", .url = "http://x/", .raw = "secret words",
                        .received_at = at };
    twc_inbound_t in = { .sid = sid, .account_sid = "AC1", .from = from, .to = OURS, .body = body, .call = &call,
                         .media_json = media, .num_media = media ? 1 : 0 };
    twc_inbound_t *item = &in;

    assert_int_equal(twc_ingest_messages(ctx_new(), &item, 1), APR_SUCCESS);
    return in.message_id;
}

static apr_int64_t ingest(const char *sid, const char *from, const char *body)
{
    return ingest_at(sid, from, body, NULL, apr_time_now());
}

/* ---- JSON ------------------------------------------------------------------------- */

static json_t *parse(const char *json)
{
    json_error_t error;
    json_t *root = json_loads(json, 0, &error);

    if (!root)
        fail_msg("%s in %s", error.text, json);
    return root;
}

/* The keys of an object are these, in this order. */
static void assert_keys(json_t *object, const char *keys)
{
    const char *key, *all = "";
    json_t *value;

    json_object_foreach(object, key, value)
        all = apr_pstrcat(pool, all, *all ? " " : "", key, NULL);
    assert_string_equal(all, keys);
}

static const char *text(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_t *item(json_t *page, int n)
{
    return json_array_get(json_object_get(page, "items"), n);
}

static int items(json_t *page)
{
    return (int)json_array_size(json_object_get(page, "items"));
}

#define ITEM_KEYS "id sid direction to_number from_number body status error created_at updated_at"

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

/* ---- change and remove -------------------------------------------------------------------- */

static apr_int64_t inbound_total(void)
{
    return count("SELECT coalesce(sum(n), 0) FROM daily_counts WHERE metric = 'inbound'");
}

static void delete_leaves_the_rest_right(void **state)
{
    apr_time_t now = apr_time_now();
    apr_int64_t counted;
    twc_msg_t msg;

    ingest_at("SMdel1", "+14150000020", "first", NULL, now - 3000000);
    ingest_at("SMdel2", "+14150000020", "second", NULL, now - 2000000);
    assert_int_equal(twc_conv_mark_read(ctx_new(), "+14150000020"), APR_SUCCESS);
    ingest_at("SMdel3", "+14150000020", "third", NULL, now - 1000000);
    counted = inbound_total();
    assert_int_equal(twc_msg_delete(ctx_new(), "SMdel1"), APR_SUCCESS);     /* read before: the unread one stays */
    assert_int_equal(count("SELECT unread FROM conversations WHERE peer = '+14150000020'"), 1);
    assert_int_equal(twc_msg_delete(ctx_new(), "SMdel3"), APR_SUCCESS);
    assert_int_equal(count("SELECT unread FROM conversations WHERE peer = '+14150000020'"), 0);
    assert_int_equal(count("SELECT total FROM conversations WHERE peer = '+14150000020'"), 1);
    assert_int_equal(count("SELECT count(*) FROM conversations v JOIN messages m ON m.id = v.last_message_id AND m.created_at = v.last_at"
                           " WHERE v.peer = '+14150000020' AND m.sid = 'SMdel2'"), 1);
    assert_int_equal(inbound_total(), counted - 2);
    assert_int_equal(twc_msg_load_sid(ctx_new(), "SMdel3", &msg), APR_ENOENT);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal WHERE sid = 'SMdel3' AND raw IS NOT NULL"), 0);

    /* a late repetition does not bring it back */
    ingest("SMdel3", "+14150000020", "third");
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid = 'SMdel3'"), 0);
    assert_int_equal(twc_msg_delete(ctx_new(), "SMdel2"), APR_SUCCESS);
    assert_int_equal(count("SELECT count(*) FROM conversations WHERE peer = '+14150000020' AND last_at IS NULL AND total = 0"), 1);
    assert_int_equal(twc_conv_mark_read(ctx_new(), "+14150000020"), APR_ENOENT);
    assert_int_equal(twc_msg_delete(ctx_new(), "SMnobody"), APR_SUCCESS);
    assert_int_equal(inbound_total(), counted - 3);
}

static void store_blob(apr_int64_t id)
{
    count("INSERT INTO media_blobs (sha256, bytes) VALUES ('\\xab', '\\x00ff') ON CONFLICT DO NOTHING");
    count(apr_psprintf(pool, "UPDATE message_media SET state = 'stored', sha256 = '\\xab' WHERE message_id = %" APR_INT64_T_FMT, id));
}

static void redact_empties_and_spares_others(void **state)
{
    static const char media[] = "[{\"url\":\"https://x/1\",\"type\":\"image/png\"}]";
    apr_int64_t a = ingest_at("MMred1", "+14150000021", "secret", media, apr_time_now());
    apr_int64_t b = ingest_at("MMred2", "+14150000021", "other", media, apr_time_now());
    twc_media_t got;
    twc_msg_t msg;

    store_blob(a);
    store_blob(b);
    assert_int_equal(twc_msg_redact(ctx_new(), "MMred1"), APR_SUCCESS);
    assert_int_equal(twc_msg_load_sid(ctx_new(), "MMred1", &msg), APR_SUCCESS);
    assert_string_equal(msg.body, "");
    assert_int_equal(twc_msg_media(ctx_new(), a, 0, &got), APR_ENOENT);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal WHERE sid = 'MMred1' AND raw IS NOT NULL"), 0);
    assert_int_equal(twc_msg_media(ctx_new(), b, 0, &got), APR_SUCCESS);
    assert_string_equal(got.state, "stored");
    assert_int_equal(got.bytes.len, 2);
    assert_memory_equal(got.bytes.data, "\x00\xff", 2);
    assert_int_equal(twc_msg_redact(ctx_new(), "MMred2"), APR_SUCCESS);
    assert_int_equal(count("SELECT count(*) FROM media_blobs WHERE sha256 = '\\xab'"), 0);
    assert_int_equal(twc_msg_redact(ctx_new(), "SMnobody"), APR_SUCCESS);
}

static void reading_keeps_the_window(void **state)
{
    ingest("SMread", "+14150000022", "hi");
    count("UPDATE conversations SET answers = 10, answers_since = now(), loop_guard_at = now() WHERE peer = '+14150000022'");
    assert_int_equal(twc_conv_mark_read(ctx_new(), "+14150000022"), APR_SUCCESS);
    assert_int_equal(count("SELECT count(*) FROM conversations WHERE peer = '+14150000022' AND unread = 0 AND loop_guard_at IS NULL"
                           " AND answers = 10"), 1);
}

/* ---- Twilio's lists ------------------------------------------------------------------------ */

static void see(twc_remote_msg_t *m)
{
    const twc_remote_msg_t *list[] = { m };

    if (!m->date_created)
        m->date_created = apr_time_now();
    assert_int_equal(twc_msg_seen(ctx_new(), list, 1), APR_SUCCESS);
}

static void seen_messages_are_kept_once(void **state)
{
    twc_remote_msg_t m = { .sid = "SMremote1", .status = "received", .direction = "inbound", .from = "+14150000030", .to = OURS,
                           .body = "old", .num_media = "0", .num_segments = "1",
                           .date_created = apr_time_now() - apr_time_from_sec(5 * 86400) };
    apr_int64_t before = inbound_total();

    see(&m);
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid = 'SMremote1' AND source = 'twilio' AND account_sid = 'AC1'"), 1);
    assert_int_equal(count("SELECT unread FROM conversations WHERE peer = '+14150000030'"), 0);
    assert_int_equal(count("SELECT count(*) FROM jobs j JOIN messages m ON m.id = j.message_id WHERE m.sid = 'SMremote1'"), 0);
    assert_int_equal(count("SELECT sum(n) FROM daily_counts WHERE metric = 'inbound' AND day = (now() AT TIME ZONE 'UTC')::date - 5"), 1);
    assert_int_equal(inbound_total(), before + 1);

    /* a newer one moves the summary, an older one does not */
    m = (twc_remote_msg_t){ .sid = "SMremote2", .status = "received", .direction = "inbound", .from = "+14150000030", .to = OURS, .body = "new" };
    see(&m);
    m = (twc_remote_msg_t){ .sid = "SMremote3", .status = "received", .direction = "inbound", .from = "+14150000030", .to = OURS, .body = "older",
                            .date_created = apr_time_now() - apr_time_from_sec(6 * 86400) };
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM conversations v JOIN messages m ON m.id = v.last_message_id"
                           " WHERE v.peer = '+14150000030' AND m.sid = 'SMremote2' AND v.total = 3 AND v.unread = 1"), 1);
}

static apr_int64_t status_is(const char *sid, const char *status)
{
    return count(apr_psprintf(pool, "SELECT count(*) FROM messages WHERE sid = '%s' AND status = '%s'", sid, status));
}

static void seen_statuses_only_rise(void **state)
{
    twc_remote_msg_t m = { .sid = "SMrise", .status = "sent", .direction = "outbound-api", .from = OURS, .to = "+14150000031", .body = "x" };

    see(&m);
    m.status = "queued";
    see(&m);
    assert_int_equal(status_is("SMrise", "sent"), 1);
    m.status = "undelivered", m.error_code = 30003, m.has_error = true;
    see(&m);
    assert_int_equal(status_is("SMrise", "undelivered"), 1);
    assert_int_equal(count("SELECT error_code FROM messages WHERE sid = 'SMrise'"), 30003);
    m.status = "sent";
    see(&m);
    assert_int_equal(status_is("SMrise", "undelivered"), 1);
    m.status = "delivered", m.error_code = 0, m.has_error = false;    /* the resource has the last word */
    see(&m);
    assert_int_equal(status_is("SMrise", "delivered"), 1);
    m.status = "read";
    see(&m);
    m.status = "delivered";
    see(&m);
    assert_int_equal(status_is("SMrise", "read"), 1);
}

static void what_is_on_its_way_is_left_alone(void **state)
{
    twc_remote_msg_t m = { .sid = "SMflight", .status = "queued", .direction = "outbound-api", .from = OURS, .to = "+14150000032", .body = "x" };

    count("WITH v AS (INSERT INTO conversations (peer, channel, address) VALUES ('+14150000032', 'sms', '+14150000032') RETURNING id),"
          " m AS (INSERT INTO messages (conv_id, direction, source, to_addr, body, status) SELECT id, 'outbound', 'api', '+14150000032', 'x', 'queued'"
          "       FROM v RETURNING id, conv_id)"
          " INSERT INTO outbox (message_id, conv_id, sender, priority, segments, state, due_at, attempts)"
          " SELECT id, conv_id, '" OURS "', 1, 1, 'sending', now(), 1 FROM m RETURNING message_id");
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM message_sids WHERE sid = 'SMflight'"), 0);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE to_addr = '+14150000032'"), 1);
    count("DELETE FROM outbox WHERE sender = '" OURS "'");
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE to_addr = '+14150000032'"), 2);
}

static void answers_in_twiml_find_their_sid(void **state)
{
    twc_call_t call = { .interface = "sms-store", .kind = "message", .method = "POST", .url = "http://x/", .raw = "x", .received_at = apr_time_now() };
    twc_inbound_t in = { .sid = "SMtwiml", .from = "+14150000033", .to = OURS, .body = "hi", .ack = true, .call = &call }, *one = &in;
    twc_remote_msg_t m = { .sid = "SManswer", .status = "sent", .direction = "outbound-reply", .from = OURS, .to = "+14150000033", .body = "Got it." };

    assert_int_equal(twc_ingest_messages(ctx_new(), &one, 1), APR_SUCCESS);
    assert_true(in.ack_allowed);
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE to_addr = '+14150000033'"), 1);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE sid = 'SManswer' AND source = 'twiml' AND status = 'sent'"), 1);
    m.sid = "SManother";
    see(&m);
    assert_int_equal(count("SELECT count(*) FROM messages WHERE to_addr = '+14150000033'"), 2);
}

/* ---- small tables ----------------------------------------------------------------------------- */

static void keys_are_checked_by_hash(void **state)
{
    const char *key, *json;
    twc_apikey_t found;

    assert_int_equal(twc_apikey_create(ctx_new(), "the shop", TWC_ROLE_AGENT, 0, &key), APR_SUCCESS);
    assert_int_equal(strlen(key), 4 + 43);
    assert_int_equal(strncmp(key, "twk_", 4), 0);
    assert_int_equal(twc_apikey_check(ctx_new(), key, &found), APR_SUCCESS);
    assert_int_equal(found.role, TWC_ROLE_AGENT);
    assert_string_equal(found.name, "the shop");
    assert_int_equal(count("SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL"), 1);
    assert_int_equal(twc_apikey_check(ctx_new(), apr_pstrcat(pool, key, "x", NULL), &found), APR_ENOENT);
    assert_int_equal(twc_apikey_check(ctx_new(), "", &found), APR_ENOENT);
    assert_int_equal(twc_apikey_list(ctx_new(), &json), APR_SUCCESS);
    assert_null(strstr(json, key));
    assert_int_equal(twc_apikey_revoke(ctx_new(), apr_pstrmemdup(pool, key, 12)), APR_SUCCESS);
    assert_int_equal(twc_apikey_check(ctx_new(), key, &found), APR_ENOENT);
    assert_int_equal(twc_apikey_revoke(ctx_new(), "12 OR 1=1"), APR_ENOENT);
}

static twc_idem_e begin(const char *key, const char *body, int *status, const char **answer, apr_int64_t *id)
{
    twc_idem_e outcome;

    assert_int_equal(twc_idem_begin(ctx_new(), "api /send", key, (twc_str_t){ body, strlen(body) }, &outcome, status, answer, id), APR_SUCCESS);
    return outcome;
}

static void one_key_one_message(void **state)
{
    const char *answer;
    apr_int64_t id;
    int status;

    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_NEW);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_RUNNING);
    assert_int_equal(begin("k", "b", &status, &answer, &id), TWC_IDEM_MISMATCH);

    assert_int_equal(twc_idem_message(ctx_new(), "api /send", "k", 7), APR_SUCCESS);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_RUNNING);
    assert_int_equal(id, 7);

    assert_int_equal(twc_idem_finish(ctx_new(), "api /send", "k", 200, "{\"sid\":1}"), APR_SUCCESS);
    assert_int_equal(begin("k", "a", &status, &answer, &id), TWC_IDEM_REPLAY);
    assert_int_equal(status, 200);
    assert_string_equal(answer, "{\"sid\":1}");
    count("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'");
    assert_int_equal(begin("k", "b", &status, &answer, &id), TWC_IDEM_NEW);
}

static apr_status_t claim_and_die(twc_ctx_t *ctx, void *baton)
{
    const char *answer;
    apr_int64_t id;
    twc_idem_e outcome;
    int status;

    TWC_TRY(twc_idem_begin(ctx, "api /send", "dying", (twc_str_t){ "a", 1 }, &outcome, &status, &answer, &id));
    assert_int_equal(outcome, TWC_IDEM_NEW);
    return APR_EGENERAL;                /* before it queued anything */
}

static void a_request_that_dies_leaves_no_key(void **state)
{
    const char *answer;
    apr_int64_t id;
    int status;

    assert_int_equal(twc_tx_run(ctx_new(), claim_and_die, NULL), APR_EGENERAL);
    assert_int_equal(begin("dying", "b", &status, &answer, &id), TWC_IDEM_NEW);
}

static void the_journal_forgets(void **state)
{
    twc_journal_row_t rows[2] = {
        { .call = { .interface = "flask-chat", .kind = "message", .received_at = apr_time_now() }, .verdict = "refused", .reason = "signature missing" },
        { .call = { .interface = "flask-chat", .kind = "message", .received_at = apr_time_now() - apr_time_from_sec(7200) },
          .verdict = "invalid", .suppressed = 3 },
    };
    const char *json;
    json_t *list;

    count("DELETE FROM webhook_journal");
    assert_int_equal(twc_journal_write(ctx_new(), rows, 2), APR_SUCCESS);
    assert_int_equal(twc_journal_list(ctx_new(), "refused", 10, &json), APR_SUCCESS);
    list = parse(json);
    assert_int_equal(json_array_size(list), 1);
    assert_keys(json_array_get(list, 0), "id at kind interface verdict reason sid method url remote_addr suppressed replayed_at");
    json_decref(list);
    count("INSERT INTO media_blobs VALUES ('\\xcd', '\\x00', now() - interval '2 days')");
    count("INSERT INTO status_events (sid, status, applied, received_at) VALUES ('SMforeign', 'sent', false, now() - interval '2 hours')");
    count("INSERT INTO status_events (sid, status, applied, received_at) VALUES ('SMearly', 'sent', false, now())");
    assert_int_equal(twc_journal_purge(ctx_new()), APR_SUCCESS);
    assert_int_equal(count("SELECT count(*) FROM status_events WHERE sid IN ('SMforeign', 'SMearly')"), 1);
    assert_int_equal(count("SELECT count(*) FROM webhook_journal"), 1);
    assert_int_equal(count("SELECT count(*) FROM media_blobs WHERE sha256 = '\\xcd'"), 0);
}

/* ---- set-up ------------------------------------------------------------------------------------- */

/* ---- a database that cannot be reached ----------------------------------------------------- */

#define ASKING 8

static apr_uint32_t inside, most_inside;

/* What making a connection is where nobody answers: it takes its time and fails. */
static apr_status_t take_long(void *baton, twc_db_loan_t *loan)
{
    apr_uint32_t now = apr_atomic_inc32(&inside) + 1, most = apr_atomic_read32(&most_inside);

    if (now > most)
        apr_atomic_cas32(&most_inside, now, most);
    apr_sleep(20000);
    apr_atomic_dec32(&inside);
    return APR_ECONNREFUSED;
}

static void give_none(void *baton, twc_db_loan_t *loan, bool broken)
{
}

static void *APR_THREAD_FUNC ask_for_one(apr_thread_t *thread, void *baton)
{
    static const twc_sql_t sql = { "test_one", "SELECT 1", 0 };
    apr_pool_t *p;
    twc_ctx_t ctx;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    twc_ctx_init(&ctx, p, baton, &conf);
    if (twc_db_run(&ctx, &sql, NULL, NULL) != APR_EAGAIN || !twc_db_is_away(&ctx))
        abort();
    apr_pool_destroy(p);
    return NULL;
}

/* mod_dbd makes connections one after the other, however long each takes: whoever stands in that line cannot be called back. */
static void one_at_a_time_asks_for_a_connection(void **state)
{
    static const twc_db_lender_t lender = { take_long, give_none, NULL };
    apr_thread_t *threads[ASKING];
    apr_status_t rv;
    twc_db_t *nowhere;

    assert_int_equal(twc_db_create(&nowhere, pool, &lender, ASKING, apr_time_from_sec(20)), APR_SUCCESS);
    for (int i = 0; i < ASKING; i++)
        apr_thread_create(&threads[i], NULL, ask_for_one, nowhere, pool);
    for (int i = 0; i < ASKING; i++)
        apr_thread_join(&rv, threads[i]);
    assert_int_equal(apr_atomic_read32(&most_inside), 1);
    assert_true(twc_db_seems_away(nowhere));
}

static int setup(void **state)
{
    const char *conninfo = getenv("TWCHAT_TEST_DATABASE");
    twc_db_lender_t plain, lender;
    twc_db_t *admin;
    twc_ctx_t ctx;

    twc_db_lender_direct(&plain, pool, conninfo);
    twc_db_create(&admin, pool, &plain, 2, apr_time_from_sec(20));
    twc_ctx_init(&ctx, pool, admin, &conf);
    if (twc_db_script(&ctx, "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE; CREATE SCHEMA " SCHEMA) != APR_SUCCESS)
        return -1;
    twc_db_lender_direct(&lender, pool, apr_psprintf(pool, "%s options='-c search_path=" SCHEMA "'", conninfo));
    twc_db_create(&db, pool, &lender, 8, apr_time_from_sec(20));
    twc_ctx_init(&ctx, pool, db, &conf);
    return twc_migrate_apply(&ctx, NULL, NULL) == APR_SUCCESS ? 0 : -1;
}

static int teardown(void **state)
{
    return twc_db_script(ctx_new(), "DROP SCHEMA " SCHEMA " CASCADE") == APR_SUCCESS ? 0 : -1;
}

static void addresses_count_by_network(void **state)
{
    static const char *const rows[][2] = {
        { "203.0.113.7", "address 203.0.113.7" }, { "::ffff:203.0.113.7", "address 203.0.113.7" },
        { "2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64" }, { "2001:DB8:1:2::1", "address 2001:db8:1:2::/64" },
        { "2001:db8:1:3::1", "address 2001:db8:1:3::/64" }, { "::1", "address ::/64" }, { "unknown", "address unknown" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(twc_attempt_address(pool, rows[i][0]), rows[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flask_shapes), cmocka_unit_test(stored_shapes), cmocka_unit_test(entries_explain_errors),
        cmocka_unit_test(thread_pages_meet), cmocka_unit_test(a_page_survives_the_loss_of_its_mark),
        cmocka_unit_test(threads_page_and_search), cmocka_unit_test(plans_of_lists_are_made_once), cmocka_unit_test(sms_before_whatsapp),
        cmocka_unit_test(delete_leaves_the_rest_right), cmocka_unit_test(redact_empties_and_spares_others),
        cmocka_unit_test(reading_keeps_the_window), cmocka_unit_test(seen_messages_are_kept_once),
        cmocka_unit_test(seen_statuses_only_rise), cmocka_unit_test(what_is_on_its_way_is_left_alone),
        cmocka_unit_test(answers_in_twiml_find_their_sid), cmocka_unit_test(keys_are_checked_by_hash),
        cmocka_unit_test(one_key_one_message), cmocka_unit_test(one_at_a_time_asks_for_a_connection),
        cmocka_unit_test(a_request_that_dies_leaves_no_key), cmocka_unit_test(the_journal_forgets),
        cmocka_unit_test(addresses_count_by_network),
    };
    int failed;

    if (!getenv("TWCHAT_TEST_DATABASE"))
        return 77;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, setup, teardown);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
