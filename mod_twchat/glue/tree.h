/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - where in httpd's files a directive is written. Values that were merged know that no longer; the
 * tree of directives httpd read does, while its check_config hooks run.
 */
#ifndef TWC_GLUE_TREE_H
#define TWC_GLUE_TREE_H

#include <stdbool.h>

#include <httpd.h>
#include <util_cfgtree.h>

/** The first directive inside <VirtualHost> of s; of the main server the first of all. NULL where there is none. */
const ap_directive_t *twc_tree_of(const server_rec *s);

/**
 * Call visit for each directive of that name among first, its successors and what their sections hold, <VirtualHost>
 * excepted, until it says true.
 * @return the directive it said true for, or NULL
 */
const ap_directive_t *twc_tree_search(const ap_directive_t *first, const char *name,
                                      bool (*visit)(void *baton, const ap_directive_t *found), void *baton);

/** The directive of that name that holds for s and has this text in its values (NULL: any): its own, or the main server's. */
const ap_directive_t *twc_tree_find(const server_rec *s, const char *name, const char *text);

/** " (line 7 of /etc/apache2/sites-enabled/chat.conf)", or "" where nobody knows. */
const char *twc_tree_place(apr_pool_t *pool, const ap_directive_t *directive);

#endif
