/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * main.c - twchatctl: which command, with which settings.
 * Must never do a command's work itself.
 * Called by people and scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "config.h"
#include "ctl.h"
#include "remote/http.h"
#include "store/migrate.h"

static int version(ctl_t *ctl, int argc, const char *const *argv)
{
    printf("twchatctl %s, schema version %d\n", PACKAGE_VERSION, twc_migrate_wanted());
    return CTL_OK;
}

static const ctl_command_t ctl_version = {
    "version", "", "Version of this program and of the schema it needs", "", version
};

static const ctl_command_t *const commands[] = {
    &ctl_send, &ctl_migrate, &ctl_user, &ctl_session, &ctl_apikey, &ctl_audit, &ctl_journal, &ctl_spool, &ctl_routes, &ctl_doctor, &ctl_version, NULL
};

static const ctl_command_t *find(const char *name)
{
    for (const ctl_command_t *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static void print_help(void)
{
    printf("usage: twchatctl [--env FILE] COMMAND [ARGUMENT...]\n\n");
    for (const ctl_command_t *const *c = commands; *c; c++)
        printf("  %-9s %s\n", (*c)->name, (*c)->summary);
    printf("\n\"twchatctl COMMAND --help\" tells more about one of them, twchatctl(1) everything.\n"
           "Settings come from the environment, then from FILE (%s where it exists):\n"
           "DATABASE_URL, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_DEFAULT_FROM, TWILIO_WHATSAPP_FROM,\n"
           "TWILIO_MESSAGING_SERVICE_SID, TWILIO_API_BASE, PUBLIC_BASE_URL, TWCHAT_URL, TWCHAT_SPOOL.\n", CTL_ENV_FILE);
}

static int print_command_help(const ctl_command_t *command)
{
    printf("usage: twchatctl [--env FILE] %s %s\n\n%s.\n\n%s", command->name, command->arguments, command->summary,
           command->help);
    return CTL_OK;
}

static bool wants_help(int argc, const char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* "help" and "help COMMAND". */
static int help(ctl_t *ctl, const char *name)
{
    const ctl_command_t *command = name ? find(name) : NULL;

    if (name && !command)
        return ctl_usage(ctl, "there is no command \"%s\"", name);
    if (command)
        return print_command_help(command);
    print_help();
    return CTL_OK;
}

static int run_command(ctl_t *ctl, const char *env_file, int argc, const char *const *argv)
{
    const ctl_command_t *command = find(argv[0]);
    int code;

    if (!command)
        return ctl_usage(ctl, "there is no command \"%s\"", argv[0]);
    ctl->command = command->name;
    if (wants_help(argc, argv))
        return print_command_help(command);
    code = ctl_settings(ctl, env_file);
    return code == CTL_OK ? command->run(ctl, argc, argv) : code;
}

/* What stands before the command. */
static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    const char *env_file = NULL;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return CTL_OK;
        }
        if (strcmp(argv[i], "--version") == 0)
            return version(ctl, 0, NULL);
        if (strncmp(argv[i], "--env=", 6) == 0)
            env_file = argv[i] + 6;
        else if (strcmp(argv[i], "--env") == 0 && i + 1 < argc)
            env_file = argv[++i];
        else if (strcmp(argv[i], "--env") == 0)
            return ctl_usage(ctl, "option --env wants a value");
        else
            return ctl_usage(ctl, "there is no option %s before a command", argv[i]);
    }
    if (i < argc && strcmp(argv[i], "help") == 0)
        return help(ctl, i + 1 < argc ? argv[i + 1] : NULL);
    if (i == argc)
        return ctl_usage(ctl, "no command was given");
    return run_command(ctl, env_file, argc - i, argv + i);
}

int main(int argc, const char *const *argv)
{
    ctl_t ctl = { .command = NULL };
    int code;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS)
        return CTL_FAILED;
    atexit(apr_terminate);
    if (apr_pool_create(&ctl.pool, NULL) != APR_SUCCESS || twc_http_init(ctl.pool) != APR_SUCCESS)
        return CTL_FAILED;
    twc_ctx_init(&ctl.ctx, ctl.pool, NULL, &ctl.conf);
    code = run(&ctl, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_say(&ctl, "the result could not be written");
        code = code ? code : CTL_FAILED;
    }
    apr_pool_destroy(ctl.pool);
    return code;
}
