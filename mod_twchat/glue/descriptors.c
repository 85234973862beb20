/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * descriptors.c - live pages cost a descriptor each, and a child that has none left can accept nothing: the MPM ends it then.
 * Must never leave less than httpd and the background work may need at their busiest.
 * Called by tenant.c when a child starts.
 */
#include <sys/resource.h>

#include <ap_mpm.h>

#include "glue/descriptors.h"
#include "glue/module.h"

#define PAGES_MAX   20000               /* per tenant: more is for a proxy in front */
#define CHILD_OWN   64                  /* logs, listeners, pipes, what other modules keep */
#define PER_THREAD  5                   /* connections, also waiting ones (AsyncRequestWorkerFactor), files, a backend */

static rlim_t needed(const apr_array_header_t *tenants)
{
    int threads = 1, sum;

    (void)ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    sum = CHILD_OWN + (threads > 0 ? threads : 1) * PER_THREAD;
    for (int i = 0; i < tenants->nelts; i++)
        sum += twc_work_descriptors(APR_ARRAY_IDX(tenants, i, twc_tenant_t *)->conf);
    return (rlim_t)sum;
}

/* What the child may open, after asking for as much as it has a use for. */
static rlim_t raise_limit(rlim_t wanted)
{
    struct rlimit limit, more;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    more = (struct rlimit){ .rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted, .rlim_max = limit.rlim_max };
    return more.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : limit.rlim_cur;
}

void twc_descriptors_share(const apr_array_header_t *tenants)
{
    rlim_t own = needed(tenants), most, limit;
    int pages;

    if (tenants->nelts == 0)
        return;
    most = (rlim_t)tenants->nelts * PAGES_MAX;
    limit = raise_limit(own + most);
    pages = limit <= own ? 0 : (int)((limit - own < most ? limit - own : most) / tenants->nelts);
    for (int i = 0; i < tenants->nelts; i++) {
        const twc_tenant_t *tenant = APR_ARRAY_IDX(tenants, i, twc_tenant_t *);

        twc_hub_limit(twc_work_hub(tenant->work), pages);
        ap_log_error(APLOG_MARK, pages ? APLOG_INFO : APLOG_WARNING, 0, tenant->server, "TWC1070: %s: at most %d live pages in"
                     " this child, which may open %lu files and needs %lu of them otherwise", tenant->conf->tenant, pages,
                     (unsigned long)limit, (unsigned long)own);
    }
}
