/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * cookie.h - the two cookies of a browser's sign-in: one it cannot read, one it repeats in X-CSRF-Token.
 */
#ifndef TWC_GLUE_COOKIE_H
#define TWC_GLUE_COOKIE_H

#include "domain/signin.h"
#include "glue/request.h"

/** They live as long as the sign-in, belong to the mount, and go over TLS alone where the site does. */
void twc_cookie_set(twc_req_t *q, const twc_cookie_t *cookie);
void twc_cookie_clear(twc_req_t *q);

#endif
