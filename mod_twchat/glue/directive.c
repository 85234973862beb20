/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * directive.c - the table of directives and the setters that read what was written.
 * Must never touch files or the network: `httpd -t` runs all of it. Values go where the table says and nowhere else.
 * Called by httpd while it reads its configuration, and by config.c for inheritance and defaults.
 */
#include <regex.h>

#include <apr_lib.h>
#include <apr_network_io.h>
#include <http_core.h>

#include "glue/config.h"
#include "glue/directive.h"
#include "glue/module.h"
#include "glue/secret.h"
#include "twilio/segment.h"
#include "util/phone.h"
#include "util/text.h"

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

static bool is_port(const char *word)
{
    char *end;
    apr_int64_t port = apr_strtoi64(word, &end, 10);

    return apr_isdigit(*word) && !*end && port >= 1 && port <= 65535;
}

/* Names, addresses and, in brackets, those of IPv6. */
static bool is_host(const char *word, apr_size_t len)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    if (len > 2 && word[0] == '[' && word[len - 1] == ']')
        return strspn(word + 1, "0123456789abcdefABCDEF:.") == len - 2;
    return len && apr_isalnum(*word) && strspn(word, name) >= len;
}

static const char *check_url(apr_pool_t *pool, const char *word)
{
    apr_uri_t uri;
    bool clean = true;

    for (const char *p = word; *p; p++)
        clean = clean && (unsigned char)*p > ' ' && *p != 0x7f;
    if (!clean || apr_uri_parse(pool, word, &uri) != APR_SUCCESS || !uri.scheme || !uri.hostname || !*uri.hostname
        || (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0))
        return apr_psprintf(pool, "'%s' is no URL: https://host, with a port or a path where needed", word);
    if (uri.port_str && !is_port(uri.port_str))
        return apr_psprintf(pool, "'%s' has a port that is none: 1 to 65535", word);
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

/* Texts go out in messages and into the database, which takes UTF-8 alone: a file saved as Latin-1 would fail every statement. */
static const char *check_utf8(apr_pool_t *pool, const char *word)
{
    return twc_text_is_clean(word, strlen(word)) ? NULL : "the text is not written in UTF-8";
}

static const char *check_message(apr_pool_t *pool, const char *word)
{
    const char *wrong = check_utf8(pool, word);
    apr_size_t units = wrong ? 0 : twc_text_utf16(word);

    if (units > TWC_BODY_MAX_UNITS)
        wrong = apr_psprintf(pool, "the text has %" APR_SIZE_T_FMT " characters; a message takes %d", units, TWC_BODY_MAX_UNITS);
    return wrong;
}

/* Somebody customers can write to: names are not. */
static const char *check_written_to(apr_pool_t *pool, const char *word)
{
    const char *address = twc_phone_canonical(pool, word, false);

    if (check_service(pool, word) == NULL)
        return NULL;
    if (!address || twc_phone_sender_kind(address) == TWC_SENDER_ALPHANUMERIC || (*address == '+' && !twc_phone_is_e164(address)))
        return apr_psprintf(pool, "'%s' is no sender people write to: +14155552671, 12345, whatsapp:+14155552671, rcs:agent or MG...", word);
    return NULL;
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

apr_status_t twc_directive_subnet(apr_ipsubnet_t **net, apr_pool_t *pool, const char *word)
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

    return twc_directive_subnet(&net, pool, word) == APR_SUCCESS ? NULL
        : apr_psprintf(pool, "'%s' is no address: 10.0.0.1, 10.0.0.0/8 or an IPv6 one", word);
}

static const char *check_host(apr_pool_t *pool, const char *word)
{
    const char *bracket = strrchr(word, ']'), *colon = strrchr(bracket ? bracket : word, ':');
    apr_size_t len = colon ? (apr_size_t)(colon - word) : strlen(word);

    return is_host(word, len) && (!colon || is_port(colon + 1)) ? NULL
        : apr_psprintf(pool, "'%s' is no host name: media.example.com, with a port where needed", word);
}

static const char *check_log(apr_pool_t *pool, const char *word)
{
    if (*word == '|')
        return word[1] ? NULL : "after | comes the program that reads the lines";
    return *word ? NULL : "the path of a file must not be empty";
}

/* ---- setters ------------------------------------------------------------------- */

static const char *takes(cmd_parms *cmd, int argc, int lo, int hi)
{
    if (argc >= lo && (argc <= hi || hi < 0))
        return NULL;
    if (lo == hi)
        return apr_psprintf(cmd->pool, "%s takes %d value%s: %s", cmd->cmd->name, lo, lo == 1 ? "" : "s", cmd->cmd->errmsg);
    if (hi > 0)
        return apr_psprintf(cmd->pool, "%s takes %d%s%d values: %s", cmd->cmd->name, lo, hi == lo + 1 ? " or " : " to ", hi,
                            cmd->cmd->errmsg);
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

    if (!wrong && !(*argv[0] && (*text_at(base, d->offset) = ap_server_root_relative(cmd->pool, argv[0]))))
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
    if (unit && !errno && value >= 0 && value < APR_INT64_MAX >> 30) {
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
    apr_interval_time_t t = 0;
    char *end;
    apr_int64_t days = apr_strtoi64(word, &end, 10);
    bool good;

    if (end != word && (strcmp(end, "d") == 0 || strcmp(end, "days") == 0)) {
        good = days >= 0 && days < 100000;
        if (good)
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

/* One word for all senders, or for those that are named; lines add up. */
static const char *set_confirm(cmd_parms *cmd, const directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t **list = list_at(base, d->offset);
    const char *wrong = takes(cmd, argc, 1, -1);
    bool on = !wrong && ap_cstr_casecmp(argv[0], "on") == 0;

    if (!wrong && !on && ap_cstr_casecmp(argv[0], "off") != 0)
        wrong = apr_psprintf(cmd->pool, "%s: '%s' is none of off|on", cmd->cmd->name, argv[0]);
    for (int i = 1; i < argc && !wrong; i++)
        wrong = checked(cmd, d, argv[i]);
    if (wrong)
        return wrong;
    if (!*list)
        *list = apr_array_make(cmd->pool, 4, sizeof(twc_confirm_t));
    if (argc == 1)
        APR_ARRAY_PUSH(*list, twc_confirm_t) = (twc_confirm_t){ NULL, on };
    for (int i = 1; i < argc; i++) {
        const char *address = twc_phone_canonical(cmd->pool, argv[i], false);
        APR_ARRAY_PUSH(*list, twc_confirm_t) = (twc_confirm_t){ address ? address : argv[i], on };
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
    if (!wrong && ((twc_dir_conf_t *)base)->mount)
        wrong = apr_pstrcat(cmd->pool, cmd->cmd->name, " is written once in a section, with all the names", NULL);
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
        .set = set_text, .offset = HERE(ack_text), .def = "\"Message received. Thank you!\"", .check = check_message),
    ROW("TwchatBusinessName", RSRC_CONF, "TEXT - how the confirmations of STOP, START and HELP call you",
        .set = set_text, .offset = HERE(business_name), .def = "\"Our business\"", .check = check_utf8),
    ROW("TwchatSupportNumber", RSRC_CONF, "TEXT - where HELP sends people",
        .set = set_text, .offset = HERE(support_number), .check = check_utf8),
    ROW("TwchatAnswers", RSRC_CONF, "N TIME - at most N automatic answers to one peer within this time",
        .set = set_answers, .offset = HERE(answers_max), .offset2 = HERE(answers_window), .def = "10 10min",
        .lo = 0, .hi = 10000),
    ROW("TwchatConfirmKeywords", RSRC_CONF, "on|off [SENDER...] - confirm STOP, START, HELP where Twilio does, too; or on these senders",
        .set = set_confirm, .offset = HERE(confirm), .def = "off", .check = check_written_to),

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
        .set = set_text, .offset = HERE(log), .check = check_log),
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

void twc_directive_unset(void *base, bool in_dir)
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

void twc_directive_inherit(void *to, void *base, bool in_dir)
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

/* Defaults go through the same setters, so they cannot be values nobody could write. */
void twc_directive_defaults(apr_pool_t *pool, server_rec *s, void *base, bool in_dir)
{
    for (const command_rec *c = twc_commands; c->name; c++) {
        const directive_t *d = c->cmd_data;
        cmd_parms cmd = { .pool = pool, .temp_pool = pool, .server = s, .cmd = c };

        if (d->in_dir == in_dir && d->def && unset(d, base))
            (void)apply(&cmd, d, base, d->def);
    }
}
