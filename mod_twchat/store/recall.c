/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * recall.c - answers of list statements, given again while PostgreSQL sees the same transactions.
 * Must never hold its lock while the database is asked, nor give an answer that was not found exact after it was asked for.
 * Called by list.c, entry.c and thread.c.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>

#include "store/recall.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/monitor.h"

#define ENTRIES_MAX 256
#define BYTES_MAX   (8 << 20)
#define ANSWER_MAX  (1 << 20)           /* larger ones are neither kept nor shared */
#define PATIENCE    apr_time_from_sec(5)

/* One list. Whoever has set busy may read it without the lock; all changes are made with the lock held. */
typedef struct entry_t {
    char *key;                          /* NULL: the place is free */
    apr_size_t key_len;
    unsigned int hash;
    char *stamp;                        /* what the last look saw; NULL: there was none */
    apr_uint32_t losses;                /* of connections, when the last look began */
    char *json;                         /* NULL: not kept */
    apr_size_t len;
    apr_time_t exact_at;                /* ticks: json is what a look that began then would find */
    apr_time_t failed_at;               /* ticks when a look began that failed */
    apr_time_t used_at;
    bool busy;                          /* somebody looks */
    bool quiet;                         /* between the last two looks nothing was written */
    bool large;
    int waiting;                        /* for the one who looks */
} entry_t;

struct twc_recall_t {
    twc_monitor_t *monitor;
    entry_t entries[ENTRIES_MAX];
    apr_size_t bytes;                   /* of all json */
};

static const twc_sql_t SQL_STAMP = { "twc_recall_stamp", "SELECT " TWC_SQL_STAMP, TWC_SQL_PREPARE | TWC_SQL_IDEMPOTENT };

const twc_sql_t *const twc_recall_sql[] = { &SQL_STAMP, NULL };

/* ---- what is kept ----------------------------------------------------------------- */

static void drop_json(twc_recall_t *m, entry_t *e)
{
    free(e->json);
    e->json = NULL;
    m->bytes -= e->len;
    e->len = 0;
}

static void clear(twc_recall_t *m, entry_t *e)
{
    drop_json(m, e);
    free(e->key);
    free(e->stamp);
    *e = (entry_t){ .key = NULL };
}

static apr_status_t clear_all(void *baton)
{
    twc_recall_t *m = baton;

    for (int i = 0; i < ENTRIES_MAX; i++)
        clear(m, &m->entries[i]);
    return APR_SUCCESS;
}

apr_status_t twc_recall_create(twc_recall_t **recall, apr_pool_t *pool)
{
    *recall = apr_pcalloc(pool, sizeof(**recall));
    apr_pool_cleanup_register(pool, *recall, clear_all, apr_pool_cleanup_null);
    return twc_monitor_create(&(*recall)->monitor, pool);
}

static char *copy(const char *text, apr_size_t len)
{
    char *block = malloc(len + 1);

    if (block) {
        memcpy(block, text, len);
        block[len] = '\0';
    }
    return block;
}

static entry_t *find(twc_recall_t *m, twc_str_t key, unsigned int hash)
{
    for (int i = 0; i < ENTRIES_MAX; i++) {
        entry_t *e = &m->entries[i];
        if (e->key && e->hash == hash && e->key_len == key.len && memcmp(e->key, key.data, key.len) == 0)
            return e;
    }
    return NULL;
}

/* The place that was not used for longest, a free one first; NULL when somebody waits at each. */
static entry_t *oldest(twc_recall_t *m, bool with_json)
{
    entry_t *best = NULL;

    for (int i = 0; i < ENTRIES_MAX; i++) {
        entry_t *e = &m->entries[i];
        if (e->busy || e->waiting || (with_json && !e->json))
            continue;
        if (!best || e->used_at < best->used_at)
            best = e;
    }
    return best;
}

static entry_t *make(twc_recall_t *m, twc_str_t key, unsigned int hash)
{
    entry_t *e = oldest(m, false);

    if (!e)
        return NULL;
    clear(m, e);
    e->key = copy(key.data, key.len);
    e->key_len = key.len;
    e->hash = hash;
    return e->key ? e : NULL;
}

static void keep_json(twc_recall_t *m, entry_t *e, const char *json)
{
    apr_size_t len = strlen(json);
    entry_t *other;

    drop_json(m, e);
    e->large = len > ANSWER_MAX;
    if (e->large)
        return;
    while (m->bytes + len > BYTES_MAX && (other = oldest(m, true)))
        drop_json(m, other);
    e->json = m->bytes + len <= BYTES_MAX ? copy(json, len) : NULL;
    e->len = e->json ? len : 0;
    m->bytes += e->len;
}

/* ---- who looks --------------------------------------------------------------------- */

/* Everything the result depends on but the data. */
static twc_str_t key_of(apr_pool_t *pool, const twc_sql_t *sql, const twc_args_t *args)
{
    apr_size_t len = strlen(sql->name) + 1;
    char *key, *p;

    for (int i = 0; i < args->count; i++)
        len += 2 + (args->value[i] ? strlen(args->value[i]) : 0);
    p = key = apr_palloc(pool, len);
    p = apr_cpystrn(p, sql->name, len) + 1;
    for (int i = 0; i < args->count; i++) {
        *p++ = args->value[i] ? 't' : 'n';
        p = apr_cpystrn(p, args->value[i] ? args->value[i] : "", len) + 1;
    }
    return (twc_str_t){ key, len };
}

/* @param json  out: what somebody found who began to look after we came
 * @return the list, for the caller to look and then to say so by told(); NULL: there is json, or each is on his own */
static entry_t *claim(twc_recall_t *m, twc_str_t key, apr_pool_t *pool, const char **json)
{
    apr_time_t asked = twc_clock_ticks();
    apr_ssize_t len = (apr_ssize_t)key.len;
    unsigned int hash = apr_hashfunc_default(key.data, &len);

    for (;;) {
        entry_t *e = find(m, key, hash);
        bool in_time;

        if (!e && !(e = make(m, key, hash)))
            return NULL;
        e->used_at = asked;
        if (e->large || e->failed_at >= asked)
            return NULL;
        if (e->json && e->exact_at >= asked) {
            *json = apr_pstrmemdup(pool, e->json, e->len);
            return NULL;
        }
        if (!e->busy) {
            e->busy = true;
            return e;
        }
        e->waiting++;
        in_time = twc_monitor_wait_until(m->monitor, asked + PATIENCE);
        e->waiting--;
        if (!in_time)
            return NULL;
    }
}

/* One look: when it began, and what it found. */
typedef struct look_t {
    apr_time_t began;
    apr_uint32_t losses;
    const char *json, *stamp;           /* NULL: it failed, or found no row */
} look_t;

static void note(twc_recall_t *m, entry_t *e, const look_t *look)
{
    bool same = e->stamp && e->losses == look->losses && strcmp(e->stamp, look->stamp) == 0;

    e->exact_at = look->began;
    e->losses = look->losses;
    e->quiet = same;
    if (!same) {
        free(e->stamp);
        e->stamp = copy(look->stamp, strlen(look->stamp));
    }
    /* What is asked for once, or while much is written, is not worth a copy. */
    if (e->quiet || e->waiting)
        keep_json(m, e, look->json);
    else
        drop_json(m, e);
}

static void told(twc_recall_t *m, entry_t *e, const look_t *look)
{
    twc_monitor_lock(m->monitor);
    e->busy = false;
    if (look->json && look->stamp)
        note(m, e, look);
    else
        e->failed_at = look->began;
    twc_monitor_broadcast(m->monitor);
    twc_monitor_unlock(m->monitor);
}

static void confirmed(twc_recall_t *m, entry_t *e, apr_time_t began)
{
    twc_monitor_lock(m->monitor);
    e->busy = false;
    e->exact_at = began;
    twc_monitor_broadcast(m->monitor);
    twc_monitor_unlock(m->monitor);
}

/* ---- looking ------------------------------------------------------------------------ */

static apr_status_t run(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_recall_finish_t finish, look_t *look)
{
    twc_rows_t *rows;

    look->began = twc_clock_ticks();
    look->losses = twc_db_losses(ctx->db);
    TWC_TRY(twc_db_run(ctx, sql, args, &rows));
    if (twc_rows_count(rows) == 0 || twc_rows_null(rows, 0, 0))
        return APR_SUCCESS;
    look->json = twc_rows_view(rows, 0, 0).data;        /* lives in ctx->pool, like rows */
    look->stamp = twc_rows_view(rows, 0, 1).data;
    if (finish)
        look->json = finish(ctx->pool, look->json);
    return APR_SUCCESS;
}

/* Would a look now see what the last one saw? */
static apr_status_t ask(twc_ctx_t *ctx, const entry_t *e, apr_time_t *began, bool *same)
{
    twc_rows_t *rows;

    *began = twc_clock_ticks();
    TWC_TRY(twc_db_run(ctx, &SQL_STAMP, NULL, &rows));
    *same = twc_db_losses(ctx->db) == e->losses && strcmp(twc_rows_view(rows, 0, 0).data, e->stamp) == 0;
    return APR_SUCCESS;
}

/* Asking first is worth while when nothing was written lately. */
static apr_status_t look_again(twc_ctx_t *ctx, entry_t *e, const twc_sql_t *sql, const twc_args_t *args,
                               twc_recall_finish_t finish, const char **json)
{
    look_t look = { .began = twc_clock_ticks() };
    apr_status_t rv = APR_SUCCESS;
    bool same = false;

    if (e->json && e->quiet && e->stamp)
        rv = ask(ctx, e, &look.began, &same);
    if (same) {
        *json = apr_pstrmemdup(ctx->pool, e->json, e->len);
        confirmed(ctx->recall, e, look.began);
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS)
        rv = run(ctx, sql, args, finish, &look);
    *json = look.json;
    told(ctx->recall, e, &look);
    return rv;
}

apr_status_t twc_recall_json(twc_ctx_t *ctx, const twc_sql_t *sql, const twc_args_t *args, twc_recall_finish_t finish,
                             const char **json)
{
    look_t alone = { .json = NULL };
    entry_t *e = NULL;

    *json = NULL;
    if (ctx->recall && !ctx->tx) {
        twc_str_t key = key_of(ctx->scratch, sql, args);
        twc_monitor_lock(ctx->recall->monitor);
        e = claim(ctx->recall, key, ctx->pool, json);
        twc_monitor_unlock(ctx->recall->monitor);
        if (*json)
            return APR_SUCCESS;
    }
    if (e)
        return look_again(ctx, e, sql, args, finish, json);
    TWC_TRY(run(ctx, sql, args, finish, &alone));
    *json = alone.json;
    return APR_SUCCESS;
}
