/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * router.h - from httpd's phases to the endpoint: finds the route, lets in who may come in, reads
 * the body, renders failures. Endpoints cannot forget any of it.
 */
#ifndef TWC_GLUE_ROUTER_H
#define TWC_GLUE_ROUTER_H

#include <stdbool.h>

#include <httpd.h>

/** What SetHandler calls us. */
#define TWC_HANDLER "twchat"

/** Is this request answered by a route of ours, or told that there is none? */
bool twc_router_serves(request_rec *r);

/** translate_name hook: from here on every answer below a mount carries X-Correlation-ID, also what httpd itself refuses. */
int twc_router_translate(request_rec *r);

/** map_to_storage hook: what is ours has no file, so the disk is not walked. */
int twc_router_map(request_rec *r);

/**
 * access_checker_ex hook, after mod_authz_core: webhooks and open routes need no user, whatever
 * `Require valid-user` says; other denials stay.
 */
int twc_router_access(request_rec *r);

/** check_user_id hook, before the others: a valid API key is a user, a wrong one is refused. */
int twc_router_authn(request_rec *r);

/** handler hook. */
int twc_router_handle(request_rec *r);

/** insert_error_filter hook: what httpd refuses at an API (401, 403, 400 ...) is told in JSON. */
void twc_router_insert_error(request_rec *r);

/** Name of the output filter that does it; registered by mod_twchat.c. */
#define TWC_ERROR_FILTER "TWCHAT_ERROR"
apr_status_t twc_router_error_filter(ap_filter_t *f, apr_bucket_brigade *bb);

#endif
