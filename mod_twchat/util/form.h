/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * form.h - application/x-www-form-urlencoded, read byte for byte: what Twilio
 * signs is the decoded bytes, so nothing is trimmed, folded or repaired here.
 */
#ifndef TWC_UTIL_FORM_H
#define TWC_UTIL_FORM_H

#include "twc.h"

/** One name and value, decoded bytes; both are also NUL-terminated (and may hold NULs). */
typedef struct twc_pair_t {
    twc_str_t name;
    twc_str_t value;
} twc_pair_t;

typedef struct twc_form_t {
    const twc_pair_t *pairs;            /* in order of arrival */
    int count;
} twc_form_t;

/** Pairs beyond this are refused; Twilio sends about 30, 500 must not hurt. */
#define TWC_FORM_MAX_PAIRS 1000

/**
 * Decode a form body or a query string. '+' is a space; a '%' that is not
 * followed by two hex digits stands for itself; a pair without '=' has an empty
 * value; empty pairs ("&&") are skipped.
 * @return APR_SUCCESS | APR_ENOSPC more than TWC_FORM_MAX_PAIRS pairs, or twice as many with the empty ones
 */
apr_status_t twc_form_parse(apr_pool_t *pool, const char *data, apr_size_t len,
                            const twc_form_t **form);

/** First value of name (case-sensitive), raw bytes; NULL when absent. */
const twc_str_t *twc_form_raw(const twc_form_t *form, const char *name);

/** First value of name made clean (text.h); NULL when absent. */
const char *twc_form_text(apr_pool_t *pool, const twc_form_t *form, const char *name);

/** application/x-www-form-urlencoded of one string: A-Z a-z 0-9 - . _ * kept, space as '+'. */
const char *twc_form_escape(apr_pool_t *pool, const char *s);

/** Percent-encoding for one path segment or query value: only RFC 3986 unreserved kept. */
const char *twc_url_escape(apr_pool_t *pool, const char *s);

/**
 * Decode one path segment (%XX; '+' stays '+').
 * @return clean text (text.h), or NULL when a '%' is malformed or decodes to NUL
 */
const char *twc_url_unescape(apr_pool_t *pool, const char *data, apr_size_t len);

#endif
