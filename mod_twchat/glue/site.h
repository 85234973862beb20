/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * site.h - is what the configuration of a host names really there: its secrets, its database, its pages,
 * an interface where the handler is set?
 */
#ifndef TWC_GLUE_SITE_H
#define TWC_GLUE_SITE_H

#include <stdbool.h>

#include <httpd.h>

/**
 * Say in the error log what is missing, with the place that asks for it. For check_config hooks: httpd -t is the
 * last moment at which a mistake ends nobody's site.
 * @return false: the host could not serve
 */
bool twc_site_check(apr_pool_t *scratch, server_rec *s, const server_rec *main_server);

/** The same for a server whether it serves something of ours or not: SetHandler where no interface answers. */
bool twc_site_check_handlers(apr_pool_t *scratch, server_rec *s, const server_rec *main_server);

#endif
