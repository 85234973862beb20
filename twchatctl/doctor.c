/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * doctor.c - twchatctl doctor: is everything as it must be, and what to do where it is not.
 * Must never change anything unless --fix says so, nor touch numbers that are not this site's senders.
 * Called by main.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_uri.h>
#include <jansson.h>

#include "ctl.h"
#include "remote/http.h"
#include "routes.h"
#include "store/follow.h"
#include "store/migrate.h"
#include "store/setting.h"
#include "twilio/client.h"
#include "util/phone.h"

typedef struct doctor_t {
    ctl_t *ctl;
    bool fix;
    bool database, reach, account;      /* they answered: what needs them can be asked */
    int failed, warned;
    const twc_number_t *numbers;        /* of the account, once asked for */
    int number_count;
} doctor_t;

/* ---- findings --------------------------------------------------------------------- */

static void finding(const char *word, const char *what, const char *text)
{
    printf("%-5s %-12s %s\n", word, what, text);
}

static void ok(const char *what, const char *text)
{
    finding("ok", what, text);
}

static void warn(doctor_t *d, const char *what, const char *text, const char *advice)
{
    d->warned++;
    finding("warn", what, text);
    printf("      %-12s -> %s\n", "", advice);
}

static void fail(doctor_t *d, const char *what, const char *text, const char *advice)
{
    d->failed++;
    finding("FAIL", what, text);
    printf("      %-12s -> %s\n", "", advice);
}

/* What the store or Twilio's client said, and then forget it: the next check is another matter. */
static const char *problem(doctor_t *d)
{
    twc_ctx_t *ctx = &d->ctl->ctx;
    const char *text = ctx->problem->detail ? ctx->problem->detail : "It failed, and nobody knows why.";

    twc_problem_clear(ctx);
    return text;
}

/* ---- database and schema ------------------------------------------------------------- */

#define SKEW_WARN apr_time_from_sec(5)
#define SKEW_FAIL apr_time_from_sec(60)

static void compare_clocks(doctor_t *d, const char *whose, apr_time_t theirs, apr_time_t ours)
{
    apr_interval_time_t skew = theirs > ours ? theirs - ours : ours - theirs;
    const char *text = apr_psprintf(d->ctl->pool, "%s clock and this machine's differ by %" APR_INT64_T_FMT " s", whose,
                                    (apr_int64_t)apr_time_sec(skew));
    const char *advice = "let both follow a time server (Debian: apt install chrony)";

    if (skew >= SKEW_FAIL)
        fail(d, "clock", text, advice);
    else if (skew >= SKEW_WARN)
        warn(d, "clock", text, advice);
    else
        ok("clock", apr_pstrcat(d->ctl->pool, whose, " clock and this machine's agree", NULL));
}

static void check_database(doctor_t *d)
{
    ctl_t *ctl = d->ctl;
    apr_time_t before, now;
    const char *version, *why;

    if (!ctl->database_url) {
        fail(d, "database", "DATABASE_URL is not set",
             "set it in the environment or in " CTL_ENV_FILE ": postgresql://twchat:PASSWORD@127.0.0.1/twchat");
        return;
    }
    before = apr_time_now();
    if (ctl_open(ctl, true) != CTL_OK || twc_server_facts(&ctl->ctx, &now, &version) != APR_SUCCESS) {
        why = ctl->lender.baton ? twc_db_lender_error(&ctl->lender, ctl->pool) : NULL;
        fail(d, "database", why ? why : problem(d), "is PostgreSQL running, and does DATABASE_URL name the right server, database, "
             "user and password?");
        twc_problem_clear(&ctl->ctx);
        return;
    }
    d->database = true;
    ok("database", apr_pstrcat(ctl->pool, "PostgreSQL ", version, " answers", NULL));
    compare_clocks(d, "the database's", now, before + (apr_time_now() - before) / 2);
}

static void check_schema(doctor_t *d)
{
    if (!d->database)
        return;
    if (twc_migrate_check(&d->ctl->ctx) == APR_SUCCESS)
        ok("schema", apr_psprintf(d->ctl->pool, "version %d, as this program needs", twc_migrate_wanted()));
    else {
        bool old = d->ctl->ctx.problem->code && strcmp(d->ctl->ctx.problem->code, "schema_old") == 0;
        d->database = false;
        fail(d, "schema", problem(d), old ? "run twchatctl migrate" : "upgrade mod_twchat on this machine");
    }
}

static void check_search(doctor_t *d)
{
    bool there;

    if (!d->database || twc_server_search_index(&d->ctl->ctx, &there) != APR_SUCCESS)
        return;
    if (there)
        ok("search", "conversations are found by an index");
    else
        warn(d, "search", "conversations are searched without an index: slow where there are many", "let a superuser of PostgreSQL type "
             "CREATE EXTENSION pg_trgm; CREATE INDEX conversation_words_trgm ON conversation_words USING gin (words gin_trgm_ops)");
}

/* ---- Twilio ------------------------------------------------------------------------------ */

static bool is_twilio(const twc_conf_t *conf)
{
    return strstr(conf->api_base, ".twilio.com") != NULL;
}

static void check_reach(doctor_t *d)
{
    ctl_t *ctl = d->ctl;
    twc_http_request_t request = { .method = "GET", .url = apr_pstrcat(ctl->pool, ctl->conf.api_base, "/", NULL),
                                   .timeout = apr_time_from_sec(15) };
    twc_http_answer_t answer;
    apr_time_t before = apr_time_now();

    if (twc_http_call(ctl->pool, &request, NULL, NULL, &answer) != APR_SUCCESS) {
        fail(d, "twilio", apr_psprintf(ctl->pool, "%s cannot be reached: %s", ctl->conf.api_base,
             answer.error ? answer.error : "no answer"), "does this machine reach the internet, by a proxy perhaps (https_proxy)?");
        return;
    }
    d->reach = true;
    ok("twilio", apr_psprintf(ctl->pool, "%s answers%s", ctl->conf.api_base, is_twilio(&ctl->conf) ? "" : " (not Twilio itself)"));
    if (answer.date)
        compare_clocks(d, "Twilio's", answer.date, before);
}

static void check_credentials(doctor_t *d)
{
    ctl_t *ctl = d->ctl;
    const char *status, *type;

    if (!ctl->conf.account_sid || !ctl->conf.auth_tokens[0]) {
        fail(d, "credentials", "TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN is not set",
             "both are on the first page of the Twilio console");
        return;
    }
    if (!d->reach)
        return;
    if (twc_client_account(&ctl->ctx, &status, &type) != APR_SUCCESS) {
        fail(d, "credentials", problem(d), "compare TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN with the first page of the Twilio console");
        return;
    }
    d->account = true;
    if (strcmp(status, "active") != 0)
        fail(d, "credentials", apr_psprintf(ctl->pool, "the account is %s", status), "see the Twilio console for what is the matter");
    else if (type && strcmp(type, "Trial") == 0)
        warn(d, "credentials", "right; it is a trial account", "it only sends to numbers verified in the console; upgrade it for others");
    else
        ok("credentials", "right, and the account is active");
}

static const twc_number_t *find_number(const doctor_t *d, const char *address)
{
    for (int i = 0; i < d->number_count; i++)
        if (d->numbers[i].number && strcmp(d->numbers[i].number, address) == 0)
            return &d->numbers[i];
    return NULL;
}

static void check_senders(doctor_t *d)
{
    const twc_conf_t *conf = &d->ctl->conf;
    apr_pool_t *pool = d->ctl->pool;

    if (!conf->default_sender && !conf->messaging_service_sid && !conf->whatsapp_sender) {
        fail(d, "sender", "nobody to send from", "set TWILIO_DEFAULT_FROM, TWILIO_MESSAGING_SERVICE_SID or TWILIO_WHATSAPP_FROM "
             "(in httpd: TwchatDefaultSender, TwchatMessagingService, TwchatWhatsappSender)");
        return;
    }
    if (!d->account)
        return;
    if (twc_client_numbers(&d->ctl->ctx, &d->numbers, &d->number_count) != APR_SUCCESS) {
        fail(d, "sender", problem(d), "the numbers of the account could not be listed; try again later");
        return;
    }
    if (conf->default_sender && twc_phone_is_e164(conf->default_sender) && !find_number(d, conf->default_sender))
        fail(d, "sender", apr_pstrcat(pool, conf->default_sender, " is not a number of this account", NULL),
             "set TWILIO_DEFAULT_FROM to one of its numbers, or buy one in the console");
    else
        ok("sender", apr_pstrcat(pool, "sends from ", conf->messaging_service_sid ? conf->messaging_service_sid
                                 : conf->default_sender ? conf->default_sender : conf->whatsapp_sender, NULL));
}

/* ---- our own address ------------------------------------------------------------------------ */

static bool is_private_host(const char *host)
{
    static const char *const prefixes[] = { "127.", "10.", "192.168.", "169.254.", "::1", "fe80:", "fc", "fd" };

    if (strcmp(host, "localhost") == 0 || (strlen(host) > 6 && strcmp(host + strlen(host) - 6, ".local") == 0))
        return true;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(host, prefixes[i], strlen(prefixes[i])) == 0 && (apr_isdigit(*host) || strchr(host, ':')))
            return true;
    return strncmp(host, "172.", 4) == 0 && atoi(host + 4) >= 16 && atoi(host + 4) <= 31;
}

static const char *url_fault(apr_pool_t *pool, const char *url, bool twilio)
{
    apr_uri_t uri;

    if (apr_uri_parse(pool, url, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname)
        return "is no URL";
    if (uri.query || uri.fragment || uri.user)
        return "must not have a query, a fragment or a user";
    if (strchr(uri.hostname, '_'))
        return "has an underscore in its host name, which Twilio refuses";
    if (twilio && strcmp(uri.scheme, "https") != 0)
        return "is not https: messages would travel in clear";
    if (twilio && is_private_host(uri.hostname))
        return "is an address that only this network knows";
    return NULL;
}

static void check_public_url(doctor_t *d)
{
    const twc_conf_t *conf = &d->ctl->conf;
    const char *fault;

    if (!conf->public_url) {
        fail(d, "public URL", "PUBLIC_BASE_URL is not set", "set it to the address under which Twilio reaches the site: https://chat.example.com");
        return;
    }
    fault = url_fault(d->ctl->pool, conf->public_url, is_twilio(conf));
    if (fault)
        fail(d, "public URL", apr_psprintf(d->ctl->pool, "%s %s", conf->public_url, fault),
             "it must be the https:// address under which Twilio reaches the site (PUBLIC_BASE_URL, TwchatPublicUrl)");
    else
        ok("public URL", conf->public_url);
}

static void check_site(doctor_t *d)
{
    ctl_t *ctl = d->ctl;
    twc_http_request_t request = { .method = "GET", .timeout = apr_time_from_sec(15) };
    twc_http_answer_t answer;

    if (!ctl->conf.public_url)
        return;
    request.url = apr_pstrcat(ctl->pool, ctl->conf.public_url, "/api/health", NULL);
    if (twc_http_call(ctl->pool, &request, NULL, NULL, &answer) != APR_SUCCESS)
        warn(d, "site", apr_psprintf(ctl->pool, "%s cannot be reached from here: %s", request.url, answer.error ? answer.error : "no answer"),
             "is httpd running, and does the name lead to it? From inside a network that may be different than for Twilio");
    else if (answer.status == 200)
        ok("site", apr_pstrcat(ctl->pool, request.url, " says that all is well", NULL));
    else
        warn(d, "site", apr_psprintf(ctl->pool, "%s answers %d", request.url, answer.status),
             answer.status == 503 ? "the error log of httpd says what is missing" : "is mod_twchat mounted there (SetHandler twchat)?");
}

/* ---- webhooks ---------------------------------------------------------------------------------- */

/* Any inbound webhook path of any interface will do: existing settings need no change. */
static bool leads_to_us(const doctor_t *d, const twc_mount_t *mount, const char *url)
{
    const char *base = d->ctl->conf.public_url;
    apr_size_t len = strlen(base);
    const char *path = url + len;

    if (strncmp(url, base, len) != 0)
        return false;
    for (int i = 0; i < twc_routes_count; i++) {
        const char *ours = twc_mount_url_path(d->ctl->pool, mount, &twc_routes[i]);
        apr_size_t n = strlen(ours);
        if (strcmp(twc_routes[i].endpoint, "twc_webhook_inbound") == 0 && strncmp(path, ours, n) == 0
            && strchr("/?#", path[n]))
            return true;
    }
    return false;
}

static void fix_number(doctor_t *d, const twc_number_t *n, const char *wanted)
{
    apr_pool_t *pool = d->ctl->pool;

    if (twc_client_number_update(&d->ctl->ctx, n->sid, wanted, NULL) == APR_SUCCESS)
        finding("fixed", "webhook", apr_psprintf(pool, "%s now calls %s", n->number, wanted));
    else
        fail(d, "webhook", apr_psprintf(pool, "%s could not be changed: %s", n->number, problem(d)),
             apr_psprintf(pool, "set \"A message comes in\" of this number to %s in the console", wanted));
}

static void check_number(doctor_t *d, const twc_mount_t *mount, const twc_number_t *n, bool ours)
{
    apr_pool_t *pool = d->ctl->pool;
    const char *wanted = apr_pstrcat(pool, d->ctl->conf.public_url, "/twilio/inbound", NULL);
    bool set = n->sms_url && *n->sms_url;

    if (set && leads_to_us(d, mount, n->sms_url))
        ok("webhook", apr_psprintf(pool, "%s calls %s", n->number, n->sms_url));
    else if (!ours)
        ok("webhook", apr_psprintf(pool, "%s calls %s; it is no sender of this site and left alone", n->number, set ? n->sms_url : "nobody"));
    else if (d->fix)
        fix_number(d, n, wanted);
    else
        fail(d, "webhook", apr_psprintf(pool, "%s calls %s", n->number, set ? n->sms_url : "nobody"),
             apr_psprintf(pool, "set it to %s in the console, or run twchatctl doctor --fix", wanted));
}

static void check_webhooks(doctor_t *d)
{
    const twc_conf_t *conf = &d->ctl->conf;
    twc_mount_t mount = { .path = "/" };

    if (!conf->public_url || !d->account)
        return;
    for (int i = 0; i < TWC_IF_COUNT; i++)
        twc_mount_add(&mount, i);
    for (int i = 0; i < d->number_count; i++)
        if (d->numbers[i].number)
            check_number(d, &mount, &d->numbers[i], conf->default_sender && strcmp(d->numbers[i].number, conf->default_sender) == 0);
    if (conf->messaging_service_sid)
        finding("look", "webhook", apr_psprintf(d->ctl->pool, "the messaging service %s has a setting of its own, not looked at here: Integration in the console",
                                                conf->messaging_service_sid));
    if (conf->whatsapp_sender)
        finding("look", "webhook", apr_psprintf(d->ctl->pool, "the sender %s has a setting of its own, not looked at here: WhatsApp senders in the console",
                                                conf->whatsapp_sender));
}

/* A refused call is how a wrong token or public URL shows. */
static void check_journal(doctor_t *d)
{
    const char *json;
    json_t *rows, *row;

    if (!d->database)
        return;
    if (twc_journal_list(&d->ctl->ctx, "refused", 1, &json) != APR_SUCCESS) {
        fail(d, "journal", problem(d), "try again later");
        return;
    }
    rows = json_loads(json, 0, NULL);
    row = json_array_get(rows, 0);
    if (row)
        warn(d, "journal", apr_psprintf(d->ctl->pool, "the last refused webhook came %s: %s",
             ctl_when(d->ctl->pool, json_string_value(json_object_get(row, "at"))), json_string_value(json_object_get(row, "reason"))),
             "if it was Twilio's, token or public URL are wrong; see twchatctl journal list --verdict refused");
    else
        ok("journal", "no webhook was refused");
    json_decref(rows);
}

static void check_stuck(doctor_t *d)
{
    const char *json;
    json_t *stuck, *first;

    if (!d->database)
        return;
    if (twc_follow_stuck(&d->ctl->ctx, 1, &json) != APR_SUCCESS) {
        fail(d, "messages", problem(d), "try again later");
        return;
    }
    stuck = json_loads(json, 0, NULL);
    first = json_array_get(json_object_get(stuck, "items"), 0);
    if (first)
        warn(d, "messages", apr_psprintf(d->ctl->pool, "messages are stuck, one since %s: %s",
             ctl_when(d->ctl->pool, json_string_value(json_object_get(first, "since"))),
             json_string_value(json_object_get(first, "reason"))), "see GET /api/outbox/stuck, or the view stuck_messages");
    else
        ok("messages", "none is stuck");
    json_decref(stuck);
}

/* ---- the command ----------------------------------------------------------------------------------- */

static void (*const checks[])(doctor_t *d) = {
    check_database, check_schema, check_search, check_reach, check_credentials, check_senders, check_public_url, check_site,
    check_webhooks, check_journal, check_stuck,
};

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    doctor_t d = { .ctl = ctl };
    const ctl_option_t options[] = { { "fix", false, .flag = &d.fix }, { NULL } };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);

    if (code != CTL_OK)
        return code;
    if (words->nelts > 0)
        return ctl_usage(ctl, "\"%s\" is too much", APR_ARRAY_IDX(words, 0, const char *));
    if (ctl->env_file)
        ok("settings", apr_pstrcat(ctl->pool, "the environment, then ", ctl->env_file, NULL));
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        checks[i](&d);
        fflush(stdout);
    }
    if (d.failed)
        printf("%d to be put right.\n", d.failed);
    else
        printf("%s\n", d.warned ? "It works; see the warnings." : "All is well.");
    return d.failed ? CTL_FAILED : CTL_OK;
}

const ctl_command_t ctl_doctor = {
    "doctor", "[--fix]", "Is everything as it must be, and what to do where it is not",
    "Looks at the database and its schema, the clocks, Twilio's credentials and senders, the public address, and what\n"
    "the account's numbers do when a message comes in. Exits with 1 when something has to be put right.\n"
    "\n"
    "  --fix   set the webhook of this site's sender (TWILIO_DEFAULT_FROM) at Twilio; other numbers are left alone\n",
    run
};
