/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * audit.c - twchatctl audit: is the log of who did what whole, and its lines.
 * Must never change it.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>

#include <apr_lib.h>

#include "ctl.h"
#include "store/audit.h"

#define SLICE 1000

static int verify(ctl_t *ctl, const char *head)
{
    twc_audit_state_t state;
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    if (twc_audit_verify(&ctl->ctx, head, &state) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (state.broken) {
        ctl_say(ctl, "the chain breaks at row %" APR_INT64_T_FMT ": it, or what stood before it, was changed or removed", state.broken);
        return CTL_FAILED;
    }
    if (head && !state.head_found) {
        ctl_say(ctl, "no row has the hash %s: the end of the log was cut off, or the log is another one", head);
        return CTL_FAILED;
    }
    printf("%" APR_INT64_T_FMT " rows, each as it was written. Last hash: %s\n", state.rows, state.head ? state.head : "-");
    return CTL_OK;
}

static int export(ctl_t *ctl, apr_int64_t after)
{
    const char *lines;
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    for (;;) {
        apr_pool_t *pool;
        apr_int64_t last;
        twc_ctx_t ctx = ctl->ctx;

        apr_pool_create(&pool, ctl->pool);
        ctx.pool = ctx.scratch = pool;
        if (twc_audit_export(&ctx, after, SLICE, &lines, &last) != APR_SUCCESS)
            return ctl_fail(ctl);
        fputs(lines, stdout);
        apr_pool_destroy(pool);
        if (!last)
            return CTL_OK;
        after = last;
    }
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    const char *head = NULL, *after = NULL;
    const ctl_option_t options[] = { { "head", true, .text = &head }, { "after", true, .text = &after }, { NULL } };
    apr_array_header_t *words;
    apr_int64_t first = 0;
    int code = ctl_options(ctl, argc, argv, options, &words);
    const char *verb = words->nelts == 1 ? APR_ARRAY_IDX(words, 0, const char *) : "";

    if (code == CTL_OK && after)
        code = ctl_number(ctl, "--after", after, 0, APR_INT64_MAX, &first);
    if (code != CTL_OK)
        return code;
    if (strcmp(verb, "verify") == 0)
        return verify(ctl, head);
    if (strcmp(verb, "export") == 0)
        return export(ctl, first);
    return ctl_usage(ctl, "say what: verify or export");
}

const ctl_command_t ctl_audit = {
    "audit", "verify [--head HASH] | export [--after ID]", "The log of who did what",
    "Each row carries a hash over itself and the row before, so that a change or a gap shows.\n"
    "\n"
    "  verify          compute all hashes again; fails at the first row that does not fit, and prints the last hash\n"
    "    --head HASH   a last hash that was noted earlier: it must still be there, or the end was cut off\n"
    "  export          all rows as lines of JSON, oldest first\n"
    "    --after ID    only those after this one\n",
    run
};
