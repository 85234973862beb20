/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * mod_twchat.c - the module record and its hooks, nothing else.
 * Must never hold logic of its own. Loaded by httpd.
 */
#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <mpm_common.h>
#include <util_filter.h>

#include "glue/basic.h"
#include "glue/config.h"
#include "glue/dbd.h"
#include "glue/directive.h"
#include "glue/router.h"
#include "glue/status.h"
#include "glue/tenant.h"

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_dbd[] = { "mod_dbd.c", NULL };
    static const char *const after_authz[] = { "mod_authz_core.c", NULL };
    static const char *const before_authn[] = { "mod_auth_basic.c", "mod_auth_digest.c", "mod_auth_form.c",
                                                "mod_auth_openidc.c", "mod_authnz_fcgi.c", NULL };

    ap_hook_check_config(twc_config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(twc_config_finish, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(twc_tenant_child_init, after_dbd, NULL, APR_HOOK_LAST);
    ap_hook_child_stopping(twc_tenant_child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(twc_router_translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(twc_router_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_check_access_ex(twc_router_access, after_authz, NULL, APR_HOOK_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(twc_router_authn, NULL, before_authn, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(twc_basic_authz, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_handler(twc_router_handle, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(twc_router_insert_error, NULL, NULL, APR_HOOK_LAST);
    ap_register_output_filter(TWC_ERROR_FILTER, twc_router_error_filter, NULL, AP_FTYPE_CONTENT_SET);
    twc_dbd_register();
    twc_basic_register(pool);
    APR_OPTIONAL_HOOK(ap, status_hook, twc_status_block, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(twchat) = {
    STANDARD20_MODULE_STUFF,
    twc_config_dir_create,
    twc_config_dir_merge,
    twc_config_server_create,
    twc_config_server_merge,
    twc_commands,
    register_hooks,
    0
};
