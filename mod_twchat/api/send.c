/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * send.c - from a draft to an answer: once per key, queued in one transaction, awaited.
 * Must never talk to Twilio itself, nor make a second message for a key.
 * Called by the send routes of flask-chat and sms-store.
 */
#include "api/send.h"
#include "glue/idempotency.h"
#include "glue/reply.h"
#include "twilio/error.h"
#include "util/mask.h"

typedef struct queueing_t {
    const twc_draft_t *draft;
    twc_queued_t queued;
} queueing_t;

bool twc_send_from_page(twc_req_t *q)
{
    return q->who->ambient && (twc_req_header(q, "Origin") || twc_req_header(q, "Sec-Fetch-Site"));
}

static apr_status_t queue(twc_ctx_t *ctx, void *baton, apr_int64_t *message_id)
{
    queueing_t *job = baton;

    TWC_TRY(twc_message_queue(ctx, job->draft, &job->queued));
    *message_id = job->queued.id;
    return APR_SUCCESS;
}

static const char *not_sent(twc_req_t *q, const char *reason, int code)
{
    return twc_reply_error_body(q->r->pool, q->match->style, reason, "not_sent", code, NULL);
}

static bool has_failed(const twc_msg_t *msg)
{
    return !msg->sid && msg->status
        && (strcmp(msg->status, "failed") == 0 || strcmp(msg->status, "undelivered") == 0
            || strcmp(msg->status, "canceled") == 0);
}

static const char *reason_of(const twc_msg_t *msg)
{
    if (msg->error_code)
        return twc_error_info(msg->error_code, 0)->reason;
    return msg->error_message && *msg->error_message ? msg->error_message : "The message could not be sent.";
}

static void tell(twc_req_t *q, const twc_msg_t *msg)
{
    twc_log_t *log = q->tenant->server_conf->log;
    apr_pool_t *pool = q->r->pool;

    if (log)
        twc_log_event(log, pool, q->tenant->conf->tenant, "messages", has_failed(msg) ? "not sent" : "asked for",
                      "id", apr_psprintf(pool, "%" APR_INT64_T_FMT, msg->id), "peer", twc_mask_phone(pool, msg->to),
                      "status", msg->status, "sid", msg->sid ? twc_mask_sid(pool, msg->sid) : NULL,
                      "code", msg->error_code ? apr_psprintf(pool, "%d", msg->error_code) : NULL,
                      "user", q->who->name, NULL);
}

static apr_status_t finish(twc_req_t *q, const twc_once_t *once, const twc_msg_t *msg, twc_sent_fn sent)
{
    int status = HTTP_OK;
    const char *body;

    tell(q, msg);
    if (has_failed(msg)) {
        status = HTTP_INTERNAL_SERVER_ERROR;
        body = not_sent(q, reason_of(msg), msg->error_code);
    }
    else
        body = sent(q, msg);
    twc_once_finish(q, once, status, body);
    return twc_reply_json(q, status, body);
}

/* The first request with this key died or is about to answer: by now its message tells. */
static apr_status_t answer_for_first(twc_req_t *q, const twc_once_t *once, twc_sent_fn sent)
{
    twc_msg_t msg;

    TWC_TRY(twc_msg_load(q->ctx, once->message_id, &msg));
    if (!msg.sid && !has_failed(&msg))
        return twc_reply_error(q, HTTP_CONFLICT, "The first request with this Idempotency-Key is still running.");
    twc_reply_header(q, "Idempotent-Replayed", "true");
    return finish(q, once, &msg, sent);
}

/* The message is queued, whatever happens from here on: an answer that asks the caller to try again would make a second one. */
static apr_status_t follow(twc_req_t *q, const twc_once_t *once, const twc_queued_t *queued, twc_sent_fn sent)
{
    twc_msg_t msg = { .id = queued->id, .from = queued->from, .to = queued->to, .status = queued->status, .uuid = queued->uuid };
    twc_msg_t known;
    bool done;

    if (strcmp(queued->status, "queued") == 0)
        (void)twc_work_await(q->tenant->work, q->ctx, queued->id, q->tenant->conf->send_wait, &done);
    if (twc_msg_load(q->ctx, queued->id, &known) == APR_SUCCESS)
        msg = known;
    else
        twc_problem_clear(q->ctx);
    return finish(q, once, &msg, sent);
}

apr_status_t twc_send(twc_req_t *q, twc_draft_t *draft, twc_sent_fn sent)
{
    queueing_t job = { .draft = draft };
    twc_once_t once;

    draft->source = twc_send_from_page(q) ? "page" : "api";
    draft->priority = TWC_PRIORITY_NORMAL;
    draft->keep_refused = true;         /* a send that failed, whenever that is found out */
    TWC_TRY(twc_once_run(q, &once, queue, &job));
    if (once.answered)
        return APR_SUCCESS;
    if (once.repeated)
        return answer_for_first(q, &once, sent);
    twc_work_wake(q->tenant->work, q->ctx->wake);
    q->ctx->wake = 0;
    return follow(q, &once, &job.queued, sent);
}
