/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * json.h - JSON from outside, read one way wherever it is read.
 */
#ifndef TWC_UTIL_JSON_H
#define TWC_UTIL_JSON_H

#include <jansson.h>

#include "twc.h"

/**
 * Read JSON text into an object: ill-formed UTF-8 and lone surrogates are made clean first, a byte order mark is
 * skipped, duplicate keys and deep nesting refuse. Texts may hold U+0000.
 * @param twice  out: the key that occurs twice, in pool, where that is what is wrong ("" when it has no name); else NULL
 * @return owned by the caller; NULL when it is no object
 */
json_t *twc_json_object(apr_pool_t *pool, twc_str_t text, const char **twice);

/** Say why it was none. @return APR_EINVAL; json_invalid, or json_duplicate_key where twice is not NULL */
apr_status_t twc_json_refused(twc_ctx_t *ctx, const char *twice);

#endif
