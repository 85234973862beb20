/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * dbd.h - mod_dbd's connections, lent to the core.
 */
#ifndef TWC_GLUE_DBD_H
#define TWC_GLUE_DBD_H

#include <httpd.h>

#include "store/db.h"

/**
 * Once per process, after all modules are loaded: find mod_dbd.
 * @return APR_SUCCESS | APR_ENOTIMPL it is not there
 */
apr_status_t twc_dbd_init(void);

/** While hooks are registered: look at each new connection's limits. */
void twc_dbd_register(void);

/** Lend connections of this virtual host. Works on any thread of a child, until the child's pool goes. */
void twc_dbd_lender(twc_db_lender_t *lender, server_rec *server);

#endif
