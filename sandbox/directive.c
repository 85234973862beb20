/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * directive.c - reads the sandbox's directives into an sb_conf_t.
 * Must never touch files or the network: `httpd -t` runs all of it.
 * Called by httpd while it reads its configuration.
 */
#include <string.h>

#include <apr_lib.h>

#include "directive.h"
#include "number.h"
#include "util/phone.h"
#include "util/text.h"

extern module AP_MODULE_DECLARE_DATA twchat_sandbox_module;

/* One row per number with a range; the setter below reads it through cmd->info. */
typedef struct number_spec_t {
    apr_size_t offset;
    int min, max;
} number_spec_t;

static const number_spec_t SPEC_KEEP = { offsetof(sb_conf_t, keep), 10, 10000000 };
static const number_spec_t SPEC_LOG = { offsetof(sb_conf_t, log), 10, 100000 };
static const number_spec_t SPEC_CONNECTIONS = { offsetof(sb_conf_t, connections), 1, 512 };

#define WALK_MAX_MS 86400000

void *sb_conf_create(apr_pool_t *pool, server_rec *server)
{
    sb_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    *conf = (sb_conf_t){ .keep = 100000, .log = 1000, .connections = 64, .queued_ms = 50, .sent_ms = 300,
                         .delivered_ms = 900, .read_ms = 0, .fetch_media = 1,
                         .accounts = apr_array_make(pool, 2, sizeof(sb_account_t *)),
                         .handsets = apr_array_make(pool, 4, sizeof(sb_handset_t)) };
    return conf;
}

static sb_conf_t *conf_of(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &twchat_sandbox_module);
}

static const char *refuse(cmd_parms *cmd, const char *what)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", what, NULL);
}

/* Directives about senders belong to the account named last before them. */
static sb_account_t *last_account(cmd_parms *cmd)
{
    sb_conf_t *conf = conf_of(cmd);

    return conf->accounts->nelts == 0 ? NULL
        : APR_ARRAY_IDX(conf->accounts, conf->accounts->nelts - 1, sb_account_t *);
}

static const char *need_account(cmd_parms *cmd, sb_account_t **account)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err)
        return err;
    *account = last_account(cmd);
    return *account ? NULL : refuse(cmd, "put TwchatSandboxAccount before it");
}

static const char *set_flag(cmd_parms *cmd, void *dir, int on)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (!err)
        *(int *)((char *)conf_of(cmd) + (apr_size_t)cmd->info) = on;
    return err;
}

static const char *set_string(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (!err)
        *(const char **)((char *)conf_of(cmd) + (apr_size_t)cmd->info) = arg;
    return err;
}

static const char *set_path(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *path = ap_server_root_relative(cmd->pool, arg);

    return path ? set_string(cmd, dir, path) : refuse(cmd, "this is no path");
}

static const char NEED_URL[] = "an http:// or https:// URL is needed";

static bool is_url(const char *s)
{
    const char *host = !strncmp(s, "http://", 7) ? s + 7 : !strncmp(s, "https://", 8) ? s + 8 : "";

    return *host && !strchr("/?#:", *host);
}

static const char *set_url(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!is_url(arg))
        return refuse(cmd, NEED_URL);
    if (arg[strlen(arg) - 1] == '/')
        return refuse(cmd, "the URL must not end in a slash");
    return set_string(cmd, dir, arg);
}

static bool parse_int(const char *s, int min, int max, int *out)
{
    char *end;
    apr_int64_t value = apr_strtoi64(s, &end, 10);

    if (!*s || *end || value < min || value > max)
        return false;
    *out = (int)value;
    return true;
}

static const char *set_int(cmd_parms *cmd, void *dir, const char *arg)
{
    const number_spec_t *spec = cmd->info;
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err)
        return err;
    if (!parse_int(arg, spec->min, spec->max, (int *)((char *)conf_of(cmd) + spec->offset)))
        return refuse(cmd, apr_psprintf(cmd->pool, "a number from %d to %d is needed", spec->min, spec->max));
    return NULL;
}

static const char *set_account(cmd_parms *cmd, void *dir, const char *sid, const char *token)
{
    sb_conf_t *conf = conf_of(cmd);
    sb_account_t *account;
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err)
        return err;
    if (!sb_sid_is(sid, "AC"))
        return refuse(cmd, "an account SID is AC and 32 hex digits");
    if (sb_account_find(conf, sid))
        return refuse(cmd, "this account is already there");
    account = apr_pcalloc(cmd->pool, sizeof(*account));
    *account = (sb_account_t){ .sid = sid, .token = token, .created = apr_time_now(),
                               .keys = apr_array_make(cmd->pool, 1, sizeof(sb_key_t)),
                               .numbers = apr_array_make(cmd->pool, 4, sizeof(sb_number_t *)),
                               .services = apr_array_make(cmd->pool, 1, sizeof(sb_service_t)),
                               .contents = apr_array_make(cmd->pool, 1, sizeof(sb_content_t)) };
    APR_ARRAY_PUSH(conf->accounts, sb_account_t *) = account;
    return NULL;
}

static const char *add_key(cmd_parms *cmd, void *dir, const char *sid, const char *secret)
{
    sb_account_t *account;
    const char *err = need_account(cmd, &account);

    if (err)
        return err;
    if (!sb_sid_is(sid, "SK"))
        return refuse(cmd, "an API key SID is SK and 32 hex digits");
    APR_ARRAY_PUSH(account->keys, sb_key_t) = (sb_key_t){ sid, secret };
    return NULL;
}

static const char *set_method(const char **field, const char *value)
{
    if (strcmp(value, "GET") && strcmp(value, "POST"))
        return "a method is GET or POST";
    *field = value;
    return NULL;
}

/* Empty: no webhook. */
static const char *set_hook(const char **field, const char *value)
{
    if (*value && !is_url(value))
        return NEED_URL;
    *field = value;
    return NULL;
}

static const char *set_number_option(sb_number_t *number, const char *key, const char *value)
{
    if (!strcmp(key, "sms-url"))
        return set_hook(&number->sms_url, value);
    else if (!strcmp(key, "sms-method"))
        return set_method(&number->sms_method, value);
    else if (!strcmp(key, "fallback-url"))
        return set_hook(&number->sms_fallback_url, value);
    else if (!strcmp(key, "fallback-method"))
        return set_method(&number->sms_fallback_method, value);
    else if (!strcmp(key, "status-callback"))
        return set_hook(&number->status_callback, value);
    else if (!strcmp(key, "name"))
        number->name = value;
    else
        return "known options: sms-url= sms-method= fallback-url= fallback-method= status-callback= name=";
    return NULL;
}

/* "key=value", or a bare URL, which stands for sms-url=. */
static const char *number_option(cmd_parms *cmd, sb_number_t *number, const char *arg)
{
    const char *eq = strchr(arg, '=');

    if (!strncmp(arg, "http://", 7) || !strncmp(arg, "https://", 8))
        return set_hook(&number->sms_url, arg);
    if (!eq)
        return "options are written key=value";
    return set_number_option(number, apr_pstrmemdup(cmd->pool, arg, eq - arg), eq + 1);
}

static const char *add_number(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    sb_account_t *account;
    sb_number_t *number;
    const char *address, *err = need_account(cmd, &account);

    if (err)
        return err;
    if (argc < 1 || !(address = twc_phone_canonical(cmd->pool, argv[0], true)))
        return refuse(cmd, "a sender's address is needed: +15550100, whatsapp:+15550100, a short code or a name");
    if (sb_number_find(account, address))
        return refuse(cmd, "this number is already there");
    number = sb_number_make(cmd->pool, account, address);
    for (int i = 1; i < argc; i++)
        if ((err = number_option(cmd, number, argv[i])))
            return refuse(cmd, err);
    sb_number_add(cmd->pool, account, number);
    return NULL;
}

static const char *service_option(cmd_parms *cmd, const sb_account_t *account, sb_service_t *service, const char *arg)
{
    const char *address;

    if (!strncmp(arg, "status-callback=", 16))
        return set_hook(&service->status_callback, arg + 16);
    if (!strncmp(arg, "inbound-url=", 12))
        return set_hook(&service->inbound_url, arg + 12);
    if (!strcmp(arg, "advanced-opt-out"))
        service->advanced_opt_out = true;
    else if (!(address = twc_phone_canonical(cmd->pool, arg, true)) || !sb_number_find(account, address))
        return apr_psprintf(cmd->pool, "%s is neither a number of this account nor an option "
                            "(status-callback= inbound-url= advanced-opt-out)", arg);
    else
        APR_ARRAY_PUSH(service->addresses, const char *) = address;
    return NULL;
}

static const char *add_service(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    sb_account_t *account;
    sb_service_t service = { .status_callback = "", .inbound_url = "" };
    const char *err = need_account(cmd, &account);

    if (err)
        return err;
    if (argc < 2 || !sb_sid_is(argv[0], "MG"))
        return refuse(cmd, "MG and 32 hex digits are needed, then at least one number");
    service.sid = argv[0];
    service.addresses = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (int i = 1; i < argc; i++)
        if ((err = service_option(cmd, account, &service, argv[i])))
            return refuse(cmd, err);
    if (service.addresses->nelts == 0)
        return refuse(cmd, "a service needs at least one number");
    APR_ARRAY_PUSH(account->services, sb_service_t) = service;
    return NULL;
}

static const char *add_content(cmd_parms *cmd, void *dir, const char *sid, const char *text)
{
    sb_account_t *account;
    const char *err = need_account(cmd, &account);

    if (err)
        return err;
    if (!sb_sid_is(sid, "HX"))
        return refuse(cmd, "a content SID is HX and 32 hex digits");
    APR_ARRAY_PUSH(account->contents, sb_content_t) = (sb_content_t){ sid, text };
    return NULL;
}

static const char *add_handset(cmd_parms *cmd, void *dir, const char *number, const char *name)
{
    const char *address = twc_phone_canonical(cmd->pool, number, true);
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err)
        return err;
    if (!address || !twc_phone_is_recipient(address))
        return refuse(cmd, "a handset's number is written +15550123 or whatsapp:+15550123");
    APR_ARRAY_PUSH(conf_of(cmd)->handsets, sb_handset_t) = (sb_handset_t){ address, name ? name : "" };
    return NULL;
}

/* queued sent delivered [read]: each counted from the step before it. */
static const char *set_walk(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    sb_conf_t *conf = conf_of(cmd);
    int *const fields[] = { &conf->queued_ms, &conf->sent_ms, &conf->delivered_ms, &conf->read_ms };
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (err)
        return err;
    if (argc < 3 || argc > 4)
        return refuse(cmd, "milliseconds to queued, sent, delivered and (optional) read are needed");
    conf->read_ms = 0;
    for (int i = 0; i < argc; i++)
        if (!parse_int(argv[i], 0, WALK_MAX_MS, fields[i]))
            return refuse(cmd, "each delay is a number of milliseconds, at most a day");
    return NULL;
}

#define FIELD(name) (void *)offsetof(sb_conf_t, name)

/* httpd keeps cmd->info as void *, the rows are only read through it. */
#define SPEC(row) (void *)(uintptr_t)&(row)

const command_rec sb_directives[] = {
    AP_INIT_FLAG("TwchatSandbox", set_flag, FIELD(enabled), RSRC_CONF,
                 "On makes this httpd a Twilio sandbox"),
    AP_INIT_TAKE2("TwchatSandboxAccount", set_account, NULL, RSRC_CONF,
                  "account SID and auth token; what follows belongs to it"),
    AP_INIT_TAKE2("TwchatSandboxApiKey", add_key, NULL, RSRC_CONF, "API key SID and secret of the account"),
    AP_INIT_TAKE_ARGV("TwchatSandboxNumber", add_number, NULL, RSRC_CONF,
                      "a sender of the account and its webhook settings"),
    AP_INIT_TAKE_ARGV("TwchatSandboxService", add_service, NULL, RSRC_CONF,
                      "a messaging service: SID, its numbers, its settings"),
    AP_INIT_TAKE2("TwchatSandboxContent", add_content, NULL, RSRC_CONF, "a content template: SID and text"),
    AP_INIT_TAKE12("TwchatSandboxHandset", add_handset, NULL, RSRC_CONF,
                   "a handset shown on the page from the start: number and name"),
    AP_INIT_TAKE1("TwchatSandboxURL", set_url, FIELD(url), RSRC_CONF, "how others reach the sandbox"),
    AP_INIT_TAKE1("TwchatSandboxState", set_path, FIELD(state_path), RSRC_CONF,
                  "file that keeps the state beyond a restart"),
    AP_INIT_TAKE1("TwchatSandboxHtdocs", set_path, FIELD(htdocs), RSRC_CONF, "directory of the page's files"),
    AP_INIT_TAKE1("TwchatSandboxCAFile", set_path, FIELD(ca_file), RSRC_CONF,
                  "certificate authorities trusted for webhooks instead of the system's"),
    AP_INIT_TAKE1("TwchatSandboxKeep", set_int, SPEC(SPEC_KEEP), RSRC_CONF, "messages kept at most"),
    AP_INIT_TAKE1("TwchatSandboxLog", set_int, SPEC(SPEC_LOG), RSRC_CONF, "requests and webhooks remembered"),
    AP_INIT_TAKE1("TwchatSandboxConnections", set_int, SPEC(SPEC_CONNECTIONS), RSRC_CONF,
                  "webhooks in flight at once"),
    AP_INIT_TAKE_ARGV("TwchatSandboxWalk", set_walk, NULL, RSRC_CONF,
                      "milliseconds to queued, sent, delivered and read"),
    AP_INIT_FLAG("TwchatSandboxWhatsAppWindow", set_flag, FIELD(whatsapp_window), RSRC_CONF,
                 "On fails free-form WhatsApp texts outside the 24-hour window (63016)"),
    AP_INIT_FLAG("TwchatSandboxFetchMedia", set_flag, FIELD(fetch_media), RSRC_CONF,
                 "Off keeps the sandbox from fetching the MediaUrl of outgoing messages"),
    { NULL }
};
