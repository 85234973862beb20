/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.c - counters of all children and our block in server-status.
 * Must never touch the database: people look here when it is away.
 * Called by the router and the webhooks; by mod_status for the block.
 */
#include <apr_atomic.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <apr_hooks.h>
#include <apr_optional_hooks.h>
#include <httpd.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "glue/module.h"
#include "glue/status.h"

#define NAME_MAX_LEN 64

typedef struct counters_t {
    char tenant[NAME_MAX_LEN];
    apr_uint64_t count[TWC_COUNTS];
} counters_t;

static const char *const names[TWC_COUNTS] = {
    [TWC_COUNT_ACCEPTED] = "WebhooksAccepted", [TWC_COUNT_DUPLICATE] = "WebhooksDuplicate",
    [TWC_COUNT_SPOOLED] = "WebhooksSpooled",
    [TWC_COUNT_REFUSED] = "WebhooksRefused", [TWC_COUNT_INVALID] = "WebhooksInvalid",
    [TWC_COUNT_FAILED] = "WebhooksFailed", [TWC_COUNT_API] = "ApiRequests",
    [TWC_COUNT_DENIED] = "ApiDenied", [TWC_COUNT_UNAVAILABLE] = "Unavailable",
    [TWC_COUNT_STREAMS] = "StreamsOpened",
};

/* Set once in post_config, inherited by children, never written again. */
static counters_t *all;
static int all_max, all_count;

apr_status_t twc_counters_create(apr_pool_t *pconf, server_rec *main_server)
{
    apr_status_t rv;
    apr_shm_t *shm;

    all_max = 0;
    all_count = 0;
    for (server_rec *s = main_server; s; s = s->next)
        all_max++;
    rv = apr_shm_create(&shm, (apr_size_t)all_max * sizeof(counters_t), NULL, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, "TWC1011: no shared memory for counters");
        return rv;
    }
    all = apr_shm_baseaddr_get(shm);
    memset(all, 0, (size_t)all_max * sizeof(counters_t));
    return APR_SUCCESS;
}

int twc_counters_claim(const char *tenant)
{
    if (all_count >= all_max)
        return -1;
    apr_cpystrn(all[all_count].tenant, tenant, NAME_MAX_LEN);
    return all_count++;
}

void twc_counters_add(int counters, twc_count_e which)
{
    if (counters >= 0 && counters < all_count)
        (void)__atomic_fetch_add(&all[counters].count[which], 1, __ATOMIC_RELAXED);
}

static apr_uint64_t value(int counters, int which)
{
    return __atomic_load_n(&all[counters].count[which], __ATOMIC_RELAXED);
}

static void short_form(request_rec *r)
{
    for (int i = 0; i < all_count; i++)
        for (int k = 0; k < TWC_COUNTS; k++)
            ap_rprintf(r, "Twchat%s[%s]: %" APR_UINT64_T_FMT "\n", names[k], all[i].tenant, value(i, k));
}

static void table(request_rec *r)
{
    ap_rputs("<hr />\n<h2>mod_twchat</h2>\n<table border=\"0\"><tr><th>Host</th>", r);
    for (int k = 0; k < TWC_COUNTS; k++)
        ap_rprintf(r, "<th>%s</th>", names[k]);
    ap_rputs("</tr>\n", r);
    for (int i = 0; i < all_count; i++) {
        ap_rprintf(r, "<tr><td>%s</td>", ap_escape_html(r->pool, all[i].tenant));
        for (int k = 0; k < TWC_COUNTS; k++)
            ap_rprintf(r, "<td>%" APR_UINT64_T_FMT "</td>", value(i, k));
        ap_rputs("</tr>\n", r);
    }
    ap_rputs("</table>\n", r);
}

int twc_status_block(request_rec *r, int flags)
{
    if (!all_count)
        return DECLINED;
    if (flags & AP_STATUS_SHORT)
        short_form(r);
    else
        table(r);
    return OK;
}
