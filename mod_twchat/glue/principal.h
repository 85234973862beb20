/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * principal.h - who is asking, found out once per request: a credential of ours (X-API-Key, Authorization: Bearer with a key or a
 * token, the cookie of a sign-in, name and password where Apache does not ask for them), else whom Apache's own authentication
 * established, else nobody. A header that is there but wrong is refused; it never falls through to anything else. A cookie that is no
 * longer good counts as none: browsers keep sending them.
 */
#ifndef TWC_GLUE_PRINCIPAL_H
#define TWC_GLUE_PRINCIPAL_H

#include "glue/request.h"

#define TWC_COOKIE      "admin_session"
#define TWC_COOKIE_CSRF "admin_csrf"

/**
 * Resolve the caller; the result is the same for the whole request.
 * @return APR_SUCCESS | APR_EBUSY name and password, of which too many were wrong | APR_EAGAIN and others of the database: nobody can
 *         say right now
 */
apr_status_t twc_principal_resolve(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx,
                                   const twc_dir_conf_t *dir, const twc_principal_t **who);

/** Is r->user whom we found, and not Apache? */
bool twc_principal_set_user(const request_rec *r);

/** Does the request carry a header or cookie of ours? Basic authentication counts only where Apache does not do it. */
bool twc_principal_presents(request_rec *r);

/**
 * May this caller change something? A browser sends cookies and passwords by itself, so a page of another site could make it: the
 * request's origin must be ours, and with a cookie the token of its sign-in be repeated in X-CSRF-Token.
 */
bool twc_principal_same_origin(twc_req_t *q);
bool twc_principal_has_csrf(twc_req_t *q);

/** On whose behalf ctx acts from now on. */
const twc_actor_t *twc_principal_actor(request_rec *r, const twc_principal_t *who, const char *correlation_id);

#endif
