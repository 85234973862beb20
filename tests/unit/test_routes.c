/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_routes.c - which row a request finds, alone and on a shared mount, and what the table must keep to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "routes.h"

static apr_pool_t *pool;

static twc_mount_t mount_of(const char *path, const char *names)
{
    twc_mount_t mount = { .path = path };
    char *list = apr_pstrdup(pool, names), *last, *name;

    for (name = apr_strtok(list, " ", &last); name; name = apr_strtok(NULL, " ", &last))
        assert_true(twc_mount_add(&mount, (twc_interface_e)twc_interface_parse(name)));
    return mount;
}

typedef struct case_t {
    const char *mount, *names, *path;
    unsigned method;
    bool json;
    const char *endpoint;               /* NULL: none */
    const char *interface;              /* of the row */
    const char *param;                  /* value of the first, NULL: none */
} case_t;

#define ALL "flask-chat whatsapp-inbox appointment-bot ai-messaging sms-store native"

static const case_t cases[] = {
    { "/", ALL, "/api/messages", TWC_GET, false, "twc_flask_messages", "flask-chat", NULL },
    { "/", ALL, "/api/messages/", TWC_GET, false, "twc_flask_messages", "flask-chat", NULL },
    { "/", ALL, "/api/messages//", TWC_GET, false, NULL, NULL, NULL },
    { "/", ALL, "/api/messages/stats", TWC_GET, false, "twc_flask_stats", "flask-chat", NULL },
    { "/", ALL, "/api/messages/stats", TWC_DELETE, false, NULL, NULL, NULL },
    { "/", ALL, "/api/messages/SM1", TWC_DELETE, false, "twc_flask_delete", "flask-chat", "SM1" },
    { "/", ALL, "/api/messages/a%2Fb", TWC_GET, false, "twc_flask_fetch", "flask-chat", "a/b" },
    { "/", ALL, "/api/messages/SM1/redact", TWC_POST, false, "twc_flask_redact", "flask-chat", "SM1" },
    { "/", ALL, "/api/messages/SM1/redact/x", TWC_POST, false, NULL, NULL, NULL },
    { "/", ALL, "/api/health", TWC_GET, false, "twc_health_flask", "flask-chat", NULL },
    { "/", "appointment-bot flask-chat", "/api/health", TWC_GET, false, "twc_health_appointment", "appointment-bot", NULL },
    { "/", ALL, "/health", TWC_GET, false, "twc_health_whatsapp", "whatsapp-inbox", NULL },
    { "/", ALL, "/api/twilio/webhook/sms", TWC_POST, false, "twc_webhook_inbound", "sms-store", NULL },
    { "/", ALL, "/webhook/sms", TWC_POST, false, NULL, NULL, NULL },
    { "/api/twilio", "sms-store", "/api/twilio/webhook/sms", TWC_POST, false, "twc_webhook_inbound", "sms-store", NULL },
    { "/api/twilio", ALL, "/api/twilio/webhook/sms", TWC_POST, false, "twc_webhook_inbound", "sms-store", NULL },
    { "/store", "sms-store", "/store/webhook/sms", TWC_POST, false, "twc_webhook_inbound", "sms-store", NULL },
    { "/store", "sms-store", "/store/api/twilio/webhook/sms", TWC_POST, false, "twc_webhook_inbound", "sms-store", NULL },
    { "/store", "sms-store", "/webhook/sms", TWC_POST, false, NULL, NULL, NULL },
    { "/store", "sms-store", "/storex/webhook/sms", TWC_POST, false, NULL, NULL, NULL },
    { "/", "ai-messaging", "/api/twilio_webhook", TWC_POST, false, "twc_webhook_inbound", "ai-messaging", NULL },
    { "/", "ai-messaging", "/api/health", TWC_GET, false, "twc_health_ai", "ai-messaging", NULL },
    { "/", "ai-messaging flask-chat", "/api/health", TWC_GET, false, "twc_health_flask", "flask-chat", NULL },
    { "/", "ai-messaging", "/api", TWC_GET, false, NULL, NULL, NULL },
    { "/", ALL, "/", TWC_GET, false, "twc_page_dashboard", "flask-chat", NULL },
    { "/", ALL, "/", TWC_GET, true, "twc_health_ai_root", "ai-messaging", NULL },
    { "/", "ai-messaging flask-chat", "/", TWC_GET, false, "twc_health_ai_root", "ai-messaging", NULL },
    { "/", "flask-chat", "/", TWC_GET, true, "twc_page_dashboard", "flask-chat", NULL },
    { "/chat", "flask-chat", "/chat", TWC_GET, false, "twc_page_dashboard", "flask-chat", NULL },
    { "/chat", "flask-chat", "/chat/chat/+1415", TWC_GET, false, "twc_page_chat", "flask-chat", "+1415" },
    { "/", "flask-chat", "/api/threads/+1415/entries", TWC_GET, false, "twc_native_thread_entries", "native", "+1415" },
    { "/", "flask-chat", "/assets/js/ui/menu.js", TWC_GET, false, "twc_page_asset", "native", "js/ui/menu.js" },
    { "/", "flask-chat", "/assets", TWC_GET, false, NULL, NULL, NULL },
    { "/", "sms-store", "/assets/js/api.js", TWC_GET, false, NULL, NULL, NULL },
    { "/", ALL, "", TWC_GET, false, "twc_page_dashboard", "flask-chat", NULL },
    { "/", ALL, "*", TWC_GET, false, NULL, NULL, NULL },
    { "/", ALL, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t", TWC_GET, false, NULL, NULL, NULL },
};

static void test_find(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const case_t *c = &cases[i];
        twc_mount_t mount = mount_of(c->mount, c->names);
        twc_match_t match;

        twc_route_find(pool, &mount, c->path, c->method, c->json, &match);
        if ((c->endpoint == NULL) != (match.row < 0))
            fail_msg("%s on %s: row %d", c->path, c->mount, match.row);
        if (match.row < 0)
            continue;
        assert_string_equal(twc_routes[match.row].endpoint, c->endpoint);
        assert_string_equal(twc_interfaces[match.interface].name, c->interface);
        assert_int_equal(match.style, twc_interfaces[match.interface].style);
        assert_int_equal(match.params > 0, c->param != NULL);
        if (c->param)
            assert_string_equal(match.param[0].value, c->param);
    }
}

static void test_methods_and_styles(void **state)
{
    twc_mount_t shared = mount_of("/", ALL), alone = mount_of("/", "flask-chat");
    twc_match_t match;

    twc_route_find(pool, &shared, "/api/messages/SM1", TWC_PUT, false, &match);
    assert_int_equal(match.row, -1);
    assert_int_equal(match.allow, TWC_GET | TWC_DELETE);
    assert_int_equal(match.style, TWC_STYLE_SHARED);
    assert_string_equal(twc_methods_allow(pool, match.allow), "DELETE, GET, HEAD, OPTIONS");
    twc_route_find(pool, &shared, "/api/messages/stats", TWC_DELETE, false, &match);
    assert_int_equal(match.allow, TWC_GET);
    twc_route_find(pool, &alone, "/nothing", TWC_GET, false, &match);
    assert_int_equal(match.allow, 0);
    assert_int_equal(match.style, TWC_STYLE_ERROR);
}

static void test_mounts(void **state)
{
    twc_mount_t mount = mount_of("/", "flask-chat sms-store");

    assert_int_equal(mount.named, 2);
    assert_int_equal(mount.count, 3);
    assert_int_equal(mount.interfaces[2], TWC_IF_NATIVE);
    assert_true(twc_mount_add(&mount, TWC_IF_NATIVE));
    assert_int_equal(mount.named, 3);
    assert_int_equal(mount.count, 3);
    assert_false(twc_mount_add(&mount, TWC_IF_SMS_STORE));
    assert_int_equal(twc_interface_parse("nonsense"), -1);
}

static void count_collision(void *baton, const twc_route_t *loser, const twc_route_t *winner)
{
    (*(int *)baton)++;
    assert_string_equal(loser->pattern, winner->pattern);
}

static void test_collisions(void **state)
{
    twc_mount_t all = mount_of("/", ALL), disjoint = mount_of("/", "flask-chat sms-store");
    int count = 0;

    twc_mount_collisions(&disjoint, count_collision, &count);
    assert_int_equal(count, 0);
    twc_mount_collisions(&all, count_collision, &count);
    assert_int_equal(count, 2);         /* /health and /api/health; "/" is decided by what the client takes */
}

static void test_paths_of_rows(void **state)
{
    twc_mount_t root = mount_of("/", ALL), home = mount_of("/api/twilio", "sms-store"), chat = mount_of("/chat", "flask-chat");

    for (int i = 0; i < twc_routes_count; i++) {
        const twc_route_t *r = &twc_routes[i];
        if (r->interface == TWC_IF_SMS_STORE && strcmp(r->pattern, "/webhook/sms") == 0) {
            assert_string_equal(twc_mount_url_path(pool, &root, r), "/api/twilio/webhook/sms");
            assert_string_equal(twc_mount_url_path(pool, &home, r), "/api/twilio/webhook/sms");
        }
        if (r->interface == TWC_IF_FLASK_CHAT && strcmp(r->pattern, "/twilio/status") == 0)
            assert_string_equal(twc_mount_url_path(pool, &chat, r), "/chat/twilio/status");
    }
}

static void test_the_table(void **state)
{
    for (int i = 0; i < twc_routes_count; i++) {
        const twc_route_t *r = &twc_routes[i];
        assert_int_equal(r->pattern[0], '/');
        assert_true(r->methods != 0);
        assert_true(strlen(r->doc) >= 8);
        assert_int_equal(r->access == TWC_TWILIO, r->body == TWC_BODY_WEBHOOK);
        assert_int_equal(strncmp(r->endpoint, "twc_", 4), 0);
        for (int k = 0; k < i; k++)
            assert_false(twc_routes[k].interface == r->interface && strcmp(twc_routes[k].pattern, r->pattern) == 0
                         && (twc_routes[k].methods & r->methods));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find), cmocka_unit_test(test_methods_and_styles), cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_collisions), cmocka_unit_test(test_paths_of_rows), cmocka_unit_test(test_the_table),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
