/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * client.c - requests to Twilio's REST API and plain calls of it.
 * Must never put credentials into a URL, nor show Twilio's account answer to anybody: it holds the token.
 * Called by api/, work/ and twchatctl.
 */
#include <string.h>

#include "remote/http.h"
#include "twilio/error.h"
#include "twilio/read.h"
#include "util/clock.h"
#include "util/form.h"
#include "util/text.h"

#define PAGE_MAX    1000                /* Twilio's own bound */
#define LIST_BYTES  (8 * 1024 * 1024)   /* a page of a thousand long messages */

void twc_client_credentials(const twc_conf_t *conf, const char **user, const char **password)
{
    bool key = conf->api_key_sid && conf->api_key_secret;

    *user = key ? conf->api_key_sid : conf->account_sid;
    *password = key ? conf->api_key_secret : conf->auth_tokens[0];
    if (!conf->account_sid || !*password)
        *user = *password = NULL;
}

static const char *account_url(apr_pool_t *pool, const twc_conf_t *conf, const char *rest)
{
    return apr_pstrcat(pool, conf->api_base, "/2010-04-01/Accounts/", conf->account_sid, rest, NULL);
}

/* ---- form bodies --------------------------------------------------------------------- */

static const char *field(apr_pool_t *pool, const char *name, const char *value)
{
    return value ? apr_pstrcat(pool, "&", name, "=", twc_form_escape(pool, value), NULL) : "";
}

void twc_client_create_request(apr_pool_t *pool, const twc_conf_t *conf, const twc_create_t *c,
                               const char **url, const char **form)
{
    const char *media = "";

    for (int i = 0; i < c->num_media; i++)
        media = apr_pstrcat(pool, media, field(pool, "MediaUrl", c->media_urls[i]), NULL);
    *url = account_url(pool, conf, "/Messages.json");
    *form = apr_pstrcat(pool, "To=", twc_form_escape(pool, c->to), field(pool, "From", c->from),
                        field(pool, "MessagingServiceSid", c->service_sid),
                        field(pool, "Body", c->body && *c->body ? c->body : NULL), media,
                        field(pool, "ContentSid", c->content_sid),
                        field(pool, "ContentVariables", c->content_variables),
                        field(pool, "StatusCallback", c->status_callback), NULL);
}

/* ---- one call ------------------------------------------------------------------------- */

/* Why Twilio said no, for people: our own words for a number we know, else Twilio's. */
static apr_status_t refused(twc_ctx_t *ctx, const twc_http_answer_t *answer)
{
    const json_t *o = twc_read_object(ctx->pool, answer->data, answer->len);
    int code = o ? twc_read_int(o, "code") : 0;
    const twc_error_info_t *info = twc_error_info(code, answer->status);
    const char *said = o ? twc_read_text(ctx->pool, o, "message") : NULL;
    const char *detail = info->code == 0 && said ? said : info->reason;
    apr_status_t rv;

    if (answer->status == 404)
        rv = twc_problem(ctx, APR_ENOENT, "not_found", "Twilio does not have this.");
    else if (answer->status == 401 || answer->status == 403)
        rv = twc_problem(ctx, APR_EACCES, "twilio_credentials", "Twilio does not accept the credentials of this site.");
    else if (answer->status == 429 || answer->status >= 500)
        rv = twc_problem(ctx, APR_EAGAIN, "twilio_busy", "Twilio cannot answer right now; try again in a moment.");
    else if (answer->status < 400)
        rv = twc_problem(ctx, APR_EGENERAL, "twilio_answer", "Twilio's answer could not be understood.");
    else
        rv = twc_problem(ctx, APR_EINVAL, "twilio_refused", "%s", detail);
    if (ctx->problem->twilio_code == 0)
        ctx->problem->twilio_code = code;
    return rv;
}

static apr_status_t no_answer(twc_ctx_t *ctx, apr_status_t rv, const twc_http_answer_t *answer)
{
    ctx->problem->internal = answer->error;
    if (rv == APR_TIMEUP)
        return twc_problem(ctx, rv, "twilio_timeout", "Twilio did not answer in time.");
    return twc_problem(ctx, rv, "twilio_unreachable", "Twilio cannot be reached right now.");
}

static bool stop_asked(void *baton)
{
    const twc_ctx_t *ctx = baton;

    return ctx->stop(ctx->stop_baton);
}

/* APR_SUCCESS for 2xx only. */
static apr_status_t call_url(twc_ctx_t *ctx, const char *method, const char *url, const char *form,
                             twc_http_answer_t *answer)
{
    twc_http_request_t request = { .method = method, .url = url, .body = form, .answer_max = LIST_BYTES,
                                   .timeout = ctx->conf->send_timeout };
    apr_status_t rv;

    twc_client_credentials(ctx->conf, &request.user, &request.password);
    if (!request.user)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "No Twilio account is configured.");
    rv = twc_http_call(ctx->pool, &request, ctx->stop ? stop_asked : NULL, ctx, answer);
    if (rv != APR_SUCCESS)
        return no_answer(ctx, rv, answer);
    return answer->status >= 200 && answer->status < 300 ? APR_SUCCESS : refused(ctx, answer);
}

static apr_status_t call(twc_ctx_t *ctx, const char *method, const char *rest, const char *form,
                         twc_http_answer_t *answer)
{
    if (!ctx->conf->account_sid)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "No Twilio account is configured.");
    return call_url(ctx, method, account_url(ctx->pool, ctx->conf, rest), form, answer);
}

static apr_status_t not_understood(twc_ctx_t *ctx)
{
    return twc_problem(ctx, APR_EGENERAL, "twilio_answer", "Twilio's answer could not be understood.");
}

static apr_status_t object_of(twc_ctx_t *ctx, const twc_http_answer_t *answer, const json_t **object)
{
    *object = twc_read_object(ctx->pool, answer->data, answer->len);
    return *object ? APR_SUCCESS : not_understood(ctx);
}

/* ---- messages ---------------------------------------------------------------------------- */

static const char *time_field(apr_pool_t *pool, const char *name, apr_time_t t)
{
    return t ? apr_pstrcat(pool, "&", name, "=", twc_url_escape(pool, apr_pstrcat(pool, twc_clock_iso(pool, t), "Z", NULL)),
                           NULL) : "";
}

const char *twc_client_list_url(apr_pool_t *pool, const twc_conf_t *conf, const twc_remote_filter_t *f, int page_size)
{
    const char *day = f->sent_on ? apr_pstrndup(pool, twc_clock_iso(pool, f->sent_on), 10) : NULL;
    const char *query = apr_psprintf(pool, "?PageSize=%d", page_size);

    query = apr_pstrcat(pool, query, field(pool, "To", f->to), field(pool, "From", f->from), field(pool, "DateSent", day),
                        time_field(pool, "DateSent%3C", f->sent_before), time_field(pool, "DateSent%3E", f->sent_after), NULL);
    return account_url(pool, conf, apr_pstrcat(pool, "/Messages.json", query, NULL));
}

apr_status_t twc_client_list(twc_ctx_t *ctx, const twc_remote_filter_t *filter,
                             const twc_remote_msg_t ***msgs, int *count)
{
    int limit = filter->limit > 0 ? filter->limit : 50;
    apr_array_header_t *all = apr_array_make(ctx->pool, 50, sizeof(const twc_remote_msg_t *));
    const char *url;

    if (!ctx->conf->account_sid)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "No Twilio account is configured.");
    url = twc_client_list_url(ctx->pool, ctx->conf, filter, limit < PAGE_MAX ? limit : PAGE_MAX);
    while (url && all->nelts < limit) {
        twc_http_answer_t answer;
        int before = all->nelts;

        TWC_TRY(call_url(ctx, "GET", url, NULL, &answer));
        if (twc_client_read_list(ctx->pool, ctx->conf, answer.data, answer.len, all, &url) != APR_SUCCESS)
            return not_understood(ctx);
        if (all->nelts == before)
            break;                      /* an empty page that names a next one would lead us round for ever */
    }
    *msgs = (const twc_remote_msg_t **)all->elts;
    *count = all->nelts < limit ? all->nelts : limit;
    return APR_SUCCESS;
}

static const char *message_path(apr_pool_t *pool, const char *sid)
{
    return apr_pstrcat(pool, "/Messages/", twc_url_escape(pool, sid), ".json", NULL);
}

static apr_status_t message_call(twc_ctx_t *ctx, const char *method, const char *sid, const char *form,
                                 twc_remote_msg_t *msg)
{
    twc_http_answer_t answer;
    const json_t *o;

    TWC_TRY(call(ctx, method, message_path(ctx->pool, sid), form, &answer));
    TWC_TRY(object_of(ctx, &answer, &o));
    twc_read_message(ctx->pool, o, msg);
    return msg->sid ? APR_SUCCESS : not_understood(ctx);
}

apr_status_t twc_client_fetch(twc_ctx_t *ctx, const char *sid, twc_remote_msg_t *msg)
{
    return message_call(ctx, "GET", sid, NULL, msg);
}

apr_status_t twc_client_redact(twc_ctx_t *ctx, const char *sid, twc_remote_msg_t *msg)
{
    return message_call(ctx, "POST", sid, "Body=", msg);
}

apr_status_t twc_client_delete(twc_ctx_t *ctx, const char *sid)
{
    twc_http_answer_t answer;

    return call(ctx, "DELETE", message_path(ctx->pool, sid), NULL, &answer);
}

/* ---- account ------------------------------------------------------------------------------- */

apr_status_t twc_client_balance(twc_ctx_t *ctx, const char **balance, const char **currency)
{
    twc_http_answer_t answer;
    const json_t *o;

    TWC_TRY(call(ctx, "GET", "/Balance.json", NULL, &answer));
    TWC_TRY(object_of(ctx, &answer, &o));
    *balance = twc_read_text(ctx->pool, o, "balance");
    *currency = twc_read_text(ctx->pool, o, "currency");
    return *balance ? APR_SUCCESS : not_understood(ctx);
}

apr_status_t twc_client_account(twc_ctx_t *ctx, const char **status, const char **type)
{
    twc_http_answer_t answer;
    const json_t *o;

    TWC_TRY(call(ctx, "GET", ".json", NULL, &answer));
    TWC_TRY(object_of(ctx, &answer, &o));
    *status = twc_read_text(ctx->pool, o, "status");
    *type = twc_read_text(ctx->pool, o, "type");
    return *status ? APR_SUCCESS : not_understood(ctx);
}

static void read_number(apr_pool_t *pool, const json_t *o, twc_number_t *n)
{
    *n = (twc_number_t){ .sid = twc_read_text(pool, o, "sid"), .number = twc_read_text(pool, o, "phone_number"),
                         .sms_url = twc_read_text(pool, o, "sms_url"), .sms_method = twc_read_text(pool, o, "sms_method"),
                         .status_callback = twc_read_text(pool, o, "status_callback") };
}

apr_status_t twc_client_numbers(twc_ctx_t *ctx, const twc_number_t **numbers, int *count)
{
    apr_array_header_t *all = apr_array_make(ctx->pool, 16, sizeof(twc_number_t));
    const char *url;

    if (!ctx->conf->account_sid)
        return twc_problem(ctx, APR_EGENERAL, "not_configured", "No Twilio account is configured.");
    url = account_url(ctx->pool, ctx->conf, "/IncomingPhoneNumbers.json?PageSize=1000");
    while (url) {
        twc_http_answer_t answer;
        const json_t *list, *items, *item;
        size_t i;

        TWC_TRY(call_url(ctx, "GET", url, NULL, &answer));
        TWC_TRY(object_of(ctx, &answer, &list));
        items = json_object_get(list, "incoming_phone_numbers");
        if (!json_is_array(items))
            return not_understood(ctx);
        json_array_foreach(items, i, item)
            read_number(ctx->pool, item, apr_array_push(all));
        url = json_array_size(items) > 0 ? twc_read_next(ctx->pool, ctx->conf, list) : NULL;
    }
    *numbers = (const twc_number_t *)all->elts;
    *count = all->nelts;
    return APR_SUCCESS;
}

apr_status_t twc_client_number_update(twc_ctx_t *ctx, const char *number_sid, const char *sms_url,
                                      const char *status_callback)
{
    apr_pool_t *p = ctx->pool;
    twc_http_answer_t answer;
    const char *form = apr_pstrcat(p, "SmsMethod=POST", field(p, "SmsUrl", sms_url),
                                   field(p, "StatusCallback", status_callback), NULL);

    return call(ctx, "POST", apr_pstrcat(p, "/IncomingPhoneNumbers/", twc_url_escape(p, number_sid), ".json", NULL),
                form, &answer);
}
