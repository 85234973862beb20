/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * problem.h - the page a person is shown in place of one that is not for them, not there, or not to be had now.
 */
#ifndef TWC_PAGE_PROBLEM_H
#define TWC_PAGE_PROBLEM_H

#include "glue/request.h"

/**
 * Is this a person on the way to a page, by a path where pages are? Browsers say that they take HTML; programs do not, and are better
 * served with JSON.
 */
bool twc_page_wanted(const twc_req_t *q);

/**
 * Answer with htdocs/problem.html, which knows the words for `status` and `code` in every language.
 * @param detail  what it says about a code it does not know
 * @return false, and nothing is answered, when this is no matter for a page (another status than 403, 404, 429, 503), or the file is not there
 */
bool twc_page_problem(twc_req_t *q, int status, const char *code, const char *detail);

#endif
