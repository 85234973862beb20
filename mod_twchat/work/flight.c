/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * flight.c - many requests to Twilio at once on one thread, over few kept connections.
 * Must never decide what an answer means: that is verdict.c's.
 * Called by work/sender.c.
 */
#include <string.h>

#include "work/flight.h"

#define ANSWER_MAX  (4 * 1024 * 1024)
#define PAGE_SIZE   100

struct twc_flight_t {
    apr_pool_t *pool;
    const twc_conf_t *conf;
    CURLM *multi;
    twc_slot_t *slots;                  /* creates first, then searches */
    int count, creates;
    twc_slot_t *idle[2];                /* by kind */
    int free[2];
    int flying;
    apr_uint64_t started;
};

static apr_status_t multi_cleanup(void *data)
{
    twc_flight_t *f = data;

    for (int i = 0; i < f->count; i++) {
        if (f->slots[i].flying)
            curl_multi_remove_handle(f->multi, f->slots[i].easy);
        curl_easy_cleanup(f->slots[i].easy);
    }
    curl_multi_cleanup(f->multi);
    return APR_SUCCESS;
}

static void put_back(twc_flight_t *f, twc_slot_t *slot)
{
    int kind = slot - f->slots >= f->creates;

    slot->next = f->idle[kind];
    f->idle[kind] = slot;
    f->free[kind]++;
}

apr_status_t twc_flight_create(twc_flight_t **flight, apr_pool_t *pool, const twc_conf_t *conf, int creates, int searches)
{
    twc_flight_t *f = apr_pcalloc(pool, sizeof(*f));

    f->pool = pool;
    f->conf = conf;
    f->creates = creates;
    f->slots = apr_pcalloc(pool, (creates + searches) * sizeof(*f->slots));
    f->multi = curl_multi_init();
    if (!f->multi)
        return APR_ENOMEM;
    apr_pool_cleanup_register(pool, f, multi_cleanup, apr_pool_cleanup_null);
    f->count = creates + searches;
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)f->count);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)f->count);
    for (int i = f->count - 1; i >= 0; i--)
        put_back(f, &f->slots[i]);
    *flight = f;
    return APR_SUCCESS;
}

int twc_flight_free(const twc_flight_t *f, bool search)
{
    return f->free[search];
}

int twc_flight_flying(const twc_flight_t *f)
{
    return f->flying;
}

apr_uint64_t twc_flight_started(const twc_flight_t *f)
{
    return f->started;
}

/* ---- slots ------------------------------------------------------------------------- */

static const char *copy(apr_pool_t *pool, const char *s)
{
    return s ? apr_pstrdup(pool, s) : NULL;
}

/* Claims live as long as the round they were made in, slots longer. */
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

twc_slot_t *twc_flight_take(twc_flight_t *f, const twc_claim_t *claim, bool search)
{
    twc_slot_t *slot = f->idle[search];

    if (!slot)
        return NULL;
    if (!slot->pool && apr_pool_create(&slot->pool, f->pool) != APR_SUCCESS)
        return NULL;
    if (!slot->easy && !(slot->easy = curl_easy_init()))
        return NULL;
    f->idle[search] = slot->next;
    f->free[search]--;
    *slot = (twc_slot_t){ .search = search, .pool = slot->pool, .easy = slot->easy, .ready = slot->ready };
    copy_claim(slot->pool, &slot->claim, claim);
    return slot;
}

void twc_flight_release(twc_flight_t *f, twc_slot_t *slot)
{
    apr_pool_clear(slot->pool);
    put_back(f, slot);
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
    if (!request.user)
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
    slot->flying = true;
    slot->number = ++f->started;
    f->flying++;
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
    slot->flying = false;
    f->flying--;
    slot->outcome = (twc_outcome_t){ .http_status = a->status, .sent = a->sent, .retry_after = a->retry_after };
    if (slot->search)
        read_page(f, slot);
    else
        twc_client_read_create(slot->pool, a->status, a->data, a->len, &slot->outcome);
    if (!slot->outcome.message)
        slot->outcome.message = a->error;
}

static twc_slot_t *landed(twc_flight_t *f)
{
    twc_slot_t *first = NULL, **last = &first;
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(f->multi, &left))) {
        twc_slot_t *slot = NULL;
        CURLcode result = msg->data.result;     /* msg is gone once its handle is removed */

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        land(f, slot, result);
        slot->next = NULL;
        *last = slot;
        last = &slot->next;
    }
    return first;
}

twc_slot_t *twc_flight_run(twc_flight_t *f, apr_interval_time_t most)
{
    twc_slot_t *done;
    int running;

    curl_multi_perform(f->multi, &running);
    done = landed(f);
    if (done || most <= 0)
        return done;
    curl_multi_poll(f->multi, NULL, 0, (int)((most + 999) / 1000), NULL);
    curl_multi_perform(f->multi, &running);
    return landed(f);
}

twc_slot_t *twc_flight_abort(twc_flight_t *f)
{
    twc_slot_t *first = NULL;

    for (int i = 0; i < f->count; i++) {
        twc_slot_t *slot = &f->slots[i];

        if (!slot->flying)
            continue;
        land(f, slot, CURLE_ABORTED_BY_CALLBACK);
        slot->next = first;
        first = slot;
    }
    return first;
}

void twc_flight_wake(twc_flight_t *f)
{
    curl_multi_wakeup(f->multi);
}
