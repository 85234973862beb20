/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * site.c - looks whether what a host's configuration names is there, before anything depends on it.
 * Must never keep what it reads, nor run a program: secrets are read once, by config.c.
 * Called by config.c while the configuration is checked, under -t as well.
 */
#include <unistd.h>

#include <http_core.h>

#include "glue/config.h"
#include "glue/directive.h"
#include "glue/module.h"
#include "glue/router.h"
#include "glue/secret.h"
#include "glue/site.h"
#include "glue/tree.h"

/* ---- secrets ------------------------------------------------------------------------------ */

/* Whoever asks with -t may be somebody else than root, who starts httpd and reads what is root's. */
static bool may_be_roots(void)
{
    return ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_NORMAL && geteuid() != 0;
}

static bool check_secret(apr_pool_t *scratch, server_rec *s, const char *directive, const char *reference)
{
    bool denied;
    const char *wrong = twc_secret_probe(scratch, reference, &denied), *place;

    if (!wrong)
        return true;
    place = twc_tree_place(scratch, twc_tree_find(s, directive, reference));
    if (denied && may_be_roots()) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "TWC1008: %s %s: cannot be read by this user, so nobody knows whether it is "
                     "right%s", directive, reference, place);
        return true;
    }
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1009: %s: %s%s", directive, wrong, place);
    return false;
}

static bool check_secret_list(apr_pool_t *scratch, server_rec *s, const char *directive, const apr_array_header_t *references)
{
    bool good = true;

    for (int i = 0; references && i < references->nelts; i++)
        if (!check_secret(scratch, s, directive, APR_ARRAY_IDX(references, i, const char *)))
            good = false;
    return good;
}

static bool check_secrets(apr_pool_t *scratch, server_rec *s, const twc_settings_t *set)
{
    bool good = check_secret_list(scratch, s, "TwchatAuthToken", set->auth_tokens);

    good = check_secret_list(scratch, s, "TwchatTokenSecret", set->token_secrets) && good;
    return (!set->api_key_secret || check_secret(scratch, s, "TwchatApiKey", set->api_key_secret)) && good;
}

/* ---- the database --------------------------------------------------------------------------- */

/* mod_dbd says nothing about a host without a database, and never could connect it. */
static bool check_database(apr_pool_t *scratch, server_rec *s)
{
    const char *missing = NULL;
    bool shared = !s->is_virtual && s->next;    /* locations outside of all hosts are often meant for them alone */

    if (!twc_tree_find(s, "DBDriver", NULL))
        missing = "DBDriver pgsql";
    else if (!twc_tree_find(s, "DBDParams", NULL))
        missing = "DBDParams";
    if (!missing || !ap_find_linked_module("mod_dbd.c"))
        return true;
    ap_log_error(APLOG_MARK, shared ? APLOG_WARNING : APLOG_CRIT, 0, s, "TWC1012: %s: TwchatInterface needs %s in this host or "
                 "outside of all of them: without a database every request is answered 503%s",
                 s->server_hostname ? s->server_hostname : "the main server", missing,
                 twc_tree_place(scratch, twc_tree_find(s, "TwchatInterface", NULL)));
    return shared;
}

/* ---- the pages -------------------------------------------------------------------------------- */

static bool has_pages(const twc_mount_t *mount)
{
    for (int i = 0; i < mount->count; i++)
        if (mount->interfaces[i] == TWC_IF_NATIVE)
            return true;
    return false;
}

static bool shows_pages(const apr_array_header_t *mounts)
{
    for (int i = 0; i < mounts->nelts; i++)
        if (has_pages(APR_ARRAY_IDX(mounts, i, const twc_mount_t *)))
            return true;
    return false;
}

/* Only a warning: programs and Twilio are served all the same. */
static void check_pages(apr_pool_t *scratch, server_rec *s, const twc_settings_t *set)
{
    twc_settings_t whole = *set;
    const char *index;
    int wrong;

    twc_directive_defaults(scratch, s, &whole, false);
    index = apr_pstrcat(scratch, whole.htdocs, "/index.html", NULL);
    wrong = access(index, R_OK) == 0 ? 0 : errno;
    if (wrong == EACCES && may_be_roots())
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "TWC1014: TwchatHtdocs: %s cannot be read by this user", index);
    else if (wrong)
        ap_log_error(APLOG_MARK, APLOG_WARNING, wrong, s, "TWC1013: TwchatHtdocs: cannot open %s: the pages will be answered 404%s",
                     index, set->htdocs ? twc_tree_place(scratch, twc_tree_find(s, "TwchatHtdocs", NULL)) : "");
}

bool twc_site_check(apr_pool_t *scratch, server_rec *s, const server_rec *main_server)
{
    const twc_server_conf_t *conf = twc_config_server(s);
    bool good = check_secrets(scratch, s, &conf->set);

    good = check_database(scratch, s) && good;
    if (shows_pages(conf->mounts) || shows_pages(twc_config_server(main_server)->mounts))
        check_pages(scratch, s, &conf->set);
    return good;
}

/* ---- the handler -------------------------------------------------------------------------------- */

typedef struct handlers_t {
    apr_pool_t *scratch;
    const server_rec *s, *main_server;
} handlers_t;

/* The path of the <Location> around a directive, or NULL. */
static const char *location_of(apr_pool_t *pool, const ap_directive_t *directive)
{
    for (const ap_directive_t *d = directive->parent; d; d = d->parent) {
        const char *args = d->args, *path;

        if (ap_cstr_casecmp(d->directive, "<Location") != 0)
            continue;
        path = ap_getword_conf(pool, &args);
        return *path == '/' ? apr_pstrmemdup(pool, path, strcspn(path, ">")) : NULL;
    }
    return NULL;
}

static bool is_below(const char *path, const char *above)
{
    size_t len = strcmp(above, "/") == 0 ? 0 : strlen(above);

    return strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* An interface further down is enough: what lies between is somebody's choice. */
static bool any_answers(const server_rec *s, const char *path)
{
    const apr_array_header_t *mounts = twc_config_server(s)->mounts;

    for (int i = 0; i < mounts->nelts; i++) {
        const char *mounted = APR_ARRAY_IDX(mounts, i, const twc_mount_t *)->path;
        if (!path || is_below(path, mounted) || is_below(mounted, path))
            return true;
    }
    return false;
}

/* What is set outside of all hosts holds for each of them. */
static bool somebody_answers(const handlers_t *at, const char *path)
{
    if (at->s->is_virtual)
        return any_answers(at->s, path) || any_answers(at->main_server, path);
    for (const server_rec *s = at->main_server; s; s = s->next)
        if (any_answers(s, path))
            return true;
    return false;
}

static bool is_lost(void *baton, const ap_directive_t *found)
{
    const handlers_t *at = baton;
    const char *args = found->args;

    return strcmp(ap_getword_conf(at->scratch, &args), TWC_HANDLER) == 0
        && !somebody_answers(at, location_of(at->scratch, found));
}

bool twc_site_check_handlers(apr_pool_t *scratch, server_rec *s, const server_rec *main_server)
{
    handlers_t at = { scratch, s, main_server };
    const ap_directive_t *lost = twc_tree_search(twc_tree_of(s), "SetHandler", is_lost, &at);

    if (!lost)
        return true;
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "TWC1017: SetHandler %s needs TwchatInterface in the same <Location>: every request "
                 "there would be answered 500%s", TWC_HANDLER, twc_tree_place(scratch, lost));
    return false;
}
