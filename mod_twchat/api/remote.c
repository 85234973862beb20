/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * remote.c - asks Twilio on behalf of a caller and keeps what it said.
 * Must never put what a caller wrote into a URL unless it has the form of a SID.
 * Called by flask_chat.c and sms_store.c.
 */
#include "api/remote.h"
#include "glue/reply.h"
#include "util/text.h"

static apr_status_t check_sid(twc_req_t *q, const char *sid)
{
    if (strlen(sid) == 34 && (strncmp(sid, "SM", 2) == 0 || strncmp(sid, "MM", 2) == 0)
        && strspn(sid + 2, "0123456789abcdefABCDEF") == 32)
        return APR_SUCCESS;
    return twc_problem(q->ctx, APR_ENOENT, "sid_invalid", "'%s' is no message SID.", twc_text_head(q->r->pool, sid, 40));
}

apr_status_t twc_remote_failed(twc_req_t *q, apr_status_t rv, int status)
{
    static const char *const of_twilio[] = { "twilio_", "not_found", "not_configured", "sid_invalid" };
    const char *code = q->ctx->problem->code ? q->ctx->problem->code : "";

    for (size_t i = 0; i < sizeof(of_twilio) / sizeof(of_twilio[0]); i++)
        if (strncmp(code, of_twilio[i], strlen(of_twilio[i])) == 0)
            return twc_reply_error(q, status, q->ctx->problem->detail);
    return rv;
}

apr_status_t twc_remote_list(twc_req_t *q, const twc_remote_filter_t *filter,
                             const twc_remote_msg_t ***msgs, int *count)
{
    TWC_TRY(twc_client_list(q->ctx, filter, msgs, count));
    return *count ? twc_msg_seen(q->ctx, *msgs, *count) : APR_SUCCESS;
}

apr_status_t twc_remote_fetch(twc_req_t *q, const char *sid, twc_remote_msg_t *msg)
{
    const twc_remote_msg_t *seen = msg;

    TWC_TRY(check_sid(q, sid));
    TWC_TRY(twc_client_fetch(q->ctx, sid, msg));
    return twc_msg_seen(q->ctx, &seen, 1);
}

/* Gone at Twilio, perhaps by an earlier try of the same: what counts then is whether we hold it. */
static apr_status_t load_gone(twc_req_t *q, const char *sid, twc_msg_t *ours)
{
    twc_problem_t why = *q->ctx->problem;
    apr_status_t rv;

    twc_problem_clear(q->ctx);
    rv = twc_msg_load_sid(q->ctx, sid, ours);
    if (APR_STATUS_IS_ENOENT(rv))
        *q->ctx->problem = why;
    return rv;
}

apr_status_t twc_remote_redact(twc_req_t *q, const char *sid, const char **status)
{
    twc_remote_msg_t theirs = { NULL };
    twc_msg_t ours = { 0 };
    apr_status_t rv;

    TWC_TRY(check_sid(q, sid));
    rv = twc_client_redact(q->ctx, sid, &theirs);
    if (APR_STATUS_IS_ENOENT(rv))
        rv = load_gone(q, sid, &ours);
    if (rv != APR_SUCCESS)
        return rv;
    *status = ours.id ? ours.status : theirs.status;
    return twc_msg_redact(q->ctx, sid);
}

apr_status_t twc_remote_delete(twc_req_t *q, const char *sid)
{
    apr_status_t rv;
    twc_msg_t ours;

    TWC_TRY(check_sid(q, sid));
    rv = twc_client_delete(q->ctx, sid);
    if (APR_STATUS_IS_ENOENT(rv))
        rv = load_gone(q, sid, &ours);
    return rv == APR_SUCCESS ? twc_msg_delete(q->ctx, sid) : rv;
}
