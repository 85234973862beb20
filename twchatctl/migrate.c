/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * migrate.c - twchatctl migrate.
 * Must never touch a database whose schema is newer than it knows.
 * Called by main.c.
 */
#include <stdio.h>

#include "ctl.h"
#include "store/migrate.h"

static void report(void *baton, const char *line)
{
    printf("%s\n", line);
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    bool check = false;
    const ctl_option_t options[] = { { "check", false, .flag = &check }, { NULL } };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);

    if (code != CTL_OK)
        return code;
    if (words->nelts > 0)
        return ctl_usage(ctl, "\"%s\" is too much", APR_ARRAY_IDX(words, 0, const char *));
    if (check) {
        code = ctl_open(ctl, false);
        if (code == CTL_OK)
            printf("the schema is at version %d\n", twc_migrate_wanted());
        return code;
    }
    code = ctl_open(ctl, true);
    if (code != CTL_OK)
        return code;
    return twc_migrate_apply(&ctl->ctx, report, NULL) == APR_SUCCESS ? CTL_OK : ctl_fail(ctl);
}

const ctl_command_t ctl_migrate = {
    "migrate", "[--check]", "Bring the database's schema up to date",
    "Works on an empty and on an older database, and does nothing where nothing is missing. Each step is one\n"
    "transaction; two may run at the same time. Repeat it after each upgrade of the module.\n"
    "\n"
    "  --check   change nothing; exit with 4 when the schema is not the one this program needs\n",
    run
};
