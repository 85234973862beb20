/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - twchatctl journal list, show, replay.
 * Must never take a call in twice: the store knows each SID once, and accepted calls are not replayed at all.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "ctl.h"
#include "domain/call.h"
#include "domain/inbound.h"
#include "store/setting.h"
#include "util/text.h"

/* ---- list and show ------------------------------------------------------------------ */

static const char *text(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static const char *or_dash(const char *s)
{
    return s && *s ? s : "-";
}

static void print_row(const ctl_t *ctl, const json_t *row)
{
    json_int_t suppressed = json_integer_value(json_object_get(row, "suppressed"));

    printf("%8" JSON_INTEGER_FORMAT "  %s  %-9s %-8s %-15s %-34s %s", json_integer_value(json_object_get(row, "id")),
           ctl_when(ctl->pool, text(row, "at")), or_dash(text(row, "verdict")), or_dash(text(row, "kind")),
           or_dash(text(row, "interface")), or_dash(text(row, "sid")), or_dash(text(row, "reason")));
    if (suppressed > 0)
        printf(" (and %" JSON_INTEGER_FORMAT " more)", suppressed);
    if (text(row, "replayed_at"))
        printf(" (replayed %s)", ctl_when(ctl->pool, text(row, "replayed_at")));
    putchar('\n');
}

static int list(ctl_t *ctl, const char *verdict, int limit, bool as_json)
{
    const char *json;
    json_t *rows, *row;
    size_t i;

    if (twc_journal_list(&ctl->ctx, verdict, limit, &json) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (as_json) {
        printf("%s\n", json);
        return CTL_OK;
    }
    rows = json_loads(json, 0, NULL);
    printf("%8s  %-19s  %-9s %-8s %-15s %-34s %s\n", "id", "time (UTC)", "verdict", "kind", "interface", "sid", "reason");
    json_array_foreach(rows, i, row)
        print_row(ctl, row);
    json_decref(rows);
    return CTL_OK;
}

static int show(ctl_t *ctl, apr_int64_t id)
{
    const char *json;
    json_t *row;

    if (twc_journal_show(&ctl->ctx, id, &json) != APR_SUCCESS)
        return ctl_fail(ctl);
    row = json_loads(json, 0, NULL);
    json_dumpf(row, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(row);
    return CTL_OK;
}

/* ---- replay --------------------------------------------------------------------------- */

static int read_form(ctl_t *ctl, const twc_journal_row_t *row, const twc_form_t **form)
{
    const char *raw = row->call.raw;

    if (!raw || !*raw) {
        ctl_say(ctl, "its content is not in the journal any more");
        return CTL_FAILED;
    }
    if (twc_call_form(ctl->pool, &row->call, form) == APR_SUCCESS)
        return CTL_OK;
    ctl_say(ctl, "its content cannot be read as what Twilio sends");
    return CTL_FAILED;
}

static int replay_message(ctl_t *ctl, const twc_form_t *form, const twc_call_t *call, bool dry)
{
    twc_inbound_t *in;

    if (twc_inbound_read(&ctl->ctx, form, call, &in) != APR_SUCCESS)
        return ctl_fail(ctl);
    /* Nobody is waiting for an answer in TwiML any more. */
    in->ack = false;
    printf("Message %s from %s to %s, sent to %s%s: store it%s.\n", in->sid, in->from, in->to, call->interface,
           in->num_media ? " with attachments" : "",
           in->answer_arg ? " and answer it as the site is set up to" : "");
    if (dry)
        return CTL_OK;
    if (twc_ingest_messages(&ctl->ctx, &in, 1) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (in->duplicate)
        printf("It was known already; nothing has changed.\n");
    else
        printf("Stored as message %" APR_INT64_T_FMT ".\n", in->message_id);
    return CTL_OK;
}

static int replay_status(ctl_t *ctl, const twc_form_t *form, const twc_call_t *call, bool dry)
{
    twc_status_t *status;

    if (twc_inbound_read_status(&ctl->ctx, form, call, &status) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("Message %s became %s: note it.\n", status->sid, status->status);
    if (dry)
        return CTL_OK;
    if (twc_ingest_statuses(&ctl->ctx, &status, 1) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("%s\n", status->applied ? "The message has this status now."
                 : status->message_id ? "The message had got further already; its status stays."
                 : "There is no such message (yet); the status is kept for it.");
    return CTL_OK;
}

static int replay(ctl_t *ctl, apr_int64_t id, bool dry)
{
    twc_journal_row_t row;
    const twc_form_t *form;
    int code;

    if (twc_journal_load(&ctl->ctx, id, &row) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (strcmp(row.verdict, "accepted") == 0 || strcmp(row.verdict, "duplicate") == 0 || strcmp(row.verdict, "reported") == 0) {
        ctl_say(ctl, "entry %" APR_INT64_T_FMT " was taken in (%s): there is nothing to replay", id, row.verdict);
        return CTL_FAILED;
    }
    code = read_form(ctl, &row, &form);
    if (code != CTL_OK)
        return code;
    printf("Entry %" APR_INT64_T_FMT " was %s%s%s. The signature is not checked again.\n", id, row.verdict,
           row.reason ? ": " : "", row.reason ? row.reason : "");
    if (strcmp(row.call.kind, "message") == 0)
        code = replay_message(ctl, form, &row.call, dry);
    else if (strcmp(row.call.kind, "status") == 0)
        code = replay_status(ctl, form, &row.call, dry);
    else {
        ctl_say(ctl, "a call of kind \"%s\" leaves nothing behind that could be replayed", row.call.kind);
        return CTL_FAILED;
    }
    if (code == CTL_OK && !dry && twc_journal_replayed(&ctl->ctx, id) != APR_SUCCESS)
        return ctl_fail(ctl);
    return code;
}

/* ---- the command -------------------------------------------------------------------------- */

static bool is_verdict(const char *word)
{
    static const char *const verdicts[] = { "accepted", "duplicate", "refused", "invalid", "failed", "reported" };

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
        if (strcmp(verdicts[i], word) == 0)
            return true;
    return false;
}

static int run_list(ctl_t *ctl, const char *verdict, const char *limit, bool json)
{
    apr_int64_t n = 20;
    int code;

    if (verdict && !is_verdict(verdict))
        return ctl_usage(ctl, "--verdict is one of accepted, duplicate, refused, invalid, failed, reported");
    if (limit && ctl_number(ctl, "--limit", limit, 1, 1000, &n) != CTL_OK)
        return CTL_USAGE;
    code = ctl_open(ctl, false);
    return code == CTL_OK ? list(ctl, verdict, (int)n, json) : code;
}

static int run_one(ctl_t *ctl, const char *verb, const char *id_text, bool dry)
{
    apr_int64_t id;
    int code = ctl_number(ctl, "the entry's id", id_text, 1, APR_INT64_MAX, &id);

    if (code == CTL_OK)
        code = ctl_open(ctl, false);
    if (code != CTL_OK)
        return code;
    return strcmp(verb, "show") == 0 ? show(ctl, id) : replay(ctl, id, dry);
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    const char *verdict = NULL, *limit = NULL;
    bool json = false, dry = false;
    const ctl_option_t options[] = {
        { "verdict", true, .text = &verdict }, { "limit", true, .text = &limit },
        { "json", false, .flag = &json }, { "dry-run", false, .flag = &dry }, { NULL }
    };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);
    const char *verb = words->nelts > 0 ? APR_ARRAY_IDX(words, 0, const char *) : "";

    if (code != CTL_OK)
        return code;
    if (strcmp(verb, "list") == 0 && words->nelts == 1)
        return run_list(ctl, verdict, limit, json);
    if ((strcmp(verb, "show") == 0 || strcmp(verb, "replay") == 0) && words->nelts == 2)
        return run_one(ctl, verb, APR_ARRAY_IDX(words, 1, const char *), dry);
    return ctl_usage(ctl, "say what: list, show ID, or replay ID");
}

const ctl_command_t ctl_journal = {
    "journal", "list [--verdict WORD] [--limit N] [--json] | show ID | replay ID [--dry-run]",
    "Every call of Twilio, and what became of it",
    "Verdicts: accepted, duplicate (known already), refused (bad signature), invalid (something was missing),\n"
    "failed (it could not be stored), reported (accepted, but would be refused if signatures were enforced).\n"
    "\n"
    "  list        the newest entries, 20 or N of them\n"
    "  show ID     one entry, with what Twilio sent\n"
    "  replay ID   take a refused, invalid or failed call in after all, without looking at its signature:\n"
    "              first be sure that it is Twilio's. A message that is known already is not stored again.\n"
    "              --dry-run says what would be done\n",
    run
};
