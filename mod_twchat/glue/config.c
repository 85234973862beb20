/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * config.c - configurations made, merged, checked as a whole and finished for the core.
 * Must never write to a configuration once post_config is over, nor keep a secret from before it.
 * Called by httpd through the module record and its hooks.
 */
#include <regex.h>

#include <apr_network_io.h>
#include <http_core.h>

#include "glue/check.h"
#include "glue/config.h"
#include "glue/directive.h"
#include "glue/log.h"
#include "glue/module.h"
#include "glue/secret.h"
#include "glue/site.h"
#include "glue/spooldir.h"
#include "glue/status.h"
#include "util/phone.h"

void *twc_config_server_create(apr_pool_t *pool, server_rec *server)
{
    twc_server_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    twc_directive_unset(&conf->set, false);
    conf->mounts = apr_array_make(pool, 2, sizeof(const twc_mount_t *));
    conf->notes = apr_array_make(pool, 2, sizeof(const char *));
    return conf;
}

/* What belongs to an account is of no use to another one: its token, its key, its senders. */
static void forget_account(twc_settings_t *set)
{
    set->auth_tokens = set->token_secrets = NULL;
    set->api_key_sid = set->api_key_secret = NULL;
    set->default_sender = set->whatsapp_sender = set->messaging_service = NULL;
}

/* Rates are told kind by kind and confirmations sender by sender, so both lists count and the later word wins. */
void *twc_config_server_merge(apr_pool_t *pool, void *base, void *over)
{
    twc_server_conf_t *conf = apr_pmemdup(pool, over, sizeof(*conf));
    twc_settings_t under = ((twc_server_conf_t *)base)->set;

    if (conf->set.account_sid && under.account_sid && strcmp(conf->set.account_sid, under.account_sid) != 0)
        forget_account(&under);
    if (conf->set.rates && under.rates)
        conf->set.rates = apr_array_append(pool, under.rates, conf->set.rates);
    if (conf->set.confirm && under.confirm)
        conf->set.confirm = apr_array_append(pool, under.confirm, conf->set.confirm);
    if (!conf->set.send_times_at)
        conf->set.send_times_at = under.send_times_at;
    twc_directive_inherit(&conf->set, &under, false);
    return conf;
}

void *twc_config_dir_create(apr_pool_t *pool, char *dir)
{
    twc_dir_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));

    twc_directive_unset(conf, true);
    return conf;
}

void *twc_config_dir_merge(apr_pool_t *pool, void *base, void *over)
{
    twc_dir_conf_t *conf = apr_pmemdup(pool, over, sizeof(*conf));

    twc_directive_inherit(conf, base, true);
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

/* Nothing is sent again before the grace is over, counted from its claim. Where that is not after a request's time-out, a message
 * Twilio takes in the last moment, or a moment later, is sent twice; and a request needs a moment to begin (work/ledger.c). */
static int check_times(apr_pool_t *scratch, server_rec *s)
{
    twc_settings_t set = twc_config_server(s)->set;

    twc_directive_defaults(scratch, s, &set, false);
    if (set.grace >= set.send_timeout + TWC_GRACE_MARGIN)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1018: %s: TwchatGrace %" APR_INT64_T_FMT "s must be longer than TwchatSendTimeout %"
                 APR_INT64_T_FMT "s by a second at least: Twilio may still take a request that is about to time out", set.send_times_at,
                 (apr_int64_t)apr_time_sec(set.grace), (apr_int64_t)apr_time_sec(set.send_timeout));
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int check_server(apr_pool_t *scratch, server_rec *s)
{
    twc_server_conf_t *conf = twc_config_server(s);
    int rc = OK;

    for (int i = 0; i < conf->mounts->nelts; i++) {
        collision_t at = { s, APR_ARRAY_IDX(conf->mounts, i, const twc_mount_t *) };
        twc_mount_collisions(at.mount, tell_collision, &at);
    }
    if (!twc_site_check_handlers(scratch, s, the_main_server))
        rc = HTTP_INTERNAL_SERVER_ERROR;
    if (!twc_config_serves(s))
        return rc;                      /* what it says is for the hosts that inherit it */
    if (!twc_site_check(scratch, s, the_main_server))
        rc = HTTP_INTERNAL_SERVER_ERROR;
    if (conf->set.account_sid && !conf->set.auth_tokens) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1002: TwchatAccountSid needs TwchatAuthToken beside it: "
                     "without the token no webhook can be verified");
        rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    if (check_times(scratch, s) != OK)
        rc = HTTP_INTERNAL_SERVER_ERROR;
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
        if (check_server(ptemp, s) != OK)
            rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    if (used && !ap_find_linked_module("mod_dbd.c")) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, main_server,
                     "TWC1004: mod_dbd is not loaded; mod_twchat takes its database connections from it");
        rc = HTTP_INTERNAL_SERVER_ERROR;
    }
    return rc;
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
    for (int i = 0; set->token_secrets && i < set->token_secrets->nelts; i++)
        if (!read_secret(pconf, ptemp, s, "TwchatTokenSecret", APR_ARRAY_IDX(set->token_secrets, i, const char *),
                         &conf->token_secrets[i]))
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
        (void)twc_check_read_subnet(&APR_ARRAY_PUSH(out, apr_ipsubnet_t *), pool, APR_ARRAY_IDX(words, i, const char *));
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
    conf->confirm = (const twc_confirm_t *)set->confirm->elts;
    conf->confirm_count = set->confirm->nelts;
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
    conf->session_life = set->session_life;
    conf->access_life = set->access_life;
    conf->refresh_life = set->refresh_life;
    conf->password_min = (int)set->password_min;
    conf->password_min_registered = (int)set->password_min_registered;
    conf->password_cost = (int)set->password_cost;
    conf->password_threads = (int)set->password_threads;
    conf->second_factor = (int)set->second_factor;
    conf->registration = set->registration == 1;
    conf->registrations = (int)set->registrations;
    conf->api_rate = (double)set->api_rate;
    conf->api_burst = (double)set->api_burst;
}

static const char *tenant_name(apr_pool_t *pool, const server_rec *s)
{
    const char *host = s->server_hostname ? s->server_hostname : "default";

    if (s->addrs && s->addrs->host_port)
        return apr_psprintf(pool, "%s:%u", host, s->addrs->host_port);
    return s->port ? apr_psprintf(pool, "%s:%u", host, s->port) : host;
}

static bool name_taken(const server_rec *s, const char *name)
{
    for (const server_rec *other = the_main_server; other != s; other = other->next) {
        const twc_conf_t *conf = twc_config_server(other)->conf;
        if (conf && ap_cstr_casecmp(conf->tenant, name) == 0)
            return true;
    }
    return false;
}

/* What waits in the spool is kept by this name, so two tenants must never have the same. */
static const char *unique_name(apr_pool_t *pool, const server_rec *s)
{
    const char *base = tenant_name(pool, s), *name = base;

    if (name_taken(s, name) && s->addrs && s->addrs->virthost)
        name = base = apr_pstrcat(pool, base, "-", s->addrs->virthost, NULL);
    for (int i = 2; name_taken(s, name); i++)
        name = apr_psprintf(pool, "%s-%d", base, i);
    return name;
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
    twc_directive_defaults(pconf, s, set, false);
    read_rates(pconf, set->rates, conf);
    if (rates)
        read_rates(pconf, rates, conf);
    set->rates = rates;                 /* another host may share these settings */
    copy_settings(pconf, set, conf);
    conf->tenant = unique_name(pconf, s);
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
