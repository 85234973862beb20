/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * page.h - the files of the sandbox's page.
 */
#ifndef SB_PAGE_H
#define SB_PAGE_H

#include <httpd.h>

#include "box.h"

/** Serve /sandbox/ and its files from conf->htdocs. @return for httpd, DECLINED when path is none of them */
int sb_page_run(request_rec *r, const sb_conf_t *conf, const char *path);

#endif
