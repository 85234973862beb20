/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * secret.h - secrets are references: "file:/path", "env:NAME", "exec:/path arguments". A
 * value written inline works with a warning, because server-info and -D DUMP_CONFIG show it.
 */
#ifndef TWC_GLUE_SECRET_H
#define TWC_GLUE_SECRET_H

#include <stdbool.h>

#include <httpd.h>

/** Is text a reference of a known kind, well formed? NULL, or what is wrong with it. */
const char *twc_secret_check(apr_pool_t *pool, const char *text);

/** Written inline, so that others may see it? */
int twc_secret_is_inline(const char *text);

/**
 * Read what a reference points to. Runs as root, once, before children exist.
 * @param value    out, in pool: the first line, without its end
 * @param warning  out: something the administrator should know, or NULL
 * @return NULL, or why it cannot be read
 */
const char *twc_secret_read(apr_pool_t *pool, apr_pool_t *scratch, const char *text, const char **value,
                            const char **warning);

/**
 * Would twc_secret_read() find something? Programs are not run: they may ask a person, or count their calls.
 * @param denied  out: it may be there, but the user who runs httpd now must not read it
 * @return NULL, or why it would not
 */
const char *twc_secret_probe(apr_pool_t *pool, const char *text, bool *denied);

#endif
