/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * env.c - settings from the environment and from a file of NAME=VALUE lines, and the database they name.
 * Must never run a shell over the file, nor change the environment.
 * Called by main.c before a command, and by the commands that need the database.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_user.h>

#include "ctl.h"
#include "store/migrate.h"
#include "util/phone.h"

/* ---- the file ----------------------------------------------------------------------- */

/* One word as sh would read it: quotes of both kinds, backslashes. */
static const char *unquote(apr_pool_t *pool, const char *s)
{
    char *out = apr_palloc(pool, strlen(s) + 1), *p = out;
    char quote = '\0';

    for (; *s; s++) {
        if (quote ? *s == quote : *s == '\'' || *s == '"')
            quote = quote ? '\0' : *s;
        else if (*s == '\\' && quote != '\'' && s[1])
            *p++ = *++s;
        else
            *p++ = *s;
    }
    *p = '\0';
    return out;
}

static bool is_name(const char *s, apr_size_t len)
{
    for (apr_size_t i = 0; i < len; i++)
        if (!apr_isalnum(s[i]) && s[i] != '_')
            return false;
    return len > 0 && !apr_isdigit(s[0]);
}

static int read_line(const ctl_t *ctl, apr_hash_t *vars, const char *file, int number, char *line)
{
    const char *equals;

    while (apr_isspace(*line))
        line++;
    for (char *end = line + strlen(line); end > line && apr_isspace(end[-1]); )
        *--end = '\0';
    if (!*line || *line == '#')
        return CTL_OK;
    if (strncmp(line, "export ", 7) == 0)
        line += 7 + strspn(line + 7, " ");
    equals = strchr(line, '=');
    if (!equals || !is_name(line, equals - line)) {
        ctl_say(ctl, "%s line %d is not NAME=VALUE", file, number);
        return CTL_SETTINGS;
    }
    apr_hash_set(vars, apr_pstrmemdup(ctl->pool, line, equals - line), APR_HASH_KEY_STRING,
                 unquote(ctl->pool, equals + 1));
    return CTL_OK;
}

static int read_file(ctl_t *ctl, apr_hash_t *vars, const char *file, bool must)
{
    apr_file_t *in;
    char line[8192], reason[120];
    apr_status_t rv = apr_file_open(&in, file, APR_FOPEN_READ | APR_FOPEN_BUFFERED, 0, ctl->pool);
    int number = 0, code = CTL_OK;

    if (APR_STATUS_IS_ENOENT(rv) && !must)
        return CTL_OK;
    if (rv != APR_SUCCESS) {
        ctl_say(ctl, "%s cannot be read: %s", file, apr_strerror(rv, reason, sizeof(reason)));
        return must ? CTL_SETTINGS : CTL_OK;
    }
    ctl->env_file = file;
    while (code == CTL_OK && apr_file_gets(line, sizeof(line), in) == APR_SUCCESS)
        code = read_line(ctl, vars, file, ++number, line);
    apr_file_close(in);
    return code;
}

/* ---- the settings ----------------------------------------------------------------------- */

/* What the directives of the module mean when nobody writes them. */
static void defaults(twc_conf_t *conf)
{
    *conf = (twc_conf_t){
        .tenant = "twchatctl", .api_base = "https://api.twilio.com", .status_path = "/twilio/status",
        .chat_mode = TWC_CHAT_ECHO, .ack_text = "Message received. Thank you!", .business_name = "Our business",
        .answers_max = 10, .answers_window = apr_time_from_sec(600),
        .senders = 1, .in_flight = 1,
        .rate = { [TWC_SENDER_LONGCODE_US] = 1, [TWC_SENDER_LONGCODE] = 10, [TWC_SENDER_TOLLFREE] = 3,
                  [TWC_SENDER_SHORTCODE] = 100, [TWC_SENDER_ALPHANUMERIC] = 10, [TWC_SENDER_SERVICE] = 100,
                  [TWC_SENDER_WHATSAPP] = 80, [TWC_SENDER_RCS] = 100 },
        .send_wait = apr_time_from_sec(8), .send_timeout = apr_time_from_sec(20),
        .grace = apr_time_from_sec(900),        /* whatever TwchatSendTimeout a server has that tried it */
        .list_max = 1000, .body_max = 1 << 20, .media_max = 16 << 20, .journal_keep = apr_time_from_sec(30 * 86400),
        .password_min = 8, .password_min_registered = 8, .password_cost = 10,
        .statements_max = 4, .statement_timeout = apr_time_from_sec(600),
    };
}

static const char *setting(const ctl_t *ctl, apr_hash_t *vars, const char *name)
{
    const char *value = getenv(name);

    if (!value || !*value)
        value = apr_hash_get(vars, name, APR_HASH_KEY_STRING);
    return value && *value ? value : NULL;
}

static const char *url_setting(const ctl_t *ctl, apr_hash_t *vars, const char *name)
{
    const char *value = setting(ctl, vars, name);
    apr_size_t len = value ? strlen(value) : 0;

    while (len > 0 && value[len - 1] == '/')
        len--;
    return len ? apr_pstrmemdup(ctl->pool, value, len) : NULL;
}

static const char *address_setting(const ctl_t *ctl, apr_hash_t *vars, const char *name, const char *prefix)
{
    const char *value = setting(ctl, vars, name);

    if (value && *prefix && !strchr(value, ':'))
        value = apr_pstrcat(ctl->pool, prefix, value, NULL);
    return value ? twc_phone_canonical(ctl->pool, value, false) : NULL;
}

int ctl_settings(ctl_t *ctl, const char *file)
{
    apr_hash_t *vars = apr_hash_make(ctl->pool);
    twc_conf_t *conf = &ctl->conf;
    const char *api_base;
    int code = read_file(ctl, vars, file ? file : CTL_ENV_FILE, file != NULL);

    if (code != CTL_OK)
        return code;
    defaults(conf);
    ctl->database_url = setting(ctl, vars, "DATABASE_URL");
    conf->account_sid = setting(ctl, vars, "TWILIO_ACCOUNT_SID");
    conf->auth_tokens[0] = setting(ctl, vars, "TWILIO_AUTH_TOKEN");
    conf->default_sender = address_setting(ctl, vars, "TWILIO_DEFAULT_FROM", "");
    conf->whatsapp_sender = address_setting(ctl, vars, "TWILIO_WHATSAPP_FROM", "whatsapp:");
    conf->messaging_service_sid = setting(ctl, vars, "TWILIO_MESSAGING_SERVICE_SID");
    ctl->spool = setting(ctl, vars, "TWCHAT_SPOOL");
    conf->public_url = url_setting(ctl, vars, "PUBLIC_BASE_URL");
    ctl->site_url = url_setting(ctl, vars, "TWCHAT_URL");
    if (!conf->public_url)
        conf->public_url = ctl->site_url;
    if (!ctl->site_url)
        ctl->site_url = conf->public_url;
    api_base = url_setting(ctl, vars, "TWILIO_API_BASE");
    if (api_base)
        conf->api_base = api_base;
    return CTL_OK;
}

/* Who types this, as the system knows them. */
static const twc_actor_t *actor(const ctl_t *ctl)
{
    twc_actor_t *who = apr_pcalloc(ctl->pool, sizeof(*who));
    apr_uid_t uid;
    apr_gid_t gid;
    char *name;

    *who = (twc_actor_t){ .kind = "command" };
    if (apr_uid_current(&uid, &gid, ctl->pool) == APR_SUCCESS && apr_uid_name_get(&name, uid, ctl->pool) == APR_SUCCESS)
        who->name = name;
    return who;
}

/* ---- the database -------------------------------------------------------------------------- */

int ctl_open(ctl_t *ctl, bool any_schema)
{
    if (!ctl->database_url) {
        ctl_say(ctl, "DATABASE_URL is not set. Set it in the environment, in %s, or in a file given with --env:\n"
                "  DATABASE_URL=postgresql://twchat:PASSWORD@127.0.0.1/twchat", CTL_ENV_FILE);
        return CTL_SETTINGS;
    }
    twc_ctx_init(&ctl->ctx, ctl->pool, NULL, &ctl->conf);
    if (twc_db_lender_direct(&ctl->lender, ctl->pool, ctl->database_url) != APR_SUCCESS
        || twc_db_create(&ctl->db, ctl->pool, &ctl->lender, ctl->conf.statements_max, ctl->conf.statement_timeout) != APR_SUCCESS)
        return ctl_fail(ctl);
    ctl->ctx.db = ctl->db;
    ctl->ctx.actor = actor(ctl);
    if (!any_schema && twc_migrate_check(&ctl->ctx) != APR_SUCCESS)
        return ctl_fail(ctl);
    return CTL_OK;
}
