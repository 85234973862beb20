/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * hub.c - one thread that reads what is new once and writes it to every live page.
 * Must never block on a reader, hold a connection between two reads, or NOTIFY
 * more than once in a while.
 * Started by work.c; streams are handed over by glue/stream.c.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <apr_ring.h>
#include <apr_tables.h>

#include "store/event.h"
#include "store/listen.h"
#include "util/clock.h"
#include "util/monitor.h"
#include "work/hub.h"
#include "work/thread.h"

#define CHANNEL         "twchat_events"
#define DEBOUNCE        (20 * 1000)     /* reads and NOTIFYs are at least so far apart */
#define SAFETY          apr_time_from_sec(1)   /* look again even if no word came */
#define HEARTBEAT       apr_time_from_sec(15)  /* only a failing write shows that a reader has gone */
#define CATCH_UP_READS  5               /* of some hundred events each: who missed more loads anew */
#define RECONNECT       apr_time_from_sec(2)

typedef struct stream_t {
    APR_RING_ENTRY(stream_t) link;
    apr_pool_t *pool;
    twc_stream_io_t io;
    const char *resume;                 /* Last-Event-ID it came with, NULL: from now on */
    apr_time_t until;
} stream_t;

APR_RING_HEAD(streams_t, stream_t);

struct twc_hub_t {
    twc_thread_env_t env;
    twc_thread_t *thread;
    int wake_fd;

    twc_monitor_t *monitor;             /* guards what follows */
    unsigned generation;                /* rises when there may be news: pollers wait for it */
    bool dirty;                         /* this child has committed something */
    bool stopping;
    struct streams_t incoming;
    int stream_count;                   /* reserved, incoming and live */
    int streams_max;

    /* the thread's own */
    struct streams_t live;
    twc_listener_t *listener;
    apr_time_t connect_at, notify_at, read_at, beat_at;
    const char *cursor;                 /* in cursor_text */
    char cursor_text[64];
};

static void hub_thr_main(twc_thread_t *thread, void *baton);

/* ---- for other threads ------------------------------------------------------------ */

static apr_status_t hub_cleanup(void *baton)
{
    close(((twc_hub_t *)baton)->wake_fd);
    return APR_SUCCESS;
}

apr_status_t twc_hub_create(twc_hub_t **hub, apr_pool_t *pool, const twc_thread_env_t *env)
{
    twc_hub_t *h = apr_pcalloc(pool, sizeof(*h));

    h->env = *env;
    APR_RING_INIT(&h->incoming, stream_t, link);
    APR_RING_INIT(&h->live, stream_t, link);
    TWC_TRY(twc_monitor_create(&h->monitor, pool));
    h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (h->wake_fd < 0)
        return errno;
    apr_pool_cleanup_register(pool, h, hub_cleanup, apr_pool_cleanup_null);
    *hub = h;
    return twc_thread_create(&h->thread, pool, "events", hub_thr_main, h);
}

static void poke(twc_hub_t *h)
{
    eventfd_write(h->wake_fd, 1);
}

void twc_hub_wake(twc_hub_t *h)
{
    bool first;

    twc_monitor_lock(h->monitor);
    first = !h->dirty;
    h->dirty = true;
    twc_monitor_unlock(h->monitor);
    if (first)
        poke(h);
}

void twc_hub_stop(twc_hub_t *h)
{
    twc_monitor_lock(h->monitor);
    h->stopping = true;
    twc_monitor_broadcast(h->monitor);
    twc_monitor_unlock(h->monitor);
    poke(h);
}

void twc_hub_limit(twc_hub_t *h, int streams_max)
{
    twc_monitor_lock(h->monitor);
    h->streams_max = streams_max;
    twc_monitor_unlock(h->monitor);
}

apr_status_t twc_hub_reserve(twc_hub_t *h)
{
    apr_status_t rv = APR_SUCCESS;

    twc_monitor_lock(h->monitor);
    if (h->stopping)
        rv = APR_EGENERAL;
    else if (h->stream_count >= h->streams_max)
        rv = APR_ENOSPC;
    else
        h->stream_count++;
    twc_monitor_unlock(h->monitor);
    return rv;
}

void twc_hub_unreserve(twc_hub_t *h)
{
    twc_monitor_lock(h->monitor);
    h->stream_count--;
    twc_monitor_unlock(h->monitor);
}

static apr_status_t take_in(twc_hub_t *h, stream_t *s)
{
    apr_status_t rv = APR_SUCCESS;

    twc_monitor_lock(h->monitor);
    if (h->stopping)
        rv = APR_EGENERAL;
    else
        APR_RING_INSERT_TAIL(&h->incoming, s, stream_t, link);
    twc_monitor_unlock(h->monitor);
    return rv;
}

apr_status_t twc_hub_add(twc_hub_t *h, const twc_stream_io_t *io, const char *cursor, apr_time_t until)
{
    apr_pool_t *pool = NULL;
    stream_t *s;
    apr_status_t rv = twc_thread_pool(&pool);

    if (rv != APR_SUCCESS) {
        twc_hub_unreserve(h);
        return rv;
    }
    s = apr_pcalloc(pool, sizeof(*s));
    *s = (stream_t){ .pool = pool, .io = *io, .until = until, .resume = cursor ? apr_pstrdup(pool, cursor) : NULL };
    rv = take_in(h, s);
    if (rv != APR_SUCCESS) {
        twc_hub_unreserve(h);
        apr_pool_destroy(pool);
        return rv;
    }
    poke(h);
    return APR_SUCCESS;
}

/* ---- rendering ------------------------------------------------------------------------ */

static const char *as_frames(apr_pool_t *pool, const twc_events_t *e)
{
    apr_array_header_t *parts = apr_array_make(pool, e->count * 6 + 1, sizeof(const char *));

    for (int i = 0; i < e->count; i++) {
        const twc_event_t *it = &e->items[i];
        if (it->cursor) {
            APR_ARRAY_PUSH(parts, const char *) = "id: ";
            APR_ARRAY_PUSH(parts, const char *) = it->cursor;
            APR_ARRAY_PUSH(parts, const char *) = "\n";
        }
        APR_ARRAY_PUSH(parts, const char *) = "event: ";
        APR_ARRAY_PUSH(parts, const char *) = it->name;
        APR_ARRAY_PUSH(parts, const char *) = "\ndata: ";
        APR_ARRAY_PUSH(parts, const char *) = it->data;
        APR_ARRAY_PUSH(parts, const char *) = "\n\n";
    }
    return apr_array_pstrcat(pool, parts, 0);
}

/* What a fresh reader hears first: where it stands. What it fetches from now on misses nothing. */
static const char *ready_frame(apr_pool_t *pool, const char *cursor)
{
    return apr_pstrcat(pool, "id: ", cursor, "\nevent: ready\ndata: {}\n\n", NULL);
}

static const char *as_json(apr_pool_t *pool, const twc_events_t *e)
{
    apr_array_header_t *parts = apr_array_make(pool, e->count * 5 + 4, sizeof(const char *));

    APR_ARRAY_PUSH(parts, const char *) = "{\"events\":[";
    for (int i = 0; i < e->count; i++) {
        APR_ARRAY_PUSH(parts, const char *) = i ? ",{\"event\":\"" : "{\"event\":\"";
        APR_ARRAY_PUSH(parts, const char *) = e->items[i].name;
        APR_ARRAY_PUSH(parts, const char *) = "\",\"data\":";
        APR_ARRAY_PUSH(parts, const char *) = e->items[i].data;
        APR_ARRAY_PUSH(parts, const char *) = "}";
    }
    APR_ARRAY_PUSH(parts, const char *) = "],\"cursor\":\"";
    APR_ARRAY_PUSH(parts, const char *) = e->cursor;
    APR_ARRAY_PUSH(parts, const char *) = "\"}";
    return apr_array_pstrcat(pool, parts, 0);
}

/* A reader whose place is gone: it loads anew and goes on from now. */
static apr_status_t start_over(twc_ctx_t *ctx, bool tell, twc_events_t *e)
{
    twc_event_t *reset = apr_palloc(ctx->pool, sizeof(*reset));

    *e = (twc_events_t){ .items = reset, .count = tell ? 1 : 0 };
    TWC_TRY(twc_event_head(ctx, &e->cursor));
    *reset = (twc_event_t){ .name = "reset", .cursor = e->cursor, .data = "{}" };
    return APR_SUCCESS;
}

/* ---- pollers ------------------------------------------------------------------------------ */

/* Wait for news since the generation seen; false when time ran out or the child stops. */
static bool wait_news(twc_hub_t *h, unsigned seen, apr_time_t deadline)
{
    bool news;

    twc_monitor_lock(h->monitor);
    while (h->generation == seen && !h->stopping) {
        if (!twc_monitor_wait_until(h->monitor, deadline))
            break;
    }
    news = h->generation != seen && !h->stopping;
    twc_monitor_unlock(h->monitor);
    return news;
}

static unsigned generation(twc_hub_t *h)
{
    unsigned g;

    twc_monitor_lock(h->monitor);
    g = h->generation;
    twc_monitor_unlock(h->monitor);
    return g;
}

static bool is_stopping(twc_hub_t *h)
{
    bool stopping;

    twc_monitor_lock(h->monitor);
    stopping = h->stopping;
    twc_monitor_unlock(h->monitor);
    return stopping;
}

/* Something newer than cursor, or nothing after patience. */
static apr_status_t news_since(twc_hub_t *h, twc_ctx_t *ctx, const char *cursor, apr_interval_time_t patience,
                               twc_events_t *e)
{
    apr_time_t deadline = twc_clock_ticks() + patience;
    bool known = false;

    if (!cursor || !*cursor)
        return start_over(ctx, false, e);
    TWC_TRY(twc_event_known(ctx, cursor, &known));
    if (!known)
        return start_over(ctx, true, e);
    for (;;) {
        unsigned seen = generation(h);
        TWC_TRY(twc_event_read(ctx, cursor, NULL, e));
        if (e->count > 0 || twc_clock_ticks() >= deadline)
            return APR_SUCCESS;
        if (!wait_news(h, seen, e->pending ? twc_clock_ticks() + DEBOUNCE : deadline)
            && (!e->pending || is_stopping(h)))
            return APR_SUCCESS;
    }
}

apr_status_t twc_hub_poll(twc_hub_t *h, twc_ctx_t *ctx, const char *cursor, apr_interval_time_t patience,
                          const char **json)
{
    twc_events_t e;

    TWC_TRY(news_since(h, ctx, cursor, patience, &e));
    *json = as_json(ctx->pool, &e);
    return APR_SUCCESS;
}

apr_status_t twc_hub_frames(twc_hub_t *h, twc_ctx_t *ctx, const char **cursor, apr_interval_time_t patience,
                            const char **frames)
{
    twc_events_t e;

    TWC_TRY(news_since(h, ctx, *cursor, patience, &e));
    *frames = as_frames(ctx->pool, &e);
    if (!*cursor || !**cursor)
        *frames = apr_pstrcat(ctx->pool, ready_frame(ctx->pool, e.cursor), *frames, NULL);
    *cursor = e.cursor;
    return APR_SUCCESS;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void drop(twc_hub_t *h, stream_t *s)
{
    APR_RING_REMOVE(s, link);
    s->io.close(s->io.baton);
    apr_pool_destroy(s->pool);
    twc_hub_unreserve(h);
}

static bool tell(twc_hub_t *h, stream_t *s, const char *text, apr_size_t len)
{
    if (len == 0 || s->io.write(s->io.baton, text, len) == APR_SUCCESS)
        return true;
    drop(h, s);
    return false;
}

static void tell_all(twc_hub_t *h, const char *text)
{
    apr_size_t len = strlen(text);
    stream_t *s = APR_RING_FIRST(&h->live), *next;

    for (; s != APR_RING_SENTINEL(&h->live, stream_t, link); s = next) {
        next = APR_RING_NEXT(s, link);
        tell(h, s, text, len);
    }
}

static void set_cursor(twc_hub_t *h, const char *cursor)
{
    apr_cpystrn(h->cursor_text, cursor, sizeof(h->cursor_text));
    h->cursor = h->cursor_text;
}

/* Bring the live set up to date. */
static apr_status_t read_news(twc_hub_t *h, twc_ctx_t *ctx, bool *pending)
{
    twc_events_t e;

    do {
        TWC_TRY(twc_event_read(ctx, h->cursor, NULL, &e));
        tell_all(h, as_frames(ctx->pool, &e));
        set_cursor(h, e.cursor);
    } while (e.more && !APR_RING_EMPTY(&h->live, stream_t, link));
    *pending = e.pending;
    return APR_SUCCESS;
}

/* A reader that begins, or whose place is of no use. */
static apr_status_t begin(twc_hub_t *h, twc_ctx_t *ctx, stream_t *s, bool anew)
{
    const char *frames;
    twc_events_t e;

    TWC_TRY(start_over(ctx, anew, &e));
    if (!h->cursor)
        set_cursor(h, e.cursor);
    frames = e.count ? as_frames(ctx->pool, &e) : ready_frame(ctx->pool, h->cursor);
    tell(h, s, frames, strlen(frames));
    return APR_SUCCESS;
}

/* What a returning reader missed, up to where the live set stands. Everybody else waits meanwhile: so it is read
 * before it is told, and when it is too much the page loads anew. */
static apr_status_t greet(twc_hub_t *h, twc_ctx_t *ctx, stream_t *s)
{
    const char *cursor = s->resume, *missed = "";
    bool came_back = cursor && *cursor, known = false;
    twc_events_t e = { .more = true };

    if (came_back)
        TWC_TRY(twc_event_known(ctx, cursor, &known));
    for (int i = 0; known && e.more && i < CATCH_UP_READS; i++) {
        TWC_TRY(twc_event_read(ctx, cursor, h->cursor, &e));
        missed = apr_pstrcat(ctx->pool, missed, as_frames(ctx->pool, &e), NULL);
        cursor = e.cursor;
    }
    if (!known || e.more)
        return begin(h, ctx, s, came_back);
    tell(h, s, missed, strlen(missed));
    return APR_SUCCESS;
}

static void take_incoming(twc_hub_t *h, struct streams_t *fresh)
{
    APR_RING_INIT(fresh, stream_t, link);
    twc_monitor_lock(h->monitor);
    APR_RING_CONCAT(fresh, &h->incoming, stream_t, link);
    twc_monitor_unlock(h->monitor);
}

/* New readers first bring the others up to date, then themselves, so that all stand at one place. */
static apr_status_t join(twc_hub_t *h, twc_ctx_t *ctx, struct streams_t *fresh)
{
    apr_status_t rv = APR_SUCCESS;
    bool pending;

    if (!APR_RING_EMPTY(&h->live, stream_t, link))
        rv = read_news(h, ctx, &pending);
    if (rv == APR_SUCCESS && APR_RING_EMPTY(&h->live, stream_t, link)) {
        const char *head;               /* nobody listens (any more): do not replay that time */
        rv = twc_event_head(ctx, &head);
        if (rv == APR_SUCCESS)
            set_cursor(h, head);
    }
    while (!APR_RING_EMPTY(fresh, stream_t, link)) {
        stream_t *s = APR_RING_FIRST(fresh);
        APR_RING_REMOVE(s, link);
        APR_RING_INSERT_TAIL(&h->live, s, stream_t, link);
        /* Without a place of the live set nobody joins it; no database: a reader comes back by itself. */
        if (rv != APR_SUCCESS || greet(h, ctx, s) != APR_SUCCESS)
            drop(h, s);
    }
    return rv;
}

static void expire(twc_hub_t *h, apr_time_t now)
{
    stream_t *s = APR_RING_FIRST(&h->live), *next;

    for (; s != APR_RING_SENTINEL(&h->live, stream_t, link); s = next) {
        next = APR_RING_NEXT(s, link);
        if (s->until && s->until <= now)
            drop(h, s);
    }
    if (now >= h->beat_at) {
        h->beat_at = now + HEARTBEAT;
        tell_all(h, ":\n\n");
    }
}

static void lose_listener(twc_hub_t *h, apr_time_t now)
{
    twc_listen_close(h->listener);
    h->listener = NULL;
    h->connect_at = now + RECONNECT;
}

/* Take in what woke us; true when there may be news. */
static bool sense(twc_hub_t *h, apr_time_t now)
{
    eventfd_t ignored;
    bool heard = false, dirty;

    eventfd_read(h->wake_fd, &ignored);
    if (h->listener && twc_listen_read(h->listener, &heard) != APR_SUCCESS)
        lose_listener(h, now);
    twc_monitor_lock(h->monitor);
    dirty = h->dirty;
    h->dirty = false;
    if (dirty || heard) {
        h->generation++;
        twc_monitor_broadcast(h->monitor);
    }
    twc_monitor_unlock(h->monitor);
    if (dirty && !h->notify_at)
        h->notify_at = now + DEBOUNCE;
    return dirty || heard;
}

static void pass_on(twc_hub_t *h, apr_time_t now)
{
    apr_status_t rv;

    if (!h->notify_at || now < h->notify_at)
        return;
    if (!h->listener) {
        h->notify_at = 0;               /* others look by themselves once a second */
        return;
    }
    rv = twc_listen_notify(h->listener);
    if (rv == APR_SUCCESS)
        h->notify_at = 0;
    else if (rv == APR_EAGAIN)
        h->notify_at = now + DEBOUNCE;
    else
        lose_listener(h, now);
}

static void connect_listener(twc_hub_t *h, apr_time_t now)
{
    if (h->listener || now < h->connect_at || twc_db_seems_away(h->env.db))
        return;
    if (twc_listen_open(&h->listener, h->env.db, CHANNEL) != APR_SUCCESS)
        lose_listener(h, now);
}

static void wait_for_something(twc_hub_t *h, apr_time_t now)
{
    struct pollfd fds[2] = { { .fd = h->wake_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
    apr_time_t until = now + SAFETY;

    if (h->listener)
        fds[1].fd = twc_listen_fd(h->listener, &fds[1].events);
    if (h->notify_at && h->notify_at < until)
        until = h->notify_at;
    if (h->read_at && h->read_at < until)
        until = h->read_at;
    if (until > now)
        poll(fds, 2, (int)((until - now + 999) / 1000));
}

static void read_when_due(twc_hub_t *h, twc_ctx_t *ctx, apr_time_t now)
{
    bool pending = false;

    if (APR_RING_EMPTY(&h->live, stream_t, link))
        h->read_at = 0;                 /* nobody to read for: a stale time would keep the thread awake */
    if (!h->read_at || now < h->read_at)
        return;
    if (read_news(h, ctx, &pending) != APR_SUCCESS)
        twc_thread_log(&h->env, TWC_LOG_DEBUG, ctx, "TWC2301", "live pages wait for the database");
    h->read_at = now + (pending ? DEBOUNCE : SAFETY);
}

static void hub_thr_main(twc_thread_t *thread, void *baton)
{
    twc_hub_t *h = baton;
    apr_pool_t *scratch = twc_thread_scratch(thread);
    struct streams_t last;

    while (!twc_thread_stopping(thread)) {
        apr_time_t now = twc_clock_ticks();
        struct streams_t fresh;
        twc_ctx_t ctx;

        apr_pool_clear(scratch);
        twc_ctx_init(&ctx, scratch, h->env.db, h->env.conf);
        connect_listener(h, now);
        wait_for_something(h, now);
        now = twc_clock_ticks();
        if (sense(h, now) && (!h->read_at || h->read_at > now + DEBOUNCE))
            h->read_at = now + DEBOUNCE;
        pass_on(h, now);
        take_incoming(h, &fresh);
        if (!APR_RING_EMPTY(&fresh, stream_t, link)) {
            join(h, &ctx, &fresh);
            if (!h->read_at)
                h->read_at = now + SAFETY;
        }
        twc_problem_clear(&ctx);
        read_when_due(h, &ctx, now);
        expire(h, now);
    }
    take_incoming(h, &last);            /* what came last ends like the rest */
    APR_RING_CONCAT(&h->live, &last, stream_t, link);
    while (!APR_RING_EMPTY(&h->live, stream_t, link))
        drop(h, APR_RING_FIRST(&h->live));
    twc_listen_close(h->listener);
    h->listener = NULL;
}

apr_status_t twc_hub_start(twc_hub_t *h)
{
    return twc_thread_start(h->thread);
}

twc_thread_t *twc_hub_thread(twc_hub_t *h)
{
    return h->thread;
}
