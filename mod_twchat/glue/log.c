/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * log.c - events as lines of JSON, and the threads' way to the error log.
 * Must never hold message texts, secrets or whole numbers; a line is one write.
 * Called by the router, the webhooks and the background threads.
 */
#include <stdarg.h>

#include <apr_file_io.h>
#include <httpd.h>
#include <http_log.h>

#include "glue/config.h"
#include "glue/log.h"
#include "glue/module.h"
#include "util/clock.h"
#include "util/mask.h"
#include "util/text.h"

struct twc_log_t {
    apr_file_t *file;
};

twc_log_t *twc_log_open(apr_pool_t *pconf, server_rec *s, const char *target)
{
    twc_log_t *log = apr_pcalloc(pconf, sizeof(*log));
    apr_status_t rv = APR_EGENERAL;

    if (*target == '|') {
        piped_log *pipe = ap_open_piped_log(pconf, target + 1);
        if (pipe) {
            log->file = ap_piped_log_write_fd(pipe);
            rv = APR_SUCCESS;
        }
    }
    else {
        const char *path = ap_server_root_relative(pconf, target);
        rv = path ? apr_file_open(&log->file, path, APR_FOPEN_WRITE | APR_FOPEN_APPEND | APR_FOPEN_CREATE
                                  | APR_FOPEN_LARGEFILE, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD, pconf)
                  : APR_EBADPATH;
    }
    if (rv == APR_SUCCESS)
        return log;
    ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s, "TWC1010: cannot open TwchatLog %s", target);
    return NULL;
}

void twc_log_event(twc_log_t *log, apr_pool_t *pool, const char *tenant, const char *category,
                   const char *event, ...)
{
    const char *line, *name;
    va_list pairs;

    if (!log)
        return;
    line = apr_psprintf(pool, "{\"time\":\"%s\",\"category\":\"%s\",\"event\":\"%s\",\"tenant\":%s",
                        twc_clock_iso_ms(pool, apr_time_now()), category, event, twc_text_json(pool, tenant));
    va_start(pairs, event);
    while ((name = va_arg(pairs, const char *))) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            line = apr_pstrcat(pool, line, ",", twc_text_json(pool, name), ":",
                               twc_mask_is_sensitive(name) ? "\"...\"" : twc_text_json(pool, value), NULL);
    }
    va_end(pairs);
    line = apr_pstrcat(pool, line, "}\n", NULL);
    (void)apr_file_write_full(log->file, line, strlen(line), NULL);   /* nowhere left to tell a failure */
}

void twc_log_work(void *server, int level, apr_status_t rv, const char *tag, const char *text)
{
    server_rec *s = server;
    twc_server_conf_t *conf = twc_config_server(s);
    apr_pool_t *pool;

    ap_log_error(APLOG_MARK, level, rv, s, "%s: %s", tag, text);
    if (!conf->log || level > APLOG_INFO)
        return;
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        return;
    twc_log_event(conf->log, pool, conf->conf->tenant, "work", "told", "tag", tag, "text", text, NULL);
    apr_pool_destroy(pool);
}
