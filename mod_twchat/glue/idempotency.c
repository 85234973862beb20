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

apr_status_t twc_once_begin(twc_req_t *q, twc_once_t *once)
{
    twc_idem_e outcome;
    const char *answer;
    int status;

    *once = (twc_once_t){ .key = twc_req_header(q, "Idempotency-Key") };
    if (!once->key)
        return APR_SUCCESS;
    if (!good_key(once->key))
        return say(q, once, HTTP_BAD_REQUEST, "Idempotency-Key must be 1 to 255 printable characters.");
    once->scope = scope_of(q);
    TWC_TRY(twc_idem_begin(q->ctx, once->scope, once->key, q->body, &outcome, &status, &answer, &once->message_id));
    switch (outcome) {
    case TWC_IDEM_REPLAY:
        once->answered = true;
        twc_reply_header(q, "Idempotent-Replayed", "true");
        return twc_reply_json(q, status, answer);
    case TWC_IDEM_MISMATCH:
        return say(q, once, HTTP_UNPROCESSABLE_ENTITY, "This Idempotency-Key was used with another request.");
    case TWC_IDEM_RUNNING:
        if (!once->message_id)
            return say(q, once, HTTP_CONFLICT, "The first request with this Idempotency-Key is still running.");
        return APR_SUCCESS;
    default:
        once->message_id = 0;
        return APR_SUCCESS;
    }
}

apr_status_t twc_once_message(twc_req_t *q, const twc_once_t *once, apr_int64_t message_id)
{
    return once->key ? twc_idem_message(q->ctx, once->scope, once->key, message_id) : APR_SUCCESS;
}

apr_status_t twc_once_finish(twc_req_t *q, const twc_once_t *once, int status, const char *answer)
{
    return once->key ? twc_idem_finish(q->ctx, once->scope, once->key, status, answer) : APR_SUCCESS;
}

apr_status_t twc_once_forget(twc_req_t *q, const twc_once_t *once, apr_status_t rv)
{
    twc_problem_t why = *q->ctx->problem;

    twc_problem_clear(q->ctx);
    (void)twc_once_finish(q, once, 0, NULL);    /* it expires by itself too */
    *q->ctx->problem = why;
    return rv;
}
