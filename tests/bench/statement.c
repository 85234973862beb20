/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * statement.c - prints a statement of the program by its name, so that pgbench can
 * run the very same one as a yardstick.
 * Run by ./bench.
 */
#include <stdio.h>
#include <string.h>

#include "store/sql.h"

int main(int argc, char **argv)
{
    for (int f = 0; argc == 2 && twc_sql_all[f]; f++)
        for (int i = 0; twc_sql_all[f][i]; i++)
            if (strcmp(twc_sql_all[f][i]->name, argv[1]) == 0) {
                puts(twc_sql_all[f][i]->text);
                return 0;
            }
    fputs("usage: statement NAME\n", stderr);
    return 2;
}
