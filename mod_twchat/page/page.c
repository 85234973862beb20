/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page.c - the pages and their files, from TwchatHtdocs.
 * Must never open anything outside of that directory, nor list one.
 * Called by the router.
 */
#include <httpd.h>
#include <apr_file_info.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "glue/module.h"
#include "glue/reply.h"
#include "glue/route.h"
#include "util/form.h"
#include "util/text.h"

static const struct { const char *ending, *type; } types[] = {
    { ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" }, { ".svg", "image/svg+xml" }, { ".json", TWC_TYPE_JSON },
    { ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".webp", "image/webp" }, { ".ico", "image/x-icon" },
    { ".woff2", "font/woff2" }, { ".map", TWC_TYPE_JSON }, { ".txt", TWC_TYPE_TEXT },
    { ".webmanifest", "application/manifest+json" },
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(types[i].ending, dot) == 0)
            return types[i].type;
    return NULL;
}

/* Plain names, one below the other; what begins with a dot is nobody's business. */
static bool is_safe(const char *path)
{
    bool begins = true;

    for (const char *p = path; *p; p++) {
        if (begins && (*p == '.' || *p == '/'))
            return false;
        if ((unsigned char)*p < 0x21 || *p == '\\' || *p == '%' || *p == 0x7f)
            return false;
        begins = *p == '/';
    }
    return *path && !begins;
}

static apr_status_t not_found(twc_req_t *q)
{
    return twc_problem(q->ctx, APR_ENOENT, "not_found", "Not Found");
}

static void set_headers(twc_req_t *q, const char *type, const apr_finfo_t *info)
{
    request_rec *r = q->r;
    bool vendor = strstr(r->uri, "/assets/vendor/") != NULL;

    ap_set_content_type(r, type);
    r->content_encoding = NULL;
    r->content_languages = NULL;
    ap_update_mtime(r, info->mtime);
    ap_set_last_modified(r);
    apr_table_setn(r->headers_out, "ETag", apr_psprintf(r->pool, "\"%" APR_UINT64_T_HEX_FMT "-%" APR_UINT64_T_HEX_FMT
                                                        "\"", (apr_uint64_t)info->mtime, (apr_uint64_t)info->size));
    /* asked again each time, answered 304: a page never meets the scripts of another version */
    apr_table_setn(r->headers_out, "Cache-Control", vendor ? "private, max-age=86400" : "private, no-cache");
    twc_reply_header(q, "X-Content-Type-Options", "nosniff");
    twc_reply_header(q, "Content-Security-Policy", TWC_CSP);
    twc_reply_header(q, "Referrer-Policy", "same-origin");
}

static void send_file(request_rec *r, apr_file_t *file, apr_off_t size)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);

    apr_brigade_insert_file(bb, file, 0, size, r->pool);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(r->connection->bucket_alloc));
    (void)ap_pass_brigade(r->output_filters, bb);   /* a client that left is no failure of ours */
}

static apr_status_t serve(twc_req_t *q, const char *relative)
{
    request_rec *r = q->r;
    const char *type = type_of(relative), *path;
    apr_file_t *file;
    apr_finfo_t info;
    int rc;

    if (!type || !is_safe(relative))
        return not_found(q);
    path = apr_pstrcat(r->pool, q->tenant->server_conf->set.htdocs, "/", relative, NULL);
    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY | APR_FOPEN_SENDFILE_ENABLED, 0, r->pool)
            != APR_SUCCESS
        || apr_file_info_get(&info, APR_FINFO_MTIME | APR_FINFO_SIZE | APR_FINFO_TYPE, file) != APR_SUCCESS
        || info.filetype != APR_REG)
        return not_found(q);
    set_headers(q, type, &info);
    q->replied = true;
    if ((rc = ap_meets_conditions(r)) != OK) {
        r->status = rc;
        return APR_SUCCESS;
    }
    ap_set_content_length(r, info.size);
    if (!r->header_only)
        send_file(r, file, info.size);
    return APR_SUCCESS;
}

static bool ends_with_slash(const char *uri)
{
    size_t len = strlen(uri);

    return len && uri[len - 1] == '/';
}

static apr_status_t redirect(twc_req_t *q, const char *uri)
{
    request_rec *r = q->r;

    apr_table_setn(r->headers_out, "Location", apr_pstrcat(r->pool, ap_escape_uri(r->pool, uri),
                                                           r->args ? "?" : "", r->args, NULL));
    return twc_reply_text(q, HTTP_PERMANENT_REDIRECT, "");
}

/* Pages name their files relative to themselves: the mount needs its slash, the others have none. */
static apr_status_t serve_page(twc_req_t *q, const char *file)
{
    const char *uri = q->r->uri;
    size_t len = strlen(uri);

    if (!ends_with_slash(uri))
        return serve(q, file);
    while (len > 1 && uri[len - 1] == '/')
        len--;
    return redirect(q, apr_pstrmemdup(q->r->pool, uri, len));
}

apr_status_t twc_page_dashboard(twc_req_t *q)
{
    if (!ends_with_slash(q->r->uri))
        return redirect(q, apr_pstrcat(q->r->pool, q->r->uri, "/", NULL));
    return serve(q, "index.html");
}

apr_status_t twc_page_chat(twc_req_t *q)
{
    const char *number = twc_match_param(q->match, "number");

    if (!twc_text_is_clean(number, strlen(number)))
        return not_found(q);
    return serve_page(q, "chat.html");
}

apr_status_t twc_page_inbox(twc_req_t *q)
{
    return serve_page(q, "inbox.html");
}

apr_status_t twc_page_settings(twc_req_t *q)
{
    return serve_page(q, "settings.html");
}

apr_status_t twc_page_asset(twc_req_t *q)
{
    return serve(q, apr_pstrcat(q->r->pool, "assets/", twc_match_param(q->match, "rest"), NULL));
}

apr_status_t twc_page_signin(twc_req_t *q) { return serve_page(q, "signin.html"); }
apr_status_t twc_page_account(twc_req_t *q) { return serve_page(q, "account.html"); }
apr_status_t twc_page_users(twc_req_t *q) { return serve_page(q, "users.html"); }
apr_status_t twc_page_audit(twc_req_t *q) { return serve_page(q, "audit.html"); }
