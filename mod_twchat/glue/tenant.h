/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * tenant.h - one virtual host as one child process serves it: configuration, database,
 * background work. Nothing of one tenant is reachable from another.
 */
#ifndef TWC_GLUE_TENANT_H
#define TWC_GLUE_TENANT_H

#include <httpd.h>

#include "glue/config.h"
#include "glue/log.h"
#include "work/work.h"

typedef struct twc_keys_t twc_keys_t;       /* keys.h */
typedef struct twc_limits_t twc_limits_t;   /* limit.h */
typedef struct twc_balance_t twc_balance_t; /* api/sms_store.c */
typedef struct twc_figures_t twc_figures_t; /* api/native.c */

struct twc_tenant_t {
    server_rec *server;
    const twc_server_conf_t *server_conf;
    const twc_conf_t *conf;
    twc_db_t *db;
    twc_recall_t *recall;               /* lists asked for lately */
    twc_work_t *work;
    twc_keys_t *keys;                   /* credentials seen lately */
    twc_limits_t *limits;               /* callers seen lately */
    twc_hasher_t *hasher;               /* checks passwords */
    twc_balance_t *balance;             /* what Twilio last said */
    twc_figures_t *figures;             /* the counters last looked up */
    apr_uint32_t streams;               /* live pages that hold a worker, atomic */
    struct twc_opening_t *opening;      /* private to tenant.c */
};

/** child_init hook, after mod_dbd's: make every tenant and start its work. */
void twc_tenant_child_init(apr_pool_t *pchild, server_rec *main_server);

/** child_stopping hook: ask everything to stop; returns at once, whatever thread it is called on. */
void twc_tenant_child_stopping(apr_pool_t *pchild, int graceful);

/** The tenant of a virtual host; NULL when there is none. */
twc_tenant_t *twc_tenant_of(const server_rec *server);

/** A context for one request of this tenant. */
void twc_tenant_ctx(twc_tenant_t *tenant, twc_ctx_t *ctx, apr_pool_t *pool);

/**
 * Is the database there with the schema this module needs? Waits for the first look at it
 * when the child is only just starting, so that a restart does not turn requests away.
 * @param reason  out when false: a sentence for the caller
 */
bool twc_tenant_ready(twc_tenant_t *tenant, const char **reason);

#endif
