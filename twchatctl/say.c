/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * say.c - how the command line tells people that something went wrong.
 * Must never print a secret; results go to standard output, by the commands themselves.
 * Called by all commands.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

static void say(const ctl_t *ctl, const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "twchatctl%s%s: ", ctl->command ? " " : "", ctl->command ? ctl->command : "");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void ctl_say(const ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(ctl, format, args);
    va_end(args);
}

int ctl_usage(const ctl_t *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(ctl, format, args);
    va_end(args);
    fprintf(stderr, "Try \"twchatctl%s%s --help\".\n", ctl->command ? " " : "", ctl->command ? ctl->command : "");
    return CTL_USAGE;
}

static int exit_code(const twc_problem_t *p)
{
    static const struct { const char *prefix; int code; } codes[] = {
        { "database_", CTL_DATABASE }, { "schema_", CTL_DATABASE }, { "busy", CTL_DATABASE },
        { "not_configured", CTL_SETTINGS }, { "twilio_", CTL_TWILIO },
    };

    for (size_t i = 0; p->code && i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strncmp(p->code, codes[i].prefix, strlen(codes[i].prefix)) == 0)
            return codes[i].code;
    if (p->twilio_code)
        return CTL_TWILIO;
    return p->status == APR_ENOENT ? CTL_NOT_FOUND : CTL_FAILED;
}

/* Whoever runs a command on this machine may know what the log would say. */
int ctl_fail(const ctl_t *ctl)
{
    const twc_problem_t *p = ctl->ctx.problem;
    const char *detail = p->detail ? p->detail : "It did not work, and nobody knows why.";
    const char *why = p->internal;

    if (ctl->lender.baton && twc_db_is_away(&ctl->ctx) && twc_db_lender_error(&ctl->lender, ctl->pool))
        why = twc_db_lender_error(&ctl->lender, ctl->pool);
    if (why)
        ctl_say(ctl, "%s (%.*s)", detail, (int)strcspn(why, "\n"), why);
    else
        ctl_say(ctl, "%s", detail);
    return exit_code(p);
}

const char *ctl_when(apr_pool_t *pool, const char *iso)
{
    return iso && strlen(iso) >= 19 ? apr_psprintf(pool, "%.10s %.8s", iso, iso + 11) : "-";
}
