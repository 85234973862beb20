/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * call.h - a call of Twilio's after its signature was checked: how it is kept as text, and how its
 * parameters are read again, now or later.
 */
#ifndef TWC_DOMAIN_CALL_H
#define TWC_DOMAIN_CALL_H

#include "store/ingest.h"
#include "util/form.h"
#include "util/json.h"

/** A JSON object as the form it would have been; what is not a single value is left out. All in pool. */
const twc_form_t *twc_call_form_of_json(apr_pool_t *pool, json_t *object);

/**
 * The parameters of a call from its raw text, whichever way they came.
 * @return APR_SUCCESS | APR_EINVAL: the text is neither a form nor a JSON object
 */
apr_status_t twc_call_form(apr_pool_t *pool, const twc_call_t *call, const twc_form_t **form);

/** The call as one JSON object, in pool; NUL-terminated too. */
twc_str_t twc_call_encode(apr_pool_t *pool, const twc_call_t *call);

/** @return APR_SUCCESS | APR_EINVAL: this is no call */
apr_status_t twc_call_decode(apr_pool_t *pool, twc_str_t text, twc_call_t **call);

#endif
