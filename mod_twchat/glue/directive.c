/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * directive.c - the table of directives: name, scope, default, kind, range.
 * Must never know a value's meaning: setter.c reads it, check.c judges it.
 * Called by httpd while it reads its configuration, and by config.c for inheritance and defaults.
 */
#include <http_core.h>

#include "glue/check.h"
#include "glue/config.h"
#include "glue/directive.h"
#include "glue/module.h"
#include "glue/secret.h"
#include "glue/setter.h"

#ifndef TWC_HTDOCS
#define TWC_HTDOCS "/usr/local/share/mod_twchat/htdocs"
#endif

/* ---- the table -------------------------------------------------------------------- */

static const char *set_directive(cmd_parms *cmd, void *dir, const char *args);

#define HERE(member) offsetof(twc_settings_t, member)
#define THERE(member) offsetof(twc_dir_conf_t, member)
#define ROW(name, scope, help, ...) \
    AP_INIT_RAW_ARGS(name, set_directive, ((void *)&(const twc_directive_t){ __VA_ARGS__ }), scope, help)
#define SEC(n) apr_time_from_sec(n)
#define DAYS(n) apr_time_from_sec((n) * 86400L)
#define MIB (1024L * 1024)

const command_rec twc_commands[] = {
    /* name, scope, help, then: setter, field, default, range or words, check */
    ROW("TwchatInterface", ACCESS_CONF, "NAME... - the interfaces that answer in this <Location>",
        .in_dir = true, .set = twc_set_mount, .offset = THERE(mount)),
    ROW("TwchatSignature", RSRC_CONF | ACCESS_CONF, "on|report|off - are Twilio's signatures checked",
        .in_dir = true, .set = twc_set_risky, .offset = THERE(signature), .def = "on", .words = "on|report|off",
        .risk = TWC_SIGNATURE_OFF, .warning = "anybody can pretend to be Twilio there"),
    ROW("TwchatPlainOk", RSRC_CONF | ACCESS_CONF, "on|off - /twilio/inbound answers the text OK, as flask-chat did",
        .in_dir = true, .set = twc_set_risky, .offset = THERE(plain_ok), .def = "off", .words = "off|on",
        .risk = 1, .warning = "Twilio texts the OK of /twilio/inbound to whoever wrote"),
    ROW("TwchatOpen", ACCESS_CONF, "on|off - whoever Apache lets in without signing in may use the APIs",
        .in_dir = true, .set = twc_set_word, .offset = THERE(open), .def = "off", .words = "off|on"),

    ROW("TwchatTrustUser", RSRC_CONF | ACCESS_CONF, "off|map|create [ROLE] - does a user Apache authenticated act for the account of that name",
        .in_dir = true, .set = twc_set_trust, .offset = THERE(trust), .offset2 = THERE(trust_role), .def = "map", .words = "off|map|create"),

    ROW("TwchatAccountSid", RSRC_CONF, "AC... - the Twilio account",
        .set = twc_set_text, .offset = HERE(account_sid), .check = twc_check_account),
    ROW("TwchatAuthToken", RSRC_CONF, "SECRET [SECRET] - the account's auth token, and a second one during rotation",
        .set = twc_set_list, .offset = HERE(auth_tokens), .hi = TWC_TOKENS_MAX, .check = twc_secret_check),
    ROW("TwchatApiKey", RSRC_CONF, "SK... SECRET - used for requests to Twilio instead of the auth token",
        .set = twc_set_api_key, .offset = HERE(api_key_sid), .offset2 = HERE(api_key_secret)),
    ROW("TwchatApiBase", RSRC_CONF, "URL - where Twilio's API is",
        .set = twc_set_url, .offset = HERE(api_base), .def = "https://api.twilio.com", .check = twc_check_url),
    ROW("TwchatDefaultSender", RSRC_CONF, "NUMBER - who sends when nobody else is named",
        .set = twc_set_address, .offset = HERE(default_sender), .check = twc_check_sender),
    ROW("TwchatWhatsappSender", RSRC_CONF, "whatsapp:NUMBER - who sends on WhatsApp",
        .set = twc_set_address, .offset = HERE(whatsapp_sender), .check = twc_check_whatsapp),
    ROW("TwchatMessagingService", RSRC_CONF, "MG... - the messaging service to send with",
        .set = twc_set_text, .offset = HERE(messaging_service), .check = twc_check_service),
    ROW("TwchatPublicUrl", RSRC_CONF, "URL - how Twilio reaches this host",
        .set = twc_set_url, .offset = HERE(public_url), .check = twc_check_url),
    ROW("TwchatTrustedProxies", RSRC_CONF, "ADDRESS[/BITS]... - whose X-Forwarded headers are believed",
        .set = twc_set_list, .offset = HERE(trusted_proxies), .check = twc_check_subnet),
    ROW("TwchatMediaHosts", RSRC_CONF, "HOST... - further hosts attachments may be fetched from",
        .set = twc_set_list, .offset = HERE(media_hosts), .check = twc_check_host),

    ROW("TwchatChatMode", RSRC_CONF, "off|echo|keywords - the bot that answers while the automatic reply is off",
        .set = twc_set_word, .offset = HERE(chat_mode), .def = "echo", .words = "off|echo|keywords"),
    ROW("TwchatAutoReplyPattern", RSRC_CONF, "REGEX - the senders who get automatic replies",
        .set = twc_set_text, .offset = HERE(auto_reply_pattern), .def = "\"^\\+[0-9]{7,15}$\"", .check = twc_check_regex),
    ROW("TwchatAckText", RSRC_CONF, "TEXT - sms-store's acknowledgement, \"\" for none",
        .set = twc_set_text, .offset = HERE(ack_text), .def = "\"Message received. Thank you!\"", .check = twc_check_message),
    ROW("TwchatBusinessName", RSRC_CONF, "TEXT - how the confirmations of STOP, START and HELP call you",
        .set = twc_set_text, .offset = HERE(business_name), .def = "\"Our business\"", .check = twc_check_utf8),
    ROW("TwchatSupportNumber", RSRC_CONF, "TEXT - where HELP sends people",
        .set = twc_set_text, .offset = HERE(support_number), .check = twc_check_utf8),
    ROW("TwchatAnswers", RSRC_CONF, "N TIME - at most N automatic answers to one peer within this time",
        .set = twc_set_answers, .offset = HERE(answers_max), .offset2 = HERE(answers_window), .def = "10 10min",
        .lo = 0, .hi = 10000),
    ROW("TwchatConfirmKeywords", RSRC_CONF, "on|off [SENDER...] - confirm STOP, START, HELP where Twilio does, too; or on these senders",
        .set = twc_set_confirm, .offset = HERE(confirm), .def = "off", .check = twc_check_written_to),

    ROW("TwchatSenders", RSRC_CONF, "N - sender threads per child, each with one for the database",
        .set = twc_set_int, .offset = HERE(senders), .def = "1", .lo = 1, .hi = 8),
    ROW("TwchatInFlight", RSRC_CONF, "N - requests to Twilio at once per sender thread",
        .set = twc_set_int, .offset = HERE(in_flight), .def = "100", .lo = 1, .hi = 2000),
    ROW("TwchatRate", RSRC_CONF, "KIND N... - segments a second (messages on WhatsApp and RCS) per kind of sender",
        .set = twc_set_rates, .offset = HERE(rates),
        .def = "longcode-us 1 longcode 10 tollfree 3 shortcode 100 alphanumeric 10 service 100 whatsapp 80 rcs 100"),
    ROW("TwchatSendWait", RSRC_CONF, "TIME - how long a request to send waits for Twilio's answer",
        .set = twc_set_time, .offset = HERE(send_wait), .def = "8s", .lo = 0, .hi = SEC(60)),
    ROW("TwchatSendTimeout", RSRC_CONF, "TIME - how long one request to Twilio may take",
        .set = twc_set_send_time, .offset = HERE(send_timeout), .def = "20s", .lo = SEC(1), .hi = SEC(300)),
    ROW("TwchatGrace", RSRC_CONF, "TIME - how long a send without an answer is looked for before it is sent again",
        .set = twc_set_send_time, .offset = HERE(grace), .def = "120s", .lo = SEC(1), .hi = SEC(86400)),

    ROW("TwchatTokenSecret", RSRC_CONF, "SECRET [SECRET] - signs tokens and seals second factors, and a second one during rotation",
        .set = twc_set_list, .offset = HERE(token_secrets), .hi = TWC_TOKENS_MAX, .check = twc_check_token_secret),
    ROW("TwchatSessionLife", RSRC_CONF, "TIME - how long a browser stays signed in",
        .set = twc_set_time, .offset = HERE(session_life), .def = "12h", .lo = SEC(60), .hi = DAYS(400)),
    ROW("TwchatTokenLife", RSRC_CONF, "TIME TIME - how long access and refresh tokens are good",
        .set = twc_set_lives, .offset = HERE(access_life), .offset2 = HERE(refresh_life), .def = "30min 7d", .lo = SEC(1), .hi = DAYS(400)),
    ROW("TwchatPasswordMin", RSRC_CONF, "N [N] - fewest characters of a password, and of one for an account without a role",
        .set = twc_set_two, .offset = HERE(password_min), .offset2 = HERE(password_min_registered), .def = "8 1", .lo = 1, .hi = 64),
    ROW("TwchatPasswordCost", RSRC_CONF, "N - bcrypt's rounds, as a power of two",
        .set = twc_set_int, .offset = HERE(password_cost), .def = "10", .lo = 4, .hi = 15),
    ROW("TwchatPasswordThreads", RSRC_CONF, "N - threads per child that check passwords",
        .set = twc_set_int, .offset = HERE(password_threads), .def = "1", .lo = 1, .hi = 8),
    ROW("TwchatSecondFactor", RSRC_CONF, "off|viewer|agent|admin|super_admin - accounts of this role and above need a second factor",
        .set = twc_set_word, .offset = HERE(second_factor), .def = "off", .words = "off|viewer|agent|admin|super_admin"),
    ROW("TwchatRegistration", RSRC_CONF, "on [N]|off - anybody may register an account without a role (ai-messaging), N a minute from one address",
        .set = twc_set_registration, .offset = HERE(registration), .offset2 = HERE(registrations), .def = "on 10", .words = "off|on",
        .lo = 1, .hi = 1000000),
    ROW("TwchatApiRate", RSRC_CONF, "N [N]|off - requests a second of one caller, and how many may come at once",
        .set = twc_set_api_rate, .offset = HERE(api_rate), .offset2 = HERE(api_burst), .def = "100 500", .lo = 1, .hi = 1000000),

    ROW("TwchatAllowOrigin", RSRC_CONF, "*|ORIGIN... - pages of which sites may ask whatsapp-inbox and ai-messaging",
        .set = twc_set_origins, .offset = HERE(allow_origins), .def = "*", .check = twc_check_origin),

    ROW("TwchatListMax", RSRC_CONF, "N - upper bound of list lengths that have none",
        .set = twc_set_int, .offset = HERE(list_max), .def = "1000", .lo = 1, .hi = 100000),
    ROW("TwchatBodyLimit", RSRC_CONF, "BYTES - largest request body",
        .set = twc_set_size, .offset = HERE(body_max), .def = "1M", .lo = 4096, .hi = 64 * MIB),
    ROW("TwchatMediaLimit", RSRC_CONF, "BYTES - largest attachment that is kept",
        .set = twc_set_size, .offset = HERE(media_max), .def = "16M", .lo = 1024, .hi = 256 * MIB),
    ROW("TwchatJournalKeep", RSRC_CONF, "TIME - how long the webhook journal is kept",
        .set = twc_set_time, .offset = HERE(journal_keep), .def = "30d", .lo = SEC(3600), .hi = DAYS(3660)),
    ROW("TwchatSpool", RSRC_CONF, "DIR|off - where Twilio's calls wait while the database is away",
        .set = twc_set_spool, .offset = HERE(spool), .def = "/var/spool/mod_twchat"),
    ROW("TwchatSpoolLimit", RSRC_CONF, "BYTES - that may wait there; then calls are refused",
        .set = twc_set_size, .offset = HERE(spool_max), .def = "1G", .lo = MIB, .hi = 1024L * 1024 * MIB),
    ROW("TwchatStatements", RSRC_CONF, "N - statements in flight per child, at most DBDMax",
        .set = twc_set_int, .offset = HERE(statements), .def = "6", .lo = 1, .hi = 256),
    ROW("TwchatStatementTimeout", RSRC_CONF, "TIME - how long a statement may take",
        .set = twc_set_time, .offset = HERE(statement_timeout), .def = "5s", .lo = APR_USEC_PER_SEC / 10, .hi = SEC(60)),
    ROW("TwchatHtdocs", RSRC_CONF, "DIR - the pages",
        .set = twc_set_path, .offset = HERE(htdocs), .def = "\"" TWC_HTDOCS "\""),
    ROW("TwchatLog", RSRC_CONF, "FILE or |PROGRAM - events as lines of JSON",
        .set = twc_set_text, .offset = HERE(log), .check = twc_check_log),
    ROW("TwchatAutoMigrate", RSRC_CONF, "on|off - bring the database's schema up to date without asking",
        .set = twc_set_word, .offset = HERE(auto_migrate), .def = "off", .words = "off|on"),
    ROW("TwchatStreams", RSRC_CONF, "N - live pages per child that hold a thread (TLS, HTTP/2)",
        .set = twc_set_int, .offset = HERE(streams), .def = "8", .lo = 0, .hi = 10000),
    { NULL }
};

static const char *apply(cmd_parms *cmd, const twc_directive_t *d, void *base, const char *args)
{
    apr_array_header_t *words = apr_array_make(cmd->pool, 4, sizeof(const char *));

    while (*args)
        APR_ARRAY_PUSH(words, const char *) = ap_getword_conf(cmd->pool, &args);
    return d->set(cmd, d, base, words->nelts, (const char **)words->elts);
}

static const char *set_directive(cmd_parms *cmd, void *dir, const char *args)
{
    const twc_directive_t *d = cmd->info;
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);

    return apply(cmd, d, d->in_dir ? dir : (void *)&server->set, args);
}

static bool holds_number(const twc_directive_t *d)
{
    return d->set == twc_set_int || d->set == twc_set_size || d->set == twc_set_time || d->set == twc_set_send_time || d->set == twc_set_word
        || d->set == twc_set_answers || d->set == twc_set_risky || d->set == twc_set_lives || d->set == twc_set_two
        || d->set == twc_set_api_rate || d->set == twc_set_trust || d->set == twc_set_registration;
}

static bool unset(const twc_directive_t *d, void *base)
{
    return holds_number(d) ? *twc_value_number(base, d->offset) == TWC_UNSET : *twc_value_text(base, d->offset) == NULL;
}

void twc_directive_unset(void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const twc_directive_t *d = c->cmd_data;
        if (d->in_dir != in_dir || !holds_number(d))
            continue;
        *twc_value_number(base, d->offset) = TWC_UNSET;
        if (d->offset2)
            *twc_value_number(base, d->offset2) = TWC_UNSET;
    }
}

static void copy_value(const twc_directive_t *d, void *to, void *from, apr_size_t offset)
{
    if (holds_number(d))
        *twc_value_number(to, offset) = *twc_value_number(from, offset);
    else
        *twc_value_text(to, offset) = *twc_value_text(from, offset);
}

void twc_directive_inherit(void *to, void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const twc_directive_t *d = c->cmd_data;
        if (d->in_dir != in_dir || !unset(d, to))
            continue;
        copy_value(d, to, base, d->offset);
        if (d->offset2)
            copy_value(d, to, base, d->offset2);
    }
}

/* Defaults go through the same setters, so they cannot be values nobody could write. */
void twc_directive_defaults(apr_pool_t *pool, server_rec *s, void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const twc_directive_t *d = c->cmd_data;
        cmd_parms cmd = { .pool = pool, .temp_pool = pool, .server = s, .cmd = c };

        if (d->in_dir == in_dir && d->def && unset(d, base))
            (void)apply(&cmd, d, base, d->def);
    }
}
