/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * routes.c - the table of routes and the search in it.
 * Must never know httpd: the command line prints the same table.
 * Called by glue/router.c, glue/config.c and twchatctl.
 */
#include <string.h>

#include "routes.h"

const twc_interface_t twc_interfaces[TWC_IF_COUNT] = {
    [TWC_IF_FLASK_CHAT] = { "flask-chat", TWC_STYLE_ERROR, "", NULL, false, "SMS chat server with panel" },
    [TWC_IF_WHATSAPP_INBOX] = { "whatsapp-inbox", TWC_STYLE_SUCCESS, "", NULL, true, "WhatsApp inbox" },
    [TWC_IF_APPOINTMENT_BOT] = { "appointment-bot", TWC_STYLE_DETAIL, "", NULL, false, "appointments by SMS" },
    [TWC_IF_AI_MESSAGING] = { "ai-messaging", TWC_STYLE_DETAIL, "", "/api", true, "messages between users, agents" },
    [TWC_IF_SMS_STORE] = { "sms-store", TWC_STYLE_ERROR, "/api/twilio", NULL, false, "stored SMS with an API" },
    [TWC_IF_NATIVE] = { "native", TWC_STYLE_NATIVE, "", NULL, false, "what our own pages ask for" },
};

int twc_interface_parse(const char *name)
{
    for (int i = 0; i < TWC_IF_COUNT; i++)
        if (strcmp(twc_interfaces[i].name, name) == 0)
            return i;
    return -1;
}

const char *twc_access_name(twc_access_e access)
{
#define WORD(access_, word_, meaning_) [access_] = word_,
    static const char *const names[] = { TWC_ACCESSES(WORD) };
#undef WORD

    return names[access];
}

#define ROUTE(interface_, methods_, pattern_, access_, body_, max_, endpoint_, doc_) \
    { .interface = interface_, .methods = methods_, .pattern = pattern_, .access = (access_) & ~TWC_SHOWN, \
      .page = ((access_) & TWC_SHOWN) != 0, \
      .body = body_, .body_max = max_, .endpoint = #endpoint_, .doc = doc_ },
const twc_route_t twc_routes[] = { TWC_ROUTES(ROUTE) };
#undef ROUTE
const int twc_routes_count = sizeof(twc_routes) / sizeof(twc_routes[0]);

bool twc_route_is_open(const twc_route_t *route)
{
    return route->access == TWC_OPEN || route->access == TWC_TWILIO;
}

const char *twc_methods_allow(apr_pool_t *pool, unsigned methods)
{
    return apr_pstrcat(pool, methods & TWC_DELETE ? "DELETE, " : "", methods & TWC_GET ? "GET, HEAD, " : "",
                       "OPTIONS", methods & TWC_PATCH ? ", PATCH" : "", methods & TWC_POST ? ", POST" : "",
                       methods & TWC_PUT ? ", PUT" : "", NULL);
}

bool twc_mount_add(twc_mount_t *mount, twc_interface_e interface)
{
    for (int i = 0; i < mount->count; i++) {
        if (mount->interfaces[i] != interface)
            continue;
        if (i < mount->named)
            return false;
        /* native came along and is now named: keep it last among the named */
        memmove(mount->interfaces + i, mount->interfaces + i + 1,
                (size_t)(mount->count - i - 1) * sizeof(mount->interfaces[0]));
        mount->count--;
        break;
    }
    memmove(mount->interfaces + mount->named + 1, mount->interfaces + mount->named,
            (size_t)(mount->count - mount->named) * sizeof(mount->interfaces[0]));
    mount->interfaces[mount->named++] = interface;
    mount->count++;
    if (interface == TWC_IF_FLASK_CHAT) {
        for (int i = 0; i < mount->count; i++)
            if (mount->interfaces[i] == TWC_IF_NATIVE)
                return true;
        mount->interfaces[mount->count++] = TWC_IF_NATIVE;
    }
    return true;
}

/* ---- matching ------------------------------------------------------------- */

#define SEGMENTS_MAX 16

typedef struct path_t {
    const char *seg[SEGMENTS_MAX];
    apr_size_t len[SEGMENTS_MAX];
    int count;
    bool slash;                         /* ends in a slash */
} path_t;

/* "/a/b/" is a, b; "//" and over-long paths are nothing we serve. */
static bool split(const char *path, path_t *out)
{
    *out = (path_t){ .count = 0 };
    if (*path != '/')
        return *path == '\0';
    while (*path == '/' && path[1]) {
        const char *end = strchr(path + 1, '/');
        apr_size_t len = end ? (apr_size_t)(end - path - 1) : strlen(path + 1);

        if (len == 0 || out->count == SEGMENTS_MAX)
            return false;
        out->seg[out->count] = path + 1;
        out->len[out->count++] = len;
        path += len + 1;
    }
    out->slash = *path == '/';
    return true;
}

/* What follows prefix in path, or NULL; prefix ends at a segment border. "" and "/" are before everything. */
static const char *below(const char *prefix, const char *path)
{
    apr_size_t len = strlen(prefix);

    if (len == 0 || (len == 1 && *prefix == '/'))
        return path;
    if (strncmp(path, prefix, len) != 0 || (path[len] != '\0' && path[len] != '/'))
        return NULL;
    return path + len;
}

static bool is_rest(const char *seg, apr_size_t len)
{
    return len > 1 && seg[0] == ':' && seg[len - 1] == '*';
}

/**
 * Does pattern fit, and how well? The rank has one digit per segment: fixed word 3, parameter 2, rest 1;
 * the larger number at the first difference wins.
 */
static bool fits(const path_t *pattern, const path_t *path, unsigned *rank)
{
    bool rest = pattern->count && is_rest(pattern->seg[pattern->count - 1], pattern->len[pattern->count - 1]);

    if (rest ? path->count < pattern->count : path->count != pattern->count)
        return false;
    *rank = 0;
    for (int i = 0; i < pattern->count; i++) {
        unsigned digit = 3;

        if (is_rest(pattern->seg[i], pattern->len[i]))
            digit = 1;
        else if (pattern->seg[i][0] == ':')
            digit = 2;
        else if (pattern->len[i] != path->len[i] || memcmp(pattern->seg[i], path->seg[i], path->len[i]) != 0)
            return false;
        *rank |= digit << (2 * (SEGMENTS_MAX - 1 - i));
    }
    return true;
}

/* "%2F" is how a server that keeps encoded slashes hands them on. */
static const char *segment(apr_pool_t *pool, const char *seg, apr_size_t len)
{
    char *copy = apr_pstrmemdup(pool, seg, len), *out = copy;

    for (const char *p = copy; *p; p++) {
        if (p[0] == '%' && p[1] == '2' && (p[2] == 'F' || p[2] == 'f')) {
            *out++ = '/';
            p += 2;
        }
        else
            *out++ = *p;
    }
    *out = '\0';
    return copy;
}

static void bind_params(apr_pool_t *pool, const path_t *pattern, const path_t *path, twc_match_t *match)
{
    for (int i = 0; i < pattern->count && match->params < TWC_PARAMS_MAX; i++) {
        apr_size_t len = pattern->len[i];
        const char *value;

        if (pattern->seg[i][0] != ':')
            continue;
        if (is_rest(pattern->seg[i], len)) {
            const char *last = path->seg[path->count - 1] + path->len[path->count - 1];
            value = apr_pstrmemdup(pool, path->seg[i], (apr_size_t)(last - path->seg[i]));
            len--;
        }
        else
            value = segment(pool, path->seg[i], path->len[i]);
        match->param[match->params].name = apr_pstrmemdup(pool, pattern->seg[i] + 1, len - 1);
        match->param[match->params++].value = value;
    }
}

/* The forms a path may have for an interface of this mount: where it is at home, at the root, a second prefix. */
enum { FORM_HOME, FORM_ALONE, FORM_ALSO, FORMS };

/* Its home is the mount itself, or nobody else is here. */
static bool at_root(const twc_mount_t *mount, const twc_interface_t *interface)
{
    apr_size_t home = strlen(interface->home), len = strlen(mount->path);

    return mount->named == 1 || (len >= home && strcmp(mount->path + len - home, interface->home) == 0);
}

static const char *form_of(const twc_mount_t *mount, const twc_interface_t *interface, int form, const char *path)
{
    switch (form) {
    case FORM_HOME:
        return below(interface->home, path);
    case FORM_ALONE:
        return *interface->home && at_root(mount, interface) ? path : NULL;
    default:                            /* the prefix itself is nobody's second home */
        path = interface->also ? below(interface->also, path) : NULL;
        return path && path[0] && path[1] ? path : NULL;
    }
}

/* The best pattern so far, and the row of it that takes the method. */
typedef struct best_t {
    int row;                            /* -1: the path is known, the method is not */
    bool found, also, page;
    unsigned rank;
    path_t pattern, path;
} best_t;

/* > 0: better than what was found; 0: the same pattern, as far as a caller can tell; < 0: worse. */
static int compare(const best_t *best, bool also, unsigned rank)
{
    if (!best->found)
        return 1;
    if (also != best->also)
        return also ? -1 : 1;
    return rank > best->rank ? 1 : rank == best->rank ? 0 : -1;
}

/* Interfaces come in their order, so the first that takes the method has it, but for a page where JSON is wanted. */
static void offer(best_t *best, int row, const path_t *pattern, const path_t *path, bool json)
{
    bool page = twc_routes[row].page;

    if (best->row >= 0 && !(json && best->page && !page))
        return;
    best->row = row;
    best->page = page;
    best->pattern = *pattern;
    best->path = *path;
}

/* Most rows are out by the first letter; this is asked for each row and request. */
static bool may_fit(const char *pattern, const char *path)
{
    return pattern[1] == ':' || *path == '\0' || pattern[1] == path[1];
}

static void try_interface(const twc_mount_t *mount, twc_interface_e interface, const char *path, unsigned method,
                          bool json, best_t *best, twc_match_t *match)
{
    for (int form = 0; form < FORMS; form++) {
        const char *relative = form_of(mount, &twc_interfaces[interface], form, path);
        path_t given, pattern;

        if (!relative || !split(relative, &given))
            continue;
        for (int i = 0; i < twc_routes_count; i++) {
            unsigned rank;
            int order;

            if (twc_routes[i].interface != interface || !may_fit(twc_routes[i].pattern, relative)
                || !split(twc_routes[i].pattern, &pattern) || !fits(&pattern, &given, &rank) || (order = compare(best, form == FORM_ALSO, rank)) < 0)
                continue;
            if (order > 0) {
                *best = (best_t){ .row = -1, .found = true, .also = form == FORM_ALSO, .rank = rank };
                match->allow = 0;
                match->interface = interface;
            }
            match->allow |= twc_routes[i].methods;
            if (twc_routes[i].methods & method)
                offer(best, i, &pattern, &given, json);
        }
    }
}

void twc_route_find(apr_pool_t *pool, const twc_mount_t *mount, const char *path, unsigned method,
                    bool json, twc_match_t *match)
{
    best_t best = { .row = -1 };
    const char *relative = below(mount->path, path);

    *match = (twc_match_t){ .row = -1 };
    match->style = mount->named == 1 ? twc_interfaces[mount->interfaces[0]].style : TWC_STYLE_SHARED;
    if (!relative)
        return;
    for (int i = 0; i < mount->count; i++)
        try_interface(mount, mount->interfaces[i], relative, method, json, &best, match);
    if (best.row < 0)
        return;
    match->row = best.row;
    match->interface = twc_routes[best.row].interface;
    match->style = twc_interfaces[match->interface].style;
    bind_params(pool, &best.pattern, &best.path, match);
}

const char *twc_mount_url_path(apr_pool_t *pool, const twc_mount_t *mount, const twc_route_t *route)
{
    const twc_interface_t *interface = &twc_interfaces[route->interface];

    return apr_pstrcat(pool, mount->path[1] ? mount->path : "", at_root(mount, interface) ? "" : interface->home,
                       route->pattern, NULL);
}

const char *twc_match_param(const twc_match_t *match, const char *name)
{
    for (int i = 0; i < match->params; i++)
        if (strcmp(match->param[i].name, name) == 0)
            return match->param[i].value;
    return NULL;
}

/* ---- collisions --------------------------------------------------------------- */

/* On a page the client's Accept header decides, so a page and an API do not take anything from each other. */
static bool collide(const twc_route_t *a, const twc_route_t *b)
{
    return (a->methods & b->methods) && strcmp(a->pattern, b->pattern) == 0
        && strcmp(twc_interfaces[a->interface].home, twc_interfaces[b->interface].home) == 0
        && a->page == b->page;
}

void twc_mount_collisions(const twc_mount_t *mount,
                          void (*tell)(void *baton, const twc_route_t *loser, const twc_route_t *winner),
                          void *baton)
{
    for (int later = 1; later < mount->count; later++)
        for (int earlier = 0; earlier < later; earlier++)
            for (int i = 0; i < twc_routes_count; i++)
                for (int j = 0; j < twc_routes_count; j++)
                    if (twc_routes[i].interface == mount->interfaces[later]
                        && twc_routes[j].interface == mount->interfaces[earlier]
                        && collide(&twc_routes[i], &twc_routes[j]))
                        tell(baton, &twc_routes[i], &twc_routes[j]);
}
