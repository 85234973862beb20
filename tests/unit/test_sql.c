/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_sql.c - every statement of the program is known to store/sql.c, has a name of its own, and
 * can be prepared against the newest schema.
 * Needs a database to work in: TWCHAT_TEST_DATABASE, a conninfo string; its schema
 * "twchat_test_sql" is made and dropped.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <libpq-fe.h>

#include "store/migrate.h"
#include "store/sql.h"
#include "twilio/status.h"

#define SCHEMA "twchat_test_sql"

static apr_pool_t *pool;

/* ---- the registry -------------------------------------------------------------- */

static const twc_sql_t *find(const char *name)
{
    for (int f = 0; twc_sql_all[f]; f++)
        for (int i = 0; twc_sql_all[f][i]; i++)
            if (strcmp(twc_sql_all[f][i]->name, name) == 0)
                return twc_sql_all[f][i];
    return NULL;
}

static void names_are_unique(void **state)
{
    for (int f = 0; twc_sql_all[f]; f++)
        for (int i = 0; twc_sql_all[f][i]; i++) {
            const twc_sql_t *sql = twc_sql_all[f][i];
            if (find(sql->name) != sql)
                fail_msg("two statements are called %s", sql->name);
            assert_int_equal(strspn(sql->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(sql->name));
            assert_true(strlen(sql->name) < 64);
        }
}

/* `static const twc_sql_t SQL_X = { "name", ...` as the source says it */
static int missing_in(const char *path)
{
    static const char mark[] = "static const twc_sql_t ";
    char line[4096], name[128];
    int missing = 0;
    FILE *in = fopen(path, "r");

    assert_non_null(in);
    while (fgets(line, sizeof(line), in)) {
        if (strncmp(line, mark, strlen(mark)) != 0)
            continue;
        if (sscanf(line, "%*[^\"]\"%127[^\"]\"", name) != 1 || !find(name)) {
            print_error("%s: not in store/sql.c: %s", path, line);
            missing++;
        }
    }
    fclose(in);
    return missing;
}

static void none_is_forgotten(void **state)
{
    const char *top = getenv("srcdir");
    glob_t found;
    int missing = 0;

    assert_int_equal(glob(apr_pstrcat(pool, top ? top : ".", "/mod_twchat/store/*.c", NULL), 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        missing += missing_in(found.gl_pathv[i]);
    globfree(&found);
    assert_int_equal(missing, 0);
}

/* ---- against a database ------------------------------------------------------------ */

static PGconn *conn;

static void must(const char *sql)
{
    PGresult *res = PQexec(conn, sql);

    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(res);
}

static void migrate(const char *conninfo)
{
    apr_pool_t *p;
    twc_db_lender_t lender;
    twc_db_t *db;
    twc_ctx_t ctx;
    twc_conf_t conf = { .tenant = "test" };

    apr_pool_create(&p, pool);
    assert_int_equal(twc_db_lender_direct(&lender, p, conninfo), APR_SUCCESS);
    assert_int_equal(twc_db_create(&db, p, &lender, 1, apr_time_from_sec(60)), APR_SUCCESS);
    twc_ctx_init(&ctx, p, db, &conf);
    if (twc_migrate_apply(&ctx, NULL, NULL) != APR_SUCCESS)
        fail_msg("migrate: %s %s", ctx.problem->detail, ctx.problem->internal ? ctx.problem->internal : "");
    apr_pool_destroy(p);
}

static int connect_and_migrate(void **state)
{
    const char *given = getenv("TWCHAT_TEST_DATABASE");
    const char *keys[] = { "dbname", "options", NULL };
    const char *values[] = { given, "-c search_path=" SCHEMA " -c client_min_messages=warning", NULL };
    PQconninfoOption *opts;
    const char *conninfo = "options='-c search_path=" SCHEMA "'";

    conn = PQconnectdbParams(keys, values, 1);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    must("DROP SCHEMA IF EXISTS " SCHEMA " CASCADE");
    must("CREATE SCHEMA " SCHEMA);
    opts = PQconninfo(conn);
    for (PQconninfoOption *o = opts; o->keyword; o++)
        if (o->val && *o->val && strcmp(o->keyword, "options") != 0 && !strchr(o->val, '\''))
            conninfo = apr_psprintf(pool, "%s %s='%s'", conninfo, o->keyword, o->val);
    PQconninfoFree(opts);
    migrate(conninfo);
    migrate(conninfo);
    return 0;
}

static int drop_schema(void **state)
{
    must("DROP SCHEMA " SCHEMA " CASCADE");
    PQfinish(conn);
    return 0;
}

/* Statements that make a table are run, not prepared. */
static bool is_definition(const twc_sql_t *sql)
{
    return strncmp(sql->text, "CREATE ", 7) == 0;
}

static void all_can_be_prepared(void **state)
{
    int failed = 0;

    for (int f = 0; twc_sql_all[f]; f++)
        for (int i = 0; twc_sql_all[f][i]; i++) {
            const twc_sql_t *sql = twc_sql_all[f][i];
            PGresult *res = is_definition(sql) ? NULL : PQprepare(conn, sql->name, sql->text, 0, NULL);
            if (res && PQresultStatus(res) != PGRES_COMMAND_OK) {
                print_error("%s: %s", sql->name, PQerrorMessage(conn));
                failed++;
            }
            PQclear(res);
        }
    assert_int_equal(failed, 0);
}

/* The program and the database must not disagree about which status may replace which. */
static void statuses_agree(void **state)
{
    static const char *const words[] = { "accepted", "scheduled", "queued", "sending", "sent", "partially_delivered", "delivered", "undelivered",
                                         "failed", "canceled", "read", "received", "receiving", "nonsense", "", NULL };
    const size_t count = sizeof(words) / sizeof(words[0]);

    for (size_t i = 0; i < count * count; i++) {
        const char *values[] = { words[i / count], words[i % count] };
        PGresult *res = PQexecParams(conn, "SELECT twchat_status_rank($1), twchat_status_may_follow($1, $2)", 2, NULL, values, NULL, NULL, 0);
        assert_int_equal(PQresultStatus(res), PGRES_TUPLES_OK);
        if (atoi(PQgetvalue(res, 0, 0)) != twc_status_rank(values[0])
            || (*PQgetvalue(res, 0, 1) == 't') != twc_status_may_follow(values[0], values[1]))
            fail_msg("%s, then %s: SQL says %s, %s", values[0], values[1], PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
        PQclear(res);
    }
}

int main(void)
{
    const struct CMUnitTest registry[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(none_is_forgotten),
    };
    const struct CMUnitTest database[] = { cmocka_unit_test(all_can_be_prepared), cmocka_unit_test(statuses_agree) };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(registry, NULL, NULL);
    if (!getenv("TWCHAT_TEST_DATABASE"))
        return failed ? failed : 77;
    failed += cmocka_run_group_tests(database, connect_and_migrate, drop_schema);
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
