/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * text.h - what makes foreign bytes safe to keep and to show.
 */
#ifndef TWC_UTIL_TEXT_H
#define TWC_UTIL_TEXT_H

#include "twc.h"

/**
 * Foreign bytes as text PostgreSQL and JSON can hold: NUL bytes removed, every
 * maximal ill-formed UTF-8 subsequence (overlong forms, surrogates, beyond
 * U+10FFFF, truncated) replaced by one U+FFFD (Unicode 15, section 3.9).
 * @param data  data[len] is read too: what was cut out of a longer text is fine, the end of a mapping is not
 * @return NUL-terminated in pool; the input itself is copied only when needed:
 *         a clean input that is already NUL-terminated at data[len] is returned as is
 */
const char *twc_text_clean(apr_pool_t *pool, const char *data, apr_size_t len);

/** True when data is well-formed UTF-8 without NUL. */
bool twc_text_is_clean(const char *data, apr_size_t len);

/**
 * Can all of it be seen, and does it leave alone what stands beside it? False when it holds control characters (C0, DEL, C1), signs
 * that turn the direction of writing, characters without width or ink, line or paragraph separators: two names that differ only in
 * those look the same. False, too, when s is not well-formed UTF-8.
 * @param also  ASCII control characters that may be there all the same: "", or "\n\t" for a text of several lines
 */
bool twc_text_is_plain(const char *s, const char *also);

/** Number of code points; s is well-formed UTF-8. */
apr_size_t twc_text_chars(const char *s);

/** Number of UTF-16 units (what Twilio's 1600-character limit counts); s is well-formed. */
apr_size_t twc_text_utf16(const char *s);

/** Copy without leading and trailing white space (ASCII white space and U+00A0). */
const char *twc_text_trim(apr_pool_t *pool, const char *s);

/** True when nothing but white space. */
bool twc_text_blank(const char *s);

/** ASCII upper-case copy. */
const char *twc_text_upper(apr_pool_t *pool, const char *s);

/** At most chars code points of s, never splitting one. */
const char *twc_text_head(apr_pool_t *pool, const char *s, apr_size_t chars);

/** At most units UTF-16 units of s, never splitting a code point. */
const char *twc_text_head_utf16(apr_pool_t *pool, const char *s, apr_size_t units);

/**
 * XML 1.0 text: & < > " escaped, CR as &#13;, characters XML cannot carry
 * (U+0000-0008, 0B, 0C, 0E-1F, FFFE, FFFF) dropped. Fit for attributes too.
 */
const char *twc_text_xml(apr_pool_t *pool, const char *s);

/**
 * Escapes of lone surrogates in JSON text become \ufffd, in place: clients that cut a text in the middle of an emoji write
 * them, and no parser of ours takes them.
 */
void twc_text_pair_surrogates(char *json, apr_size_t len);

/** A JSON string literal with its quotes; s is well-formed UTF-8; NULL gives null. */
const char *twc_text_json(apr_pool_t *pool, const char *s);

/** Lower-case hex of n bytes. */
const char *twc_text_hex(apr_pool_t *pool, const unsigned char *data, apr_size_t n);

/** Equal in constant time for equal lengths. */
bool twc_text_same_secret(const char *a, apr_size_t a_len, const char *b, apr_size_t b_len);

#endif
