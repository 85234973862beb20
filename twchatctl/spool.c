/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spool.c - twchatctl spool status, list, verify, replay.
 * Must never make a spool where there is none, nor touch one except by replaying it.
 * Called by main.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>

#include "ctl.h"
#include "domain/call.h"
#include "domain/inbound.h"
#include "util/clock.h"
#include "util/mask.h"
#include "work/batch.h"
#include "work/replay.h"

#define DEFAULT_DIR "/var/spool/mod_twchat"

/* ---- which one ------------------------------------------------------------------------------ */

/* dir itself, or every spool in it. */
static int find(ctl_t *ctl, const char *dir, apr_array_header_t **found)
{
    apr_finfo_t info;
    apr_dir_t *d;
    char reason[120];
    apr_status_t rv;

    *found = apr_array_make(ctl->pool, 2, sizeof(const char *));
    if (twc_spool_exists(ctl->pool, dir)) {
        APR_ARRAY_PUSH(*found, const char *) = dir;
        return CTL_OK;
    }
    rv = apr_dir_open(&d, dir, ctl->pool);
    if (rv != APR_SUCCESS) {
        ctl_say(ctl, "%s cannot be read: %s", dir, apr_strerror(rv, reason, sizeof(reason)));
        return CTL_NOT_FOUND;
    }
    while (apr_dir_read(&info, APR_FINFO_NAME, d) == APR_SUCCESS) {
        const char *sub = apr_pstrcat(ctl->pool, dir, "/", info.name, NULL);
        if (info.name[0] != '.' && twc_spool_exists(ctl->pool, sub))
            APR_ARRAY_PUSH(*found, const char *) = sub;
    }
    apr_dir_close(d);
    if ((*found)->nelts > 0)
        return CTL_OK;
    ctl_say(ctl, "there is no spool in %s; TwchatSpool says where httpd has it", dir);
    return CTL_NOT_FOUND;
}

/* httpd may be at work in it, and the disk may be broken: whoever only looks leaves everything as it is. */
static int look_at(ctl_t *ctl, const char *dir, twc_spool_t **spool)
{
    const char *reason;

    if (twc_spool_look(spool, ctl->pool, dir, &reason) == APR_SUCCESS)
        return CTL_OK;
    ctl_say(ctl, "%s", reason);
    return CTL_FAILED;
}

/* ---- walking through it ------------------------------------------------------------------------ */

typedef int (*visit_fn)(ctl_t *ctl, const twc_spooled_t *record, void *baton);

/* Every record that waits, oldest first, until visit says something else than CTL_OK. */
static int walk(ctl_t *ctl, twc_spool_t *spool, visit_fn visit, void *baton)
{
    apr_uint64_t at = twc_spool_replayed(spool);
    apr_pool_t *pool;
    int count, code = CTL_OK;

    apr_pool_create(&pool, ctl->pool);
    do {
        twc_spooled_t records[TWC_BATCH_MAX];
        apr_status_t rv;
        char reason[120];

        apr_pool_clear(pool);
        rv = twc_spool_read(spool, pool, at, records, TWC_BATCH_MAX, &count);
        if (rv != APR_SUCCESS) {
            ctl_say(ctl, "it cannot be read: %s", apr_strerror(rv, reason, sizeof(reason)));
            code = CTL_FAILED;
        }
        for (int i = 0; code == CTL_OK && i < count; i++) {
            code = visit(ctl, &records[i], baton);
            at = records[i].end;
        }
    } while (code == CTL_OK && count > 0);
    apr_pool_destroy(pool);
    return code;
}

static const char *sid_of(apr_pool_t *pool, const twc_form_t *form)
{
    static const char *const names[] = { "MessageSid", "SmsSid", "SmsMessageSid", "message_sid" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *sid = twc_form_text(pool, form, names[i]);
        if (sid && *sid)
            return sid;
    }
    return "-";
}

static int print_record(ctl_t *ctl, const twc_spooled_t *record, void *left)
{
    apr_pool_t *pool = ctl->pool;
    const twc_form_t *form;
    const char *from = NULL;
    twc_call_t *call;

    if ((*(apr_int64_t *)left)-- == 0)
        return CTL_NOT_FOUND;           /* enough */
    if (!record->payload.data || twc_call_decode(pool, record->payload, &call) != APR_SUCCESS) {
        printf("%-19s  %-8s %-15s %" APR_UINT64_T_FMT " bytes that are no call\n", "-", "damaged", "-",
               record->end - record->at);
        return CTL_OK;
    }
    if (twc_call_form(pool, call, &form) == APR_SUCCESS)
        from = twc_form_text(pool, form, "From");
    else
        form = NULL;
    printf("%-19s  %-8s %-15s %-34s %s\n", ctl_when(pool, twc_clock_iso_ms(pool, call->received_at)), call->kind,
           call->interface, form ? sid_of(pool, form) : "-", from ? twc_mask_phone(pool, from) : "-");
    return CTL_OK;
}

static int list(ctl_t *ctl, twc_spool_t *spool, apr_int64_t limit)
{
    int code;

    printf("%-19s  %-8s %-15s %-34s %s\n", "time (UTC)", "kind", "interface", "sid", "from");
    code = walk(ctl, spool, print_record, &limit);
    return code == CTL_NOT_FOUND ? CTL_OK : code;
}

typedef struct tally_t {
    apr_int64_t good, damaged;
} tally_t;

static int tally(ctl_t *ctl, const twc_spooled_t *record, void *baton)
{
    tally_t *sum = baton;
    twc_call_t *call;

    if (record->payload.data && twc_call_decode(ctl->pool, record->payload, &call) == APR_SUCCESS)
        sum->good++;
    else {
        sum->damaged++;
        printf("damaged: bytes %" APR_UINT64_T_FMT " to %" APR_UINT64_T_FMT "\n", record->at, record->end);
    }
    return CTL_OK;
}

static int verify(ctl_t *ctl, twc_spool_t *spool)
{
    tally_t sum = { 0, 0 };
    int code = walk(ctl, spool, tally, &sum);

    if (code != CTL_OK)
        return code;
    printf("%" APR_INT64_T_FMT " record%s whole, %" APR_INT64_T_FMT " stretch%s damaged.\n", sum.good, sum.good == 1 ? " is" : "s are",
           sum.damaged, sum.damaged == 1 ? " is" : "es are");
    return sum.damaged ? CTL_FAILED : CTL_OK;
}

/* ---- status --------------------------------------------------------------------------------------- */

static int first_time(ctl_t *ctl, const twc_spooled_t *record, void *baton)
{
    twc_call_t *call;

    if (record->payload.data && twc_call_decode(ctl->pool, record->payload, &call) == APR_SUCCESS)
        *(apr_time_t *)baton = call->received_at;
    return CTL_NOT_FOUND;               /* the first is enough */
}

static int status(ctl_t *ctl, const char *dir, twc_spool_t *spool)
{
    twc_spool_stat_t stat;
    apr_time_t oldest = 0;

    if (twc_spool_stat(spool, ctl->pool, &stat) != APR_SUCCESS)
        return CTL_FAILED;
    (void)walk(ctl, spool, first_time, &oldest);
    printf("%s\n", dir);
    printf("  waiting    %" APR_UINT64_T_FMT " calls, %" APR_UINT64_T_FMT " bytes%s%s\n",
           stat.appended >= stat.done ? stat.appended - stat.done : 0, stat.written - stat.replayed,
           oldest ? ", the oldest of " : "", oldest ? ctl_when(ctl->pool, twc_clock_iso_ms(ctl->pool, oldest)) : "");
    printf("  on disk    %" APR_UINT64_T_FMT " bytes in %d segment%s", stat.disk_bytes, stat.segments, stat.segments == 1 ? "" : "s");
    if (stat.max_bytes)
        printf("; the limit is %" APR_UINT64_T_FMT " bytes", stat.max_bytes);
    printf("\n  replayed   %" APR_UINT64_T_FMT " calls so far\n", stat.done);
    if (stat.damaged)
        printf("  damaged    %d segment%s kept as damaged-*\n", stat.damaged, stat.damaged == 1 ? "" : "s");
    return CTL_OK;
}

static int status_of_all(ctl_t *ctl, const apr_array_header_t *dirs)
{
    int code = CTL_OK;

    for (int i = 0; i < dirs->nelts && code == CTL_OK; i++) {
        twc_spool_t *spool;
        code = look_at(ctl, APR_ARRAY_IDX(dirs, i, const char *), &spool);
        if (code == CTL_OK)
            code = status(ctl, APR_ARRAY_IDX(dirs, i, const char *), spool);
    }
    return code;
}

/* ---- replay ------------------------------------------------------------------------------------------ */

static int replay_all(ctl_t *ctl, twc_spool_t *spool)
{
    twc_replayed_t sum = { 0, 0, 0 };
    int code = CTL_OK;

    while (code == CTL_OK && twc_spool_pending(spool)) {
        twc_replayed_t done;
        apr_pool_t *pool;
        twc_ctx_t ctx;

        apr_pool_create(&pool, ctl->pool);
        twc_ctx_init(&ctx, pool, ctl->db, &ctl->conf);
        if (twc_replay_some(&ctx, spool, &done) != APR_SUCCESS) {
            *ctl->ctx.problem = *ctx.problem;
            code = ctl_fail(ctl);
        }
        sum.stored += done.stored;
        sum.failed += done.failed;
        sum.damaged += done.damaged;
        apr_pool_destroy(pool);
    }
    printf("%d call%s stored.\n", sum.stored, sum.stored == 1 ? " was" : "s were");
    if (sum.failed)
        printf("%d could not be stored; the journal has them: twchatctl journal list --verdict failed\n", sum.failed);
    if (sum.damaged)
        printf("%d stretch%s could not be read; the segment is kept as damaged-*\n", sum.damaged, sum.damaged == 1 ? "" : "es");
    return code == CTL_OK && sum.failed + sum.damaged > 0 ? CTL_FAILED : code;
}

static int replay(ctl_t *ctl, const char *dir)
{
    int code = ctl_open(ctl, false);
    twc_spool_t *spool;
    const char *reason;

    if (code != CTL_OK)
        return code;
    if (twc_spool_open(&spool, ctl->pool, dir, 0, &reason) != APR_SUCCESS) {
        ctl_say(ctl, "%s", reason);
        return CTL_FAILED;
    }
    if (twc_spool_claim(spool) != APR_SUCCESS) {
        ctl_say(ctl, "httpd is replaying it at this moment; there is nothing to do");
        return CTL_FAILED;
    }
    code = replay_all(ctl, spool);
    twc_spool_release(spool);
    return code;
}

/* ---- the command ---------------------------------------------------------------------------------------- */

static int run_one(ctl_t *ctl, const char *verb, const apr_array_header_t *dirs, apr_int64_t limit)
{
    twc_spool_t *spool;
    int code;

    if (dirs->nelts > 1) {
        ctl_say(ctl, "several hosts have a spool there; name one of them:");
        for (int i = 0; i < dirs->nelts; i++)
            fprintf(stderr, "  --dir %s\n", APR_ARRAY_IDX(dirs, i, const char *));
        return CTL_USAGE;
    }
    if (strcmp(verb, "replay") == 0)
        return replay(ctl, APR_ARRAY_IDX(dirs, 0, const char *));
    code = look_at(ctl, APR_ARRAY_IDX(dirs, 0, const char *), &spool);
    if (code != CTL_OK)
        return code;
    return strcmp(verb, "list") == 0 ? list(ctl, spool, limit) : verify(ctl, spool);
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    const char *dir = NULL, *limit = NULL;
    const ctl_option_t options[] = { { "dir", true, .text = &dir }, { "limit", true, .text = &limit }, { NULL } };
    static const char *const verbs[] = { "status", "list", "verify", "replay" };
    apr_array_header_t *words, *dirs;
    apr_int64_t n = 20;
    const char *verb = NULL;
    int code = ctl_options(ctl, argc, argv, options, &words);

    if (code != CTL_OK)
        return code;
    for (size_t i = 0; words->nelts == 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(APR_ARRAY_IDX(words, 0, const char *), verbs[i]) == 0)
            verb = verbs[i];
    if (!verb)
        return ctl_usage(ctl, "say what: status, list, verify or replay");
    if (limit && ctl_number(ctl, "--limit", limit, 1, 1000000, &n) != CTL_OK)
        return CTL_USAGE;
    code = find(ctl, dir ? dir : ctl->spool ? ctl->spool : DEFAULT_DIR, &dirs);
    if (code != CTL_OK)
        return code;
    return strcmp(verb, "status") == 0 ? status_of_all(ctl, dirs) : run_one(ctl, verb, dirs, n);
}

const ctl_command_t ctl_spool = {
    "spool", "status | list [--limit N] | verify | replay    [--dir DIR]",
    "Calls of Twilio that wait on disk for the database",
    "While the database is away httpd keeps Twilio's calls in a spool and stores them when it is back.\n"
    "\n"
    "  status      how much waits, since when\n"
    "  list        the oldest calls that wait, 20 or N of them\n"
    "  verify      read all of them and compare their checksums; fails when something is damaged\n"
    "  replay      store them now. httpd does this by itself; this is for the spool of a host that is gone:\n"
    "              copy its directory here and name it with --dir. Nothing is stored twice\n"
    "\n"
    "  --dir DIR   the directory of one host, or the one TwchatSpool names; without it TWCHAT_SPOOL of the\n"
    "              settings, else " DEFAULT_DIR "\n",
    run
};
