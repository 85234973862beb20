/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * route.c - binds the rows of routes.h to their functions.
 * Must never hold a route of its own: the command line would not know it.
 * Used by the router.
 */
#include "glue/route.h"

#define BIND(interface, methods, pattern, access, body, body_max, endpoint, doc) endpoint,
const twc_endpoint_fn twc_route_endpoints[] = { TWC_ROUTES(BIND) };
#undef BIND
