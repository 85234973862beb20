/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * migrate.c - bring a database to the schema this build needs.
 * Must never go back, never apply a file twice and never leave one half applied.
 * Called by twchatctl migrate, by the module where TwchatAutoMigrate is on, and by every start for the check.
 */
#include <string.h>

#include <openssl/evp.h>

#include "store/db.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "util/text.h"

/* The sql files, in the order of their numbers. */
typedef struct migration_t {
    int version;
    const char *name;                   /* "001_base" */
    const char *script;
} migration_t;

static const migration_t migrations[] = {
#include "store/migrations.inc"
};

#define MIGRATIONS ((int)(sizeof(migrations) / sizeof(migrations[0])))

/* The lock ends with the transaction, so nothing stays locked when we die. Another process may get in
 * between two files; it finds what is left to do, and so do we. */
static const twc_sql_t SQL_LOCK = { "migrate_lock",
    "SELECT pg_advisory_xact_lock(hashtextextended('twchat migrate', 0))", 0 };

/* Asked of the schema that CREATE would write to: several tenants may share a database by search_path. */
static const twc_sql_t SQL_EXISTS = { "migrate_exists",
    "SELECT to_regclass(quote_ident(current_schema()) || '.twchat_schema') IS NOT NULL", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_CREATE = { "migrate_create",
    "CREATE TABLE twchat_schema ("
    "  version    integer PRIMARY KEY,"
    "  name       text NOT NULL,"
    "  sha256     text NOT NULL,"
    "  applied_at timestamptz NOT NULL DEFAULT now())", 0 };

static const twc_sql_t SQL_VERSION = { "migrate_version",
    "SELECT coalesce(max(version), 0) FROM twchat_schema", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_APPLIED = { "migrate_applied",
    "SELECT version, sha256 FROM twchat_schema ORDER BY version", TWC_SQL_IDEMPOTENT };

static const twc_sql_t SQL_RECORD = { "migrate_record",
    "INSERT INTO twchat_schema (version, name, sha256) VALUES ($1, $2, $3)", 0 };

const twc_sql_t *const twc_migrate_sql[] = {
    &SQL_LOCK, &SQL_EXISTS, &SQL_CREATE, &SQL_VERSION, &SQL_APPLIED, &SQL_RECORD, NULL
};

typedef struct apply_t {
    void (*report)(void *baton, const char *line);
    void *baton;
    const migration_t *done;            /* what the last transaction applied; NULL: nothing was missing */
} apply_t;

static void tell(const apply_t *a, const char *line)
{
    if (a->report)
        a->report(a->baton, line);
}

static const char *checksum(apr_pool_t *pool, const char *script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    EVP_Digest(script, strlen(script), digest, &len, EVP_sha256(), NULL);
    return twc_text_hex(pool, digest, len);
}

static apr_status_t table_exists(twc_ctx_t *ctx, bool *exists)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, &SQL_EXISTS, NULL, &rows));
    *exists = twc_rows_bool(rows, 0, 0);
    return APR_SUCCESS;
}

int twc_migrate_wanted(void)
{
    return migrations[MIGRATIONS - 1].version;
}

apr_status_t twc_migrate_version(twc_ctx_t *ctx, int *version)
{
    twc_rows_t *rows;
    bool exists;

    *version = 0;
    TWC_TRY(table_exists(ctx, &exists));
    if (!exists)
        return APR_SUCCESS;
    TWC_TRY(twc_db_run(ctx, &SQL_VERSION, NULL, &rows));
    *version = (int)twc_rows_int(rows, 0, 0);
    return APR_SUCCESS;
}

static apr_status_t too_new(twc_ctx_t *ctx, int version)
{
    return twc_problem(ctx, APR_EAGAIN, "schema_new",
                       "The database has schema version %d, this program knows only %d: install the newer program.",
                       version, twc_migrate_wanted());
}

static apr_status_t apply_one(twc_ctx_t *ctx, const migration_t *m)
{
    twc_args_t args;

    TWC_TRY(twc_db_script(ctx, m->script));
    twc_args_init(&args, ctx->scratch);
    twc_arg_int(&args, m->version);
    twc_arg_text(&args, m->name);
    twc_arg_text(&args, checksum(ctx->scratch, m->script));
    return twc_db_run(ctx, &SQL_RECORD, &args, NULL);
}

/* One transaction: the first file that is missing, decided under the lock. */
static apr_status_t apply_next(twc_ctx_t *ctx, void *baton)
{
    apply_t *a = baton;
    bool exists;
    int version;

    a->done = NULL;
    TWC_TRY(twc_db_run(ctx, &SQL_LOCK, NULL, NULL));
    TWC_TRY(table_exists(ctx, &exists));
    if (!exists)
        TWC_TRY(twc_db_run(ctx, &SQL_CREATE, NULL, NULL));
    TWC_TRY(twc_migrate_version(ctx, &version));
    if (version > twc_migrate_wanted())
        return too_new(ctx, version);
    for (int i = 0; i < MIGRATIONS && !a->done; i++)
        if (migrations[i].version > version)
            a->done = &migrations[i];
    return a->done ? apply_one(ctx, a->done) : APR_SUCCESS;
}

/* A file is history once it is applied; whoever edits it is told that this database does not have the edit. */
static apr_status_t report_changed(twc_ctx_t *ctx, const apply_t *a)
{
    twc_rows_t *rows;

    TWC_TRY(twc_db_run(ctx, &SQL_APPLIED, NULL, &rows));
    for (int row = 0; row < twc_rows_count(rows); row++) {
        const char *had = twc_rows_text(rows, row, 1, ctx->scratch);
        for (int i = 0; i < MIGRATIONS; i++)
            if (migrations[i].version == twc_rows_int(rows, row, 0)
                && strcmp(checksum(ctx->scratch, migrations[i].script), had) != 0)
                tell(a, apr_pstrcat(ctx->scratch, "warning: ", migrations[i].name, " was changed after it had been "
                                    "applied here; the change is not in this database", NULL));
    }
    return APR_SUCCESS;
}

apr_status_t twc_migrate_apply(twc_ctx_t *ctx, void (*report)(void *baton, const char *line), void *baton)
{
    apply_t a = { .report = report, .baton = baton };
    int version;

    do {
        TWC_TRY(twc_tx_run(ctx, apply_next, &a));
        if (a.done)
            tell(&a, apr_pstrcat(ctx->scratch, "applied ", a.done->name, NULL));
    } while (a.done);
    TWC_TRY(report_changed(ctx, &a));
    TWC_TRY(twc_migrate_version(ctx, &version));
    tell(&a, apr_psprintf(ctx->scratch, "the schema is at version %d", version));
    return APR_SUCCESS;
}

apr_status_t twc_migrate_check(twc_ctx_t *ctx)
{
    int version;

    TWC_TRY(twc_migrate_version(ctx, &version));
    if (version > twc_migrate_wanted())
        return too_new(ctx, version);
    if (version < twc_migrate_wanted())
        return twc_problem(ctx, APR_EAGAIN, "schema_old",
                           "The database has schema version %d, this program needs %d: run \"twchatctl migrate\".",
                           version, twc_migrate_wanted());
    return APR_SUCCESS;
}
