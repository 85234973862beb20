/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * config.h - what the directives say, per server and per location, and what the core
 * and the requests read of it. The directives themselves are in directive.c.
 */
#ifndef TWC_GLUE_CONFIG_H
#define TWC_GLUE_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "routes.h"

#define TWC_UNSET (-1)

/** Values of one server as written; texts and lists are NULL, numbers TWC_UNSET while nobody set them. */
typedef struct twc_settings_t {
    const char *account_sid, *api_key_sid, *api_key_secret, *api_base;
    const char *default_sender, *whatsapp_sender, *messaging_service, *public_url;
    const char *auto_reply_pattern, *ack_text, *business_name, *support_number;
    const char *htdocs, *log, *spool;
    apr_array_header_t *auth_tokens;            /* secret references */
    apr_array_header_t *token_secrets;          /* the same */
    apr_array_header_t *trusted_proxies;        /* addresses and subnets */
    apr_array_header_t *media_hosts;
    apr_array_header_t *allow_origins;          /* "*", or scheme://host[:port] */
    apr_array_header_t *rates;                  /* kind, rate, kind, rate ... */
    apr_array_header_t *confirm;                /* twc_confirm_t */
    apr_int64_t chat_mode, auto_migrate;
    apr_int64_t answers_max, answers_window;
    apr_int64_t senders, in_flight, send_wait, send_timeout, grace;
    const char *send_times_at;          /* where one of the last two was said: "line 7 of FILE"; NULL: nowhere */
    apr_int64_t list_max, body_max, media_max, journal_keep, spool_max;
    apr_int64_t statements, statement_timeout, streams;
    apr_int64_t session_life, access_life, refresh_life;
    apr_int64_t password_min, password_min_registered, password_cost, password_threads;
    apr_int64_t second_factor, registration, registrations;
    apr_int64_t api_rate, api_burst;            /* requests a second; 0: no limit */
} twc_settings_t;

enum { TWC_TRUST_OFF, TWC_TRUST_MAP, TWC_TRUST_CREATE };

/** Per location. */
typedef struct twc_dir_conf_t {
    const twc_mount_t *mount;           /* NULL: nothing of ours is here */
    apr_int64_t signature;              /* twc_signature_mode_e */
    apr_int64_t plain_ok;               /* flask-chat's inbound webhook answers a text, not TwiML */
    apr_int64_t open;                   /* whom Apache let in without a user is an operator */
    apr_int64_t trust;                  /* TWC_TRUST_*: what a user Apache authenticated is here */
    apr_int64_t trust_role;             /* twc_role_e of accounts made at first sight */
} twc_dir_conf_t;

typedef struct twc_tenant_t twc_tenant_t;
typedef struct twc_log_t twc_log_t;

/** Per server. */
typedef struct twc_server_conf_t {
    twc_settings_t set;
    apr_array_header_t *mounts;         /* const twc_mount_t *, of this server alone */
    apr_array_header_t *notes;          /* warnings for start-up, found while reading */
    /* from post_config */
    twc_conf_t *conf;
    apr_array_header_t *proxies;        /* apr_ipsubnet_t * */
    twc_log_t *log;
    int counters;                       /* index of the counters of status.h */
    /* in a child */
    twc_tenant_t *tenant;
    bool limits_checked;                /* of its connections, by dbd.c */
} twc_server_conf_t;

void *twc_config_server_create(apr_pool_t *pool, server_rec *server);
void *twc_config_server_merge(apr_pool_t *pool, void *base, void *over);
void *twc_config_dir_create(apr_pool_t *pool, char *dir);
void *twc_config_dir_merge(apr_pool_t *pool, void *base, void *over);

/** check_config hook: what no single directive can know. Runs under -t as well. */
int twc_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

/** post_config hook: defaults, secrets (as root), the configuration the core reads. */
int twc_config_finish(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

twc_server_conf_t *twc_config_server(const server_rec *server);
twc_dir_conf_t *twc_config_dir(const request_rec *r);

/** Is this virtual host, or the server it inherits its locations from, serving anything of ours? */
bool twc_config_serves(const server_rec *server);

#endif
