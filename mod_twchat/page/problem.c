/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * problem.c - htdocs/problem.html, told what the matter is.
 * Must never put anything into the page that is not escaped.
 * Called by glue/reply.c for every error, by glue/admit.c.
 */
#include <httpd.h>
#include <http_protocol.h>

#include "glue/module.h"
#include "glue/reply.h"
#include "page/problem.h"

#define FILE_MAX 16384

/* The path below the mount: "/users", or "" for the mount without its slash. */
static const char *below_mount(const twc_req_t *q)
{
    const char *mount = q->dir->mount->path;

    return q->r->uri + (mount[1] ? strlen(mount) : 0);
}

static bool has_pages(const twc_mount_t *mount)
{
    for (int i = 0; i < mount->count; i++)
        if (mount->interfaces[i] == TWC_IF_NATIVE)
            return true;
    return false;
}

/* A path nobody knows may have been meant for a page, unless it is one of the APIs'. */
static bool is_page_path(const twc_req_t *q)
{
    const char *path = below_mount(q);

    if (q->match->allow)
        return q->route && q->route->page;
    return strncmp(path, "/api", 4) != 0 || (path[4] && path[4] != '/');
}

bool twc_page_wanted(const twc_req_t *q)
{
    const char *accept = apr_table_get(q->r->headers_in, "Accept");

    return q->r->method_number == M_GET && accept && ap_strcasestr(accept, "text/html") && is_page_path(q) && has_pages(q->dir->mount);
}

/* From where the browser thinks it is back to the mount: "../" for /chat/1, "desk/" for a mount /text/desk without its slash. */
static const char *way_to_root(const twc_req_t *q)
{
    const char *path = below_mount(q), *way = "";

    if (!*path)
        return apr_pstrcat(q->r->pool, ap_escape_uri(q->r->pool, strrchr(q->dir->mount->path, '/') + 1), "/", NULL);
    for (path++; *path; path++)
        if (*path == '/')
            way = apr_pstrcat(q->r->pool, way, "../", NULL);
    return way;
}

static const char *read_file(const twc_req_t *q)
{
    apr_pool_t *pool = q->r->pool;
    char *text = apr_palloc(pool, FILE_MAX);
    apr_size_t len = FILE_MAX - 1;
    apr_file_t *file;

    if (apr_file_open(&file, apr_pstrcat(pool, q->tenant->server_conf->set.htdocs, "/problem.html", NULL), APR_FOPEN_READ, 0, pool) != APR_SUCCESS
        || apr_file_read_full(file, text, len, &len) != APR_EOF)
        return NULL;
    text[len] = '\0';
    return text;
}

/* Every place the mark stands at. */
static const char *put(apr_pool_t *pool, const char *text, const char *mark, const char *value)
{
    const char *at, *out = "";

    while ((at = strstr(text, mark))) {
        out = apr_pstrcat(pool, out, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), value, NULL);
        text = at + strlen(mark);
    }
    return apr_pstrcat(pool, out, text, NULL);
}

static bool has_words(int status)
{
    return status == HTTP_FORBIDDEN || status == HTTP_NOT_FOUND || status == HTTP_TOO_MANY_REQUESTS || status == HTTP_SERVICE_UNAVAILABLE;
}

bool twc_page_problem(twc_req_t *q, int status, const char *code, const char *detail)
{
    const char *html = has_words(status) ? read_file(q) : NULL;
    apr_pool_t *pool = q->r->pool;

    if (!html)
        return false;
    html = put(pool, html, "@ROOT@", ap_escape_html(pool, way_to_root(q)));
    html = put(pool, html, "@STATUS@", apr_itoa(pool, status));
    html = put(pool, html, "@CODE@", ap_escape_html(pool, code));
    html = put(pool, html, "@DETAIL@", ap_escape_html(pool, detail));
    twc_reply_header(q, "Content-Security-Policy", TWC_CSP);
    twc_reply_header(q, "Referrer-Policy", "same-origin");
    (void)twc_reply(q, status, "text/html; charset=utf-8", html, strlen(html));
    return true;
}
