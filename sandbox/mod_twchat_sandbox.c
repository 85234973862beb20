/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * mod_twchat_sandbox.c - the module record and its hooks: a Twilio that runs here,
 * in one child process of an httpd of its own.
 * Must never be loaded into a production server.
 * Called by httpd.
 */
#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_mpm.h>
#include <mpm_common.h>

#include <apr_atomic.h>
#include <curl/curl.h>

#include "api.h"
#include "box.h"
#include "control.h"
#include "directive.h"
#include "event.h"
#include "fault.h"
#include "journal.h"
#include "page.h"
#include "postman.h"
#include "state.h"
#include "walk.h"

module AP_MODULE_DECLARE_DATA twchat_sandbox_module;
APLOG_USE_MODULE(twchat_sandbox);

#define API_PREFIX "/2010-04-01"
#define CONTROL_PREFIX "/sandbox"

/* The box of this process; made in child_init, gone with the child. */
static sb_box_t *the_box;
/* Opened by root in the parent, inherited by the child. */
static sb_state_t *the_state;

static const sb_conf_t *conf_of(server_rec *s)
{
    return ap_get_module_config(s->module_config, &twchat_sandbox_module);
}

/* ---- start ------------------------------------------------------------------------- */

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const sb_conf_t *conf = conf_of(s);
    int children = 0;

    if (!conf->enabled)
        return OK;
    if (conf->accounts->nelts == 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC9001: the sandbox needs at least one TwchatSandboxAccount");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &children) != APR_SUCCESS || children != 1) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC9002: the sandbox keeps its state in the memory of one child "
                     "process, but ServerLimit allows %d: set StartServers and ServerLimit to 1", children);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ap_max_requests_per_child > 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC9003: the sandbox would lose its state every %d connections: "
                     "set MaxConnectionsPerChild to 0", ap_max_requests_per_child);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const sb_conf_t *conf = conf_of(s);
    apr_status_t rv;

    the_state = NULL;
    if (!conf->enabled || ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    rv = sb_state_open(pconf, conf->state_path, &the_state);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "TWC9004: the state file %s cannot be opened", conf->state_path);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "TWC9005: this httpd is a Twilio sandbox with %d account(s)",
                 conf->accounts->nelts);
    return OK;
}

static sb_box_t *make_box(apr_pool_t *pchild, const sb_conf_t *conf)
{
    apr_pool_t *pool = sb_pool_create(pchild);
    sb_box_t *box = pool ? apr_pcalloc(pool, sizeof(*box)) : NULL;

    if (!box)
        return NULL;
    box->pool = pool;
    box->conf = conf;
    box->state = the_state;
    apr_thread_mutex_create(&box->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    box->faults = apr_pcalloc(pool, sizeof(*box->faults));
    sb_faults_clear(box->faults, conf);
    box->store = sb_store_create(pool, conf);
    box->requests = sb_journal_create(pool, conf->log);
    box->webhooks = sb_journal_create(pool, conf->log);
    box->events = sb_events_create(pool);
    box->walk = sb_walk_create(pool);
    return box;
}

/* What was under way when the last process ended goes on. */
static void resume(sb_box_t *box)
{
    sb_msg_t *msg;
    int cursor = 0;

    apr_thread_mutex_lock(box->lock);
    while ((msg = sb_msg_next(box->store, &cursor)))
        if (msg->direction != SB_INBOUND && !msg->hidden)
            sb_walk_start(box, msg);
    apr_thread_mutex_unlock(box->lock);
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    const sb_conf_t *conf = conf_of(s);
    apr_status_t rv;
    int skipped;

    if (!conf->enabled)
        return;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    the_box = make_box(pchild, conf);
    sb_store_pin_handsets(the_box->store);
    skipped = sb_state_replay(the_box);
    if (skipped)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "TWC9006: %d lines of the state file were skipped", skipped);
    rv = sb_postman_start(the_box, pchild);
    if (rv != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "TWC9007: the sandbox's thread cannot be started");
    resume(the_box);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    if (!the_box)
        return;
    sb_postman_stop(the_box->postman);
    sb_events_stop(the_box->events);
}

/* ---- requests ------------------------------------------------------------------------ */

static const char *below(const char *uri, const char *prefix)
{
    apr_size_t len = strlen(prefix);

    return !strncmp(uri, prefix, len) && (!uri[len] || uri[len] == '/') ? uri + len : NULL;
}

/* No part of the sandbox lies on the disk under its URL, so the core need not look. */
static int map_to_storage(request_rec *r)
{
    if (!the_box)
        return DECLINED;
    return below(r->uri, API_PREFIX) || below(r->uri, CONTROL_PREFIX) || !strcmp(r->uri, "/") ? OK : DECLINED;
}

static int go_to_page(request_rec *r)
{
    apr_table_setn(r->headers_out, "Location", CONTROL_PREFIX "/");
    return HTTP_MOVED_TEMPORARILY;
}

static int handler(request_rec *r)
{
    const char *path;
    int status;

    if (!the_box)
        return DECLINED;
    if ((path = below(r->uri, API_PREFIX)))
        return sb_api_run(r, the_box, path);
    if (!strcmp(r->uri, "/") || !strcmp(r->uri, CONTROL_PREFIX))
        return go_to_page(r);
    if (!(path = below(r->uri, CONTROL_PREFIX)))
        return DECLINED;
    status = sb_page_run(r, the_box->conf, path);
    return status == DECLINED ? sb_control_run(r, the_box, path) : status;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA twchat_sandbox_module = {
    STANDARD20_MODULE_STUFF,
    NULL, NULL,
    sb_conf_create, NULL,
    sb_directives,
    register_hooks
};
