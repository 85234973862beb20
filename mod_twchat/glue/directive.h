/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * directive.h - the directives: one table says name, scope, type, default, range and
 * help of each; parsing, inheritance and defaults all come from it.
 */
#ifndef TWC_GLUE_DIRECTIVE_H
#define TWC_GLUE_DIRECTIVE_H

#include <apr_network_io.h>
#include <httpd.h>
#include <http_config.h>

/** For the module record. */
extern const command_rec twc_commands[];

/*
 * base and to are a twc_dir_conf_t where in_dir, else a twc_settings_t. Texts and lists are unset when NULL, so they
 * come from apr_pcalloc; numbers have TWC_UNSET.
 */

/** Nothing was written yet. */
void twc_directive_unset(void *base, bool in_dir);

/** What `to` does not say, base says. */
void twc_directive_inherit(void *to, void *base, bool in_dir);

/** What nobody said has its default, read by the setter that would read it from a file. */
void twc_directive_defaults(apr_pool_t *pool, server_rec *s, void *base, bool in_dir);

/** "10.0.0.1", "10.0.0.0/8", "2001:db8::/32". */

#endif
