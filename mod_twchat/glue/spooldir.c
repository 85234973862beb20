/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * spooldir.c - the directory of a tenant's spool, made while httpd still may.
 * Must never open it to anybody else: what waits there is people's messages.
 * Called by config.c.
 */
#include <unistd.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <unixd.h>

#include "glue/module.h"
#include "glue/spooldir.h"

#define PRIVATE (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE)
#define PASSABLE (PRIVATE | APR_FPROT_GREAD | APR_FPROT_GEXECUTE | APR_FPROT_WREAD | APR_FPROT_WEXECUTE)

/* The host's name with its port, as a file name. */
static const char *file_name(apr_pool_t *pool, const char *tenant)
{
    char *name = apr_pstrdup(pool, tenant);

    for (char *p = name; *p; p++)
        if (!apr_isalnum(*p) && *p != '.' && *p != '-')
            *p = '_';
    if (*name == '.')
        *name = '_';
    return name;
}

static apr_status_t make(apr_pool_t *pool, const char *dir, const char *path)
{
    apr_status_t rv = apr_dir_make_recursive(dir, PASSABLE, pool);

    if (rv == APR_SUCCESS || APR_STATUS_IS_EEXIST(rv))
        rv = apr_dir_make(path, PRIVATE, pool);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EEXIST(rv))
        return rv;
    if (geteuid() == 0 && chown(path, ap_unixd_config.user_id, ap_unixd_config.group_id) != 0)
        return apr_get_os_error();
    return geteuid() == 0 || access(path, R_OK | W_OK | X_OK) == 0 ? APR_SUCCESS : apr_get_os_error();
}

const char *twc_spooldir_make(apr_pool_t *pconf, server_rec *s, const char *dir, const char *tenant)
{
    const char *path;
    apr_status_t rv;

    if (ap_cstr_casecmp(dir, "off") == 0)
        return NULL;
    path = apr_pstrcat(pconf, dir, "/", file_name(pconf, tenant), NULL);
    rv = make(pconf, dir, path);
    if (rv == APR_SUCCESS)
        return path;
    ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, "TWC1060: %s: the spool directory %s cannot be made: while the database is away "
                 "Twilio's calls will be refused; TwchatSpool names another place", tenant, path);
    return NULL;
}
