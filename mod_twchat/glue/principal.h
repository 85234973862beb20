/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * principal.h - who is asking: an API key of ours (X-API-Key, or Authorization: Bearer), else
 * whoever Apache's own authentication established, else nobody. A key that is there but
 * wrong is refused; it never falls through to anything else.
 */
#ifndef TWC_GLUE_PRINCIPAL_H
#define TWC_GLUE_PRINCIPAL_H

#include "glue/request.h"

/** What a child remembers of keys it has checked: for a few seconds, so a revoked one soon ends. */
apr_status_t twc_keys_create(twc_keys_t **keys, apr_pool_t *pool);

/**
 * Resolve the caller; the result is the same for the whole request.
 * @return APR_SUCCESS | APR_EAGAIN and others of the database: nobody can say right now
 */
apr_status_t twc_principal_resolve(request_rec *r, twc_tenant_t *tenant, twc_ctx_t *ctx,
                                   const twc_dir_conf_t *dir, const twc_principal_t **who);

/** Does the request carry a credential of ours? */
bool twc_principal_has_key(const request_rec *r);

/**
 * May this caller change something? A browser sends Basic passwords by itself, so a page of
 * another site could make it; the request's origin must be ours then.
 */
bool twc_principal_same_origin(twc_req_t *q);

#endif
