/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * ctl.h - what the commands of twchatctl share: settings, the database, options, exit codes.
 */
#ifndef TWCHATCTL_CTL_H
#define TWCHATCTL_CTL_H

#include <apr_tables.h>

#include "store/db.h"

/** Exit codes; twchatctl(1) documents them. */
enum {
    CTL_OK = 0,
    CTL_FAILED = 1,                     /* it was tried and did not work; the reason is on standard error */
    CTL_USAGE = 2,
    CTL_SETTINGS = 3,                   /* a setting is missing or cannot be right */
    CTL_DATABASE = 4,                   /* the database is away, or its schema is another one */
    CTL_TWILIO = 5,                     /* Twilio refused or did not answer */
    CTL_NOT_FOUND = 6                   /* what was named is not there */
};

typedef struct ctl_t {
    apr_pool_t *pool;
    const char *command;                /* for messages */
    /* settings */
    const char *env_file;               /* where they came from beside the environment; NULL: nowhere */
    const char *database_url;
    const char *spool;                  /* TWCHAT_SPOOL: a directory; NULL: not said */
    const char *site_url;               /* TWCHAT_URL, else the public one; NULL: unknown */
    twc_conf_t conf;
    /* the database, after ctl_open */
    twc_db_lender_t lender;
    twc_db_t *db;
    twc_ctx_t ctx;
} ctl_t;

typedef struct ctl_command_t {
    const char *name;
    const char *arguments;              /* "--to NUMBER --body TEXT [...]" */
    const char *summary;
    const char *help;                   /* what --help prints below the usage line */
    int (*run)(ctl_t *ctl, int argc, const char *const *argv);  /* argv[0] is the command */
} ctl_command_t;

extern const ctl_command_t ctl_apikey, ctl_audit, ctl_doctor, ctl_journal, ctl_migrate, ctl_routes, ctl_send, ctl_session, ctl_spool,
    ctl_user;

/* ---- settings (env.c) ------------------------------------------------------------- */

#define CTL_ENV_FILE "/etc/twchat/twchat.env"

/**
 * Read the settings: the environment first, then file for what is not set there.
 * @param file  from --env; NULL: CTL_ENV_FILE where there is one
 * @return CTL_OK, or an exit code after having said why
 */
int ctl_settings(ctl_t *ctl, const char *file);

/** Open the database and, unless any_schema, see that its schema is ours. */
int ctl_open(ctl_t *ctl, bool any_schema);

/* ---- talking (say.c) ------------------------------------------------------------------ */

/** "twchatctl send: ..." on standard error. */
void ctl_say(const ctl_t *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Say what ctx's problem is. @return the exit code that goes with it */
int ctl_fail(const ctl_t *ctl);

/** Say it, with a pointer to --help. @return CTL_USAGE */
int ctl_usage(const ctl_t *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Time as people read it, for JSON's "2025-01-31T09:00:00.123Z"; "-" for NULL. */
const char *ctl_when(apr_pool_t *pool, const char *iso);

/* ---- options (option.c) ----------------------------------------------------------------- */

typedef struct ctl_option_t {
    const char *name;                   /* long name, without dashes */
    bool value;                         /* takes one */
    const char **text;                  /* where a value goes */
    bool *flag;                         /* where a flag goes */
    apr_array_header_t *list;           /* of const char *, for an option that may be repeated */
} ctl_option_t;

/**
 * Read options; the table ends with a row without name. Words are what is no option.
 * @return CTL_OK, or CTL_USAGE after having said why
 */
int ctl_options(const ctl_t *ctl, int argc, const char *const *argv, const ctl_option_t *options,
                apr_array_header_t **words);

/** A whole number within lo..hi. @return CTL_OK, or CTL_USAGE after having said why */
int ctl_number(const ctl_t *ctl, const char *name, const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *number);

#endif
