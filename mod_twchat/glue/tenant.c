/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * tenant.c - the life of a tenant in a child: made after mod_dbd's pool, opened when the
 * schema is right, stopped when the child is told to, joined before mod_dbd's pool goes.
 * Must never block in child_stopping. Called by httpd's hooks and the router.
 */
#include <apr_atomic.h>
#include <apr_thread_proc.h>
#include <mpm_common.h>

#include "api/balance.h"
#include "api/figures.h"
#include "glue/dbd.h"
#include "glue/descriptors.h"
#include "glue/module.h"
#include "glue/keys.h"
#include "glue/limit.h"
#include "glue/tenant.h"
#include "remote/http.h"
#include "store/migrate.h"
#include "store/recall.h"
#include "util/clock.h"
#include "util/hasher.h"
#include "util/monitor.h"

#define TENANTS_KEY "mod_twchat:tenants"
#define RETRY_PAUSE apr_time_from_sec(3)
#define FIRST_LOOK_PATIENCE apr_time_from_sec(5)
#define JOIN_PATIENCE apr_time_from_sec(5)     /* of all tenants together, from when they were told: the parent kills at nine */
#define JOIN_LEAST apr_time_from_sec(1)        /* where the last requests took longer than that */

enum { OPENING, READY, WAITING };

/* A thread looks at the schema until it is right, starts the work and ends. */
typedef struct twc_opening_t {
    apr_uint32_t state;                 /* atomic */
    twc_monitor_t *monitor;
    apr_thread_t *thread;
    bool stopping, done;
    apr_time_t stop_at;                 /* since when it is stopping */
    const char *told;                   /* code of the failure last logged, static */
} opening_t;

twc_tenant_t *twc_tenant_of(const server_rec *server)
{
    return twc_config_server(server)->tenant;
}

static void set_state(opening_t *opening, apr_uint32_t state)
{
    twc_monitor_lock(opening->monitor);
    apr_atomic_set32(&opening->state, state);
    twc_monitor_broadcast(opening->monitor);
    twc_monitor_unlock(opening->monitor);
}

static void report(void *baton, const char *line)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, baton, "TWC1020: %s", line);
}

static apr_status_t look(twc_tenant_t *tenant, twc_ctx_t *ctx)
{
    apr_status_t rv = twc_migrate_check(ctx);

    if (rv == APR_SUCCESS || tenant->server_conf->set.auto_migrate != 1
        || !ctx->problem->code || strcmp(ctx->problem->code, "schema_old") != 0)
        return rv;
    twc_problem_clear(ctx);
    TWC_TRY(twc_migrate_apply(ctx, report, tenant->server));
    return twc_migrate_check(ctx);
}

/* Each kind of failure is told once, not every three seconds. */
static void tell(twc_tenant_t *tenant, apr_status_t rv, const twc_problem_t *problem)
{
    const char *code = problem->code ? problem->code : "unknown";
    opening_t *opening = tenant->opening;

    if (opening->told && strcmp(opening->told, code) == 0)
        return;
    opening->told = code;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, tenant->server, "TWC1021: %s: not serving yet, requests are answered 503: %s",
                 tenant->conf->tenant, problem->detail ? problem->detail : "the database cannot be used");
}

static bool try_open(twc_tenant_t *tenant)
{
    apr_pool_t *pool;
    twc_ctx_t ctx;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&pool, NULL, NULL);

    if (rv != APR_SUCCESS)
        return false;
    twc_ctx_init(&ctx, pool, tenant->db, tenant->conf);
    rv = look(tenant, &ctx);
    if (rv == APR_SUCCESS)
        rv = twc_work_start(tenant->work);
    if (rv != APR_SUCCESS)
        tell(tenant, rv, ctx.problem);
    else if (tenant->opening->told)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, tenant->server, "TWC1022: %s: serving", tenant->conf->tenant);
    apr_pool_destroy(pool);
    return rv == APR_SUCCESS;
}

static bool told_to_stop(opening_t *opening)
{
    bool stopping;

    twc_monitor_lock(opening->monitor);
    stopping = opening->stopping;
    twc_monitor_unlock(opening->monitor);
    return stopping;
}

static void *APR_THREAD_FUNC opening_thr_run(apr_thread_t *thread, void *baton)
{
    twc_tenant_t *tenant = baton;
    opening_t *opening = tenant->opening;
    bool open = false;

    while (!open && !told_to_stop(opening)) {
        open = try_open(tenant);
        set_state(opening, open ? READY : WAITING);
        twc_monitor_lock(opening->monitor);
        if (!open && !opening->stopping)
            twc_monitor_wait_until(opening->monitor, twc_clock_ticks() + RETRY_PAUSE);
        twc_monitor_unlock(opening->monitor);
    }
    twc_monitor_lock(opening->monitor);
    opening->done = true;
    twc_monitor_broadcast(opening->monitor);
    twc_monitor_unlock(opening->monitor);
    return NULL;
}

static apr_status_t wait_first_look(opening_t *opening)
{
    apr_time_t until = twc_clock_ticks() + FIRST_LOOK_PATIENCE;

    twc_monitor_lock(opening->monitor);
    while (apr_atomic_read32(&opening->state) == OPENING && !opening->stopping) {
        if (!twc_monitor_wait_until(opening->monitor, until))
            break;
    }
    twc_monitor_unlock(opening->monitor);
    return apr_atomic_read32(&opening->state) == READY ? APR_SUCCESS : APR_EAGAIN;
}

void twc_tenant_ctx(twc_tenant_t *tenant, twc_ctx_t *ctx, apr_pool_t *pool)
{
    twc_ctx_init(ctx, pool, tenant->db, tenant->conf);
    ctx->hasher = tenant->hasher;
    ctx->recall = tenant->recall;
}

bool twc_tenant_ready(twc_tenant_t *tenant, const char **reason)
{
    apr_uint32_t state = apr_atomic_read32(&tenant->opening->state);

    if (state == READY || (state == OPENING && wait_first_look(tenant->opening) == APR_SUCCESS))
        return true;
    *reason = "The database is not ready. Please try again in a moment.";
    return false;
}

/* ---- child ---------------------------------------------------------------------- */

static void stop(twc_tenant_t *tenant)
{
    opening_t *opening = tenant->opening;

    twc_monitor_lock(opening->monitor);
    if (!opening->stopping)
        opening->stop_at = twc_clock_ticks();
    opening->stopping = true;
    twc_monitor_broadcast(opening->monitor);
    twc_monitor_unlock(opening->monitor);
    twc_db_stop(tenant->db);
    twc_work_stop(tenant->work);
    twc_hasher_stop(tenant->hasher);
}

static void join_opening(twc_tenant_t *tenant, apr_time_t deadline)
{
    opening_t *opening = tenant->opening;
    apr_status_t rv;
    bool done;

    twc_monitor_lock(opening->monitor);
    while (!opening->done && twc_monitor_wait_until(opening->monitor, deadline))
        ;
    done = opening->done;
    twc_monitor_unlock(opening->monitor);
    if (done)
        apr_thread_join(&rv, opening->thread);
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, tenant->server,
                     "TWC1023: %s: still waiting for the database while the child ends", tenant->conf->tenant);
}

static apr_time_t stopped_at(opening_t *opening)
{
    apr_time_t at;

    twc_monitor_lock(opening->monitor);
    at = opening->stop_at;
    twc_monitor_unlock(opening->monitor);
    return at;
}

/* A pre-cleanup of the child's pool: mod_dbd's pool below it still lives. All are told first, then awaited. */
static apr_status_t join_all(void *baton)
{
    apr_array_header_t *tenants = baton;
    apr_time_t least = twc_clock_ticks() + JOIN_LEAST;

    for (int i = 0; i < tenants->nelts; i++)
        stop(APR_ARRAY_IDX(tenants, i, twc_tenant_t *));
    for (int i = 0; i < tenants->nelts; i++) {
        twc_tenant_t *tenant = APR_ARRAY_IDX(tenants, i, twc_tenant_t *);
        apr_time_t told = stopped_at(tenant->opening) + JOIN_PATIENCE, deadline = told > least ? told : least;

        join_opening(tenant, deadline);
        twc_work_join(tenant->work, deadline);
        (void)twc_hasher_join(tenant->hasher, deadline);
    }
    return APR_SUCCESS;
}

static apr_status_t make_opening(twc_tenant_t *tenant, apr_pool_t *pool)
{
    opening_t *opening = tenant->opening = apr_pcalloc(pool, sizeof(*opening));

    TWC_TRY(twc_monitor_create(&opening->monitor, pool));
    return ap_thread_create(&opening->thread, NULL, opening_thr_run, tenant, pool);
}

/* The work is started by the opening thread, beside httpd's own threads and those of other tenants: each allocates
 * from a pool that nobody else uses at the same time. */
static apr_status_t make_pool(apr_pool_t **pool, apr_pool_t *pchild)
{
    apr_allocator_t *allocator;
    apr_status_t rv;

    TWC_TRY(apr_allocator_create(&allocator));
    rv = apr_pool_create_ex(pool, pchild, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, *pool);
    return APR_SUCCESS;
}

static apr_status_t make_tenant(twc_tenant_t **made, apr_pool_t *pchild, server_rec *s)
{
    const twc_server_conf_t *conf = twc_config_server(s);
    twc_tenant_t *tenant;
    twc_db_lender_t lender;
    apr_pool_t *pool;

    TWC_TRY(make_pool(&pool, pchild));
    tenant = apr_pcalloc(pool, sizeof(*tenant));
    tenant->server = s;
    tenant->server_conf = conf;
    tenant->conf = conf->conf;
    twc_dbd_lender(&lender, s);
    TWC_TRY(twc_db_create(&tenant->db, pool, &lender, conf->conf->statements_max, conf->conf->statement_timeout));
    TWC_TRY(twc_recall_create(&tenant->recall, pool));
    TWC_TRY(twc_keys_create(&tenant->keys, pool));
    TWC_TRY(twc_limits_create(&tenant->limits, pool));
    TWC_TRY(twc_hasher_create(&tenant->hasher, pool, conf->conf->password_threads, conf->conf->password_cost));
    TWC_TRY(twc_balance_create(&tenant->balance, pool));
    TWC_TRY(twc_figures_create(&tenant->figures, pool));
    TWC_TRY(twc_work_create(&tenant->work, pool, conf->conf, tenant->db, twc_log_work, s));
    TWC_TRY(make_opening(tenant, pool));
    *made = tenant;
    return APR_SUCCESS;
}

static apr_status_t make_all(apr_array_header_t *tenants, apr_pool_t *pchild, server_rec *main_server)
{
    TWC_TRY(twc_dbd_init());
    TWC_TRY(twc_http_init(pchild));
    for (server_rec *s = main_server; s; s = s->next) {
        twc_server_conf_t *conf = twc_config_server(s);

        if (!twc_config_serves(s) || conf->tenant)
            continue;                   /* hosts that say nothing of their own share a tenant */
        TWC_TRY(make_tenant(&conf->tenant, pchild, s));
        APR_ARRAY_PUSH(tenants, twc_tenant_t *) = conf->tenant;
    }
    twc_descriptors_share(tenants);
    return APR_SUCCESS;
}

static bool anything_to_serve(const server_rec *main_server)
{
    for (const server_rec *s = main_server; s; s = s->next)
        if (twc_config_serves(s))
            return true;
    return false;
}

void twc_tenant_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    apr_array_header_t *tenants = apr_array_make(pchild, 2, sizeof(twc_tenant_t *));
    apr_status_t rv;

    if (!anything_to_serve(main_server))
        return;
    apr_pool_userdata_setn(tenants, TENANTS_KEY, NULL, pchild);
    apr_pool_pre_cleanup_register(pchild, tenants, join_all);
    rv = make_all(tenants, pchild, main_server);
    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, "TWC1024: this child cannot serve mod_twchat");
}

void twc_tenant_child_stopping(apr_pool_t *pchild, int graceful)
{
    const apr_array_header_t *tenants;
    void *found = NULL;

    apr_pool_userdata_get(&found, TENANTS_KEY, pchild);
    if (!(tenants = found))
        return;
    for (int i = 0; i < tenants->nelts; i++)
        stop(APR_ARRAY_IDX(tenants, i, twc_tenant_t *));
}
