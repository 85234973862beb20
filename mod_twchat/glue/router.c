/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * router.c - one request from httpd's first phase to its answer.
 * Must never let an endpoint run that the caller may not use, nor log what a message says.
 * Called by httpd's hooks (mod_twchat.c).
 */
#include <httpd.h>
#include <ap_expr.h>
#include <apr_uuid.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "glue/admit.h"
#include "glue/module.h"
#include "glue/principal.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "glue/router.h"
#include "glue/status.h"

/* What an early phase found, for the later ones. */
typedef struct found_t {
    const twc_mount_t *mount;
    twc_match_t match;
} found_t;

/* ---- finding ------------------------------------------------------------------ */

static unsigned method_bit(const request_rec *r)
{
    switch (r->method_number) {
    case M_GET:    return TWC_GET;      /* HEAD too */
    case M_POST:   return TWC_POST;
    case M_DELETE: return TWC_DELETE;
    case M_PUT:    return TWC_PUT;
    case M_PATCH:  return TWC_PATCH;
    default:       return 0;
    }
}

/* "application/json" without HTML or anything else that would do. */
static bool wants_json_only(const request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, "application/json") && !ap_strcasestr(accept, "text/html")
        && !ap_strstr_c(accept, "*/*");
}

static const found_t *find(request_rec *r)
{
    const twc_dir_conf_t *dir = twc_config_dir(r);
    found_t *found = ap_get_module_config(r->request_config, &twchat_module);

    if (!dir || !dir->mount)
        return NULL;
    if (found && found->mount == dir->mount)
        return found;
    found = apr_pcalloc(r->pool, sizeof(*found));
    found->mount = dir->mount;
    twc_route_find(r->pool, dir->mount, r->uri, method_bit(r), wants_json_only(r), &found->match);
    ap_set_module_config(r->request_config, &twchat_module, found);
    return found;
}

/* Before the handler phase only the configuration says who will answer: SetHandler keeps an expression. */
static bool is_ours(request_rec *r)
{
    const twc_dir_conf_t *dir = twc_config_dir(r);
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *wrong = NULL, *handler;

    if (!dir || !dir->mount || !core || !core->expr_handler)
        return false;
    handler = ap_expr_str_exec(r, core->expr_handler, &wrong);
    return !wrong && handler && strcmp(handler, TWC_HANDLER) == 0;
}

static const found_t *find_ours(request_rec *r)
{
    return is_ours(r) ? find(r) : NULL;
}

static const twc_route_t *route_of(const found_t *found)
{
    return found && found->match.row >= 0 ? &twc_routes[found->match.row] : NULL;
}

static bool is_preflight(const request_rec *r, const found_t *found)
{
    return r->method_number == M_OPTIONS && found->match.allow
        && twc_interfaces[found->match.interface].cors && apr_table_get(r->headers_in, "Origin");
}

bool twc_router_serves(request_rec *r)
{
    return is_ours(r);
}

/* What is ours has no file: else mod_dir, say, would answer for a directory of the DocumentRoot that happens to have the
 * name. httpd takes what <Location> says away for this phase, so it is looked up again; whoever comes next finds it as it was. */
int twc_router_map(request_rec *r)
{
    ap_conf_vector_t *kept = r->per_dir_config;
    int rv = ap_location_walk(r);

    if (rv == OK && !is_ours(r))
        rv = DECLINED;
    r->per_dir_config = kept;
    return rv;
}

/* ---- correlation ----------------------------------------------------------------- */

#define CORRELATION "X-Correlation-ID"

/* The caller's, when it is one that fits into a log line; else ours. */
static const char *make_correlation_id(request_rec *r)
{
    const char *given = apr_table_get(r->headers_in, CORRELATION);
    apr_size_t len = given ? strlen(given) : 0;
    char text[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t uuid;

    if (len && len <= 128 && strspn(given, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") == len)
        return given;
    apr_uuid_get(&uuid);
    apr_uuid_format(text, &uuid);
    return apr_pstrdup(r->pool, text);
}

/* Said early, so that it stands in what httpd itself answers, too. */
static const char *correlation_id(request_rec *r)
{
    const char *id = apr_table_get(r->err_headers_out, CORRELATION);

    if (!id) {
        id = make_correlation_id(r);
        apr_table_setn(r->err_headers_out, CORRELATION, id);
    }
    return id;
}

/* The path is not looked at: another module may be about to rewrite it. */
int twc_router_translate(request_rec *r)
{
    if (is_ours(r))
        (void)correlation_id(r);
    return DECLINED;
}

int twc_router_access(request_rec *r)
{
    const found_t *found = find_ours(r);
    const twc_route_t *route = route_of(found);

    if (route && twc_route_is_open(route))
        return OK;
    return found && is_preflight(r, found) ? OK : DECLINED;
}

/* ---- who ------------------------------------------------------------------------- */

#define WORDS "twchat-words"            /* a note: what to say instead of what httpd would */

static int unavailable(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Retry-After", "2");
    return HTTP_SERVICE_UNAVAILABLE;
}

/* Nobody can say who that is: not now, or because it was asked too often. */
static int no_answer(request_rec *r, const twc_ctx_t *ctx)
{
    if (!ctx->problem->wait)
        return unavailable(r);
    twc_reply_retry_after(r, ctx->problem->wait);
    apr_table_setn(r->notes, WORDS, ctx->problem->detail);
    return HTTP_TOO_MANY_REQUESTS;
}

/* Whose AuthType is ours signs in here; elsewhere a credential of ours is believed before Apache asks for another. */
int twc_router_authn(request_rec *r)
{
    const char *type = ap_auth_type(r), *reason;
    bool ours = type && ap_cstr_casecmp(type, TWC_HANDLER) == 0;
    const twc_principal_t *who;
    twc_tenant_t *tenant;
    twc_ctx_t ctx;

    if ((!find_ours(r) && !ours) || (!ours && !twc_principal_presents(r)) || !(tenant = twc_tenant_of(r->server)))
        return DECLINED;
    if (!twc_tenant_ready(tenant, &reason))
        return unavailable(r);
    twc_tenant_ctx(tenant, &ctx, r->pool);
    if (twc_principal_resolve(r, tenant, &ctx, twc_config_dir(r), &who) != APR_SUCCESS)
        return no_answer(r, &ctx);
    if (who->kind == TWC_WHO_NOBODY && !who->refused && !ours)
        return DECLINED;                /* a cookie that is no longer good: whom does Apache know? */
    if (who->kind == TWC_WHO_NOBODY) {
        apr_table_setn(r->err_headers_out, "WWW-Authenticate", "Bearer");
        if (find_ours(r))
            apr_table_setn(r->notes, WORDS, twc_admit_words(find(r)->match.interface, who));
        return HTTP_UNAUTHORIZED;
    }
    r->user = (char *)who->name;
    r->ap_auth_type = (char *)TWC_HANDLER;
    return OK;
}

/* ---- the way through ---------------------------------------------------------------- */

/* What a page of this origin is told: "*", its own name, or NULL where it may not read our answers. */
static const char *allowed_origin(const twc_req_t *q, const char *origin)
{
    const apr_array_header_t *allowed = q->tenant->server_conf->set.allow_origins;

    for (int i = 0; origin && i < allowed->nelts; i++) {
        const char *one = APR_ARRAY_IDX(allowed, i, const char *);
        if (strcmp(one, "*") == 0 || strcmp(one, origin) == 0)
            return one;
    }
    return NULL;
}

static void say_cors(twc_req_t *q)
{
    const char *allowed;

    if (!twc_interfaces[q->match->interface].cors)
        return;
    apr_table_mergen(q->r->err_headers_out, "Vary", "Origin");      /* for caches, also where nobody asked from another site */
    allowed = allowed_origin(q, twc_req_header(q, "Origin"));
    if (allowed)
        twc_reply_header(q, "Access-Control-Allow-Origin", allowed);
}

static apr_status_t answer_options(twc_req_t *q)
{
    const char *allow = twc_methods_allow(q->r->pool, q->match->allow);

    twc_reply_header(q, "Allow", allow);
    if (apr_table_get(q->r->err_headers_out, "Access-Control-Allow-Origin")) {
        twc_reply_header(q, "Access-Control-Allow-Methods", allow);
        twc_reply_header(q, "Access-Control-Allow-Headers",
                         "Authorization, Content-Type, Idempotency-Key, X-API-Key");
        twc_reply_header(q, "Access-Control-Max-Age", "600");
    }
    q->replied = true;
    q->r->status = HTTP_NO_CONTENT;
    ap_set_content_length(q->r, 0);
    return APR_SUCCESS;
}

static apr_status_t answer_no_route(twc_req_t *q)
{
    if (!q->match->allow)
        return twc_reply_error(q, HTTP_NOT_FOUND, "Not Found");
    if (q->r->method_number == M_OPTIONS)
        return answer_options(q);
    twc_reply_header(q, "Allow", twc_methods_allow(q->r->pool, q->match->allow));
    return twc_reply_error(q, HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");
}

static bool wants_database(const twc_req_t *q)
{
    return q->route->access != TWC_OPEN && !q->route->page;
}

/* A webhook can wait in the spool for the database; but first it gives a child that has just begun its moment. */
static bool can_go_on(twc_req_t *q, const char **reason)
{
    return !wants_database(q) || twc_tenant_ready(q->tenant, reason)
        || (q->route->access == TWC_TWILIO && twc_work_has_spool(q->tenant->work));
}

static void note_unread(twc_req_t *q, int rc, apr_size_t max)
{
    q->unread = rc >= 400 ? rc : HTTP_BAD_REQUEST;
    if (rc == HTTP_REQUEST_ENTITY_TOO_LARGE) {
        q->unread_why = apr_psprintf(q->r->pool, "The request body is larger than %" APR_SIZE_T_FMT " bytes.", max);
        return;
    }
    q->unread_why = "The request body could not be read.";
    q->r->connection->keepalive = AP_CONN_CLOSE;    /* where the next request begins is anybody's guess */
}

/* A webhook is told: it has a journal to keep of all that came. */
static apr_status_t read_body(twc_req_t *q, bool *good)
{
    apr_size_t max = q->tenant->conf->body_max;
    int rc;

    *good = true;
    if (q->route->body == TWC_BODY_NONE)
        return APR_SUCCESS;
    if (q->route->body_max && q->route->body_max < max)
        max = q->route->body_max;
    rc = twc_req_read(q, max);
    if (rc != OK)
        note_unread(q, rc, max);
    if (q->route->body == TWC_BODY_WEBHOOK)
        return APR_SUCCESS;
    if (rc == OK)
        return twc_req_json(q);
    *good = false;
    return twc_reply_error(q, q->unread, q->unread_why);
}

static apr_status_t go_through(twc_req_t *q)
{
    const char *reason;
    bool good;

    if (!can_go_on(q, &reason))
        return twc_problem(q->ctx, APR_EAGAIN, "database_unavailable", "%s", reason);
    TWC_TRY(twc_admit(q, &good));
    if (!good)
        return APR_SUCCESS;
    TWC_TRY(read_body(q, &good));
    if (!good)
        return APR_SUCCESS;
    return twc_route_endpoints[q->match->row](q);
}

static void log_failure(twc_req_t *q, apr_status_t rv)
{
    const twc_problem_t *p = q->ctx->problem;
    int status = twc_reply_status_of(rv);

    if (status < 500)
        return;
    ap_log_rerror(APLOG_MARK, status == HTTP_SERVICE_UNAVAILABLE ? APLOG_WARNING : APLOG_ERR, 0, q->r,
                  "TWC1031: %s %s: %s: %s%s%s", q->r->method, q->route->pattern, p->code ? p->code : "unknown",
                  p->detail ? p->detail : "", p->internal ? ": " : "", p->internal ? p->internal : "");
}

static void serve(twc_req_t *q)
{
    apr_status_t rv;

    say_cors(q);
    if (q->match->row < 0) {
        (void)answer_no_route(q);
        return;
    }
    rv = go_through(q);
    if (q->ctx->wake)
        twc_work_wake(q->tenant->work, q->ctx->wake);
    if (rv != APR_SUCCESS && !q->replied) {
        log_failure(q, rv);
        (void)twc_reply_problem(q, rv);
    }
    if (!twc_route_is_open(q->route) && !q->route->page)
        twc_counters_add(q->tenant->server_conf->counters, TWC_COUNT_API);
    if (q->r->status == HTTP_SERVICE_UNAVAILABLE)
        twc_counters_add(q->tenant->server_conf->counters, TWC_COUNT_UNAVAILABLE);
}

static const twc_form_t *read_query(request_rec *r)
{
    static const twc_form_t none = { NULL, 0 };
    const twc_form_t *form;

    if (!r->args || !*r->args || twc_form_parse(r->pool, r->args, strlen(r->args), &form) != APR_SUCCESS)
        return &none;
    return form;
}

int twc_router_handle(request_rec *r)
{
    static const twc_principal_t nobody = { .kind = TWC_WHO_NOBODY };
    const found_t *found;
    twc_ctx_t ctx;
    twc_req_t q;

    if (!r->handler || strcmp(r->handler, TWC_HANDLER) != 0)
        return DECLINED;
    if (!(found = find(r)) || !twc_tenant_of(r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "TWC1032: %s: SetHandler twchat needs TwchatInterface beside it, "
                      "and mod_dbd", r->uri);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    q = (twc_req_t){ .r = r, .tenant = twc_tenant_of(r->server), .ctx = &ctx, .dir = twc_config_dir(r),
                     .match = &found->match, .route = route_of(found), .who = &nobody, .query = read_query(r),
                     .body = { "", 0 }, .received_at = r->request_time };
    twc_tenant_ctx(q.tenant, &ctx, r->pool);
    q.correlation_id = correlation_id(r);
    serve(&q);
    return OK;
}

/* ---- what httpd itself refuses ---------------------------------------------------------- */

void twc_router_insert_error(request_rec *r)
{
    const found_t *found = r->status >= 400 ? find_ours(r) : NULL;
    const twc_route_t *route = route_of(found);

    if (found && !(route && route->page))
        ap_add_output_filter(TWC_ERROR_FILTER, NULL, r, r->connection);
}

static void put_body(ap_filter_t *f, apr_bucket_brigade *bb)
{
    request_rec *r = f->r;
    const twc_match_t *match = &find(r)->match;
    const char *words = apr_table_get(r->notes, WORDS), *body;

    if (r->status == HTTP_UNAUTHORIZED && !words && match->row >= 0 && match->interface == TWC_IF_AI_MESSAGING)
        words = "Not authenticated";
    body = twc_reply_error_body(r->pool, match->style, words ? words : twc_reply_reason(r->status),
                                NULL, 0, NULL);

    ap_set_content_type(r, TWC_TYPE_JSON);
    apr_table_unset(r->headers_out, "Content-Length");
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    APR_BRIGADE_INSERT_HEAD(bb, apr_bucket_eos_create(f->c->bucket_alloc));
    APR_BRIGADE_INSERT_HEAD(bb, apr_bucket_pool_create(body, strlen(body), r->pool, f->c->bucket_alloc));
}

/* httpd's HTML goes, our JSON comes once; what is not content (the end of the request) passes. */
apr_status_t twc_router_error_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *b, *next;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = next) {
        next = APR_BUCKET_NEXT(b);
        if (!APR_BUCKET_IS_METADATA(b) || APR_BUCKET_IS_EOS(b))
            apr_bucket_delete(b);
    }
    if (!f->ctx)
        put_body(f, bb);
    f->ctx = f;
    return APR_BRIGADE_EMPTY(bb) ? APR_SUCCESS : ap_pass_brigade(f->next, bb);
}
