/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * dbd.c - takes connections from mod_dbd and gives them back.
 * Must never run a statement, nor hold a connection for longer than the borrower does.
 * Called by store/db.c through twc_db_lender_t, from workers and background threads.
 */
#include <sys/socket.h>

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>
#include <apr_dbd.h>
#include <mod_dbd.h>
#include <libpq-fe.h>

#include "glue/config.h"
#include "glue/dbd.h"
#include "glue/module.h"

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) *dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) *dbd_close;

typedef struct token_t {
    ap_dbd_t *rec;
    apr_pool_t *pool;
} token_t;

apr_status_t twc_dbd_init(void)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    return dbd_open && dbd_close ? APR_SUCCESS : APR_ENOTIMPL;
}

/* mod_dbd wants a pool for what happens while a connection is lent; one of its own, since any thread may ask. */
static apr_status_t take(void *baton, twc_db_loan_t *loan)
{
    server_rec *s = baton;
    apr_pool_t *pool;
    token_t *token;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (rv != APR_SUCCESS)
        return rv;
    token = apr_palloc(pool, sizeof(*token));
    token->pool = pool;
    token->rec = dbd_open(pool, s);     /* says in the error log why it cannot */
    if (!token->rec) {
        apr_pool_destroy(pool);
        return APR_ECONNREFUSED;
    }
    if (strcmp(apr_dbd_name(token->rec->driver), "pgsql") != 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "TWC1015: DBDriver is %s; mod_twchat needs pgsql",
                     apr_dbd_name(token->rec->driver));
        dbd_close(s, token->rec);
        apr_pool_destroy(pool);
        return APR_EINVAL;
    }
    loan->conn = apr_dbd_native_handle(token->rec->driver, token->rec->handle);
    loan->token = token;
    return APR_SUCCESS;
}

/*
 * mod_dbd looks at PQstatus when it hands a connection out again, and makes a new session when that is
 * bad. libpq finds out only by reading, so close the socket and let it read what is left.
 */
static void spoil(PGconn *conn)
{
    int fd = PQsocket(conn);

    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
    for (int i = 0; i < 10000 && PQstatus(conn) == CONNECTION_OK; i++)
        if (!PQconsumeInput(conn))
            break;
}

static void give(void *baton, twc_db_loan_t *loan, bool broken)
{
    token_t *token = loan->token;
    apr_pool_t *pool = token->pool;

    if (broken)
        spoil(loan->conn);
    dbd_close(baton, token->rec);
    apr_pool_destroy(pool);
    *loan = (twc_db_loan_t){ NULL, NULL };
}

/* mod_dbd makes a caller wait for ever when all its connections are lent; our own limit must come first. */
static apr_status_t check_limits(apr_pool_t *pool, dbd_cfg_t *cfg, ap_dbd_t *rec)
{
    twc_server_conf_t *conf = twc_config_server(cfg->server);

    if (conf && conf->conf && !conf->limits_checked && cfg->persist && cfg->nmax < conf->conf->statements_max)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cfg->server, "TWC1016: DBDMax %d is less than TwchatStatements %d: "
                     "requests may wait for a connection without end", cfg->nmax, conf->conf->statements_max);
    if (conf)
        conf->limits_checked = true;
    return APR_SUCCESS;
}

void twc_dbd_register(void)
{
    APR_OPTIONAL_HOOK(dbd, post_connect, check_limits, NULL, NULL, APR_HOOK_MIDDLE);
}

void twc_dbd_lender(twc_db_lender_t *lender, server_rec *server)
{
    *lender = (twc_db_lender_t){ .take = take, .give = give, .baton = server };
}
