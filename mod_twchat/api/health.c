/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * health.c - is the service well: the same look at the database in each interface's words.
 * Must never tell strangers more than yes or no; these routes are open.
 * Called by the router.
 */
#include "glue/reply.h"
#include "glue/route.h"
#include "store/migrate.h"
#include "util/clock.h"

/* Started, with the right schema, and the database answers now. */
static bool is_well(twc_req_t *q)
{
    const char *reason;
    int version;

    return twc_tenant_ready(q->tenant, &reason) && twc_migrate_version(q->ctx, &version) == APR_SUCCESS;
}

static apr_status_t sick(twc_req_t *q, const char *json)
{
    twc_reply_header(q, "Retry-After", "2");
    return twc_reply_json(q, HTTP_SERVICE_UNAVAILABLE, json);
}

apr_status_t twc_health_flask(twc_req_t *q)
{
    if (is_well(q))
        return twc_reply_json(q, HTTP_OK,
                              "{\"status\":\"ok\",\"message\":\"Service is running\",\"env\":\"production\"}");
    return sick(q, "{\"status\":\"degraded\",\"message\":\"The database cannot be reached\",\"env\":\"production\"}");
}

apr_status_t twc_health_appointment(twc_req_t *q)
{
    if (is_well(q))
        return twc_reply_json(q, HTTP_OK, "{\"status\":\"green\",\"db\":\"ok\",\"redis\":\"ok\"}");
    return sick(q, "{\"detail\":{\"status\":\"red\",\"db\":\"error\",\"redis\":\"error\","
                   "\"error\":{\"db\":\"The database cannot be reached\"}}}");
}

apr_status_t twc_health_whatsapp(twc_req_t *q)
{
    bool well = is_well(q);
    const char *json = apr_psprintf(q->r->pool, "{\"status\":\"%s\",\"service\":\"twilio-bsl\",\"timestamp\":\"%s\","
                                    "\"twilio_configured\":%s}", well ? "healthy" : "unhealthy",
                                    twc_clock_iso_ms(q->r->pool, apr_time_now()),
                                    q->tenant->conf->account_sid ? "true" : "false");

    return well ? twc_reply_json(q, HTTP_OK, json) : sick(q, json);
}

apr_status_t twc_health_ai(twc_req_t *q)
{
    return is_well(q) ? twc_reply_json(q, HTTP_OK, "{\"status\":\"healthy\"}")
                      : sick(q, "{\"status\":\"unhealthy\"}");
}

apr_status_t twc_health_ai_database(twc_req_t *q)
{
    return is_well(q) ? twc_reply_json(q, HTTP_OK, "{\"status\":\"database connection working\"}")
                      : sick(q, "{\"detail\":\"The database cannot be reached\"}");
}

apr_status_t twc_health_ai_root(twc_req_t *q)
{
    return twc_reply_json(q, HTTP_OK, "{\"message\":\"Messaging API\",\"docs\":\"/docs\"}");
}
