/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * request.h - one request as an endpoint sees it: the call context of the core, the
 * parameters of its route, its body as bytes and as JSON.
 */
#ifndef TWC_GLUE_REQUEST_H
#define TWC_GLUE_REQUEST_H

#include <httpd.h>

#include "glue/config.h"
#include "glue/tenant.h"
#include "routes.h"
#include "store/user.h"
#include "util/form.h"
#include "util/json.h"

/** Who is asking. */
typedef struct twc_principal_t {
    enum { TWC_WHO_NOBODY, TWC_WHO_KEY, TWC_WHO_USER, TWC_WHO_OPEN } kind;
    enum { TWC_BY_NOTHING, TWC_BY_KEY, TWC_BY_TOKEN, TWC_BY_COOKIE, TWC_BY_PASSWORD, TWC_BY_APACHE } by;
    const char *name;                   /* "key:backup", "alice"; NULL for nobody */
    apr_int64_t id;                     /* of the account or the key; 0: none */
    apr_int64_t signin_id;              /* by token or cookie; else 0 */
    twc_role_e role;
    const char *key;                    /* an account that is signed in with this API key in place of its password; else NULL */
    const char *csrf;                   /* what X-CSRF-Token must say for changes; NULL: nothing */
    const char *stranger;               /* Apache knows them by this name, and no account goes with it; else NULL */
    bool refused;                       /* credentials of ours were there and wrong */
    bool disabled;                      /* the account is */
    bool must_enroll;                   /* their role asks for a second factor, which they lack: the role waits */
    bool ambient;                       /* a browser sends them by itself, so the origin of changes is checked */
    bool stale_cookie;                  /* there was one, of a sign-in that has ended */
} twc_principal_t;

typedef struct twc_req_t {
    request_rec *r;
    twc_tenant_t *tenant;
    twc_ctx_t *ctx;                     /* pool: the request's */
    const twc_dir_conf_t *dir;
    const twc_match_t *match;
    const twc_route_t *route;
    const twc_principal_t *who;
    const char *correlation_id;         /* the caller's X-Correlation-ID, else one of ours */
    const twc_form_t *query;            /* the query string; never NULL */
    twc_str_t body;                     /* as received; data "" when there is none */
    int unread;                         /* webhooks: the HTTP status that says why there is no body, 0: there is */
    const char *unread_why;
    json_t *invalid;                    /* what is wrong with its fields (fields.h); NULL: nothing was found */
    json_t *json;                       /* object; NULL unless the route takes JSON; released with the request */
    apr_time_t received_at;
    bool replied;
} twc_req_t;

/** What the endpoints of routes.h look like. An error nobody answered is rendered by the router, from ctx->problem. */
typedef apr_status_t (*twc_endpoint_fn)(twc_req_t *q);

/**
 * Read the whole body, at most max bytes of it.
 * @return OK, or the HTTP status that says why not (413 when it is larger)
 */
int twc_req_read(twc_req_t *q, apr_size_t max);

/** Set q->json from q->body as the route wants it. APR_EINVAL: no JSON object where one is needed. */
apr_status_t twc_req_json(twc_req_t *q);

/** A parameter of the path, clean text; "" when the route has none of that name. */
const char *twc_req_param(twc_req_t *q, const char *name);
/** An id in the path: 1 or more, 0 when it is none. */
apr_int64_t twc_req_id(twc_req_t *q, const char *name);

/** A query parameter, clean text; NULL when absent. */
const char *twc_req_query(twc_req_t *q, const char *name);
/** A limit: def when missing or not a number, else clamped to 1..max. */
int twc_req_limit(twc_req_t *q, const char *name, int def, int max);

/**
 * A field of the JSON body as clean text. Numbers are taken as they are written.
 * @return APR_SUCCESS (NULL when absent or null) | APR_EINVAL another type, problem names the field
 */
apr_status_t twc_req_text(twc_req_t *q, const char *name, const char **text);

/** A request header; NULL when absent. */
const char *twc_req_header(twc_req_t *q, const char *name);

/**
 * The URL the caller used, byte-exact from the scheme to the end of the query: the configured public
 * URL, or what the request says, with forwarded headers from trusted proxies only.
 */
const char *twc_req_url(twc_req_t *q);
/** The part of it before the path: "https://chat.example.com". */
const char *twc_req_base(twc_req_t *q);

#endif
