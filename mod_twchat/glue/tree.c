/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * tree.c - searches the tree of directives that httpd keeps of its files.
 * Must never run after the configuration was checked: httpd gives the tree up with the pool it was read into.
 * Called by site.c.
 */
#include <apr_strings.h>

#include "glue/module.h"
#include "glue/tree.h"

#define HOST "<VirtualHost"

static bool is_named(const ap_directive_t *directive, const char *name)
{
    return ap_cstr_casecmp(directive->directive, name) == 0;
}

/* httpd tells each host in which file and line it begins. */
static const ap_directive_t *host_of(const server_rec *s)
{
    for (const ap_directive_t *d = ap_conftree; d; d = d->next)
        if (is_named(d, HOST) && s->defn_name && strcmp(d->filename, s->defn_name) == 0
            && (unsigned)d->line_num == s->defn_line_number)
            return d;
    return NULL;
}

const ap_directive_t *twc_tree_of(const server_rec *s)
{
    const ap_directive_t *host = s->is_virtual ? host_of(s) : NULL;

    if (!s->is_virtual)
        return ap_conftree;
    return host ? host->first_child : NULL;
}

const ap_directive_t *twc_tree_search(const ap_directive_t *first, const char *name,
                                      bool (*visit)(void *baton, const ap_directive_t *found), void *baton)
{
    for (const ap_directive_t *d = first; d; d = d->next) {
        const ap_directive_t *inside;

        if (is_named(d, name) && visit(baton, d))
            return d;
        inside = is_named(d, HOST) ? NULL : twc_tree_search(d->first_child, name, visit, baton);
        if (inside)
            return inside;
    }
    return NULL;
}

static bool holds_text(void *baton, const ap_directive_t *found)
{
    const char *text = baton;

    return !text || strstr(found->args, text);
}

const ap_directive_t *twc_tree_find(const server_rec *s, const char *name, const char *text)
{
    const ap_directive_t *own = s->is_virtual ? twc_tree_search(twc_tree_of(s), name, holds_text, (void *)text) : NULL;

    return own ? own : twc_tree_search(ap_conftree, name, holds_text, (void *)text);
}

const char *twc_tree_place(apr_pool_t *pool, const ap_directive_t *directive)
{
    return directive ? apr_psprintf(pool, " (line %d of %s)", directive->line_num, directive->filename) : "";
}
