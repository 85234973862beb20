/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.c - reading and verifying calls from Twilio.
 * Must never believe a parameter before the signature over the exact bytes was checked.
 * Called by the webhooks of messages, statuses and voice.
 */
#include <httpd.h>
#include <http_protocol.h>

#include "domain/call.h"
#include "glue/module.h"
#include "glue/reply.h"
#include "glue/status.h"
#include "twilio/signature.h"
#include "util/mask.h"
#include "util/text.h"
#include "webhook/webhook.h"

#define NAME_MAX_BYTES 128              /* of a parameter; the longest Twilio sends has about 30 */

static const twc_form_t no_form = { NULL, 0 };

/* ---- reading ---------------------------------------------------------------- */

static bool is_type(twc_req_t *q, const char *wanted)
{
    const char *type = twc_req_header(q, "Content-Type");
    size_t len = strlen(wanted);

    return type && ap_cstr_casecmpn(type, wanted, len) == 0
        && (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

/* Without a type there is nothing but form parameters, or nothing at all. */
static bool is_form(twc_req_t *q)
{
    return is_type(q, "application/x-www-form-urlencoded") || !twc_req_header(q, "Content-Type");
}

static void read_json(twc_req_t *q, twc_webhook_t *hook)
{
    json_t *json = q->body.len ? twc_json_object(q->r->pool, q->body, &hook->twice) : NULL;

    hook->form = &no_form;
    hook->bad_json = !json;
    if (json) {
        hook->form = twc_call_form_of_json(q->r->pool, json);
        json_decref(json);
    }
}

/* @param what  out: the part of the request that the signature covers beside the URL */
static apr_status_t read_parameters(twc_req_t *q, twc_webhook_t *hook, twc_signed_t *what)
{
    if (q->r->method_number == M_GET) {
        hook->form = q->query;
        return APR_SUCCESS;
    }
    if (is_form(q)) {
        TWC_TRY(twc_form_parse(q->r->pool, q->body.data, q->body.len, &hook->form));
        what->form = hook->form;
        return APR_SUCCESS;
    }
    what->body = q->body;
    read_json(q, hook);
    return APR_SUCCESS;
}

static twc_call_t *describe(twc_req_t *q, const char *kind)
{
    apr_pool_t *pool = q->r->pool;
    twc_call_t *call = apr_pcalloc(pool, sizeof(*call));
    const char *raw = q->r->method_number == M_GET ? (q->r->args ? q->r->args : "") : q->body.data;
    apr_size_t len = q->r->method_number == M_GET ? strlen(raw) : q->body.len;
    const char *type = twc_req_header(q, "Content-Type"), *url = twc_req_url(q);

    call->interface = twc_interfaces[q->match->interface].name;
    call->kind = kind;
    call->method = q->r->method_number == M_GET ? "GET" : q->r->method;    /* HEAD is a GET to everybody who reads it */
    call->url = twc_text_clean(pool, url, strlen(url));
    call->remote_addr = q->r->useragent_ip;
    call->content_type = type ? twc_text_clean(pool, type, strlen(type)) : NULL;
    call->raw = twc_text_clean(pool, apr_pstrmemdup(pool, raw, len), len);
    call->received_at = q->received_at;
    return call;
}

/* ---- verifying ------------------------------------------------------------------ */

/* A token signs for its own account only, so calls of another account are nobody's. */
static bool foreign_account(twc_req_t *q, const twc_form_t *form)
{
    const char *account = twc_form_text(q->r->pool, form, "AccountSid");

    return account && *account && q->tenant->conf->account_sid
        && strcmp(account, q->tenant->conf->account_sid) != 0;
}

/* Between names and values a signature knows no border: a long value could be hidden in a name. Twilio's are short. */
static bool odd_name(const twc_form_t *form)
{
    for (int i = 0; i < form->count; i++)
        if (form->pairs[i].name.len > NAME_MAX_BYTES)
            return true;
    return false;
}

/* NULL: it is Twilio's; else the reason why not. */
static const char *verify(twc_req_t *q, const twc_webhook_t *hook, twc_signed_t *what)
{
    twc_sig_verdict_e verdict;

    what->url = twc_req_url(q);
    verdict = twc_signature_check(q->r->pool, q->tenant->conf->auth_tokens, TWC_TOKENS_MAX,
                                  twc_req_header(q, "X-Twilio-Signature"), what);
    if (verdict != TWC_SIG_OK)
        return twc_signature_reason(verdict);
    if (odd_name(hook->form))
        return "a parameter's name is too long";
    return foreign_account(q, hook->form) ? "account is not ours" : NULL;
}

static void tell_about(twc_req_t *q, const char *event, const char *kind, const char *reason, const char *sid)
{
    twc_log_t *log = q->tenant->server_conf->log;

    if (log)
        twc_log_event(log, q->r->pool, q->tenant->conf->tenant, "webhook", event,
                      "interface", twc_interfaces[q->match->interface].name, "kind", kind, "reason", reason,
                      "sid", sid ? twc_mask_sid(q->r->pool, sid) : NULL, "remote", q->r->useragent_ip, NULL);
}

static void tell(twc_req_t *q, const char *event, const char *kind, const char *reason)
{
    tell_about(q, event, kind, reason, NULL);
}

static void count(twc_req_t *q, twc_count_e which)
{
    twc_counters_add(q->tenant->server_conf->counters, which);
}

static apr_status_t refuse(twc_req_t *q, const twc_webhook_t *hook, const char *reason, const twc_said_t *forbidden)
{
    count(q, TWC_COUNT_REFUSED);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, q->r, "TWC1040: %s %s refused: %s", hook->call->interface,
                  hook->call->kind, reason);
    tell(q, "refused", hook->call->kind, reason);
    twc_work_journal(q->tenant->work, hook->call, "refused", reason, NULL);
    return twc_webhook_say(q, forbidden);
}

/* What was not read cannot be checked either. */
static apr_status_t refuse_unread(twc_req_t *q, const twc_webhook_t *hook, int status, const char *why)
{
    count(q, TWC_COUNT_REFUSED);
    tell(q, "refused", hook->call->kind, why);
    twc_work_journal(q->tenant->work, hook->call, "refused", why, NULL);
    return twc_reply_error(q, status, why);
}

apr_status_t twc_webhook_receive(twc_req_t *q, const char *kind, const twc_said_t *forbidden,
                                 twc_webhook_t *hook, bool *mine)
{
    twc_signed_t what = { NULL };
    const char *reason;

    *hook = (twc_webhook_t){ .call = describe(q, kind), .form = &no_form };
    *mine = false;
    if (q->unread)
        return refuse_unread(q, hook, q->unread, q->unread_why);
    if (read_parameters(q, hook, &what) != APR_SUCCESS)
        return refuse_unread(q, hook, HTTP_REQUEST_ENTITY_TOO_LARGE, "The request has too many parameters.");
    *mine = true;
    if (q->dir->signature == TWC_SIGNATURE_OFF)
        return APR_SUCCESS;
    if (!(reason = verify(q, hook, &what)))
        return APR_SUCCESS;
    if (q->dir->signature == TWC_SIGNATURE_REPORT) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, q->r, "TWC1041: %s %s would be refused: %s",
                      hook->call->interface, kind, reason);
        tell(q, "reported", kind, reason);
        hook->call->note = reason;
        return APR_SUCCESS;
    }
    *mine = false;
    return refuse(q, hook, reason, forbidden);
}

/* ---- answering -------------------------------------------------------------------- */

apr_status_t twc_webhook_say(twc_req_t *q, const twc_said_t *said)
{
    if (said->body)
        return twc_reply(q, said->status, said->type, said->body, strlen(said->body));
    return twc_reply_error(q, said->status, q->ctx->problem->detail);
}

apr_status_t twc_webhook_invalid(twc_req_t *q, const twc_webhook_t *hook, const char *sid, const twc_said_t *said)
{
    const char *reason;

    if (hook->bad_json) {               /* then it is no wonder that parameters are missing */
        twc_problem_clear(q->ctx);
        (void)twc_json_refused(q->ctx, hook->twice);
    }
    reason = q->ctx->problem->detail;
    count(q, TWC_COUNT_INVALID);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, q->r, "TWC1042: %s %s invalid: %s", hook->call->interface,
                  hook->call->kind, reason);
    tell(q, "invalid", hook->call->kind, reason);
    twc_work_journal(q->tenant->work, hook->call, "invalid", reason, sid);
    return twc_webhook_say(q, said);
}

void twc_webhook_taken(twc_req_t *q, const twc_webhook_t *hook, const char *sid, twc_taken_e how)
{
    static const struct {
        twc_count_e counter;
        const char *verdict;
    } takens[] = {
        [TWC_TAKEN_NEW] = { TWC_COUNT_ACCEPTED, "accepted" },
        [TWC_TAKEN_DUPLICATE] = { TWC_COUNT_DUPLICATE, "duplicate" },
        [TWC_TAKEN_SPOOLED] = { TWC_COUNT_SPOOLED, "spooled" },
    };

    count(q, takens[how].counter);
    tell_about(q, takens[how].verdict, hook->call->kind, NULL, sid);
}

void twc_webhook_failed(twc_req_t *q, const twc_webhook_t *hook, const char *sid)
{
    const twc_problem_t *p = q->ctx->problem;

    count(q, TWC_COUNT_FAILED);
    tell(q, "failed", hook->call->kind, p->code);
    twc_work_journal(q->tenant->work, hook->call, "failed", p->detail ? p->detail : p->code, sid);
}
