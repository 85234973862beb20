/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * lender.c - connections for programs without mod_dbd.
 * Must never be used inside the server: administrators keep mod_dbd's settings there.
 * Called by twchatctl and the tests.
 */
#include <apr_thread_mutex.h>
#include <libpq-fe.h>

#include "store/db.h"

#define KEEP 8

typedef struct direct_t {
    apr_thread_mutex_t *mutex;
    const char *conninfo;
    PGconn *idle[KEEP];
    int count;
    char error[512];                    /* why the last try to connect failed */
} direct_t;

static PGconn *pop(direct_t *d)
{
    PGconn *conn = NULL;

    apr_thread_mutex_lock(d->mutex);
    if (d->count > 0)
        conn = d->idle[--d->count];
    apr_thread_mutex_unlock(d->mutex);
    return conn;
}

/* Notices are for people at a prompt. */
static void ignore(void *unused, const char *text)
{
    (void)unused;
    (void)text;
}

static void note_error(direct_t *d, const char *words)
{
    apr_thread_mutex_lock(d->mutex);
    apr_cpystrn(d->error, words, sizeof(d->error));
    for (char *p = d->error; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = p[1] ? ' ' : '\0';
    apr_thread_mutex_unlock(d->mutex);
}

static apr_status_t take(void *baton, twc_db_loan_t *loan)
{
    direct_t *d = baton;
    /* Later words win in libpq, so the operator's own connect_timeout is respected. */
    const char *keys[] = { "connect_timeout", "fallback_application_name", "dbname", NULL };
    const char *values[] = { "5", "mod_twchat", d->conninfo, NULL };

    loan->token = NULL;
    loan->conn = pop(d);
    if (loan->conn)
        return APR_SUCCESS;
    loan->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(loan->conn) == CONNECTION_OK) {
        PQsetNoticeProcessor(loan->conn, ignore, NULL);
        return APR_SUCCESS;
    }
    note_error(d, PQerrorMessage(loan->conn));
    PQfinish(loan->conn);
    return APR_EGENERAL;
}

static void give(void *baton, twc_db_loan_t *loan, bool broken)
{
    direct_t *d = baton;

    if (!broken) {
        apr_thread_mutex_lock(d->mutex);
        if (d->count < KEEP) {
            d->idle[d->count++] = loan->conn;
            loan->conn = NULL;
        }
        apr_thread_mutex_unlock(d->mutex);
    }
    PQfinish(loan->conn);
}

static apr_status_t close_all(void *baton)
{
    direct_t *d = baton;

    while (d->count > 0)
        PQfinish(d->idle[--d->count]);
    return APR_SUCCESS;
}

apr_status_t twc_db_lender_direct(twc_db_lender_t *lender, apr_pool_t *pool, const char *conninfo)
{
    direct_t *d = apr_pcalloc(pool, sizeof(*d));

    d->conninfo = apr_pstrdup(pool, conninfo);
    TWC_TRY(apr_thread_mutex_create(&d->mutex, APR_THREAD_MUTEX_DEFAULT, pool));
    apr_pool_cleanup_register(pool, d, close_all, apr_pool_cleanup_null);
    *lender = (twc_db_lender_t){ .take = take, .give = give, .baton = d };
    return APR_SUCCESS;
}

const char *twc_db_lender_error(const twc_db_lender_t *lender, apr_pool_t *pool)
{
    direct_t *d = lender->baton;
    const char *words;

    apr_thread_mutex_lock(d->mutex);
    words = *d->error ? apr_pstrdup(pool, d->error) : NULL;
    apr_thread_mutex_unlock(d->mutex);
    return words;
}
