/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * admit.h - the gate before every endpoint: account, role, origin, CSRF token, rate.
 */
#ifndef TWC_GLUE_ADMIT_H
#define TWC_GLUE_ADMIT_H

#include "glue/request.h"

/**
 * Find out who is calling and whether the route's row names them; sets q->who and ctx->actor.
 * @param in  out: false: they were answered why not
 * @return APR_SUCCESS | APR_EAGAIN and others of the database: nobody can say right now
 */
apr_status_t twc_admit(twc_req_t *q, bool *in);

/** What clients of an interface expect to read when nobody is signed in. */
const char *twc_admit_words(twc_interface_e interface, const twc_principal_t *who);

#endif
