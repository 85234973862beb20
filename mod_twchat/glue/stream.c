/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * stream.c - live pages. On plain HTTP/1.1 the socket goes to the hub and the worker is free at once;
 * over TLS or HTTP/2 the worker writes a stream that ends within a minute, few at a time.
 * Must never suspend a request: docs/events.md tells what that costs. Called by the router.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_portable.h>
#include <httpd.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "glue/module.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "glue/status.h"
#include "util/clock.h"
#include "work/hub.h"

#define STREAM_TYPE "text/event-stream"
#define GREETING "retry: 3000\n\n"
#define BOUNDED_FOR apr_time_from_sec(50)
#define ROUND apr_time_from_sec(10)
#define STALL apr_time_from_sec(5)      /* a reader that takes nothing for so long is not waited for */
#define POLL_MAX_S 25
#define CURSOR_MAX 128

static const char *cursor_of(twc_req_t *q)
{
    const char *cursor = twc_req_header(q, "Last-Event-ID");

    if (!cursor)
        cursor = twc_req_query(q, "after");
    return cursor && *cursor && strlen(cursor) < CURSOR_MAX ? cursor : NULL;
}

static void set_headers(twc_req_t *q)
{
    request_rec *r = q->r;

    q->replied = true;
    ap_set_content_type(r, STREAM_TYPE);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "X-Accel-Buffering", "no");
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    twc_counters_add(q->tenant->server_conf->counters, TWC_COUNT_STREAMS);
}

/* Or this child is about to end: the page polls, and tries a stream again. */
static apr_status_t too_many(twc_req_t *q)
{
    twc_reply_header(q, "Retry-After", "10");
    return twc_reply_error(q, HTTP_SERVICE_UNAVAILABLE, "Too many live pages at once; polling works.");
}

/* ---- the socket to the hub ------------------------------------------------------ */

static apr_status_t socket_write(void *baton, const char *data, apr_size_t len)
{
    ssize_t n = send((int)(intptr_t)baton, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n == (ssize_t)len)
        return APR_SUCCESS;
    return n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK ? APR_EAGAIN : errno;
}

static void socket_close(void *baton)
{
    close((int)(intptr_t)baton);
}

/*
 * Nothing between us and the socket that changes bytes: no TLS, no HTTP/2. mod_reqtimeout only
 * looks for the end of requests.
 */
static bool is_plain(const request_rec *r)
{
    const conn_rec *c = r->connection;

    if (c->master || r->main)
        return false;
    for (const ap_filter_t *f = c->output_filters; f; f = f->next)
        if (strcmp(f->frec->name, "core") != 0 && strcmp(f->frec->name, "reqtimeout") != 0)
            return false;
    return ap_get_conn_socket((conn_rec *)c) != NULL;
}

static int copy_socket(conn_rec *c)
{
    apr_os_sock_t fd;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(c)) != APR_SUCCESS)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * The header goes out the usual way, with "Connection: close" so that nothing is chunked. Then
 * the hub gets a copy of the descriptor, and httpd is told that the client has left, which is
 * what keeps it from shutting the connection down.
 */
static apr_status_t hand_over(twc_req_t *q, const char *cursor)
{
    conn_rec *c = q->r->connection;
    twc_hub_t *hub = twc_work_hub(q->tenant->work);
    twc_stream_io_t io = { .write = socket_write, .close = socket_close };
    int fd;

    if (twc_hub_reserve(hub) != APR_SUCCESS)
        return too_many(q);
    set_headers(q);
    c->keepalive = AP_CONN_CLOSE;
    if (ap_rputs(GREETING, q->r) < 0 || ap_rflush(q->r) < 0 || (fd = copy_socket(c)) < 0) {
        twc_hub_unreserve(hub);         /* the client has left, or will come again */
        return APR_SUCCESS;
    }
    io.baton = (void *)(intptr_t)fd;
    if (twc_hub_add(hub, &io, cursor, 0) != APR_SUCCESS)
        close(fd);                      /* stopping: it comes again in three seconds */
    else
        c->aborted = 1;
    return APR_SUCCESS;
}

/* ---- a stream that ends --------------------------------------------------------- */

static bool take_slot(twc_tenant_t *tenant)
{
    if (apr_atomic_inc32(&tenant->streams) < (apr_uint32_t)tenant->server_conf->set.streams)
        return true;
    apr_atomic_dec32(&tenant->streams);
    return false;
}

/* One round: what is new, or a comment that shows whether anybody still reads. */
static bool write_round(twc_req_t *q, apr_pool_t *pool, char *cursor)
{
    const char *from = *cursor ? cursor : NULL, *frames;
    twc_ctx_t ctx;

    twc_ctx_init(&ctx, pool, q->tenant->db, q->tenant->conf);
    if (twc_hub_frames(twc_work_hub(q->tenant->work), &ctx, &from, from ? ROUND : 0, &frames) != APR_SUCCESS)
        return false;
    if (from)
        apr_cpystrn(cursor, from, CURSOR_MAX);
    return ap_rputs(*frames ? frames : ":\n\n", q->r) >= 0 && ap_rflush(q->r) >= 0 && !q->r->connection->aborted;
}

static void write_rounds(twc_req_t *q, apr_pool_t *pool, char *cursor)
{
    apr_time_t until = twc_clock_ticks() + BOUNDED_FOR;

    if (ap_rputs(GREETING, q->r) < 0 || ap_rflush(q->r) < 0)
        return;
    while (twc_clock_ticks() < until && !twc_work_stopping(q->tenant->work)) {
        if (!write_round(q, pool, cursor))
            return;
        apr_pool_clear(pool);
    }
}

/* A flush waits for a reader as long as httpd's Timeout says, and a child that is to end would wait with it. HTTP/2 shares
 * the socket with other streams. */
static void write_bounded(twc_req_t *q, const char *from)
{
    conn_rec *c = q->r->connection;
    apr_socket_t *socket = c->master ? NULL : ap_get_conn_socket(c);
    apr_interval_time_t usual = -1;
    char cursor[CURSOR_MAX];
    apr_pool_t *pool;

    apr_cpystrn(cursor, from ? from : "", sizeof(cursor));
    apr_pool_create(&pool, q->r->pool);
    set_headers(q);
    if (socket && apr_socket_timeout_get(socket, &usual) == APR_SUCCESS)
        apr_socket_timeout_set(socket, STALL);
    write_rounds(q, pool, cursor);
    if (socket)
        apr_socket_timeout_set(socket, usual);
}

static apr_status_t bounded(twc_req_t *q, const char *cursor)
{
    if (!take_slot(q->tenant))
        return too_many(q);
    write_bounded(q, cursor);
    apr_atomic_dec32(&q->tenant->streams);
    return APR_SUCCESS;
}

/* ---- one answer ------------------------------------------------------------------- */

/* ?wait=N seconds holds a worker, so it takes a slot; without one the answer comes at once. */
static apr_status_t poll_once(twc_req_t *q, const char *cursor)
{
    int wait = twc_req_query(q, "wait") ? twc_req_limit(q, "wait", 1, POLL_MAX_S) : 0;
    bool slot = wait && take_slot(q->tenant);
    const char *json;
    apr_status_t rv = twc_hub_poll(twc_work_hub(q->tenant->work), q->ctx, cursor,
                                   slot ? apr_time_from_sec(wait) : 0, &json);

    if (slot)
        apr_atomic_dec32(&q->tenant->streams);
    return rv == APR_SUCCESS ? twc_reply_json(q, HTTP_OK, json) : rv;
}

apr_status_t twc_stream_events(twc_req_t *q)
{
    const char *poll = twc_req_query(q, "poll"), *cursor = cursor_of(q);

    if (poll && strcmp(poll, "0") != 0)
        return poll_once(q, cursor);
    if (q->r->header_only)
        return twc_reply(q, HTTP_OK, STREAM_TYPE, "", 0);
    return is_plain(q->r) ? hand_over(q, cursor) : bounded(q, cursor);
}
