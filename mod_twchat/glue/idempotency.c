/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * idempotency.c - the Idempotency-Key header.
 * Must never let a key of one caller or path touch another's.
 * Called by the routes that send.
 */
#include "glue/idempotency.h"
#include "glue/reply.h"
#include "store/setting.h"

#define KEY_MAX 255

static bool good_key(const char *key)
{
    size_t len = strlen(key);

    for (const char *p = key; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return len > 0 && len <= KEY_MAX;
}

static apr_status_t say(twc_req_t *q, twc_once_t *once, int status, const char *text)
{
    once->answered = true;
    return twc_reply_error(q, status, text);
}

/* The path as called: what an id in it names belongs to the scope, a slash at the end does not. */
static const char *scope_of(twc_req_t *q)
{
    size_t len = strlen(q->r->uri);

    while (len > 1 && q->r->uri[len - 1] == '/')
        len--;
    return apr_psprintf(q->r->pool, "%s %.*s", q->who->name ? q->who->name : "", (int)len, q->r->uri);
}

typedef struct run_t {
    twc_req_t *q;
    twc_once_t *once;
    twc_once_fn fn;
    void *baton;
    twc_idem_e outcome;
    int status;
    const char *answer;
} run_t;

/* Of two that come at once, the second waits in twc_idem_begin until the first has committed. */
static apr_status_t claim_and_queue(twc_ctx_t *ctx, void *baton)
{
    run_t *run = baton;
    twc_once_t *once = run->once;

    once->message_id = 0;
    run->outcome = TWC_IDEM_NEW;
    if (!once->key)
        return run->fn(ctx, run->baton, &once->message_id);
    TWC_TRY(twc_idem_begin(ctx, once->scope, once->key, run->q->body, &run->outcome, &run->status, &run->answer,
                           &once->message_id));
    if (run->outcome != TWC_IDEM_NEW)
        return APR_SUCCESS;
    TWC_TRY(run->fn(ctx, run->baton, &once->message_id));
    return twc_idem_message(ctx, once->scope, once->key, once->message_id);
}

static apr_status_t tell(const run_t *run)
{
    twc_req_t *q = run->q;

    switch (run->outcome) {
    case TWC_IDEM_REPLAY:
        run->once->answered = true;
        twc_reply_header(q, "Idempotent-Replayed", "true");
        return twc_reply_json(q, run->status, run->answer);
    case TWC_IDEM_MISMATCH:
        return say(q, run->once, HTTP_UNPROCESSABLE_ENTITY, "This Idempotency-Key was used with another request.");
    default:
        run->once->repeated = run->outcome == TWC_IDEM_RUNNING;
        return APR_SUCCESS;
    }
}

apr_status_t twc_once_run(twc_req_t *q, twc_once_t *once, twc_once_fn fn, void *baton)
{
    run_t run = { .q = q, .once = once, .fn = fn, .baton = baton };

    *once = (twc_once_t){ .key = twc_req_header(q, "Idempotency-Key") };
    if (once->key && !good_key(once->key))
        return say(q, once, HTTP_BAD_REQUEST, "Idempotency-Key must be 1 to 255 printable characters.");
    once->scope = once->key ? scope_of(q) : NULL;
    TWC_TRY(twc_tx_run(q->ctx, claim_and_queue, &run));
    return tell(&run);
}

void twc_once_finish(twc_req_t *q, const twc_once_t *once, int status, const char *answer)
{
    twc_problem_t before = *q->ctx->problem;

    if (once->key && twc_idem_finish(q->ctx, once->scope, once->key, status, answer) != APR_SUCCESS)
        *q->ctx->problem = before;
}
