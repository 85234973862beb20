/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * flight.c - many requests to Twilio at once on one thread, over few kept connections.
 * Must never decide what an answer means: that is verdict.c's.
 * Called by work/sender.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "work/flight.h"

#define ANSWER_MAX  (4 * 1024 * 1024)
#define PAGE_SIZE   100
#define EVENTS      128                 /* sockets looked at in one go */
#define SLOT_KEEPS  (64 * 1024)         /* bytes, of a long answer's */

struct twc_flight_t {
    const twc_conf_t *conf;
    CURLM *multi;
    int epoll, bell;                    /* bell: an eventfd, rung by twc_flight_wake */
    apr_time_t timer_at;                /* libcurl wants to be called then, by twc_clock_ticks; 0: it does not */
    twc_slot_t *slots;                  /* creates first, then searches */
    int count;
    bool *in_air;                       /* by slot: apart from them, because others fill those that are not */
    int flying[2];                      /* creates, searches: how many */
    bool rung;                          /* the bell was heard in this run */
    apr_uint64_t started;
};

static apr_status_t multi_cleanup(void *data)
{
    twc_flight_t *f = data;

    for (int i = 0; i < f->count; i++) {
        if (f->in_air[i])
            curl_multi_remove_handle(f->multi, f->slots[i].easy);
        curl_easy_cleanup(f->slots[i].easy);
        if (f->slots[i].pool)
            apr_pool_destroy(f->slots[i].pool);
    }
    curl_multi_cleanup(f->multi);
    if (f->bell >= 0)
        close(f->bell);
    if (f->epoll >= 0)
        close(f->epoll);
    return APR_SUCCESS;
}

/* ---- sockets: epoll, so that a look costs what has happened and not what is under way -------- */

/* libcurl wants a socket watched for that, or not any more. One that cannot be watched is found by its request's time-out. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *baton, void *known)
{
    twc_flight_t *f = baton;
    struct epoll_event ev = { .data.fd = fd };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(f->epoll, EPOLL_CTL_DEL, fd, &ev);
        return 0;
    }
    ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(f->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) != 0)
        epoll_ctl(f->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev);    /* closed, and opened again, unseen */
    curl_multi_assign(f->multi, fd, f);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *baton)
{
    twc_flight_t *f = baton;

    (void)multi;
    f->timer_at = ms < 0 ? 0 : twc_clock_ticks() + apr_time_from_msec(ms);
    return 0;
}

static apr_status_t open_sockets(twc_flight_t *f)
{
    struct epoll_event ev = { .events = EPOLLIN };

    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->bell = ev.data.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->epoll >= 0 && f->bell >= 0 && epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->bell, &ev) == 0)
        return APR_SUCCESS;
    return errno;
}

static void hear_bell(twc_flight_t *f)
{
    eventfd_t times;

    f->rung = eventfd_read(f->bell, &times) == 0 || f->rung;
}

static int wait_ms(const twc_flight_t *f, apr_interval_time_t most)
{
    apr_interval_time_t timer = f->timer_at - twc_clock_ticks();

    if (f->timer_at && timer < most)
        most = timer;
    return most <= 0 ? 0 : (int)((most + 999) / 1000);
}

/* Let libcurl do what there is to do; wait up to `most` for it. */
static void act(twc_flight_t *f, apr_interval_time_t most)
{
    struct epoll_event events[EVENTS];
    int running, n = epoll_wait(f->epoll, events, EVENTS, wait_ms(f, most));

    for (int i = 0; i < n; i++) {
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
            | (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

        if (events[i].data.fd == f->bell)
            hear_bell(f);
        else
            curl_multi_socket_action(f->multi, events[i].data.fd, what, &running);
    }
    if (f->timer_at && f->timer_at <= twc_clock_ticks()) {
        f->timer_at = 0;
        curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

apr_status_t twc_flight_create(twc_flight_t **flight, apr_pool_t *pool, const twc_conf_t *conf, int creates, int searches)
{
    twc_flight_t *f = apr_pcalloc(pool, sizeof(*f));
    apr_status_t rv;

    f->conf = conf;
    f->slots = apr_pcalloc(pool, (creates + searches) * sizeof(*f->slots));
    f->in_air = apr_pcalloc(pool, (creates + searches) * sizeof(*f->in_air));
    f->multi = curl_multi_init();
    if (!f->multi)
        return APR_ENOMEM;
    f->epoll = f->bell = -1;
    apr_pool_cleanup_register(pool, f, multi_cleanup, apr_pool_cleanup_null);
    rv = open_sockets(f);
    if (rv != APR_SUCCESS) {
        apr_pool_cleanup_run(pool, f, multi_cleanup);
        return rv;
    }
    f->count = creates + searches;
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)f->count);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)f->count);
    for (int i = creates; i < f->count; i++)
        f->slots[i].search = true;
    *flight = f;
    return APR_SUCCESS;
}

void twc_flight_slots(const twc_flight_t *f, twc_slots_t free[2])
{
    for (int i = 0; i < f->count; i++)
        twc_slots_add(&free[f->slots[i].search], &f->slots[i]);
}

int twc_flight_flying(const twc_flight_t *f, bool search)
{
    return f->flying[search];
}

apr_uint64_t twc_flight_started(const twc_flight_t *f)
{
    return f->started;
}

/* ---- slots ------------------------------------------------------------------------- */

void twc_slots_add(twc_slots_t *slots, twc_slot_t *slot)
{
    slot->next = NULL;
    if (slots->last)
        slots->last->next = slot;
    else
        slots->first = slot;
    slots->last = slot;
    slots->count++;
}

twc_slot_t *twc_slots_take(twc_slots_t *slots)
{
    twc_slot_t *slot = slots->first;

    if (!slot)
        return NULL;
    slots->first = slot->next;
    if (!slots->first)
        slots->last = NULL;
    slots->count--;
    return slot;
}

void twc_slots_move(twc_slots_t *slots, twc_slots_t *from)
{
    if (!from->first)
        return;
    if (slots->last)
        slots->last->next = from->first;
    else
        slots->first = from->first;
    slots->last = from->last;
    slots->count += from->count;
    *from = (twc_slots_t){ .count = 0 };
}

static const char *copy(apr_pool_t *pool, const char *s)
{
    return s ? apr_pstrdup(pool, s) : NULL;
}

/* A claim lives as long as the statement's rows, a slot longer. */
static void copy_claim(apr_pool_t *p, twc_claim_t *to, const twc_claim_t *from)
{
    const char **urls = apr_palloc(p, (from->num_media + 1) * sizeof(*urls));

    for (int i = 0; i < from->num_media; i++)
        urls[i] = apr_pstrdup(p, from->media_urls[i]);
    *to = *from;
    to->uuid = copy(p, from->uuid);
    to->to = copy(p, from->to);
    to->from = copy(p, from->from);
    to->service_sid = copy(p, from->service_sid);
    to->body = copy(p, from->body);
    to->content_sid = copy(p, from->content_sid);
    to->content_variables = copy(p, from->content_variables);
    to->sid = copy(p, from->sid);
    to->media_urls = urls;
}

apr_status_t twc_slot_fill(twc_slot_t *slot, const twc_claim_t *claim)
{
    if (!slot->pool) {
        TWC_TRY(apr_pool_create_unmanaged_ex(&slot->pool, NULL, NULL));     /* with an allocator of its own */
        apr_allocator_max_free_set(apr_pool_allocator_get(slot->pool), SLOT_KEEPS);
    }
    *slot = (twc_slot_t){ .search = slot->search, .pool = slot->pool, .easy = slot->easy, .ready = slot->ready };
    copy_claim(slot->pool, &slot->claim, claim);
    return APR_SUCCESS;
}

void twc_slot_empty(twc_slot_t *slot)
{
    apr_pool_clear(slot->pool);
}

bool twc_slot_is_late(const twc_slot_t *slot)
{
    return slot->within > 0 && twc_clock_passed(&slot->since) > slot->within;
}

/* ---- requests ------------------------------------------------------------------------ */

/* "https://chat.example.com/x" -> may Twilio call it? It refuses hosts with an underscore. */
static bool host_is_good(const char *url)
{
    const char *host = strstr(url, "://");

    if (!host)
        return false;
    host += 3;
    return !memchr(host, '_', strcspn(host, "/?#"));
}

const char *twc_flight_callback(apr_pool_t *pool, const twc_conf_t *conf, const char *uuid)
{
    if (!conf->public_url || !host_is_good(conf->public_url))
        return NULL;
    /* Behind '#' is what Twilio does when we fail: it never travels nor counts for the signature. */
    return apr_pstrcat(pool, conf->public_url, conf->status_path ? conf->status_path : "/twilio/status", "?m=", uuid,
                       "#rc=3&rp=all", NULL);
}

static void create_request(const twc_flight_t *f, twc_slot_t *slot, twc_http_request_t *request)
{
    const twc_claim_t *c = &slot->claim;
    twc_create_t create = { .to = c->to, .from = c->from, .service_sid = c->service_sid, .body = c->body,
                            .content_sid = c->content_sid, .content_variables = c->content_variables,
                            .media_urls = c->media_urls, .num_media = c->num_media,
                            .status_callback = twc_flight_callback(slot->pool, f->conf, c->uuid) };

    request->method = "POST";
    twc_client_create_request(slot->pool, f->conf, &create, &request->url, &request->body);
}

/* By recipient only: a message that Twilio has not sent yet has no date to filter by. */
static void search_request(const twc_flight_t *f, twc_slot_t *slot, twc_http_request_t *request)
{
    twc_remote_filter_t filter = { .to = slot->claim.to };

    request->method = "GET";
    request->url = slot->next_url ? slot->next_url : twc_client_list_url(slot->pool, f->conf, &filter, PAGE_SIZE);
    if (!slot->found)
        slot->found = apr_array_make(slot->pool, PAGE_SIZE, sizeof(const twc_remote_msg_t *));
}

apr_status_t twc_flight_start(twc_flight_t *f, twc_slot_t *slot)
{
    twc_http_request_t request = { .timeout = f->conf->send_timeout, .answer_max = ANSWER_MAX,
                                   .since = slot->since, .within = slot->within };

    if (slot->search)
        search_request(f, slot, &request);
    else
        create_request(f, slot, &request);
    twc_client_credentials(f->conf, &request.user, &request.password);
    if (!request.user || (!slot->easy && !(slot->easy = curl_easy_init())))
        return APR_EGENERAL;
    if (slot->ready && !slot->search)
        twc_http_repeat(slot->easy, slot->pool, &request, &slot->answer);
    else {
        twc_http_prepare(slot->easy, slot->pool, &request, &slot->answer);
        curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
        slot->ready = true;
    }
    if (curl_multi_add_handle(f->multi, slot->easy) != CURLM_OK)
        return APR_EGENERAL;
    f->in_air[slot - f->slots] = true;
    slot->number = ++f->started;
    f->flying[slot->search]++;
    return APR_SUCCESS;
}

static void read_page(const twc_flight_t *f, twc_slot_t *slot)
{
    const twc_http_answer_t *a = &slot->answer;

    slot->pages++;
    slot->readable = a->status == 200 && !a->error
        && twc_client_read_list(slot->pool, f->conf, a->data, a->len, slot->found, &slot->next_url) == APR_SUCCESS;
}

static void land(twc_flight_t *f, twc_slot_t *slot, CURLcode result)
{
    twc_http_answer_t *a = &slot->answer;

    twc_http_finish(slot->easy, result, a);
    curl_multi_remove_handle(f->multi, slot->easy);
    f->in_air[slot - f->slots] = false;
    f->flying[slot->search]--;
    slot->outcome = (twc_outcome_t){ .http_status = a->status, .sent = a->sent, .retry_after = a->retry_after };
    if (slot->search)
        read_page(f, slot);
    else
        twc_client_read_create(slot->pool, a->status, a->data, a->len, &slot->outcome);
    if (!slot->outcome.message)
        slot->outcome.message = a->error;
}

static twc_slots_t landed(twc_flight_t *f)
{
    twc_slots_t slots = { .count = 0 };
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(f->multi, &left))) {
        twc_slot_t *slot = NULL;
        CURLcode result = msg->data.result;     /* msg is gone once its handle is removed */

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        land(f, slot, result);
        twc_slots_add(&slots, slot);
    }
    return slots;
}

twc_slots_t twc_flight_run(twc_flight_t *f, apr_interval_time_t most)
{
    twc_slots_t done;

    f->rung = false;
    act(f, 0);
    done = landed(f);
    if (done.first || f->rung || most <= 0)
        return done;
    act(f, most);
    return landed(f);
}

twc_slots_t twc_flight_abort(twc_flight_t *f)
{
    twc_slots_t slots = { .count = 0 };

    for (int i = 0; i < f->count; i++)
        if (f->in_air[i]) {
            land(f, &f->slots[i], CURLE_ABORTED_BY_CALLBACK);
            twc_slots_add(&slots, &f->slots[i]);
        }
    return slots;
}

void twc_flight_wake(twc_flight_t *f)
{
    (void)eventfd_write(f->bell, 1);
}
