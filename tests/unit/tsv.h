/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * tsv.h - rows of the tables in tests/data: columns between tabs, lines with '#' in front are for people.
 */
#ifndef TESTS_UNIT_TSV_H
#define TESTS_UNIT_TSV_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct tsv_t {
    FILE *in;
    const char *column[8];              /* of the row just read */
    char line[4096];
} tsv_t;

static inline void tsv_open(tsv_t *t, const char *path)
{
    t->in = fopen(path, "r");
    if (!t->in)
        fail_msg("%s is missing", path);
}

/* The next row, which has exactly `columns` columns; false and closed at the end. */
static inline bool tsv_next(tsv_t *t, int columns)
{
    char *rest = t->line;

    do {
        if (!fgets(t->line, sizeof(t->line), t->in)) {
            fclose(t->in);
            return false;
        }
        if (!strchr(t->line, '\n'))
            fail_msg("a line is too long: %.60s", t->line);
    } while (t->line[0] == '#');
    t->line[strcspn(t->line, "\n")] = '\0';
    for (int i = 0; i < columns; i++) {
        t->column[i] = strsep(&rest, "\t");
        if (!t->column[i])
            fail_msg("only %d columns: %.60s", i, t->line);
    }
    if (rest)
        fail_msg("more than %d columns: %.60s", columns, t->column[0]);
    return true;
}

#endif
