/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooldir.h - where the webhooks of a virtual host wait for the database.
 */
#ifndef TWC_GLUE_SPOOLDIR_H
#define TWC_GLUE_SPOOLDIR_H

#include <httpd.h>

/**
 * post_config, as root: make DIR and in it a directory for this tenant, which only httpd's user may enter.
 * @param dir  value of TwchatSpool
 * @return the path, or NULL: switched off, or it cannot be made (told in the error log)
 */
const char *twc_spooldir_make(apr_pool_t *pconf, server_rec *s, const char *dir, const char *tenant);

#endif
