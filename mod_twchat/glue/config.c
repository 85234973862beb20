/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * config.c - the directives, what they mean when nobody wrote them, and the check of the whole.
 * Must never write to a configuration once post_config is over, nor read a secret under -t.
 * Called by httpd through the module record and its hooks.
 */
#include <regex.h>

#include <apr_lib.h>
#include <apr_network_io.h>
#include <http_core.h>

#include "glue/config.h"
#include "glue/log.h"
#include "glue/module.h"
#include "glue/secret.h"
#include "glue/spooldir.h"
#include "glue/status.h"
#include "util/phone.h"

#ifndef TWC_HTDOCS
#define TWC_HTDOCS "/usr/local/share/mod_twchat/htdocs"
#endif

typedef struct directive_t directive_t;
typedef const char *(*setter_fn)(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv);
typedef const char *(*check_fn)(apr_pool_t *pool, const char *word);

/** What the table says of a directive beside its name, scope and help, which command_rec holds. */
struct directive_t {
    bool in_dir;                        /* lives in twc_dir_conf_t, else in twc_settings_t */
    setter_fn set;
    apr_size_t offset;
    apr_size_t offset2;                 /* of a second value, 0: none */
    const char *def;                    /* as it would be written; NULL: none */
    apr_int64_t lo, hi;                 /* range of numbers */
    const char *words;                  /* "off|echo|keywords" */
    check_fn check;                     /* of each text */
};

static const char **text_at(void *base, apr_size_t offset)
{
    return (const char **)((char *)base + offset);
}

static apr_array_header_t **list_at(void *base, apr_size_t offset)
{
    return (apr_array_header_t **)((char *)base + offset);
}

static apr_int64_t *number_at(void *base, apr_size_t offset)
{
    return (apr_int64_t *)((char *)base + offset);
}

/* ---- checks of single values ------------------------------------------------- */

static const char *check_sid(apr_pool_t *pool, const char *word, const char *prefix)
{
    if (strncmp(word, prefix, 2) == 0 && strlen(word) == 34 && strspn(word + 2, "0123456789abcdefABCDEF") == 32)
        return NULL;
    return apr_psprintf(pool, "'%s' is no SID: %s and 32 hexadecimal digits", word, prefix);
}

static const char *check_account(apr_pool_t *pool, const char *word) { return check_sid(pool, word, "AC"); }
static const char *check_service(apr_pool_t *pool, const char *word) { return check_sid(pool, word, "MG"); }

static const char *check_url(apr_pool_t *pool, const char *word)
{
    apr_uri_t uri;

    if (apr_uri_parse(pool, word, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname
        || (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0))
        return apr_psprintf(pool, "'%s' is no URL: https://host, with a port or a path where needed", word);
    if (uri.query || uri.fragment || uri.user)
        return apr_psprintf(pool, "'%s' must not have a query, a fragment or a user", word);
    return NULL;
}

static const char *check_sender(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    if (!address || strcmp(twc_phone_channel(pool, address), "sms") != 0)
        return apr_psprintf(pool, "'%s' is no sender: +14155552671, a short code or an alphanumeric sender", word);
    return NULL;
}

static const char *check_whatsapp(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    return address && twc_phone_is_whatsapp(address) ? NULL
        : apr_psprintf(pool, "'%s' is no WhatsApp sender: whatsapp:+14155552671", word);
}

static const char *check_regex(apr_pool_t *pool, const char *word)
{
    regex_t regex;
    char words[200];
    int rc = regcomp(&regex, word, REG_EXTENDED | REG_NOSUB);

    if (rc == 0) {
        regfree(&regex);
        return NULL;
    }
    regerror(rc, &regex, words, sizeof(words));
    return apr_psprintf(pool, "'%s' is no regular expression: %s", word, words);
}

static apr_status_t subnet(apr_ipsubnet_t **net, apr_pool_t *pool, const char *word)
{
    char *address = apr_pstrdup(pool, word);
    char *mask = strchr(address, '/');

    if (mask)
        *mask++ = '\0';
    return apr_ipsubnet_create(net, address, mask, pool);
}

static const char *check_subnet(apr_pool_t *pool, const char *word)
{
    apr_ipsubnet_t *net;

    return subnet(&net, pool, word) == APR_SUCCESS ? NULL
        : apr_psprintf(pool, "'%s' is no address: 10.0.0.1, 10.0.0.0/8 or an IPv6 one", word);
}

static const char *check_host(apr_pool_t *pool, const char *word)
{
    for (const char *p = word; *p; p++)
        if (!apr_isalnum(*p) && *p != '.' && *p != '-' && *p != ':')
            return apr_psprintf(pool, "'%s' is no host name: media.example.com, with a port where needed", word);
    return *word ? NULL : "a host name must not be empty";
}

/* ---- setters ------------------------------------------------------------------- */

static const char *takes(cmd_parms *cmd, int argc, int lo, int hi)
{
    if (argc >= lo && (argc <= hi || hi < 0))
        return NULL;
    if (lo == hi)
        return apr_psprintf(cmd->pool, "%s takes %d value%s: %s", cmd->cmd->name, lo, lo == 1 ? "" : "s", cmd->cmd->errmsg);
    return apr_psprintf(cmd->pool, "%s takes %d or more values: %s", cmd->cmd->name, lo, cmd->cmd->errmsg);
}

static const char *checked(cmd_parms *cmd, const directive_t *d, const char *word)
{
    const char *wrong = d->check ? d->check(cmd->pool, word) : NULL;

    return wrong ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", wrong, NULL) : NULL;
}

static const char *set_text(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    if (!wrong)
        wrong = checked(cmd, d, argv[0]);
    if (!wrong)
        *text_at(base, d->offset) = argv[0];
    return wrong;
}

/* URLs are joined with paths, so they carry no slash at the end. */
static const char *set_url(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = set_text(cmd, d, base, argc, argv);

    if (!wrong) {
        char *url = apr_pstrdup(cmd->pool, argv[0]);
        for (size_t len = strlen(url); len && url[len - 1] == '/'; len--)
            url[len - 1] = '\0';
        *text_at(base, d->offset) = url;
    }
    return wrong;
}

static const char *set_address(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = set_text(cmd, d, base, argc, argv);

    if (!wrong)
        *text_at(base, d->offset) = twc_phone_canonical(cmd->pool, argv[0], false);
    return wrong;
}

static const char *set_path(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    if (!wrong && !(*text_at(base, d->offset) = ap_server_root_relative(cmd->pool, argv[0])))
        wrong = apr_psprintf(cmd->pool, "%s: '%s' is no path", cmd->cmd->name, argv[0]);
    return wrong;
}

/* A directory, or "off". */
static const char *set_spool(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0)
        return set_text(cmd, d, base, argc, argv);
    return set_path(cmd, d, base, argc, argv);
}

static const char *set_list(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t *list = apr_array_make(cmd->pool, argc, sizeof(const char *));
    const char *wrong = takes(cmd, argc, 1, d->hi ? (int)d->hi : -1);

    for (int i = 0; i < argc && !wrong; i++) {
        wrong = checked(cmd, d, argv[i]);
        APR_ARRAY_PUSH(list, const char *) = argv[i];
    }
    if (!wrong)
        *list_at(base, d->offset) = list;
    return wrong;
}

static const char *out_of_range(cmd_parms *cmd, const char *word, const char *lo, const char *hi)
{
    return apr_psprintf(cmd->pool, "%s: '%s' is not between %s and %s", cmd->cmd->name, word, lo, hi);
}

static const char *read_int(cmd_parms *cmd, const directive_t *d, const char *word, apr_int64_t *value)
{
    char *end;

    errno = 0;
    *value = apr_strtoi64(word, &end, 10);
    if (errno || end == word || *end || *value < d->lo || *value > d->hi)
        return out_of_range(cmd, word, apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->lo),
                            apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->hi));
    return NULL;
}

static const char *set_int(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    return wrong ? wrong : read_int(cmd, d, argv[0], number_at(base, d->offset));
}

static const char *set_size(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);
    static const char units[] = "KMG";
    apr_int64_t value;
    const char *unit;
    char *end;

    if (wrong)
        return wrong;
    errno = 0;
    value = apr_strtoi64(argv[0], &end, 10);
    unit = *end ? strchr(units, apr_toupper(*end)) : NULL;
    if (unit && !errno && value < APR_INT64_MAX >> 30) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    if (errno || end == argv[0] || *end || value < d->lo || value > d->hi)
        return out_of_range(cmd, argv[0], apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->lo),
                            apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT " bytes (K, M and G may follow)", d->hi));
    *number_at(base, d->offset) = value;
    return NULL;
}

/* httpd knows ms, s, mi and h; retention wants days too. */
static const char *read_time(cmd_parms *cmd, const directive_t *d, const char *word, apr_int64_t *value)
{
    apr_interval_time_t t;
    char *end;
    apr_int64_t days = apr_strtoi64(word, &end, 10);
    bool good;

    if (end != word && (strcmp(end, "d") == 0 || strcmp(end, "days") == 0)) {
        good = days >= 0 && days < 100000;
        t = apr_time_from_sec(days * 86400);
    }
    else
        good = apr_isdigit(*word) && ap_timeout_parameter_parse(word, &t, "s") == APR_SUCCESS;
    if (!good || t < d->lo || t > d->hi)
        return apr_psprintf(cmd->pool, "%s: '%s' is no time between %" APR_INT64_T_FMT " ms and %" APR_INT64_T_FMT
                            " s; write 500ms, 5s, 10min, 2h or 30d", cmd->cmd->name, word, d->lo / 1000, d->hi / 1000000);
    *value = t;
    return NULL;
}

static const char *set_time(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    return wrong ? wrong : read_time(cmd, d, argv[0], number_at(base, d->offset));
}

static const char *set_word(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);
    char *list = apr_pstrdup(cmd->pool, d->words), *last, *word;
    int i = 0;

    if (wrong)
        return wrong;
    for (word = apr_strtok(list, "|", &last); word; word = apr_strtok(NULL, "|", &last), i++)
        if (ap_cstr_casecmp(word, argv[0]) == 0) {
            *number_at(base, d->offset) = i;
            return NULL;
        }
    return apr_psprintf(cmd->pool, "%s: '%s' is none of %s", cmd->cmd->name, argv[0], d->words);
}

static const char *set_api_key(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 2, 2);

    if (!wrong)
        wrong = check_sid(cmd->pool, argv[0], "SK");
    if (!wrong)
        wrong = twc_secret_check(cmd->pool, argv[1]);
    if (wrong)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", wrong, NULL);
    *text_at(base, d->offset) = argv[0];
    *text_at(base, d->offset2) = argv[1];
    return NULL;
}

static const char *set_answers(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    static const directive_t window = { .lo = apr_time_from_sec(1), .hi = apr_time_from_sec(7 * 86400) };
    const char *wrong = takes(cmd, argc, 2, 2);

    if (!wrong)
        wrong = read_int(cmd, d, argv[0], number_at(base, d->offset));
    return wrong ? wrong : read_time(cmd, &window, argv[1], number_at(base, d->offset2));
}

static const char *read_rate(cmd_parms *cmd, const char *kind, const char *word)
{
    char *end;
    double rate = strtod(word, &end);

    if (twc_sender_kind_parse(kind) < 0)
        return apr_psprintf(cmd->pool, "%s: '%s' is no kind of sender: longcode-us, longcode, tollfree, shortcode, "
                            "alphanumeric, service, whatsapp, rcs", cmd->cmd->name, kind);
    if (end == word || *end || !(rate >= 0.01 && rate <= 10000))
        return out_of_range(cmd, word, "0.01", "10000 a second");
    return NULL;
}

/* Rates add up: each line names the kinds it changes. */
static const char *set_rates(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t **list = list_at(base, d->offset);

    if (argc < 2 || argc % 2)
        return apr_psprintf(cmd->pool, "%s takes pairs of a kind and a rate: %s", cmd->cmd->name, cmd->cmd->errmsg);
    if (!*list)
        *list = apr_array_make(cmd->pool, 16, sizeof(const char *));
    for (int i = 0; i < argc; i += 2) {
        const char *wrong = read_rate(cmd, argv[i], argv[i + 1]);
        if (wrong)
            return wrong;
        APR_ARRAY_PUSH(*list, const char *) = argv[i];
        APR_ARRAY_PUSH(*list, const char *) = argv[i + 1];
    }
    return NULL;
}

/* Routes are found below a path, so the section must name one. */
static const char *check_place(cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;

    if (!cmd->path || !section || ap_cstr_casecmp(section->directive, "<Location") != 0 || *cmd->path != '/'
        || ap_strchr_c(section->args, '~') || strpbrk(cmd->path, "*?["))
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " belongs into a <Location \"/path\">, without patterns", NULL);
    return NULL;
}

static const char *set_mount(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    twc_mount_t *mount = apr_pcalloc(cmd->pool, sizeof(*mount));
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);
    const char *wrong = takes(cmd, argc, 1, -1);
    char *path;

    if (!wrong)
        wrong = check_place(cmd);
    if (wrong)
        return wrong;
    mount->path = path = apr_pstrdup(cmd->pool, cmd->path);
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    for (int i = 0; i < argc; i++) {
        int which = twc_interface_parse(argv[i]);
        if (which < 0)
            return apr_psprintf(cmd->pool, "%s: '%s' is none of flask-chat, whatsapp-inbox, appointment-bot, "
                                "ai-messaging, sms-store, native", cmd->cmd->name, argv[i]);
        if (!twc_mount_add(mount, which))
            return apr_psprintf(cmd->pool, "%s: '%s' is named twice", cmd->cmd->name, argv[i]);
    }
    ((twc_dir_conf_t *)base)->mount = mount;
    APR_ARRAY_PUSH(server->mounts, const twc_mount_t *) = mount;
    return NULL;
}

static const char *set_signature(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);
    const char *wrong = set_word(cmd, d, base, argc, argv);

    if (!wrong && *number_at(base, d->offset) == TWC_SIGNATURE_OFF)
        APR_ARRAY_PUSH(server->notes, const char *) =
            apr_psprintf(cmd->pool, "TwchatSignature off%s%s: anybody can pretend to be Twilio there",
                         cmd->path ? " in " : "", cmd->path ? cmd->path : "");
    return wrong;
}

/* ---- the table -------------------------------------------------------------------- */

static const char *set_directive(cmd_parms *cmd, void *dir, const char *args);

#define HERE(member) offsetof(twc_settings_t, member)
#define THERE(member) offsetof(twc_dir_conf_t, member)
#define ROW(name, scope, help, ...) \
    AP_INIT_RAW_ARGS(name, set_directive, ((void *)&(const directive_t){ __VA_ARGS__ }), scope, help)
#define SEC(n) apr_time_from_sec(n)
#define DAYS(n) apr_time_from_sec((n) * 86400L)
#define MIB (1024L * 1024)

const command_rec twc_commands[] = {
    /* name, scope, help, then: setter, field, default, range or words, check */
    ROW("TwchatInterface", ACCESS_CONF, "NAME... - the interfaces that answer in this <Location>",
        .in_dir = true, .set = set_mount, .offset = THERE(mount)),
    ROW("TwchatSignature", RSRC_CONF | ACCESS_CONF, "on|report|off - are Twilio's signatures checked",
        .in_dir = true, .set = set_signature, .offset = THERE(signature), .def = "on", .words = "on|report|off"),
    ROW("TwchatOpen", ACCESS_CONF, "on|off - whoever Apache lets in without signing in may use the APIs",
        .in_dir = true, .set = set_word, .offset = THERE(open), .def = "off", .words = "off|on"),

    ROW("TwchatAccountSid", RSRC_CONF, "AC... - the Twilio account",
        .set = set_text, .offset = HERE(account_sid), .check = check_account),
    ROW("TwchatAuthToken", RSRC_CONF, "SECRET [SECRET] - the account's auth token, and a second one during rotation",
        .set = set_list, .offset = HERE(auth_tokens), .hi = TWC_TOKENS_MAX, .check = twc_secret_check),
    ROW("TwchatApiKey", RSRC_CONF, "SK... SECRET - used for requests to Twilio instead of the auth token",
        .set = set_api_key, .offset = HERE(api_key_sid), .offset2 = HERE(api_key_secret)),
    ROW("TwchatApiBase", RSRC_CONF, "URL - where Twilio's API is",
        .set = set_url, .offset = HERE(api_base), .def = "https://api.twilio.com", .check = check_url),
    ROW("TwchatDefaultSender", RSRC_CONF, "NUMBER - who sends when nobody else is named",
        .set = set_address, .offset = HERE(default_sender), .check = check_sender),
    ROW("TwchatWhatsappSender", RSRC_CONF, "whatsapp:NUMBER - who sends on WhatsApp",
        .set = set_address, .offset = HERE(whatsapp_sender), .check = check_whatsapp),
    ROW("TwchatMessagingService", RSRC_CONF, "MG... - the messaging service to send with",
        .set = set_text, .offset = HERE(messaging_service), .check = check_service),
    ROW("TwchatPublicUrl", RSRC_CONF, "URL - how Twilio reaches this host",
        .set = set_url, .offset = HERE(public_url), .check = check_url),
    ROW("TwchatTrustedProxies", RSRC_CONF, "ADDRESS[/BITS]... - whose X-Forwarded headers are believed",
        .set = set_list, .offset = HERE(trusted_proxies), .check = check_subnet),
    ROW("TwchatMediaHosts", RSRC_CONF, "HOST... - further hosts attachments may be fetched from",
        .set = set_list, .offset = HERE(media_hosts), .check = check_host),

    ROW("TwchatChatMode", RSRC_CONF, "off|echo|keywords - the bot that answers while the automatic reply is off",
        .set = set_word, .offset = HERE(chat_mode), .def = "echo", .words = "off|echo|keywords"),
    ROW("TwchatAutoReplyPattern", RSRC_CONF, "REGEX - the senders who get automatic replies",
        .set = set_text, .offset = HERE(auto_reply_pattern), .def = "\"^\\+[0-9]{7,15}$\"", .check = check_regex),
    ROW("TwchatAckText", RSRC_CONF, "TEXT - sms-store's acknowledgement, \"\" for none",
        .set = set_text, .offset = HERE(ack_text), .def = "\"Message received. Thank you!\""),
    ROW("TwchatBusinessName", RSRC_CONF, "TEXT - how the confirmations of STOP, START and HELP call you",
        .set = set_text, .offset = HERE(business_name), .def = "\"Our business\""),
    ROW("TwchatSupportNumber", RSRC_CONF, "TEXT - where HELP sends people",
        .set = set_text, .offset = HERE(support_number)),
    ROW("TwchatAnswers", RSRC_CONF, "N TIME - at most N automatic answers to one peer within this time",
        .set = set_answers, .offset = HERE(answers_max), .offset2 = HERE(answers_window), .def = "10 10min",
        .lo = 0, .hi = 10000),
    ROW("TwchatConfirmKeywords", RSRC_CONF, "on|off - confirm STOP, START, HELP on long codes and toll-free too",
        .set = set_word, .offset = HERE(confirm_keywords), .def = "off", .words = "off|on"),

    ROW("TwchatSenders", RSRC_CONF, "N - sender threads per child",
        .set = set_int, .offset = HERE(senders), .def = "1", .lo = 1, .hi = 8),
    ROW("TwchatInFlight", RSRC_CONF, "N - requests to Twilio at once per sender thread",
        .set = set_int, .offset = HERE(in_flight), .def = "100", .lo = 1, .hi = 2000),
    ROW("TwchatRate", RSRC_CONF, "KIND N... - segments a second (messages on WhatsApp and RCS) per kind of sender",
        .set = set_rates, .offset = HERE(rates),
        .def = "longcode-us 1 longcode 10 tollfree 3 shortcode 100 alphanumeric 10 service 100 whatsapp 80 rcs 100"),
    ROW("TwchatSendWait", RSRC_CONF, "TIME - how long a request to send waits for Twilio's answer",
        .set = set_time, .offset = HERE(send_wait), .def = "8s", .lo = 0, .hi = SEC(60)),
    ROW("TwchatSendTimeout", RSRC_CONF, "TIME - how long one request to Twilio may take",
        .set = set_time, .offset = HERE(send_timeout), .def = "20s", .lo = SEC(1), .hi = SEC(300)),
    ROW("TwchatGrace", RSRC_CONF, "TIME - how long a send without an answer is looked for before it is sent again",
        .set = set_time, .offset = HERE(grace), .def = "120s", .lo = SEC(1), .hi = SEC(86400)),

    ROW("TwchatListMax", RSRC_CONF, "N - upper bound of list lengths that have none",
        .set = set_int, .offset = HERE(list_max), .def = "1000", .lo = 1, .hi = 100000),
    ROW("TwchatBodyLimit", RSRC_CONF, "BYTES - largest request body",
        .set = set_size, .offset = HERE(body_max), .def = "1M", .lo = 4096, .hi = 64 * MIB),
    ROW("TwchatMediaLimit", RSRC_CONF, "BYTES - largest attachment that is kept",
        .set = set_size, .offset = HERE(media_max), .def = "16M", .lo = 1024, .hi = 256 * MIB),
    ROW("TwchatJournalKeep", RSRC_CONF, "TIME - how long the webhook journal is kept",
        .set = set_time, .offset = HERE(journal_keep), .def = "30d", .lo = SEC(3600), .hi = DAYS(3660)),
    ROW("TwchatSpool", RSRC_CONF, "DIR|off - where Twilio's calls wait while the database is away",
        .set = set_spool, .offset = HERE(spool), .def = "/var/spool/mod_twchat"),
    ROW("TwchatSpoolLimit", RSRC_CONF, "BYTES - that may wait there; then calls are refused",
        .set = set_size, .offset = HERE(spool_max), .def = "1G", .lo = MIB, .hi = 1024L * 1024 * MIB),
    ROW("TwchatStatements", RSRC_CONF, "N - statements in flight per child, at most DBDMax",
        .set = set_int, .offset = HERE(statements), .def = "6", .lo = 1, .hi = 256),
    ROW("TwchatStatementTimeout", RSRC_CONF, "TIME - how long a statement may take",
        .set = set_time, .offset = HERE(statement_timeout), .def = "5s", .lo = APR_USEC_PER_SEC / 10, .hi = SEC(60)),
    ROW("TwchatHtdocs", RSRC_CONF, "DIR - the pages",
        .set = set_path, .offset = HERE(htdocs), .def = "\"" TWC_HTDOCS "\""),
    ROW("TwchatLog", RSRC_CONF, "FILE or |PROGRAM - events as lines of JSON",
        .set = set_text, .offset = HERE(log)),
    ROW("TwchatAutoMigrate", RSRC_CONF, "on|off - bring the database's schema up to date without asking",
        .set = set_word, .offset = HERE(auto_migrate), .def = "off", .words = "off|on"),
    ROW("TwchatStreams", RSRC_CONF, "N - live pages per child that hold a thread (TLS, HTTP/2)",
        .set = set_int, .offset = HERE(streams), .def = "8", .lo = 0, .hi = 10000),
    { NULL }
};

static const char *apply(cmd_parms *cmd, const directive_t *d, void *base, const char *args)
{
    apr_array_header_t *words = apr_array_make(cmd->pool, 4, sizeof(const char *));

    while (*args)
        APR_ARRAY_PUSH(words, const char *) = ap_getword_conf(cmd->pool, &args);
    return d->set(cmd, d, base, words->nelts, (const char **)words->elts);
}

static const char *set_directive(cmd_parms *cmd, void *dir, const char *args)
{
    const directive_t *d = cmd->info;
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);

    return apply(cmd, d, d->in_dir ? dir : (void *)&server->set, args);
}

static bool holds_number(const directive_t *d)
{
    return d->set == set_int || d->set == set_size || d->set == set_time || d->set == set_word
        || d->set == set_answers || d->set == set_signature;
}

static bool unset(const directive_t *d, void *base)
{
    return holds_number(d) ? *number_at(base, d->offset) == TWC_UNSET : *text_at(base, d->offset) == NULL;
}

static void set_unset(void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const directive_t *d = c->cmd_data;
        if (d->in_dir != in_dir || !holds_number(d))
            continue;
        *number_at(base, d->offset) = TWC_UNSET;
        if (d->offset2)
            *number_at(base, d->offset2) = TWC_UNSET;
    }
}

static void copy_value(const directive_t *d, void *to, void *from, apr_size_t offset)
{
    if (holds_number(d))
        *number_at(to, offset) = *number_at(from, offset);
    else
        *text_at(to, offset) = *text_at(from, offset);
}

/* What over does not say, base says. */
static void inherit(void *to, void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const directive_t *d = c->cmd_data;
        if (d->in_dir != in_dir || !unset(d, to))
            continue;
        copy_value(d, to, base, d->offset);
        if (d->offset2)
            copy_value(d, to, base, d->offset2);
    }
}

void *twc_config_server_create(apr_pool_t *pool, server_rec *server)
{
    twc_server_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    set_unset(&conf->set, false);
    conf->mounts = apr_array_make(pool, 2, sizeof(const twc_mount_t *));
    conf->notes = apr_array_make(pool, 2, sizeof(const char *));
    return conf;
}

/* Rates are told kind by kind, so both lists count and the later word wins. */
void *twc_config_server_merge(apr_pool_t *pool, void *base, void *over)
{
    twc_server_conf_t *conf = apr_pmemdup(pool, over, sizeof(*conf));
    twc_server_conf_t *under = base;

    if (conf->set.rates && under->set.rates)
        conf->set.rates = apr_array_append(pool, under->set.rates, conf->set.rates);
    inherit(&conf->set, &under->set, false);
    return conf;
}

void *twc_config_dir_create(apr_pool_t *pool, char *dir)
{
    twc_dir_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    set_unset(conf, true);
    return conf;
}

void *twc_config_dir_merge(apr_pool_t *pool, void *base, void *over)
{
    twc_dir_conf_t *conf = apr_pmemdup(pool, over, sizeof(*conf));

    inherit(conf, base, true);
    return conf;
}

twc_server_conf_t *twc_config_server(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &twchat_module);
}

twc_dir_conf_t *twc_config_dir(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &twchat_module);
}

/* ---- the whole ------------------------------------------------------------------------ */

static const server_rec *the_main_server;

bool twc_config_serves(const server_rec *server)
{
    return twc_config_server(server)->mounts->nelts || twc_config_server(the_main_server)->mounts->nelts;
}

typedef struct collision_t {
    server_rec *server;
    const twc_mount_t *mount;
} collision_t;

static void tell_collision(void *baton, const twc_route_t *loser, const twc_route_t *winner)
{
    collision_t *at = baton;

    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, at->server,
                 "TWC1001: <Location \"%s\">: %s is answered by %s, which is named first, not by %s",
                 at->mount->path, winner->pattern, twc_interfaces[winner->interface].name,
                 twc_interfaces[loser->interface].name);
}

static int check_server(server_rec *s)
{
    twc_server_conf_t *conf = twc_config_server(s);
    int rc = OK;

    for (int i = 0; i < conf->mounts->nelts; i++) {
        collision_t at = { s, APR_ARRAY_IDX(conf->mounts, i, const twc_mount_t *) };
        twc_mount_collisions(at.mount, tell_collision, &at);
    }
    if (!twc_config_serves(s))
        return OK;                      /* what it says is for the hosts that inherit it */
    if (conf->set.account_sid && !conf->set.auth_tokens) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1002: TwchatAccountSid needs TwchatAuthToken beside it: "
                     "without the token no webhook can be verified");
        rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    if (conf->set.auth_tokens && !conf->set.account_sid) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1003: TwchatAuthToken needs TwchatAccountSid beside it");
        rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    return rc;
}

int twc_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    int rc = OK;
    bool used = false;

    the_main_server = main_server;
    for (server_rec *s = main_server; s; s = s->next) {
        used = used || twc_config_server(s)->mounts->nelts;
        if (check_server(s) != OK)
            rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    if (used && !ap_find_linked_module("mod_dbd.c")) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server,
                     "TWC1004: mod_dbd is not loaded; mod_twchat takes its database connections from it");
        rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    return rc;
}

/* Defaults go through the same setters, so they cannot be values nobody could write. */
static void set_defaults(apr_pool_t *pool, server_rec *s, void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const directive_t *d = c->cmd_data;
        cmd_parms cmd = { .pool = pool, .temp_pool = pool, .server = s, .cmd = c };

        if (d->in_dir == in_dir && d->def && unset(d, base))
            (void)apply(&cmd, d, base, d->def);
    }
}

static bool read_secret(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s, const char *directive,
                        const char *reference, const char **value)
{
    const char *warning;
    const char *wrong = twc_secret_read(pconf, ptemp, reference, value, &warning);

    if (warning)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "TWC1005: %s: %s", directive, warning);
    if (wrong)
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1006: %s: %s", directive, wrong);
    return !wrong;
}

static bool read_secrets(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s, const twc_settings_t *set, twc_conf_t *conf)
{
    for (int i = 0; set->auth_tokens && i < set->auth_tokens->nelts; i++)
        if (!read_secret(pconf, ptemp, s, "TwchatAuthToken", APR_ARRAY_IDX(set->auth_tokens, i, const char *),
                         &conf->auth_tokens[i]))
            return false;
    return !set->api_key_secret
        || read_secret(pconf, ptemp, s, "TwchatApiKey", set->api_key_secret, &conf->api_key_secret);
}

static void read_rates(apr_pool_t *pconf, const apr_array_header_t *all, twc_conf_t *conf)
{
    const char *const *words = (const char *const *)all->elts;

    for (int i = 0; i + 1 < all->nelts; i += 2)
        conf->rate[twc_sender_kind_parse(words[i])] = strtod(words[i + 1], NULL);
}

/* Where a status callback of ours is served: the first mounted interface that has one. */
static const char *status_path(apr_pool_t *pool, const server_rec *s)
{
    const apr_array_header_t *mounts = twc_config_server(s)->mounts;

    if (!mounts->nelts)
        mounts = twc_config_server(the_main_server)->mounts;
    for (int i = 0; i < mounts->nelts; i++) {
        const twc_mount_t *mount = APR_ARRAY_IDX(mounts, i, const twc_mount_t *);
        for (int k = 0; k < mount->count; k++)
            for (int row = 0; row < twc_routes_count; row++)
                if (twc_routes[row].interface == mount->interfaces[k]
                    && strcmp(twc_routes[row].endpoint, "twc_webhook_status") == 0)
                    return twc_mount_url_path(pool, mount, &twc_routes[row]);
    }
    return "/twilio/status";
}

static const char *const *string_list(apr_pool_t *pool, const apr_array_header_t *list)
{
    const char **out = list ? apr_pcalloc(pool, (size_t)(list->nelts + 1) * sizeof(*out)) : NULL;

    if (list)
        memcpy(out, list->elts, (size_t)list->nelts * sizeof(*out));
    return out;
}

static apr_array_header_t *read_proxies(apr_pool_t *pool, const apr_array_header_t *words)
{
    apr_array_header_t *out = apr_array_make(pool, 2, sizeof(apr_ipsubnet_t *));

    for (int i = 0; words && i < words->nelts; i++)
        (void)subnet(&APR_ARRAY_PUSH(out, apr_ipsubnet_t *), pool, APR_ARRAY_IDX(words, i, const char *));
    return out;
}

static apr_status_t free_regex(void *regex)
{
    regfree(regex);
    return APR_SUCCESS;
}

static const void *compile(apr_pool_t *pool, const char *pattern)
{
    regex_t *regex = apr_palloc(pool, sizeof(*regex));

    if (regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return NULL;
    apr_pool_cleanup_register(pool, regex, free_regex, apr_pool_cleanup_null);
    return regex;
}

static void copy_settings(apr_pool_t *pool, const twc_settings_t *set, twc_conf_t *conf)
{
    conf->account_sid = set->account_sid;
    conf->api_key_sid = set->api_key_sid;
    conf->api_base = set->api_base;
    conf->default_sender = set->default_sender;
    conf->whatsapp_sender = set->whatsapp_sender;
    conf->messaging_service_sid = set->messaging_service;
    conf->public_url = set->public_url;
    conf->media_hosts = string_list(pool, set->media_hosts);
    conf->chat_mode = (twc_chat_mode_e)set->chat_mode;
    conf->auto_reply_pattern = set->auto_reply_pattern;
    conf->auto_reply_regex = compile(pool, set->auto_reply_pattern);
    conf->ack_text = set->ack_text;
    conf->business_name = set->business_name;
    conf->support_number = set->support_number;
    conf->answers_max = (int)set->answers_max;
    conf->answers_window = set->answers_window;
    conf->confirm_longcode = set->confirm_keywords == 1;
    conf->senders = (int)set->senders;
    conf->in_flight = (int)set->in_flight;
    conf->send_wait = set->send_wait;
    conf->send_timeout = set->send_timeout;
    conf->grace = set->grace;
    conf->list_max = (int)set->list_max;
    conf->body_max = (apr_size_t)set->body_max;
    conf->media_max = (apr_size_t)set->media_max;
    conf->journal_keep = set->journal_keep;
    conf->spool_max = set->spool_max;
    conf->statements_max = (int)set->statements;
    conf->statement_timeout = set->statement_timeout;
}

static const char *tenant_name(apr_pool_t *pool, const server_rec *s)
{
    const char *host = s->server_hostname ? s->server_hostname : "default";

    if (s->addrs && s->addrs->host_port)
        return apr_psprintf(pool, "%s:%u", host, s->addrs->host_port);
    return s->port ? apr_psprintf(pool, "%s:%u", host, s->port) : host;
}

/* Once, though several hosts may share one configuration. */
static void complain(server_rec *s, apr_array_header_t *notes)
{
    for (int i = 0; i < notes->nelts; i++)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "TWC1007: %s", APR_ARRAY_IDX(notes, i, const char *));
    apr_array_clear(notes);
}

static int finish_server(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s, twc_server_conf_t *server)
{
    const twc_dir_conf_t *dir = ap_get_module_config(s->lookup_defaults, &twchat_module);
    twc_settings_t *set = &server->set;
    twc_conf_t *conf = apr_pcalloc(pconf, sizeof(*conf));
    apr_array_header_t *rates = set->rates;

    set->rates = NULL;                  /* the defaults first, then what was written */
    set_defaults(pconf, s, set, false);
    read_rates(pconf, set->rates, conf);
    if (rates)
        read_rates(pconf, rates, conf);
    copy_settings(pconf, set, conf);
    conf->tenant = tenant_name(pconf, s);
    conf->status_path = status_path(pconf, s);
    conf->spool_dir = twc_spooldir_make(pconf, s, set->spool, conf->tenant);
    conf->signature_mode = dir->signature == TWC_UNSET ? TWC_SIGNATURE_ON : (twc_signature_mode_e)dir->signature;
    server->proxies = read_proxies(pconf, set->trusted_proxies);
    if (!read_secrets(pconf, ptemp, s, set, conf))
        return HTTP_INTERNAL_SERVER_ERROR;
    if (set->log && !(server->log = twc_log_open(pconf, s, set->log)))
        return HTTP_INTERNAL_SERVER_ERROR;
    server->counters = twc_counters_claim(conf->tenant);
    server->conf = conf;
    return OK;
}

/* Several hosts may share one configuration, but not when their databases differ. */
static twc_server_conf_t *own_conf(apr_pool_t *pconf, server_rec *s, server_rec *main_server)
{
    twc_server_conf_t *conf = twc_config_server(s);
    const module *dbd = ap_find_linked_module("mod_dbd.c");

    for (server_rec *other = main_server; dbd && other != s; other = other->next) {
        if (twc_config_server(other) != conf || !conf->conf
            || ap_get_module_config(other->module_config, dbd) == ap_get_module_config(s->module_config, dbd))
            continue;
        conf = apr_pmemdup(pconf, conf, sizeof(*conf));
        conf->conf = NULL;
        ap_set_module_config(s->module_config, &twchat_module, conf);
        break;
    }
    return conf;
}

int twc_config_finish(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    the_main_server = main_server;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;                      /* the first of two passes; secrets are read once */
    if (twc_counters_create(pconf, main_server) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    for (server_rec *s = main_server; s; s = s->next) {
        twc_server_conf_t *conf;

        complain(s, twc_config_server(s)->notes);
        if (!twc_config_serves(s))
            continue;
        conf = own_conf(pconf, s, main_server);
        if (!conf->conf && finish_server(pconf, ptemp, s, conf) != OK)
            return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}
