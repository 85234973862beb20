/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * admit.c - may this caller use this route, this way, now.
 * Must never let anybody pass whom the route's row does not name, nor say more to them than that.
 * Called by the router.
 */
#include <httpd.h>
#include <apr_uuid.h>
#include <http_log.h>

#include "glue/admit.h"
#include "glue/cookie.h"
#include "glue/limit.h"
#include "glue/module.h"
#include "glue/principal.h"
#include "glue/reply.h"
#include "glue/status.h"
#include "page/problem.h"
#include "store/setting.h"

const char *twc_admit_words(twc_interface_e interface, const twc_principal_t *who)
{
    if (interface == TWC_IF_AI_MESSAGING)
        return who->refused ? "Could not validate credentials" : "Not authenticated";
    if (interface == TWC_IF_APPOINTMENT_BOT || !who->refused)
        return "Unauthorized";
    return who->by == TWC_BY_KEY ? "The API key is not valid." : "The credentials are not valid.";
}

static void log_auth(twc_req_t *q, const char *event)
{
    twc_counters_add(q->tenant->server_conf->counters, TWC_COUNT_DENIED);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, q->r, "TWC1030: %s %s: %s", q->r->method, q->route->pattern, event);
    twc_log_event(q->tenant->server_conf->log, q->r->pool, q->tenant->conf->tenant, "auth", event,
                  "method", q->r->method, "route", q->route->pattern, "remote", q->r->useragent_ip,
                  "user", q->who->name, NULL);
}

static void drop_cookie(twc_req_t *q)
{
    if (q->who->stale_cookie)
        twc_cookie_clear(q);
}

static apr_status_t send_to(twc_req_t *q, const char *page, const char *words)
{
    const char *mount = q->dir->mount->path[1] ? q->dir->mount->path : "";

    twc_reply_header(q, "Location", apr_pstrcat(q->r->pool, mount, page, NULL));
    return twc_reply_text(q, HTTP_SEE_OTHER, words);
}

/* The page that signs in, told where to return to: a path of this site, never anywhere else. */
static apr_status_t send_to_signin(twc_req_t *q)
{
    const char *next = ap_escape_urlencoded(q->r->pool, apr_pstrcat(q->r->pool, q->r->uri, q->r->args ? "?" : NULL, q->r->args, NULL));

    drop_cookie(q);
    return send_to(q, apr_pstrcat(q->r->pool, "/signin?next=", next, NULL), "Please sign in.\n");
}

static apr_status_t refuse_nobody(twc_req_t *q)
{
    if (q->who->stranger) {
        log_auth(q, "no account goes with this user");
        (void)twc_problem(q->ctx, APR_EACCES, "no_account", "You are signed in to this server, but nobody has made an account for you here.");
        return twc_reply_error(q, HTTP_FORBIDDEN, q->ctx->problem->detail);
    }
    if (!q->who->refused && twc_page_wanted(q))
        return send_to_signin(q);
    log_auth(q, q->who->refused ? "credentials refused" : "not signed in");
    drop_cookie(q);
    twc_reply_header(q, "WWW-Authenticate", "Bearer");
    return twc_reply_error(q, HTTP_UNAUTHORIZED, twc_admit_words(q->match->interface, q->who));
}

static twc_role_e role_wanted(twc_access_e access)
{
    return access >= TWC_VIEWER ? (twc_role_e)(TWC_ROLE_VIEWER + (access - TWC_VIEWER)) : TWC_ROLE_NONE;
}

static apr_status_t refuse_role(twc_req_t *q, twc_role_e wanted)
{
    log_auth(q, "role too low");
    if (q->who->must_enroll && twc_page_wanted(q))
        return send_to(q, "/account", "Please set up a second factor.\n");
    if (q->who->must_enroll)
        (void)twc_problem(q->ctx, APR_EACCES, "must_enroll", "Your role wants a second factor; set one up in your account first.");
    else if (q->match->interface == TWC_IF_AI_MESSAGING && wanted == TWC_ROLE_SUPER)
        (void)twc_problem(q->ctx, APR_EACCES, "role_too_low", "Superuser access required");
    else
        (void)twc_problem(q->ctx, APR_EACCES, "role_too_low", "This needs the role %s; yours is %s.", twc_role_name(wanted),
                          twc_role_name(q->who->role));
    return twc_reply_error(q, HTTP_FORBIDDEN, q->ctx->problem->detail);
}

static apr_status_t refuse_change(twc_req_t *q, const char *event, const char *words)
{
    log_auth(q, event);
    return twc_reply_error(q, HTTP_FORBIDDEN, words);
}

static apr_status_t refuse_disabled(twc_req_t *q)
{
    (void)twc_problem(q->ctx, APR_EACCES, "user_disabled", "User is disabled");
    return refuse_change(q, "account disabled", q->ctx->problem->detail);
}

static apr_status_t refuse_rate(twc_req_t *q, apr_interval_time_t wait)
{
    log_auth(q, "too many requests");
    twc_reply_retry_after(q->r, wait);
    return twc_reply_error(q, HTTP_TOO_MANY_REQUESTS, "Too many requests. Please try again later.");
}

static bool is_safe(const request_rec *r)
{
    return r->method_number == M_GET || r->method_number == M_OPTIONS;
}

/* Somebody is there: may they, this way, now? */
static apr_status_t admit_known(twc_req_t *q, bool *in)
{
    twc_role_e wanted = role_wanted(q->route->access);
    apr_interval_time_t wait;
    apr_status_t rv;

    if (q->who->disabled)
        return refuse_disabled(q);
    if (q->route->access == TWC_ACCOUNT && q->who->kind != TWC_WHO_USER)
        return refuse_nobody(q);
    if (q->route->access == TWC_ACCOUNT && q->who->key)
        return refuse_change(q, "own account with a key", "You are signed in with an API key. Sign in with your password to see or change "
                             "your own account.");
    if (q->who->role < wanted)
        return refuse_role(q, wanted);
    if (!is_safe(q->r) && q->who->ambient && !twc_principal_same_origin(q))
        return refuse_change(q, "foreign origin", "The request comes from a page of another site.");
    if (!is_safe(q->r) && !twc_principal_has_csrf(q))
        return refuse_change(q, "no CSRF token", "CSRF validation failed");
    rv = twc_limit_take(q->tenant->limits, q->ctx, q->who, &wait);
    if (rv == APR_EACCES)
        return refuse_rate(q, wait);
    *in = rv == APR_SUCCESS;
    return rv;
}

/* The files of a page hold nothing of anybody, and say better than an error what is the matter when the database is away. */
static bool may_come_anyway(const twc_req_t *q, apr_status_t rv)
{
    return q->route->page && rv != APR_SUCCESS && twc_reply_status_of(rv) == HTTP_SERVICE_UNAVAILABLE;
}

/* appointment-bot's clients may name their tenant; each virtual host has one. */
static apr_status_t check_tenant(twc_req_t *q, bool *in)
{
    const char *given = twc_req_header(q, "X-Tenant-Id"), *ours;
    apr_uuid_t uuid;

    if (!given || q->match->interface != TWC_IF_APPOINTMENT_BOT || q->route->access == TWC_TWILIO)
        return APR_SUCCESS;
    *in = false;
    if (apr_uuid_parse(&uuid, given) != APR_SUCCESS || strlen(given) != APR_UUID_FORMATTED_LENGTH)
        return twc_reply_error(q, HTTP_BAD_REQUEST, "Invalid tenant id");
    TWC_TRY(twc_server_tenant(q->ctx, &ours));
    *in = ap_cstr_casecmp(given, ours) == 0;
    return *in ? APR_SUCCESS : twc_reply_error(q, HTTP_NOT_FOUND, "Tenant not found");
}

/* Closed by default: nobody is let in unless an account, a key, Apache or the administrator says so. */
apr_status_t twc_admit(twc_req_t *q, bool *in)
{
    *in = twc_route_is_open(q->route);
    if (!*in) {
        const char *reason;
        apr_status_t rv = !q->route->page || twc_tenant_ready(q->tenant, &reason)
            ? twc_principal_resolve(q->r, q->tenant, q->ctx, q->dir, &q->who) : APR_EAGAIN;
        *in = may_come_anyway(q, rv);
        if (*in)
            twc_problem_clear(q->ctx);
        if (*in || rv != APR_SUCCESS)
            return *in ? APR_SUCCESS : rv;
        if (q->who->kind == TWC_WHO_NOBODY)
            return refuse_nobody(q);
        TWC_TRY(admit_known(q, in));
    }
    q->ctx->actor = twc_principal_actor(q->r, q->who, q->correlation_id);
    return *in ? check_tenant(q, in) : APR_SUCCESS;
}
