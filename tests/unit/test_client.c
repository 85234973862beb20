/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_client.c - requests to Twilio as written, answers as read, and which hosts attachments come from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "twilio/client.h"
#include "work/flight.h"

#define SID "SM0123456789abcdef0123456789abcdef"

static apr_pool_t *pool;
static const char *const hosts[] = { "media.example.com", "other.example.com:8443", NULL };
static twc_conf_t conf = { .account_sid = "AC1", .auth_tokens = { "secret" }, .api_base = "https://api.twilio.com",
                           .media_hosts = hosts, .public_url = "https://chat.example.com/x" };

/* ---- requests ------------------------------------------------------------------------ */

static void a_create(void **state)
{
    const char *const media[] = { "https://x.example/a.png?b=1&c=2", "https://x.example/b" };
    const twc_create_t create = { .to = "whatsapp:+14155550123", .from = "whatsapp:+14155550100", .body = "a+b & \xc3\xa9\n\xf0\x9f\x98\x80",
                                  .media_urls = media, .num_media = 2, .content_sid = "HX1",
                                  .content_variables = "{\"1\":\"x\"}", .status_callback = "https://h/s?m=1#rc=3&rp=all" };
    const char *url, *form;

    twc_client_create_request(pool, &conf, &create, &url, &form);
    assert_string_equal(url, "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json");
    assert_string_equal(form, "To=whatsapp%3A%2B14155550123&From=whatsapp%3A%2B14155550100&Body=a%2Bb+%26+%C3%A9%0A%F0%9F%98%80"
                              "&MediaUrl=https%3A%2F%2Fx.example%2Fa.png%3Fb%3D1%26c%3D2&MediaUrl=https%3A%2F%2Fx.example%2Fb"
                              "&ContentSid=HX1&ContentVariables=%7B%221%22%3A%22x%22%7D&StatusCallback=https%3A%2F%2Fh%2Fs%3Fm%3D1%23rc%3D3%26rp%3Dall");
}

static void a_create_by_a_service(void **state)
{
    const twc_create_t create = { .to = "+14155550123", .service_sid = "MG1", .body = "" };
    const char *url, *form;

    twc_client_create_request(pool, &conf, &create, &url, &form);
    assert_string_equal(form, "To=%2B14155550123&MessagingServiceSid=MG1");
}

static void a_list(void **state)
{
    const twc_remote_filter_t filter = { .to = "+1 2", .sent_on = APR_TIME_C(1706691600000000), .sent_before = APR_TIME_C(1706691600000000),
                                         .sent_after = APR_TIME_C(1706691601000000) };

    assert_string_equal(twc_client_list_url(pool, &conf, &filter, 20),
                        "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json?PageSize=20&To=%2B1+2&DateSent=2024-01-31"
                        "&DateSent%3C=2024-01-31T09%3A00%3A00Z&DateSent%3E=2024-01-31T09%3A00%3A01Z");
}

static void credentials(void **state)
{
    twc_conf_t other = conf;
    const char *user, *password;

    twc_client_credentials(&conf, &user, &password);
    assert_string_equal(user, "AC1");
    assert_string_equal(password, "secret");
    other.api_key_sid = "SK1";
    other.api_key_secret = "key";
    twc_client_credentials(&other, &user, &password);
    assert_string_equal(user, "SK1");
    assert_string_equal(password, "key");
    other.account_sid = NULL;
    twc_client_credentials(&other, &user, &password);
    assert_null(user);
    assert_null(password);
}

static void callback_urls(void **state)
{
    twc_conf_t other = conf;

    assert_string_equal(twc_flight_callback(pool, &conf, "u"), "https://chat.example.com/x/twilio/status?m=u#rc=3&rp=all");
    other.status_path = "/webhooks/sms/status";
    assert_string_equal(twc_flight_callback(pool, &other, "u"), "https://chat.example.com/x/webhooks/sms/status?m=u#rc=3&rp=all");
    other.public_url = "https://my_chat.example.com";       /* Twilio refuses such a host */
    assert_null(twc_flight_callback(pool, &other, "u"));
    other.public_url = "https://chat.example.com/my_chat";
    assert_non_null(twc_flight_callback(pool, &other, "u"));
    other.public_url = NULL;
    assert_null(twc_flight_callback(pool, &other, "u"));
}

/* ---- answers -------------------------------------------------------------------------- */

static twc_outcome_t read_create(int status, const char *data)
{
    twc_outcome_t o = { .http_status = 0 };

    twc_client_read_create(pool, status, data, strlen(data), &o);
    return o;
}

static void accepted(void **state)
{
    twc_outcome_t o = read_create(201, "{\"sid\":\"" SID "\",\"status\":\"queued\",\"from\":\"+14155550100\",\"num_segments\":\"3\","
                                       "\"error_code\":null,\"body\":\"\\u0000\"}");

    assert_int_equal(o.http_status, 201);
    assert_string_equal(o.sid, SID);
    assert_string_equal(o.status, "queued");
    assert_string_equal(o.from, "+14155550100");
    assert_int_equal(o.num_segments, 3);
    assert_int_equal(o.code, 0);
    o = read_create(201, "{\"sid\":\"" SID "\",\"status\":\"accepted\",\"from\":null,\"num_segments\":\"0\"}");
    assert_string_equal(o.status, "accepted");
    assert_null(o.from);
    assert_int_equal(o.num_segments, 0);
}

static void a_sid_is_believed_only_where_it_can_be_one(void **state)
{
    static const struct { int status; const char *data; } bad[] = {
        { 201, "" }, { 201, "{}" }, { 201, "[]" }, { 201, "null" }, { 201, "{\"sid\":null}" }, { 201, "{\"sid\":17}" },
        { 201, "{\"sid\":\"SM1\"}" }, { 201, "{\"sid\":\"" SID "0\"}" }, { 201, "{\"sid\":\"SM0123456789abcdef0123456789abcde/\"}" },
        { 201, "{\"sid\":\"" SID "\"" }, { 200, "<html>It works!</html>" }, { 500, "{\"sid\":\"" SID "\"}" }, { 400, "{\"sid\":\"" SID "\"}" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(read_create(bad[i].status, bad[i].data).sid);
}

static void refused(void **state)
{
    twc_outcome_t o = read_create(400, "{\"code\":21211,\"message\":\"Invalid 'To'\",\"more_info\":\"x\",\"status\":400}");

    assert_int_equal(o.code, 21211);
    assert_string_equal(o.message, "Invalid 'To'");
    o = read_create(503, "upstream connect error");
    assert_int_equal(o.http_status, 503);
    assert_int_equal(o.code, 0);
    assert_null(o.message);
    o = read_create(429, "{\"code\":\"20429\",\"message\":[]}");
    assert_int_equal(o.code, 20429);
    assert_null(o.message);
    assert_int_equal(read_create(400, "{\"code\":-5}").code, 0);
    assert_int_equal(read_create(400, "{\"code\":99999999999999}").code, 0);
}

static void pages_of_a_list(void **state)
{
    static const char data[] = "{\"messages\":[{\"sid\":\"SM1\",\"to\":\"+14155550123\",\"date_created\":\"Wed, 31 Jan 2024 09:00:00 +0000\","
        "\"error_code\":30007,\"num_media\":\"1\",\"body\":null},7,{\"sid\":null}],\"next_page_uri\":\"/2010-04-01/x?PageToken=PA1\"}";
    apr_array_header_t *msgs = apr_array_make(pool, 4, sizeof(const twc_remote_msg_t *));
    const twc_remote_msg_t *m;
    const char *next;

    assert_int_equal(twc_client_read_list(pool, &conf, data, strlen(data), msgs, &next), APR_SUCCESS);
    assert_int_equal(msgs->nelts, 1);
    m = APR_ARRAY_IDX(msgs, 0, const twc_remote_msg_t *);
    assert_string_equal(m->sid, "SM1");
    assert_string_equal(m->body, "");
    assert_int_equal(m->error_code, 30007);
    assert_true(m->has_error);
    assert_true(m->date_created == APR_TIME_C(1706691600000000));
    assert_true(m->date_sent == 0);
    assert_string_equal(next, "https://api.twilio.com/2010-04-01/x?PageToken=PA1");
}

static void a_next_page_elsewhere_is_not_followed(void **state)
{
    static const char *const bad[] = { "\"https://evil.example/\"", "\"//evil.example/\"", "\"\"", "null", "7", "\"@evil.example\"" };
    apr_array_header_t *msgs = apr_array_make(pool, 4, sizeof(const twc_remote_msg_t *));

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *data = apr_pstrcat(pool, "{\"messages\":[],\"next_page_uri\":", bad[i], "}", NULL), *next = "x";

        assert_int_equal(twc_client_read_list(pool, &conf, data, strlen(data), msgs, &next), APR_SUCCESS);
        assert_null(next);
    }
}

static void no_list(void **state)
{
    static const char *const bad[] = { "", "[]", "{}", "{\"messages\":{}}", "{\"messages\":", "<html>" };
    apr_array_header_t *msgs = apr_array_make(pool, 4, sizeof(const twc_remote_msg_t *));
    const char *next;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(twc_client_read_list(pool, &conf, bad[i], strlen(bad[i]), msgs, &next), APR_SUCCESS);
}

/* ---- attachments ------------------------------------------------------------------------ */

static void hosts_of_attachments(void **state)
{
    static const struct { const char *url; bool allowed; } cases[] = {
        { "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", true },
        { "https://API.Twilio.com/x", true }, { "https://api.dublin.ie1.twilio.com/x", true },
        { "https://mms.twiliocdn.com/AC1/x", true }, { "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/x", true },
        { "https://media.example.com/x", true }, { "https://other.example.com:8443/x", true },
        { "http://api.twilio.com/x", false }, { "https://api.twilio.com:8443/x", false }, { "https://twilio.com.evil.example/x", false },
        { "https://eviltwilio.com/x", false }, { "https://twilio.com@evil.example/x", false }, { "https://user:pw@api.twilio.com/x", false },
        { "https://s3.amazonaws.com/other-bucket/x", false }, { "https://other.example.com/x", false }, { "http://media.example.com/x", false },
        { "https://127.0.0.1/x", false }, { "https://[::1]/x", false }, { "https://169.254.169.254/latest/meta-data", false },
        { "file:///etc/passwd", false }, { "ftp://api.twilio.com/x", false }, { "//api.twilio.com/x", false }, { "", false }, { "x", false },
        { "https://api.twilio.com.\x01/x", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (twc_client_media_allowed(&conf, cases[i].url) != cases[i].allowed)
            fail_msg("%s", cases[i].url);
}

static void a_sandbox_is_allowed_its_own_place_only(void **state)
{
    twc_conf_t box = conf;

    box.api_base = "http://127.0.0.1:4010";
    assert_true(twc_client_media_allowed(&box, "http://127.0.0.1:4010/2010-04-01/x"));
    assert_false(twc_client_media_allowed(&box, "http://127.0.0.1:4011/x"));
    assert_false(twc_client_media_allowed(&box, "http://localhost:4010/x"));
    assert_true(twc_client_media_allowed(&box, "http://other.example.com:8443/x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create), cmocka_unit_test(a_create_by_a_service), cmocka_unit_test(a_list), cmocka_unit_test(credentials),
        cmocka_unit_test(callback_urls), cmocka_unit_test(accepted), cmocka_unit_test(a_sid_is_believed_only_where_it_can_be_one),
        cmocka_unit_test(refused), cmocka_unit_test(pages_of_a_list), cmocka_unit_test(a_next_page_elsewhere_is_not_followed),
        cmocka_unit_test(no_list), cmocka_unit_test(hosts_of_attachments), cmocka_unit_test(a_sandbox_is_allowed_its_own_place_only),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
