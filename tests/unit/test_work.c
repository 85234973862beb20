/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_work.c - a tenant's work as a child process has it: all its threads on a real database, called by many threads at once,
 * before it starts, while it runs and while it stops, with a peer that plays Twilio.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_file_info.h>
#include <apr_network_io.h>
#include <apr_thread_proc.h>

#include "database.h"
#include "domain/inbound.h"
#include "domain/message.h"
#include "remote/http.h"
#include "util/clock.h"
#include "util/monitor.h"
#include "work/work.h"

#define CALLERS     12
#define CALLS       25                  /* of each kind by one caller */
#define PEERS_MAX   400                 /* connections to the peer */
#define LIVES       6                   /* of a child that is stopped while it works */
#define SOON        apr_time_from_sec(120)  /* what is waited for comes in a second or two, but not under valgrind */

twc_conf_t conf = { .tenant = "test", .account_sid = "AC0123456789abcdef0123456789abcdef", .auth_tokens = { "secret" },
                    .default_sender = "+15005550006", .answers_max = 3, .answers_window = APR_USEC_PER_SEC * 600,
                    .ack_text = "Got it.", .chat_mode = TWC_CHAT_ECHO, .senders = 2, .in_flight = 6,
                    .send_timeout = APR_USEC_PER_SEC * 5, .grace = APR_USEC_PER_SEC * 5, .spool_max = 1 << 24,
                    .statements_max = 8, .statement_timeout = APR_USEC_PER_SEC * 20 };
static twc_work_t *work;
static char spool_dir[64];

/* ---- a peer that takes every message ----------------------------------------------------------- */

static struct {
    apr_socket_t *listener;
    apr_thread_t *thread, *serving[PEERS_MAX];
    apr_socket_t *sockets[PEERS_MAX];
    int connections;                    /* the accepting thread's, then whoever joined it */
    twc_monitor_t *lock;                /* guards: */
    int creates, accepted;
} peer;

static bool read_request(apr_socket_t *s, char *text, apr_size_t size)
{
    apr_size_t have = 0;

    for (;;) {
        apr_size_t n = size - 1 - have;
        const char *end, *length;

        if (n == 0 || apr_socket_recv(s, text + have, &n) != APR_SUCCESS)
            return false;
        have += n;
        text[have] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (end && have >= (apr_size_t)(end + 4 - text) + (length && length < end ? (apr_size_t)apr_atoi64(length + 16) : 0))
            return true;
    }
}

/* Every hundredth message has to come again. */
static const char *answer(apr_pool_t *own, const char *request)
{
    const char *body = "{\"messages\":[],\"next_page_uri\":null}", *status = "200 OK";

    if (strncmp(request, "POST", 4) == 0) {
        twc_monitor_lock(peer.lock);
        int number = ++peer.creates;
        peer.accepted += number % 100 != 0;
        twc_monitor_unlock(peer.lock);
        status = number % 100 ? "201 Created" : "429 Too Many Requests\r\nRetry-After: 1";
        body = number % 100 ? apr_psprintf(own, "{\"sid\":\"SM%032d\",\"status\":\"queued\",\"num_segments\":\"1\"}", number) : "{\"code\":20429}";
    }
    return apr_psprintf(own, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, (int)strlen(body), body);
}

static void *APR_THREAD_FUNC serve(apr_thread_t *thread, void *baton)
{
    apr_socket_t *s = baton;
    char request[8192];
    apr_pool_t *own;

    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    while (read_request(s, request, sizeof(request))) {
        const char *text = answer(own, request);
        apr_size_t n = strlen(text);
        apr_socket_send(s, text, &n);
        apr_pool_clear(own);
    }
    apr_socket_shutdown(s, APR_SHUTDOWN_READWRITE);
    apr_pool_destroy(own);
    return NULL;
}

static void *APR_THREAD_FUNC accept_all(apr_thread_t *thread, void *baton)
{
    apr_pool_t *own = baton;

    while (peer.connections < PEERS_MAX) {
        int n = peer.connections;

        if (apr_socket_accept(&peer.sockets[n], peer.listener, own) != APR_SUCCESS)
            break;
        if (apr_thread_create(&peer.serving[n], NULL, serve, peer.sockets[n], own) == APR_SUCCESS)
            peer.connections++;
    }
    return NULL;
}

static int peer_start(void)
{
    apr_sockaddr_t *address;
    apr_pool_t *own;

    if (twc_monitor_create(&peer.lock, pool) != APR_SUCCESS || twc_thread_pool(&own) != APR_SUCCESS
        || apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, 0, 0, pool) != APR_SUCCESS
        || apr_socket_create(&peer.listener, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool) != APR_SUCCESS
        || apr_socket_bind(peer.listener, address) != APR_SUCCESS || apr_socket_listen(peer.listener, 64) != APR_SUCCESS)
        return -1;
    apr_socket_addr_get(&address, APR_LOCAL, peer.listener);
    conf.api_base = apr_psprintf(pool, "http://127.0.0.1:%d", address->port);
    return apr_thread_create(&peer.thread, NULL, accept_all, own, pool);
}

static void peer_stop(void)
{
    apr_status_t rv;

    apr_socket_shutdown(peer.listener, APR_SHUTDOWN_READWRITE);
    apr_thread_join(&rv, peer.thread);
    for (int i = 0; i < peer.connections; i++) {
        apr_socket_shutdown(peer.sockets[i], APR_SHUTDOWN_READWRITE);
        apr_thread_join(&rv, peer.serving[i]);
    }
}

static int accepted(void)
{
    int count;

    twc_monitor_lock(peer.lock);
    count = peer.accepted;
    twc_monitor_unlock(peer.lock);
    return count;
}

/* ---- callers: requests of a server ------------------------------------------------------------------ */

/* What all callers of a life have seen. */
static struct {
    twc_monitor_t *lock;
    int calls, taken, queued, frames, closed;
    apr_array_header_t *sids;           /* const char *: taken in, so they must be stored */
} seen;

typedef struct caller_t {
    apr_thread_t *thread;
    int life, number;
    bool patient;                       /* stays until what it asked for is done */
} caller_t;

static void note(int *counter, const char *sid)
{
    twc_monitor_lock(seen.lock);
    seen.calls++;
    ++*counter;
    if (sid)
        APR_ARRAY_PUSH(seen.sids, const char *) = apr_pstrdup(seen.sids->pool, sid);
    twc_monitor_broadcast(seen.lock);
    twc_monitor_unlock(seen.lock);
}

static void hand_in(twc_ctx_t *ctx, const char *sid, const char *from)
{
    const char *raw = apr_psprintf(ctx->pool, "MessageSid=%s&From=%%2B%s&To=%%2B15005550006&Body=hello", sid, from);
    twc_call_t call = { .interface = "flask-chat", .kind = "message", .method = "POST", .url = "http://x/", .raw = raw,
                        .content_type = "application/x-www-form-urlencoded", .received_at = apr_time_now() };
    const twc_form_t *form;
    twc_inbound_t *in;

    if (twc_form_parse(ctx->pool, raw, strlen(raw), &form) != APR_SUCCESS || twc_inbound_read(ctx, form, &call, &in) != APR_SUCCESS)
        abort();
    if (twc_work_message(work, ctx, in) == APR_SUCCESS)
        note(&seen.taken, sid);
    twc_problem_clear(ctx);
}

static void report_status(twc_ctx_t *ctx, const char *sid)
{
    twc_call_t call = { .interface = "flask-chat", .kind = "status", .method = "POST", .url = "http://x/", .received_at = apr_time_now(),
                        .raw = apr_psprintf(ctx->pool, "MessageSid=%s&MessageStatus=sent", sid) };
    twc_status_t status = { .sid = sid, .status = "sent", .call = &call };

    twc_work_status(work, ctx, &status);
    twc_problem_clear(ctx);
    twc_work_journal(work, &call, "forged", "for the test", sid);
}

static void send_one(twc_ctx_t *ctx, const char *to, apr_interval_time_t patience)
{
    twc_draft_t draft = { .to = to, .body = "hi", .source = "api" };
    twc_queued_t queued;
    bool done;

    if (twc_message_queue(ctx, &draft, &queued) == APR_SUCCESS) {
        note(&seen.queued, NULL);
        twc_work_wake(work, ctx->wake);
        twc_work_await(work, ctx, queued.id, patience, &done);
    }
    twc_problem_clear(ctx);
}

/* ---- live pages ---------------------------------------------------------------------------------------- */

typedef struct page_t {
    int writes, most;                   /* the reader goes after so many */
} page_t;

static apr_status_t page_write(void *baton, const char *data, apr_size_t len)
{
    page_t *page = baton;

    note(&seen.frames, NULL);
    return ++page->writes >= page->most ? APR_EAGAIN : APR_SUCCESS;
}

static void page_close(void *baton)
{
    free(baton);
    note(&seen.closed, NULL);
}

static void open_page(int most)
{
    page_t *page = calloc(1, sizeof(*page));
    twc_stream_io_t io = { .write = page_write, .close = page_close, .baton = page };

    page->most = most;
    if (twc_hub_reserve(twc_work_hub(work)) != APR_SUCCESS || twc_hub_add(twc_work_hub(work), &io, NULL, 0) != APR_SUCCESS)
        free(page);
}

static void look_at_news(twc_ctx_t *ctx)
{
    const char *json, *cursor = NULL, *frames;

    if (twc_hub_frames(twc_work_hub(work), ctx, &cursor, 0, &frames) == APR_SUCCESS)
        twc_hub_poll(twc_work_hub(work), ctx, cursor, 20000, &json);
    twc_problem_clear(ctx);
}

/* ---- a child's life --------------------------------------------------------------------------------------- */

static void *APR_THREAD_FUNC call(apr_thread_t *thread, void *baton)
{
    caller_t *c = baton;

    for (int i = 0; i < CALLS && (c->patient || !twc_work_stopping(work)); i++) {
        int id = c->life * 100000 + c->number * 1000 + i;
        apr_pool_t *own;
        twc_ctx_t ctx;

        apr_pool_create_unmanaged_ex(&own, NULL, NULL);
        twc_ctx_init(&ctx, own, db, &conf);
        hand_in(&ctx, apr_psprintf(own, "SM%032d", 90000000 + id), apr_psprintf(own, "1415%07d", id));
        report_status(&ctx, apr_psprintf(own, "SM%032d", 80000000 + id));
        send_one(&ctx, apr_psprintf(own, "+1416%07d", id), c->patient ? apr_time_from_sec(2) : 20000);
        if (i % 5 == 0)
            open_page(3 + i);
        if (i % 5 == 1)
            look_at_news(&ctx);
        apr_pool_destroy(own);
    }
    return NULL;
}

static void tell_nobody(void *baton, int level, apr_status_t rv, const char *tag, const char *text)
{
}

/* The database was looked at, as glue/tenant.c does: beside requests that come already. */
static void *APR_THREAD_FUNC open_up(apr_thread_t *thread, void *baton)
{
    if (twc_work_start(work) != APR_SUCCESS)
        abort();
    return NULL;
}

static void *APR_THREAD_FUNC stop_after(apr_thread_t *thread, void *baton)
{
    int calls = (int)(intptr_t)baton;

    twc_monitor_lock(seen.lock);
    while (seen.calls < calls)
        twc_monitor_wait_until(seen.lock, twc_clock_ticks() + SOON);
    twc_monitor_unlock(seen.lock);
    twc_work_stop(work);
    return NULL;
}

static void begin(apr_pool_t **own)
{
    assert_int_equal(twc_thread_pool(own), APR_SUCCESS);
    assert_int_equal(twc_work_create(&work, *own, &conf, db, tell_nobody, NULL), APR_SUCCESS);
    twc_hub_limit(twc_work_hub(work), 1000);
}

/* A whole life: calls from the first moment on. stop: after so many; 0: when all callers have what they want. */
static void live(int life, int stop)
{
    caller_t callers[CALLERS];
    apr_thread_t *opening, *stopping;
    apr_status_t rv;

    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){ .life = life, .number = i, .patient = stop == 0 };
        assert_int_equal(apr_thread_create(&callers[i].thread, NULL, call, &callers[i], pool), APR_SUCCESS);
    }
    assert_int_equal(apr_thread_create(&opening, NULL, open_up, NULL, pool), APR_SUCCESS);
    if (stop)
        assert_int_equal(apr_thread_create(&stopping, NULL, stop_after, (void *)(intptr_t)stop, pool), APR_SUCCESS);
    apr_thread_join(&rv, opening);
    for (int i = 0; i < CALLERS; i++)
        apr_thread_join(&rv, callers[i].thread);
    if (stop)
        apr_thread_join(&rv, stopping);
}

static void end(apr_pool_t *own)
{
    twc_work_join(work, twc_clock_ticks() + SOON);
    apr_pool_destroy(own);
}

/* ---- tests -------------------------------------------------------------------------------------------------- */

static void await(const char *text, apr_int64_t n)
{
    apr_time_t until = twc_clock_ticks() + SOON;

    while (count(text) != n && twc_clock_ticks() < until)
        apr_sleep(20000);
    assert_int_equal(count(text), n);
}

#define INBOUND     "SELECT count(*) FROM messages WHERE direction = 'inbound'"
#define OUTBOUND    "SELECT count(*) FROM messages WHERE direction = 'outbound'"

/* Everything once: stored, answered by the bot, sent; while pages look on. */
static void all_that_was_asked_for_is_done_once(void **state)
{
    apr_pool_t *own;

    begin(&own);
    live(0, 0);
    assert_int_equal(seen.taken, CALLERS * CALLS);
    assert_int_equal(seen.queued, CALLERS * CALLS);
    await(INBOUND, CALLERS * CALLS);
    await(OUTBOUND " AND sid IS NOT NULL", 2 * CALLERS * CALLS);
    await("SELECT count(*) FROM outbox", 0);
    assert_int_equal(count("SELECT count(DISTINCT sid) FROM messages"), 3 * CALLERS * CALLS);
    assert_int_equal(count("SELECT count(DISTINCT reply_to) FROM messages"), CALLERS * CALLS);
    assert_int_equal(accepted(), 2 * CALLERS * CALLS);
    end(own);
    assert_true(seen.frames > 0);
    assert_int_equal(seen.closed, CALLERS * CALLS / 5);
}

/* Children come and go in mid-work: what they said they had is found in the end, by the last of them. */
static void nothing_is_lost_at_a_stop(void **state)
{
    apr_pool_t *own;

    for (int life = 1; life <= LIVES; life++) {
        twc_monitor_lock(seen.lock);
        seen.calls = 0;
        twc_monitor_unlock(seen.lock);
        begin(&own);
        live(life, life * life * 8);
        end(own);
    }
    begin(&own);
    assert_int_equal(twc_work_start(work), APR_SUCCESS);
    await(INBOUND, seen.sids->nelts);
    for (int i = 0; i < seen.sids->nelts; i += 10)
        assert_int_equal(count(apr_psprintf(pool, INBOUND " AND sid = '%s'", APR_ARRAY_IDX(seen.sids, i, const char *))), 1);
    end(own);
}

/* ---- set-up --------------------------------------------------------------------------------------------------- */

static int clear(void **state)
{
    seen.calls = seen.taken = seen.queued = seen.frames = seen.closed = 0;
    apr_array_clear(seen.sids);
    return twc_db_script(ctx_new(), "DELETE FROM messages; DELETE FROM jobs; DELETE FROM message_sids") != APR_SUCCESS;
}

static int setup(void **state)
{
    apr_pool_t *own;

    for (int i = 0; i < TWC_SENDER_KINDS; i++)
        conf.rate[i] = 100000;
    apr_snprintf(spool_dir, sizeof(spool_dir), "work-test-%d", (int)getpid());
    conf.spool_dir = spool_dir;
    if (twc_http_init(pool) != APR_SUCCESS || twc_monitor_create(&seen.lock, pool) != APR_SUCCESS
        || twc_thread_pool(&own) != APR_SUCCESS)
        return -1;
    seen.sids = apr_array_make(own, 1000, sizeof(const char *));
    return database_make(state) == 0 ? peer_start() : -1;
}

static void remove_spool(void)
{
    apr_dir_t *d;
    apr_finfo_t info;

    if (apr_dir_open(&d, spool_dir, pool) != APR_SUCCESS)
        return;
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS)
        if (info.name[0] != '.')
            apr_file_remove(apr_pstrcat(pool, spool_dir, "/", info.name, NULL), pool);
    apr_dir_close(d);
    apr_dir_remove(spool_dir, pool);
}

static int teardown(void **state)
{
    peer_stop();
    remove_spool();
    return database_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_that_was_asked_for_is_done_once, clear),
        cmocka_unit_test_setup(nothing_is_lost_at_a_stop, clear),
    };

    return database_run("twchat_test_work", tests, setup, teardown);
}
