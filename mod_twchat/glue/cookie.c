/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * cookie.c - setting and clearing the cookies of a sign-in.
 * Must never let a script read the one that signs in.
 * Called by the endpoints that sign in and out, and by the router.
 */
#include <httpd.h>

#include "glue/cookie.h"
#include "glue/principal.h"

static void put(twc_req_t *q, const char *name, const char *value, apr_int64_t seconds, bool readable)
{
    bool tls = strncmp(twc_req_base(q), "https:", 6) == 0;

    apr_table_addn(q->r->err_headers_out, "Set-Cookie",
                   apr_psprintf(q->r->pool, "%s=%s; Path=%s; Max-Age=%" APR_INT64_T_FMT "; SameSite=Lax%s%s", name, value,
                                q->dir->mount->path, seconds, readable ? "" : "; HttpOnly", tls ? "; Secure" : ""));
}

void twc_cookie_set(twc_req_t *q, const twc_cookie_t *cookie)
{
    apr_int64_t seconds = apr_time_sec(q->tenant->conf->session_life);

    put(q, TWC_COOKIE, cookie->value, seconds, false);
    put(q, TWC_COOKIE_CSRF, cookie->csrf, seconds, true);
}

void twc_cookie_clear(twc_req_t *q)
{
    put(q, TWC_COOKIE, "", 0, false);
    put(q, TWC_COOKIE_CSRF, "", 0, true);
}
