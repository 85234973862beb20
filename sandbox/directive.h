/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * directive.h - the sandbox's directives. They belong to the whole server, not
 * to a virtual host: one httpd, one sandbox. README.md describes each.
 */
#ifndef SB_DIRECTIVE_H
#define SB_DIRECTIVE_H

#include <httpd.h>
#include <http_config.h>

#include "box.h"

extern const command_rec sb_directives[];

/** An sb_conf_t with every default. */
void *sb_conf_create(apr_pool_t *pool, server_rec *server);

#endif
