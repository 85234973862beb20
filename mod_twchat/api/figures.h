/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * figures.h - the counters of the dashboard. They look at every conversation, and every open page
 * asks for them whenever something happens: in each child all who ask at once share one look.
 */
#ifndef TWC_API_FIGURES_H
#define TWC_API_FIGURES_H

#include "glue/request.h"

apr_status_t twc_figures_create(twc_figures_t **figures, apr_pool_t *pool);

/** The counters as JSON, in the request's pool, not older than half a second. Errors as twc_list_stats. */
apr_status_t twc_figures_get(twc_req_t *q, const char **json);

#endif
