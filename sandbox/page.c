/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page.c - serves the sandbox's page: a fixed list of files, so that no path
 * from outside ever reaches the file system.
 * Must never serve a file that is not listed.
 * Called by the module's handler.
 */
#include <string.h>

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "page.h"

static const struct { const char *path, *file, *type; } FILES[] = {
    { "/", "index.html", "text/html; charset=utf-8" },
    { "/sandbox.css", "sandbox.css", "text/css; charset=utf-8" },
    { "/icons.svg", "icons.svg", "image/svg+xml" },
    { "/api.js", "api.js", "text/javascript; charset=utf-8" },
    { "/app.js", "app.js", "text/javascript; charset=utf-8" },
    { "/dom.js", "dom.js", "text/javascript; charset=utf-8" },
    { "/faults.js", "faults.js", "text/javascript; charset=utf-8" },
    { "/format.js", "format.js", "text/javascript; charset=utf-8" },
    { "/inspector.js", "inspector.js", "text/javascript; charset=utf-8" },
    { "/people.js", "people.js", "text/javascript; charset=utf-8" },
    { "/phone.js", "phone.js", "text/javascript; charset=utf-8" },
};

static int send_file(request_rec *r, const char *path, const char *type)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t sent;
    int status;

    if (apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, r->pool) != APR_SUCCESS
        || apr_file_info_get(&info, APR_FINFO_MTIME | APR_FINFO_SIZE, file) != APR_SUCCESS)
        return HTTP_NOT_FOUND;
    ap_set_content_type(r, type);
    ap_update_mtime(r, info.mtime);
    ap_set_last_modified(r);
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    apr_table_setn(r->headers_out, "Content-Security-Policy",
                   "default-src 'self'; img-src 'self' blob: data:; media-src 'self'; frame-ancestors 'self'; base-uri 'none'");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    if ((status = ap_meets_conditions(r)) != OK)
        return status;
    ap_set_content_length(r, info.size);
    if (!r->header_only && info.size)
        ap_send_fd(file, r, 0, (apr_size_t)info.size, &sent);
    return OK;
}

int sb_page_run(request_rec *r, const sb_conf_t *conf, const char *path)
{
    if (!conf->htdocs || (r->method_number != M_GET))
        return DECLINED;
    for (apr_size_t i = 0; i < sizeof(FILES) / sizeof(*FILES); i++)
        if (!strcmp(FILES[i].path, path))
            return send_file(r, apr_pstrcat(r->pool, conf->htdocs, "/", FILES[i].file, NULL), FILES[i].type);
    return DECLINED;
}
