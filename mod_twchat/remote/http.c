/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * http.c - libcurl, set up once and alike for every peer.
 * Must never write a POST twice, follow a redirect, or log.
 * Called by twilio/client.c for plain calls and by work/flight.c for its multi loop.
 */
#include "config.h"

#include <string.h>

#include <apr_thread_mutex.h>

#include "remote/http.h"

#define CONNECT_TIMEOUT_MS  5000L
#define IDLE_MAX_S          50L         /* Twilio closes idle connections after about a minute */
#define ANSWER_MAX          (1024 * 1024)
#define RETRY_AFTER_MAX_S   3600            /* who asks for more is asked again all the same */
#define HANDLES_MAX         16          /* idle handles kept with their connections */

/* What a transfer needs while it runs. */
typedef struct twc_exchange_t {
    apr_pool_t *pool;
    twc_http_answer_t *answer;
    bool once;                          /* the peer must not get it twice */
    int issued;                         /* times it was about to be written */
    twc_since_t since;
    apr_interval_time_t within;         /* after that, or 0 */
    bool late;                          /* it was not written because that had passed */
    apr_size_t size, max;
    bool (*stop)(void *);
    void *stop_baton;
} exchange_t;

/* Per process, made before the first thread: handles that are idle, and the headers all requests share. */
static struct {
    apr_thread_mutex_t *mutex;
    struct curl_slist *headers;
    CURL *idle[HANDLES_MAX];
    int idle_count;
} shared;

static apr_status_t shared_cleanup(void *unused)
{
    while (shared.idle_count > 0)
        curl_easy_cleanup(shared.idle[--shared.idle_count]);
    curl_slist_free_all(shared.headers);
    shared.headers = NULL;
    shared.mutex = NULL;
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t twc_http_init(apr_pool_t *pool)
{
    if (shared.mutex)
        return APR_SUCCESS;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return APR_EGENERAL;
    apr_pool_cleanup_register(pool, NULL, shared_cleanup, apr_pool_cleanup_null);
    shared.headers = curl_slist_append(NULL, "Accept: application/json");
    /* A body waits for no "100 Continue": that would be one more moment of doubt whether it was taken. */
    if (!shared.headers || !curl_slist_append(shared.headers, "Expect:"))
        return APR_ENOMEM;
    return apr_thread_mutex_create(&shared.mutex, APR_THREAD_MUTEX_DEFAULT, pool);
}

/* ---- what curl calls ------------------------------------------------------------ */

/* Called when a connection is ready and the request is about to be written to it, on HTTP/2 for each one. A kept connection
 * that dies before it brought a byte makes libcurl write the request again on another one, POST or not: that is where it ends.
 * A GET may be repeated. And it is the last moment to see that the process was frozen for so long that what it is
 * about to write is another one's by now. */
static int before_request(void *data, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    exchange_t *x = data;

    if (x->within > 0 && twc_clock_passed(&x->since) > x->within) {
        x->late = true;
        return CURL_PREREQFUNC_ABORT;
    }
    return ++x->issued > 1 && x->once ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t take_data(char *in, size_t size, size_t n, void *data)
{
    exchange_t *x = data;
    twc_http_answer_t *a = x->answer;
    size_t len = size * n;

    if (len > x->max - a->len) {
        a->too_long = true;
        return 0;
    }
    if (a->len + len >= x->size) {
        apr_size_t grown = x->size * 2 > a->len + len + 1 ? x->size * 2 : a->len + len + 1;
        char *bigger = apr_palloc(x->pool, grown);

        memcpy(bigger, a->data, a->len);
        a->data = bigger;
        x->size = grown;
    }
    memcpy(a->data + a->len, in, len);
    a->len += len;
    a->data[a->len] = '\0';
    return len;
}

static int watch(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    exchange_t *x = data;

    return x->stop(x->stop_baton);
}

/* ---- one transfer ----------------------------------------------------------------- */

static void set_peer(CURL *easy, const twc_http_request_t *r)
{
    curl_easy_setopt(easy, CURLOPT_URL, r->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, r->timeout > 0 ? (long)(r->timeout / 1000) : 30000L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(r->url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "mod_twchat/" PACKAGE_VERSION);
    if (r->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, r->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, r->password);
    }
}

static void start_exchange(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request, twc_http_answer_t *answer)
{
    exchange_t *x = apr_pcalloc(pool, sizeof(*x));

    x->pool = pool;
    x->answer = answer;
    x->once = strcmp(request->method, "POST") == 0;
    x->since = request->since;
    x->within = request->within;
    x->size = 2048;
    x->max = request->answer_max ? request->answer_max : ANSWER_MAX;
    *answer = (twc_http_answer_t){ .data = apr_palloc(pool, x->size), .exchange = x };
    answer->data[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    if (x->once)
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");     /* not copied: one write with the headers */
}

void twc_http_prepare(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request, twc_http_answer_t *answer)
{
    curl_easy_reset(easy);
    set_peer(easy, request);
    if (strcmp(request->method, "POST") != 0 && strcmp(request->method, "GET") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, shared.headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_data);
    start_exchange(easy, pool, request, answer);
}

void twc_http_repeat(CURL *easy, apr_pool_t *pool, const twc_http_request_t *request, twc_http_answer_t *answer)
{
    start_exchange(easy, pool, request, answer);
}

/* Where a redirect leads, absolute. libcurl puts our user and password into it: they are not for there. */
static const char *redirect_of(CURL *easy, apr_pool_t *pool)
{
    char *given = NULL, *clean = NULL;
    const char *copy = NULL;
    CURLU *u;

    if (curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &given) != CURLE_OK || !given || !(u = curl_url()))
        return NULL;
    if (curl_url_set(u, CURLUPART_URL, given, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_USER, NULL, 0) == CURLUE_OK
        && curl_url_set(u, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_URL, &clean, 0) == CURLUE_OK)
        copy = apr_pstrdup(pool, clean);
    curl_free(clean);
    curl_url_cleanup(u);
    return copy;
}

void twc_http_finish(CURL *easy, CURLcode result, twc_http_answer_t *a)
{
    exchange_t *x = a->exchange;
    long status = 0;
    const char *text = NULL;
    curl_off_t after = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    a->status = status >= 200 ? (int)status : 0;    /* 1xx promises nothing */
    a->sent = status != 0 || x->issued > 0;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text)
        a->content_type = apr_pstrdup(x->pool, text);
    a->location = redirect_of(easy, x->pool);
    if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        a->retry_after = apr_time_from_sec((apr_int64_t)(after < RETRY_AFTER_MAX_S ? after : RETRY_AFTER_MAX_S));
    if (result != CURLE_OK)
        a->error = a->too_long ? "the answer is too long" : x->late ? "too late to send the request" : curl_easy_strerror(result);
}

/* ---- plain calls ---------------------------------------------------------------------- */

static CURL *take_handle(void)
{
    CURL *easy = NULL;

    apr_thread_mutex_lock(shared.mutex);
    if (shared.idle_count > 0)
        easy = shared.idle[--shared.idle_count];
    apr_thread_mutex_unlock(shared.mutex);
    return easy ? easy : curl_easy_init();
}

static void give_handle(CURL *easy)
{
    /* Nothing of this call may stay in it: reset drops options, keeps connections. */
    curl_easy_reset(easy);
    apr_thread_mutex_lock(shared.mutex);
    if (shared.idle_count < HANDLES_MAX) {
        shared.idle[shared.idle_count++] = easy;
        easy = NULL;
    }
    apr_thread_mutex_unlock(shared.mutex);
    curl_easy_cleanup(easy);
}

static apr_status_t status_of(CURLcode result, const twc_http_answer_t *answer)
{
    switch (result) {
    case CURLE_OK: return APR_SUCCESS;
    case CURLE_OPERATION_TIMEDOUT: return APR_TIMEUP;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return APR_ECONNREFUSED;
    case CURLE_ABORTED_BY_CALLBACK: return APR_EINTR;
    case CURLE_WRITE_ERROR: return answer->too_long ? APR_ENOSPC : APR_EGENERAL;
    default: return APR_EGENERAL;
    }
}

static apr_time_t date_of(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075300
    struct curl_header *header;
    time_t t;

    if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK
        && (t = curl_getdate(header->value, NULL)) > 0)
        return apr_time_from_sec(t);
#endif
    return 0;
}

apr_status_t twc_http_call(apr_pool_t *pool, const twc_http_request_t *request,
                           bool (*stop)(void *baton), void *stop_baton, twc_http_answer_t *answer)
{
    CURL *easy = take_handle();
    CURLcode result;

    *answer = (twc_http_answer_t){ .status = 0 };
    if (!easy)
        return APR_ENOMEM;
    twc_http_prepare(easy, pool, request, answer);
    if (stop) {
        answer->exchange->stop = stop;
        answer->exchange->stop_baton = stop_baton;
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, watch);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, answer->exchange);
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    }
    result = curl_easy_perform(easy);
    twc_http_finish(easy, result, answer);
    answer->date = date_of(easy);
    give_handle(easy);
    return status_of(result, answer);
}
