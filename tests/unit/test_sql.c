/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_sql.c - every statement of the program is known to store/sql.c, has a name of its own, and
 * can be prepared against the newest schema.
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

#include <libpq-fe.h>

#include "database.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "twilio/status.h"

twc_conf_t conf = { .tenant = "test" };

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

/* Migrations that were applied already do nothing. */
static int connect_and_migrate_again(void **state)
{
    if (database_make(state) != 0)
        return -1;
    assert_int_equal(twc_migrate_apply(ctx_new(), NULL, NULL), APR_SUCCESS);
    conn = PQconnectdb(database_conninfo());
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return 0;
}

static int disconnect_and_drop(void **state)
{
    PQfinish(conn);
    return database_drop(state);
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
    bool connected = database_begin("twchat_test_sql");
    int failed = cmocka_run_group_tests(registry, NULL, NULL);

    if (connected)
        failed += cmocka_run_group_tests(database, connect_and_migrate_again, disconnect_and_drop);
    return database_end(failed);
}
