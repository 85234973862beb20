/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * route.h - the endpoints that routes.h names, declared from the same list. An endpoint's
 * file includes this; one that is missing does not link.
 */
#ifndef TWC_GLUE_ROUTE_H
#define TWC_GLUE_ROUTE_H

#include "glue/request.h"

#define TWC_DECLARE_ENDPOINT(interface, methods, pattern, access, body, body_max, endpoint, doc) \
    apr_status_t endpoint(twc_req_t *q);
TWC_ROUTES(TWC_DECLARE_ENDPOINT)
#undef TWC_DECLARE_ENDPOINT

/** The function of each row, indexed like twc_routes. */
extern const twc_endpoint_fn twc_route_endpoints[];

#endif
