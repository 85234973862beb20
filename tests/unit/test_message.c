/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_message.c - deleting and redacting that leave no trace in counters and summaries, messages met in Twilio's lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inbound.h"
#include "store/ingest.h"
#include "store/message.h"

twc_conf_t conf = { .account_sid = "AC1", .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600, .ack_text = "Got it." };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delete_leaves_the_rest_right), cmocka_unit_test(redact_empties_and_spares_others),
        cmocka_unit_test(reading_keeps_the_window), cmocka_unit_test(seen_messages_are_kept_once),
        cmocka_unit_test(seen_statuses_only_rise), cmocka_unit_test(what_is_on_its_way_is_left_alone),
        cmocka_unit_test(answers_in_twiml_find_their_sid),
    };

    return database_run("twchat_test_message", tests, database_make, database_drop);
}
