/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_http.c - the curl wrapper against a peer that misbehaves: a thread with a socket
 * that follows a script, one line per request it gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "remote/http.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
#define CLOSE ""                        /* close instead of an answer */

static apr_pool_t *pool;

typedef struct peer_t {
    apr_socket_t *listener;
    apr_thread_t *thread;
    const char *const *script;          /* answers, NULL-terminated */
    char url[64];
    apr_thread_mutex_t *mutex;          /* guards what it got so far */
    int requests;
    char last[4096];
} peer_t;

/* A request that is there as a whole, or false at the end of the connection. */
static bool read_request(apr_socket_t *s, char *text, apr_size_t size)
{
    apr_size_t have = 0;

    for (;;) {
        apr_size_t n = size - 1 - have;
        const char *end, *length;

        if (apr_socket_recv(s, text + have, &n) != APR_SUCCESS || n == 0)
            return false;
        have += n;
        text[have] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end && have >= (apr_size_t)(end + 4 - text) + (length && length < end ? (apr_size_t)apr_atoi64(length + 16) : 0))
            return true;
    }
}

/* Note a request; the answer to it. */
static const char *next_answer(peer_t *peer, const char *request)
{
    const char *answer;

    apr_thread_mutex_lock(peer->mutex);
    apr_cpystrn(peer->last, request, sizeof(peer->last));
    answer = peer->script[peer->requests++];
    apr_thread_mutex_unlock(peer->mutex);
    return answer;
}

static int requests(peer_t *peer)
{
    int count;

    apr_thread_mutex_lock(peer->mutex);
    count = peer->requests;
    apr_thread_mutex_unlock(peer->mutex);
    return count;
}

static const char *last(peer_t *peer)
{
    const char *copy;

    apr_thread_mutex_lock(peer->mutex);
    copy = apr_pstrdup(pool, peer->last);
    apr_thread_mutex_unlock(peer->mutex);
    return copy;
}

static void *APR_THREAD_FUNC serve(apr_thread_t *thread, void *baton)
{
    peer_t *peer = baton;
    char request[sizeof(peer->last)];
    apr_pool_t *own;
    apr_socket_t *s;

    apr_pool_create(&own, NULL);
    while (peer->script[requests(peer)] && apr_socket_accept(&s, peer->listener, own) == APR_SUCCESS) {
        apr_socket_timeout_set(s, apr_time_from_sec(1));        /* the client keeps its connections */
        while (peer->script[requests(peer)] && read_request(s, request, sizeof(request))) {
            const char *answer = next_answer(peer, request);
            apr_size_t n = strlen(answer);

            if (n == 0)
                break;
            apr_socket_send(s, answer, &n);
        }
        apr_socket_close(s);
    }
    apr_pool_destroy(own);
    return NULL;
}

static void start(peer_t *peer, const char *const *script)
{
    apr_sockaddr_t *address;

    memset(peer, 0, sizeof(*peer));
    peer->script = script;
    assert_int_equal(apr_thread_mutex_create(&peer->mutex, APR_THREAD_MUTEX_DEFAULT, pool), APR_SUCCESS);
    assert_int_equal(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, pool), APR_SUCCESS);
    assert_int_equal(apr_socket_create(&peer->listener, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool), APR_SUCCESS);
    assert_int_equal(apr_socket_bind(peer->listener, address), APR_SUCCESS);
    assert_int_equal(apr_socket_listen(peer->listener, 8), APR_SUCCESS);
    apr_socket_addr_get(&address, APR_LOCAL, peer->listener);
    apr_snprintf(peer->url, sizeof(peer->url), "http://127.0.0.1:%d/x", address->port);
    assert_int_equal(apr_thread_create(&peer->thread, NULL, serve, peer, pool), APR_SUCCESS);
}

static void stop(peer_t *peer)
{
    apr_status_t rv;

    apr_socket_shutdown(peer->listener, APR_SHUTDOWN_READWRITE);
    apr_socket_close(peer->listener);
    apr_thread_join(&rv, peer->thread);
}

static apr_status_t call(peer_t *peer, const char *method, const char *body, twc_http_answer_t *answer)
{
    twc_http_request_t request = { .method = method, .url = peer->url, .user = "u", .password = "p", .body = body,
                                   .timeout = apr_time_from_sec(5), .answer_max = 100 };

    return twc_http_call(pool, &request, NULL, NULL, answer);
}

/* What would send a message twice: the kept connection brings nothing, libcurl would try a fresh one. */
static void a_post_is_never_written_twice(void **state)
{
    static const char *const script[] = { OK, CLOSE, OK, OK, NULL };
    twc_http_answer_t answer;
    peer_t peer;

    start(&peer, script);
    assert_int_equal(call(&peer, "POST", "a=1", &answer), APR_SUCCESS);
    assert_int_equal(answer.status, 200);
    assert_int_not_equal(call(&peer, "POST", "a=2", &answer), APR_SUCCESS);
    assert_int_equal(answer.status, 0);
    assert_true(answer.sent);
    assert_non_null(answer.error);
    assert_int_equal(requests(&peer), 2);
    assert_int_equal(call(&peer, "POST", "a=3", &answer), APR_SUCCESS);
    assert_string_equal(strstr(last(&peer), "\r\n\r\n") + 4, "a=3");
    assert_int_equal(requests(&peer), 3);
    stop(&peer);
}

/* A question may be asked again. */
static void a_get_may_be_repeated(void **state)
{
    static const char *const script[] = { OK, CLOSE, OK, NULL };
    twc_http_answer_t answer;
    peer_t peer;

    start(&peer, script);
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_SUCCESS);
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_SUCCESS);
    assert_int_equal(answer.status, 200);
    assert_int_equal(requests(&peer), 3);
    stop(&peer);
}

static void nobody_listens(void **state)
{
    static const char *const script[] = { NULL };
    twc_http_answer_t answer;
    peer_t peer;

    start(&peer, script);
    stop(&peer);
    assert_int_equal(call(&peer, "POST", "a=1", &answer), APR_ECONNREFUSED);
    assert_false(answer.sent);
    assert_int_equal(answer.status, 0);
    assert_non_null(answer.error);
}

static apr_status_t call_within(peer_t *peer, twc_since_t since, twc_http_answer_t *answer)
{
    twc_http_request_t request = { .method = "POST", .url = peer->url, .body = "a=1", .timeout = apr_time_from_sec(5),
                                   .since = since, .within = apr_time_from_sec(60) };

    return twc_http_call(pool, &request, NULL, NULL, answer);
}

/* A process that was frozen with a request in its hands does not write it any more, whichever clock tells. */
static void what_is_late_is_not_written(void **state)
{
    static const char *const script[] = { OK, OK, NULL };
    twc_since_t now = twc_clock_mark(), asleep = now, paused = now;
    twc_http_answer_t answer;
    peer_t peer;

    asleep.ticks -= apr_time_from_sec(61);
    paused.wall -= apr_time_from_sec(61);
    start(&peer, script);
    assert_int_equal(call_within(&peer, asleep, &answer), APR_EINTR);
    assert_false(answer.sent);
    assert_int_equal(answer.status, 0);
    assert_non_null(answer.error);
    assert_int_equal(call_within(&peer, now, &answer), APR_SUCCESS);
    assert_int_equal(call_within(&peer, paused, &answer), APR_EINTR);       /* on a kept connection, too */
    assert_false(answer.sent);
    assert_int_equal(requests(&peer), 1);
    stop(&peer);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void what_a_request_says(void **state)
{
    static const char *const script[] = { OK, OK, OK, NULL };
    twc_http_answer_t answer;
    peer_t peer;

    start(&peer, script);
    assert_int_equal(call(&peer, "POST", NULL, &answer), APR_SUCCESS);
    assert_true(begins(last(&peer), "POST /x HTTP/1.1\r\n"));
    assert_non_null(strstr(last(&peer), "Authorization: Basic dTpw\r\n"));
    assert_non_null(strstr(last(&peer), "Content-Length: 0\r\n"));
    assert_non_null(strstr(last(&peer), "User-Agent: mod_twchat/"));
    assert_null(strstr(last(&peer), "Expect:"));
    assert_int_equal(call(&peer, "DELETE", NULL, &answer), APR_SUCCESS);
    assert_true(begins(last(&peer), "DELETE /x HTTP/1.1\r\n"));
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_SUCCESS);
    assert_true(begins(last(&peer), "GET /x HTTP/1.1\r\n"));
    stop(&peer);
}

static void what_an_answer_says(void **state)
{
    static const char *const script[] = {
        "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere?a=b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Gone for good\r\nRetry-After: 9223372036854775807\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\na\0b",
        NULL };
    twc_http_answer_t answer;
    peer_t peer;

    start(&peer, script);
    assert_int_equal(call(&peer, "POST", "a=1", &answer), APR_SUCCESS);
    assert_int_equal(answer.status, 429);
    assert_true(answer.retry_after == apr_time_from_sec(7));
    assert_string_equal(answer.data, "");
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_SUCCESS);
    assert_int_equal(answer.status, 302);
    assert_string_equal(answer.location, apr_pstrcat(pool, apr_pstrndup(pool, peer.url, strlen(peer.url) - 2), "/elsewhere?a=b", NULL));
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_SUCCESS);
    assert_true(answer.retry_after == apr_time_from_sec(3600));
    assert_int_equal(requests(&peer), 3);
    stop(&peer);
}

static void answers_that_break_off(void **state)
{
    static const char *const script[] = { "HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{\"sid\":", "HTTP/1.1 100 Continue\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
                                          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                                          "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
                                          NULL };
    twc_http_answer_t answer;
    twc_http_request_t brief;
    peer_t peer;

    start(&peer, script);
    brief = (twc_http_request_t){ .method = "POST", .url = peer.url, .body = "a=1", .timeout = apr_time_from_msec(300), .answer_max = 100 };
    assert_int_equal(twc_http_call(pool, &brief, NULL, NULL, &answer), APR_TIMEUP);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.data, "{\"sid\":");
    assert_true(answer.sent);
    stop(&peer);

    start(&peer, script + 1);
    brief.url = peer.url;
    assert_int_equal(twc_http_call(pool, &brief, NULL, NULL, &answer), APR_TIMEUP);
    assert_int_equal(answer.status, 0);
    assert_true(answer.sent);
    stop(&peer);

    start(&peer, script + 2);
    assert_int_equal(call(&peer, "GET", NULL, &answer), APR_ENOSPC);
    assert_true(answer.too_long && answer.len <= 100);
    stop(&peer);
}

static bool at_once(void *baton)
{
    return true;
}

static void a_call_can_be_given_up(void **state)
{
    static const char *const script[] = { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", NULL };
    twc_http_answer_t answer;
    peer_t peer;
    twc_http_request_t request;
    apr_time_t begun = apr_time_now();

    start(&peer, script);
    request = (twc_http_request_t){ .method = "GET", .url = peer.url, .timeout = apr_time_from_sec(20) };
    assert_int_equal(twc_http_call(pool, &request, at_once, NULL, &answer), APR_EINTR);
    assert_true(apr_time_now() - begun < apr_time_from_sec(3));
    stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_is_never_written_twice), cmocka_unit_test(a_get_may_be_repeated), cmocka_unit_test(nobody_listens),
        cmocka_unit_test(what_is_late_is_not_written),
        cmocka_unit_test(what_a_request_says), cmocka_unit_test(what_an_answer_says), cmocka_unit_test(answers_that_break_off),
        cmocka_unit_test(a_call_can_be_given_up),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (twc_http_init(pool) != APR_SUCCESS)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
