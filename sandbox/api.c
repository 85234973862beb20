/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * api.c - what every API request goes through: credentials, routing, faults,
 * headers, the journal.
 * Must never hold box->lock while it waits.
 * Called by the module's handler.
 */
#include <string.h>

#include <apr_atomic.h>
#include <http_core.h>
#include <http_protocol.h>

#include "api.h"
#include "fault.h"
#include "journal.h"
#include "util/text.h"

#define BODY_MAX (256 * 1024)

static const sb_route_t ROUTES[] = {
    { M_GET, "/Accounts", sb_api_account_list },
    { M_GET, "/Accounts/:account", sb_api_account_fetch },
    { M_GET, "/Accounts/:account/Balance", sb_api_balance },
    { M_POST, "/Accounts/:account/Messages", sb_api_message_create },
    { M_GET, "/Accounts/:account/Messages", sb_api_message_list },
    { M_GET, "/Accounts/:account/Messages/:sid", sb_api_message_fetch },
    { M_POST, "/Accounts/:account/Messages/:sid", sb_api_message_update },
    { M_DELETE, "/Accounts/:account/Messages/:sid", sb_api_message_delete },
    { M_POST, "/Accounts/:account/Messages/:sid/Feedback", sb_api_message_feedback },
    { M_GET, "/Accounts/:account/Messages/:sid/Media", sb_api_media_list },
    { M_GET, "/Accounts/:account/Messages/:sid/Media/:media", sb_api_media_fetch },
    { M_DELETE, "/Accounts/:account/Messages/:sid/Media/:media", sb_api_media_delete },
    { M_GET, "/Accounts/:account/IncomingPhoneNumbers", sb_api_number_list },
    { M_GET, "/Accounts/:account/IncomingPhoneNumbers/:sid", sb_api_number_fetch },
    { M_POST, "/Accounts/:account/IncomingPhoneNumbers/:sid", sb_api_number_update },
    { 0 }
};

/* ---- who is asking --------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return twc_text_same_secret(a, strlen(a), b, strlen(b));
}

static bool knows(const sb_account_t *account, const char *user, const char *password)
{
    if (!strcmp(account->sid, user))
        return same(account->token, password);
    for (int i = 0; i < account->keys->nelts; i++) {
        const sb_key_t *key = &APR_ARRAY_IDX(account->keys, i, sb_key_t);
        if (!strcmp(key->sid, user))
            return same(key->secret, password);
    }
    return false;
}

static bool authenticate(sb_req_t *q)
{
    const char *user, *password;

    if (ap_get_basic_auth_components(q->r, &user, &password) != APR_SUCCESS || !password)
        return false;
    q->user = user;
    for (int i = 0; i < q->box->conf->accounts->nelts && !q->account; i++) {
        sb_account_t *account = APR_ARRAY_IDX(q->box->conf->accounts, i, sb_account_t *);
        if (knows(account, user, password))
            q->account = account;
    }
    return q->account != NULL;
}

/* ---- what is to go wrong ------------------------------------------------------------ */

typedef struct trouble_t {
    int before, after;                  /* sb_fault_e, or -1 */
    int latency_ms, stall_ms, retry_after, refuse_code;
} trouble_t;

static int draw_first(sb_faults_t *faults, const sb_fault_e *kinds, int count)
{
    for (int i = 0; i < count; i++)
        if (sb_fault_draw(faults, kinds[i]))
            return kinds[i];
    return -1;
}

static trouble_t draw_trouble(sb_box_t *box, bool create, apr_uint32_t in_flight)
{
    static const sb_fault_e before[] = { SB_FAULT_RESET_BEFORE, SB_FAULT_STALL_BEFORE, SB_FAULT_429, SB_FAULT_503,
                                         SB_FAULT_500, SB_FAULT_REFUSE };
    static const sb_fault_e after[] = { SB_FAULT_RESET_AFTER_ACCEPT, SB_FAULT_500_AFTER_ACCEPT, SB_FAULT_STALL,
                                        SB_FAULT_GARBAGE, SB_FAULT_NO_SID };
    sb_faults_t *faults = box->faults;
    trouble_t trouble = { .before = -1, .after = -1 };

    apr_thread_mutex_lock(box->lock);
    trouble.latency_ms = faults->latency_ms;
    if (faults->latency_jitter_ms)
        trouble.latency_ms += sb_fault_random(faults, faults->latency_jitter_ms + 1);
    trouble.stall_ms = faults->stall_ms;
    trouble.retry_after = faults->retry_after;
    trouble.refuse_code = faults->refuse_code;
    if (create || faults->all_calls)
        trouble.before = draw_first(faults, before, sizeof(before) / sizeof(*before));
    if (trouble.before < 0 && (create || faults->all_calls))
        trouble.after = draw_first(faults, after, sizeof(after) / sizeof(*after));
    if (faults->max_concurrent && in_flight > (apr_uint32_t)faults->max_concurrent)
        trouble.before = SB_FAULT_429;
    apr_thread_mutex_unlock(box->lock);
    return trouble;
}

static void add_retry_after(sb_req_t *q, const trouble_t *trouble)
{
    if (trouble->retry_after)
        apr_table_setn(q->r->err_headers_out, "Retry-After", apr_itoa(q->pool, trouble->retry_after));
}

/* True when the request goes no further. *reset: and its connection neither. */
static bool fail_before(sb_req_t *q, const trouble_t *trouble, bool *reset)
{
    switch (trouble->before) {
    case SB_FAULT_STALL_BEFORE:
        sb_req_pause(q, trouble->stall_ms);
        q->note = "stall_before";
        *reset = true;
        return true;
    case SB_FAULT_RESET_BEFORE:
        q->note = "reset_before";
        *reset = true;
        return true;
    case SB_FAULT_429:
        q->note = "429";
        add_retry_after(q, trouble);
        sb_reply_error(q, HTTP_TOO_MANY_REQUESTS, 20429, NULL);
        return true;
    case SB_FAULT_503:
        q->note = "503";
        add_retry_after(q, trouble);
        sb_reply_error(q, HTTP_SERVICE_UNAVAILABLE, 20503, NULL);
        return true;
    case SB_FAULT_500:
        q->note = "500";
        sb_reply_error(q, HTTP_INTERNAL_SERVER_ERROR, 20500, NULL);
        return true;
    case SB_FAULT_REFUSE:
        q->note = "refuse";
        sb_reply_error(q, HTTP_BAD_REQUEST, trouble->refuse_code, NULL);
        return true;
    default:
        return false;
    }
}

static void fail_after(sb_req_t *q, const trouble_t *trouble, bool *reset)
{
    switch (trouble->after) {
    case SB_FAULT_RESET_AFTER_ACCEPT:
        q->note = "reset_after_accept";
        *reset = true;
        break;
    case SB_FAULT_500_AFTER_ACCEPT:
        q->note = "500_after_accept";
        sb_reply_error(q, HTTP_INTERNAL_SERVER_ERROR, 20500, NULL);
        break;
    case SB_FAULT_STALL:
        q->note = "stall";
        sb_req_pause(q, trouble->stall_ms);
        break;
    case SB_FAULT_GARBAGE:
        q->note = "garbage";
        sb_reply_bytes(q, "text/html", "<html><body>It works!</body></html>", 35);
        break;
    case SB_FAULT_NO_SID:
        q->note = "no_sid";
        sb_reply_text(q, HTTP_CREATED, "{}");
        break;
    default:
        break;
    }
}

/* ---- one request ----------------------------------------------------------------------- */

/* The account of the path, for a message that needs one; wrong ones look like no account at all. */
static bool path_account(sb_req_t *q)
{
    return !q->args[0] || !strcmp(q->args[0], q->account->sid);
}

static void not_found(sb_req_t *q)
{
    sb_reply_error(q, HTTP_NOT_FOUND, 20404,
                   apr_psprintf(q->pool, "The requested resource %s was not found", q->r->uri));
}

static bool serve(sb_req_t *q, const char *path, apr_uint32_t in_flight)
{
    const sb_route_t *route;
    bool known, reset = false;
    trouble_t trouble;

    if (!authenticate(q)) {
        apr_table_setn(q->r->err_headers_out, "WWW-Authenticate", "Basic realm=\"Twilio API\"");
        sb_reply_error(q, HTTP_UNAUTHORIZED, 20003, NULL);
        return false;
    }
    route = sb_route_find(q, ROUTES, path, &known);
    if (!route) {
        if (known)
            sb_reply_error(q, HTTP_METHOD_NOT_ALLOWED, 20004, NULL);
        else
            not_found(q);
        return false;
    }
    if (!path_account(q)) {
        sb_reply_error(q, HTTP_UNAUTHORIZED, 20003, NULL);
        return false;
    }
    trouble = draw_trouble(q->box, route->run == sb_api_message_create, in_flight);
    if (!fail_before(q, &trouble, &reset)) {
        route->run(q);
        if (!q->type && q->status == HTTP_NOT_FOUND)
            not_found(q);
        fail_after(q, &trouble, &reset);
    }
    sb_req_pause(q, trouble.latency_ms);
    return reset;
}

static void add_headers(sb_req_t *q, apr_uint32_t in_flight)
{
    apr_table_t *headers = q->r->err_headers_out;
    char *id = apr_palloc(q->pool, SB_SID_LEN + 1);

    sb_sid_make(id, "RQ");
    apr_table_setn(headers, "Twilio-Request-Id", id);
    apr_table_setn(headers, "Twilio-Concurrent-Requests", apr_itoa(q->pool, (int)in_flight));
    apr_table_setn(headers, "Twilio-Request-Duration",
                   apr_psprintf(q->pool, "%.3f", (double)(apr_time_now() - q->r->request_time) / APR_USEC_PER_SEC));
    apr_table_setn(headers, "X-Home-Region", "us1");
    apr_table_setn(headers, "X-Api-Domain", "api.twilio.com");
}

static void record(const sb_req_t *q, bool reset)
{
    static const char *const shown[] = { "Content-Type", "User-Agent", "Accept", "X-Twilio-Client" };
    request_rec *r = q->r;
    apr_array_header_t *lines = apr_array_make(q->pool, 4, sizeof(const char *));
    sb_entry_t entry = { .time = r->request_time, .kind = "api", .method = r->method, .url = r->unparsed_uri,
                         .params = q->form->count ? q->body.data : r->args, .user = q->user, .sid = q->sid,
                         .status = reset ? 0 : q->status, .note = q->note, .attempt = 1,
                         .took = apr_time_now() - r->request_time };

    for (apr_size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
        const char *value = apr_table_get(r->headers_in, shown[i]);
        if (value)
            APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(q->pool, shown[i], ": ", value, NULL);
    }
    entry.headers = apr_array_pstrcat(q->pool, lines, '\n');
    sb_journal_add(q->box->requests, &entry);
}

int sb_api_run(request_rec *r, sb_box_t *box, const char *path)
{
    apr_uint32_t in_flight = apr_atomic_inc32(&box->in_flight) + 1;
    bool reset = false;
    sb_req_t q;
    int status = sb_req_read(&q, r, box, BODY_MAX);

    if (status)
        sb_reply_error(&q, status, 20001, "The request could not be read");
    else
        reset = serve(&q, path, in_flight);
    apr_atomic_dec32(&box->in_flight);
    record(&q, reset);
    if (reset)
        return sb_req_reset(&q);
    add_headers(&q, in_flight);
    return sb_req_send(&q);
}
