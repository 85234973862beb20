/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * media.c - fetches what people attached to their messages.
 * Must never connect to a host that is not Twilio's, nor hand our credentials on to a redirect's target.
 * Called by work/fetcher.c.
 */
#include <string.h>
#include <strings.h>

#include "remote/http.h"
#include "twilio/client.h"

#define HOPS_MAX 4

/* Where a URL leads, without user information; text lives in the pool. */
typedef struct place_t {
    const char *scheme, *host, *path;
    int port;
} place_t;

static const char *part(apr_pool_t *pool, CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;
    const char *copy;

    if (curl_url_get(u, what, &text, flags) != CURLUE_OK)
        return NULL;
    copy = apr_pstrdup(pool, text);
    curl_free(text);
    return copy;
}

/* libcurl's own parser, so that what is checked is what is connected to. */
static bool read_place(apr_pool_t *pool, const char *url, place_t *place)
{
    CURLU *u = curl_url();
    const char *port;
    bool ok;

    if (!u)
        return false;
    ok = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && !part(pool, u, CURLUPART_USER, 0)
         && !part(pool, u, CURLUPART_PASSWORD, 0);
    if (ok) {
        place->scheme = part(pool, u, CURLUPART_SCHEME, 0);
        place->host = part(pool, u, CURLUPART_HOST, 0);
        place->path = part(pool, u, CURLUPART_PATH, 0);
        port = part(pool, u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        place->port = port ? (int)apr_atoi64(port) : 0;
        ok = place->scheme && place->host && place->path && place->port > 0;
    }
    curl_url_cleanup(u);
    return ok;
}

static bool ends_in(const char *host, const char *domain)
{
    apr_size_t h = strlen(host), d = strlen(domain);

    return h > d && strcasecmp(host + h - d, domain) == 0;
}

static bool same_origin(const place_t *a, const place_t *b)
{
    return strcasecmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 && a->port == b->port;
}

static bool is_https(const place_t *place)
{
    return strcasecmp(place->scheme, "https") == 0;
}

/* Twilio's own names, and its bucket at Amazon, which older redirects lead to. */
static bool is_twilio(const place_t *p)
{
    if (!is_https(p) || p->port != 443)
        return false;
    return ends_in(p->host, ".twilio.com") || ends_in(p->host, ".twiliocdn.com")
           || (ends_in(p->host, ".amazonaws.com") && strncasecmp(p->host, "s3", 2) == 0
               && strncmp(p->path, "/media.twiliocdn.com/", 21) == 0);
}

/* "media.example.com" means port 443, "media.example.com:8443" that one. Only a site whose API base is
 * plain http, a sandbox's, takes attachments over plain http. */
static bool is_listed(apr_pool_t *pool, const twc_conf_t *conf, const place_t *p)
{
    const char *with_port = apr_psprintf(pool, "%s:%d", p->host, p->port);

    if (!is_https(p) && strncmp(conf->api_base, "http:", 5) != 0)
        return false;
    for (int i = 0; conf->media_hosts && conf->media_hosts[i]; i++)
        if (strcasecmp(with_port, conf->media_hosts[i]) == 0
            || (p->port == 443 && strcasecmp(p->host, conf->media_hosts[i]) == 0))
            return true;
    return false;
}

static bool is_api(apr_pool_t *pool, const twc_conf_t *conf, const place_t *p)
{
    place_t api;

    return read_place(pool, conf->api_base, &api) && same_origin(&api, p);
}

static bool is_allowed(apr_pool_t *pool, const twc_conf_t *conf, const char *url)
{
    place_t place;

    return read_place(pool, url, &place)
           && (is_twilio(&place) || is_listed(pool, conf, &place) || is_api(pool, conf, &place));
}

bool twc_client_media_allowed(const twc_conf_t *conf, const char *url)
{
    apr_pool_t *pool;
    bool allowed;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return false;
    allowed = is_allowed(pool, conf, url);
    apr_pool_destroy(pool);
    return allowed;
}

/* Our credentials are for the API itself, and for the first request only. */
static bool takes_credentials(apr_pool_t *pool, const twc_conf_t *conf, const char *url)
{
    place_t p;

    if (!read_place(pool, url, &p))
        return false;
    return is_api(pool, conf, &p)
           || (is_twilio(&p) && strncasecmp(p.host, "api.", 4) == 0 && ends_in(p.host, ".twilio.com"));
}

/* ---- types ------------------------------------------------------------------------- */

/* What Twilio accepts in messages. Nothing a browser would execute: text/html and image/svg+xml are not here. */
static const char *const types[] = {
    "application/msword", "application/ogg", "application/pdf", "application/rtf", "application/vcard",
    "application/vnd.apple.pkpass", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "image/bmp", "image/gif", "image/heic", "image/heif", "image/jpeg", "image/jpg", "image/png", "image/tiff", "image/webp",
    "text/calendar", "text/csv", "text/directory", "text/plain", "text/rtf", "text/richtext", "text/vcard", "text/x-vcard",
    NULL
};

static bool type_allowed(const char *type)
{
    if (strncmp(type, "audio/", 6) == 0 || strncmp(type, "video/", 6) == 0)
        return true;
    for (int i = 0; types[i]; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* Without parameters, in lower case. */
static const char *bare_type(apr_pool_t *pool, const char *type)
{
    apr_size_t len = type ? strcspn(type, "; \t") : 0;
    char *copy = apr_pstrndup(pool, type ? type : "", len);

    for (char *c = copy; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A';
    return copy;
}

/* ---- fetching ------------------------------------------------------------------------ */

static bool stop_asked(void *baton)
{
    const twc_ctx_t *ctx = baton;

    return ctx->stop(ctx->stop_baton);
}

static apr_status_t one_hop(twc_ctx_t *ctx, const char *url, bool first, twc_http_answer_t *answer)
{
    twc_http_request_t request = { .method = "GET", .url = url, .timeout = ctx->conf->send_timeout * 3,
                                   .answer_max = ctx->conf->media_max };
    apr_status_t rv;

    if (!is_allowed(ctx->scratch, ctx->conf, url))
        return twc_problem(ctx, APR_EACCES, "media_host", "The attachment is not kept at Twilio, so it was not fetched.");
    if (first && takes_credentials(ctx->scratch, ctx->conf, url))
        twc_client_credentials(ctx->conf, &request.user, &request.password);
    rv = twc_http_call(ctx->pool, &request, ctx->stop ? stop_asked : NULL, ctx, answer);
    if (rv == APR_ENOSPC)
        return twc_problem(ctx, rv, "media_too_large", "The attachment is larger than the %" APR_SIZE_T_FMT
                           " bytes allowed here.", ctx->conf->media_max);
    if (rv != APR_SUCCESS)
        return twc_problem(ctx, rv == APR_EINTR ? rv : APR_EAGAIN, "media_unreachable",
                           "The attachment could not be fetched: %s.", answer->error ? answer->error : "no answer");
    return APR_SUCCESS;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static apr_status_t judge(twc_ctx_t *ctx, const twc_http_answer_t *answer, const char **content_type, twc_str_t *bytes)
{
    if (answer->status == 404)
        return twc_problem(ctx, APR_ENOENT, "media_missing", "Twilio does not have the attachment (yet).");
    if (answer->status < 200 || answer->status >= 300)
        return twc_problem(ctx, APR_EAGAIN, "media_status", "The attachment could not be fetched: Twilio answered %d.",
                           answer->status);
    *content_type = bare_type(ctx->pool, answer->content_type);
    if (!type_allowed(*content_type))
        return twc_problem(ctx, APR_EACCES, "media_type", "Attachments of the type \"%s\" are not kept.", *content_type);
    *bytes = (twc_str_t){ answer->data, answer->len };
    return APR_SUCCESS;
}

apr_status_t twc_client_media(twc_ctx_t *ctx, const char *url, const char **content_type, twc_str_t *bytes)
{
    twc_http_answer_t answer;

    for (int hop = 0; hop < HOPS_MAX; hop++) {
        TWC_TRY(one_hop(ctx, url, hop == 0, &answer));
        if (!is_redirect(answer.status) || !answer.location)
            return judge(ctx, &answer, content_type, bytes);
        url = answer.location;
    }
    return twc_problem(ctx, APR_EACCES, "media_redirects", "The attachment's address leads round in circles.");
}
