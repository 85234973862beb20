/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * postman.c - the thread behind every outgoing call: one curl multi handle, a
 * letter box others throw calls into, retries as the URL asks for them.
 * Must never hold box->lock while curl works, and must end within two seconds.
 * Started by child_init, fed by webhook.c, inbound.c and media.c.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_skiplist.h>
#include <apr_thread_proc.h>
#include <apr_uuid.h>

#include "journal.h"
#include "postman.h"
#include "twilio/signature.h"
#include "walk.h"

/* A callback that cannot even be queued is lost, as it would be at Twilio. */
#define LETTERS_MAX 500000

#define IDLE_MS 1000
#define SCAN_MS 50                      /* read time-outs are looked at so often */

struct sb_postman_t {
    sb_box_t *box;
    apr_pool_t *pool;                   /* the thread's own */
    apr_thread_t *thread;
    CURLM *multi;
    /* shared, under lock */
    apr_thread_mutex_t *lock;
    sb_call_t *letters, **letters_end;
    int letters_count;
    apr_time_t sleeping_until;          /* 0: awake */
    /* the thread's own */
    apr_skiplist *waiting;              /* calls whose time has not come, by due */
    sb_call_t *ready, **ready_end;
    sb_call_t **active;
    CURL **spare;
    int num_active, num_spare;
};

/* ---- the letter box ------------------------------------------------------------ */

static void call_free(sb_call_t *call)
{
    curl_slist_free_all(call->headers);
    free(call->answer);
    apr_pool_destroy(call->pool);
}

void sb_postman_post(sb_postman_t *postman, sb_call_t *call)
{
    bool wake, full;

    call->next = NULL;
    apr_thread_mutex_lock(postman->lock);
    full = postman->letters_count >= LETTERS_MAX || apr_atomic_read32(&postman->box->stopping);
    if (!full) {
        *postman->letters_end = call;
        postman->letters_end = &call->next;
        postman->letters_count++;
    }
    wake = postman->sleeping_until != 0;
    postman->sleeping_until = 0;
    apr_thread_mutex_unlock(postman->lock);
    if (full)
        call_free(call);
    else if (wake)
        curl_multi_wakeup(postman->multi);
}

void sb_postman_wake_by(sb_postman_t *postman, apr_time_t due)
{
    bool wake;

    apr_thread_mutex_lock(postman->lock);
    wake = due < postman->sleeping_until;
    if (wake)
        postman->sleeping_until = 0;
    apr_thread_mutex_unlock(postman->lock);
    if (wake)
        curl_multi_wakeup(postman->multi);
}

void sb_postman_stop(sb_postman_t *postman)
{
    apr_atomic_set32(&postman->box->stopping, 1);
    curl_multi_wakeup(postman->multi);
}

static int by_due(void *a, void *b)
{
    const sb_call_t *one = a, *two = b;

    if (one->due != two->due)
        return one->due < two->due ? -1 : 1;
    return one < two ? -1 : one > two;
}

static void make_ready(sb_postman_t *postman, sb_call_t *call)
{
    call->next = NULL;
    *postman->ready_end = call;
    postman->ready_end = &call->next;
}

static void empty_letter_box(sb_postman_t *postman, apr_time_t now)
{
    sb_call_t *letter, *next;

    apr_thread_mutex_lock(postman->lock);
    letter = postman->letters;
    postman->letters = NULL;
    postman->letters_end = &postman->letters;
    postman->letters_count = 0;
    apr_thread_mutex_unlock(postman->lock);
    for (; letter; letter = next) {
        next = letter->next;
        if (letter->due <= now)
            make_ready(postman, letter);
        else
            apr_skiplist_insert(postman->waiting, letter);
    }
}

static void release_due(sb_postman_t *postman, apr_time_t now)
{
    sb_call_t *call;

    while ((call = apr_skiplist_peek(postman->waiting)) && call->due <= now)
        make_ready(postman, apr_skiplist_pop(postman->waiting, NULL));
}

/* ---- one attempt ------------------------------------------------------------------ */

static size_t on_body(char *data, size_t size, size_t count, void *baton)
{
    sb_call_t *call = baton;
    apr_size_t len = size * count, room = call->answer_max - call->answer_len;
    char *grown;

    call->heard = apr_time_now();
    if (len > room) {
        call->overflow = true;
        return 0;
    }
    grown = realloc(call->answer, call->answer_len + len + 1);
    if (!grown)
        return 0;
    memcpy(grown + call->answer_len, data, len);
    call->answer = grown;
    call->answer_len += len;
    grown[call->answer_len] = '\0';
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *baton)
{
    ((sb_call_t *)baton)->heard = apr_time_now();
    return size * count;
}

static void add_header(sb_call_t *call, const char *name, const char *value)
{
    call->headers = curl_slist_append(call->headers, apr_pstrcat(call->pool, name, ": ", value, NULL));
}

/* An attachment is fetched like any web page: no signature, no form. */
static void make_headers(sb_call_t *call)
{
    char signature[TWC_SIGNATURE_LEN + 1];
    apr_uuid_t uuid;

    if (call->kind == SB_CALL_MEDIA)
        return;
    apr_uuid_get(&uuid);
    apr_uuid_format(call->token, &uuid);
    twc_signature_make(call->pool, call->account->token, call->url, call->body ? call->form : NULL, signature);
    add_header(call, "X-Twilio-Signature", signature);
    add_header(call, "I-Twilio-Idempotency-Token", call->token);
    add_header(call, "X-Home-Region", "us1");
    if (call->body)
        add_header(call, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    call->headers = curl_slist_append(call->headers, "Expect:");
}

static void set_answer(sb_call_t *call)
{
    free(call->answer);
    call->answer = NULL;
    call->answer_len = 0;
    call->overflow = false;
    call->http_status = call->error_code = 0;
    call->content_type = NULL;
}

static void set_options(const sb_postman_t *postman, sb_call_t *call, CURL *easy)
{
    apr_interval_time_t left = call->first + apr_time_from_msec(call->override.total_ms) - call->started;

    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "TwilioProxy/1.1");
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->override.connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(left > 1000 ? apr_time_as_msec(left) : 1));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    if (call->user) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, call->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, call->password);
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    }
    if (postman->box->conf->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, postman->box->conf->ca_file);
    if (call->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
    }
}

static void start_call(sb_postman_t *postman, sb_call_t *call)
{
    CURL *easy = postman->num_spare ? postman->spare[--postman->num_spare] : curl_easy_init();

    call->easy = easy;
    call->started = apr_time_now();
    call->heard = 0;
    if (call->attempt++ == 0) {
        call->first = call->started;
        make_headers(call);
    }
    set_answer(call);
    set_options(postman, call, easy);
    curl_multi_add_handle(postman->multi, easy);
    postman->active[postman->num_active++] = call;
}

static void start_ready(sb_postman_t *postman)
{
    while (postman->ready && postman->num_active < postman->box->conf->connections) {
        sb_call_t *call = postman->ready;
        postman->ready = call->next;
        if (!postman->ready)
            postman->ready_end = &postman->ready;
        start_call(postman, call);
    }
}

/* ---- its end ------------------------------------------------------------------------ */

/* Which kind of failure it was, for rp=, and the number Twilio gives it. */
static unsigned classify(sb_call_t *call)
{
    curl_off_t connected = 0;

    if (call->code == CURLE_OK) {
        call->error_code = call->http_status >= 300 ? 11200 : 0;
        return call->http_status >= 500 ? SB_RETRY_5XX : call->http_status >= 400 ? SB_RETRY_4XX : 0;
    }
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    switch (call->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        call->error_code = 11210;
        return SB_RETRY_CONNECT;
    case CURLE_TOO_MANY_REDIRECTS:
        call->error_code = 11215;
        return 0;
    case CURLE_SSL_CONNECT_ERROR:
        call->error_code = 11220;
        return SB_RETRY_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
        call->error_code = 11237;
        return SB_RETRY_CONNECT;
    case CURLE_WRITE_ERROR:
        call->error_code = call->overflow ? 11750 : 11200;
        return 0;
    default:
        call->error_code = 11205;
        return connected ? SB_RETRY_READ : SB_RETRY_CONNECT;
    }
}

static void record(sb_postman_t *postman, const sb_call_t *call)
{
    sb_entry_t entry = { .time = call->started, .kind = sb_call_name(call->kind), .method = call->method,
                         .url = call->url, .params = call->body ? call->body : "", .sid = call->sid,
                         .status = call->http_status, .error_code = call->error_code,
                         .attempt = call->attempt, .took = apr_time_now() - call->started };
    apr_array_header_t *lines = apr_array_make(call->pool, 6, sizeof(const char *));

    for (const struct curl_slist *header = call->headers; header; header = header->next)
        APR_ARRAY_PUSH(lines, const char *) = header->data;
    entry.headers = apr_array_pstrcat(call->pool, lines, '\n');
    if (call->code != CURLE_OK)
        entry.note = curl_easy_strerror(call->code);
    if (call->kind != SB_CALL_MEDIA && call->answer)
        entry.answer = apr_pstrmemdup(call->pool, call->answer, call->answer_len < 2000 ? call->answer_len : 2000);
    sb_journal_add(postman->box->webhooks, &entry);
}

static bool retry(const sb_call_t *call, unsigned failure)
{
    apr_time_t end = call->first + apr_time_from_msec(call->override.total_ms);

    return (failure & call->override.retry_on) && call->attempt <= call->override.retries && apr_time_now() < end;
}

static void take_off(sb_postman_t *postman, sb_call_t *call)
{
    curl_multi_remove_handle(postman->multi, call->easy);
    for (int i = 0; i < postman->num_active; i++)
        if (postman->active[i] == call)
            postman->active[i] = postman->active[--postman->num_active];
    curl_easy_reset(call->easy);
    postman->spare[postman->num_spare++] = call->easy;
    call->easy = NULL;
}

static void finish(sb_postman_t *postman, sb_call_t *call, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    unsigned failure;

    call->code = code;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
    call->http_status = code == CURLE_OK ? (int)status : 0;
    call->content_type = type ? apr_pstrdup(call->pool, type) : NULL;
    failure = classify(call);
    record(postman, call);
    take_off(postman, call);
    if (retry(call, failure)) {
        make_ready(postman, call);
        return;
    }
    if (call->done)
        call->done(postman->box, call);
    call_free(call);
}

static void finish_done(sb_postman_t *postman)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(postman->multi, &left))) {
        CURLcode code = message->data.result;
        sb_call_t *call = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        finish(postman, call, code);
    }
}

/* curl knows connect and total time-outs; the silence between packets is ours to watch. */
static void finish_silent(sb_postman_t *postman, apr_time_t now)
{
    for (int i = postman->num_active - 1; i >= 0; i--) {
        sb_call_t *call = postman->active[i];
        curl_off_t sent = 0;

        if (!call->heard && curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &sent) == CURLE_OK && sent)
            call->heard = now;
        if (call->heard && now - call->heard > apr_time_from_msec(call->override.read_ms))
            finish(postman, call, CURLE_OPERATION_TIMEDOUT);
    }
}

/* ---- the thread ------------------------------------------------------------------------ */

static int sleep_ms(sb_postman_t *postman, apr_time_t walk_due)
{
    const sb_call_t *call = apr_skiplist_peek(postman->waiting);
    apr_time_t now = apr_time_now(), until = now + apr_time_from_msec(IDLE_MS);

    if (postman->num_active)
        until = now + apr_time_from_msec(SCAN_MS);
    if (walk_due && walk_due < until)
        until = walk_due;
    if (call && call->due < until)
        until = call->due;
    apr_thread_mutex_lock(postman->lock);
    if (postman->letters || apr_atomic_read32(&postman->box->stopping))
        until = now;
    postman->sleeping_until = until > now ? until : 0;
    apr_thread_mutex_unlock(postman->lock);
    return until > now ? (int)apr_time_as_msec(until - now + 999) : 0;
}

static void round_trip(sb_postman_t *postman)
{
    apr_time_t now = apr_time_now(), walk_due = sb_walk_run(postman->box, now);
    int running, fds;

    empty_letter_box(postman, now);
    release_due(postman, now);
    start_ready(postman);
    curl_multi_perform(postman->multi, &running);
    finish_done(postman);
    finish_silent(postman, apr_time_now());
    if (postman->ready && postman->num_active < postman->box->conf->connections)
        return;
    curl_multi_poll(postman->multi, NULL, 0, sleep_ms(postman, walk_due), &fds);
    apr_thread_mutex_lock(postman->lock);
    postman->sleeping_until = 0;
    apr_thread_mutex_unlock(postman->lock);
}

static void drop_all(sb_postman_t *postman)
{
    sb_call_t *call, *next;

    empty_letter_box(postman, apr_time_now());
    while ((call = apr_skiplist_pop(postman->waiting, NULL)))
        call_free(call);
    for (call = postman->ready; call; call = next) {
        next = call->next;
        call_free(call);
    }
    while (postman->num_active) {
        call = postman->active[0];
        take_off(postman, call);
        call_free(call);
    }
    while (postman->num_spare)
        curl_easy_cleanup(postman->spare[--postman->num_spare]);
}

static void *APR_THREAD_FUNC postman_thr_main(apr_thread_t *thread, void *data)
{
    sb_postman_t *postman = data;

    while (!apr_atomic_read32(&postman->box->stopping))
        round_trip(postman);
    drop_all(postman);
    return NULL;
}

static apr_status_t join(void *data)
{
    sb_postman_t *postman = data;
    apr_status_t rv;

    sb_postman_stop(postman);
    if (postman->thread)
        apr_thread_join(&rv, postman->thread);
    curl_multi_cleanup(postman->multi);
    return APR_SUCCESS;
}

apr_status_t sb_postman_start(sb_box_t *box, apr_pool_t *pool)
{
    sb_postman_t *postman = apr_pcalloc(pool, sizeof(*postman));
    int connections = box->conf->connections;

    postman->box = box;
    postman->pool = sb_pool_create(pool);
    apr_thread_mutex_create(&postman->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    postman->letters_end = &postman->letters;
    postman->ready_end = &postman->ready;
    postman->active = apr_pcalloc(pool, sizeof(*postman->active) * connections);
    /* A retried call gives its handle back before it takes one again. */
    postman->spare = apr_pcalloc(pool, sizeof(*postman->spare) * (connections + 1));
    apr_skiplist_init(&postman->waiting, postman->pool);
    apr_skiplist_set_compare(postman->waiting, by_due, by_due);
    postman->multi = curl_multi_init();
    curl_multi_setopt(postman->multi, CURLMOPT_MAXCONNECTS, (long)connections);
    box->postman = postman;
    apr_pool_pre_cleanup_register(pool, postman, join);
    return apr_thread_create(&postman->thread, NULL, postman_thr_main, postman, pool);
}
