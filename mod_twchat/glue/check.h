/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * check.h - checks of single words, each NULL when the word is fine, else why it is not.
 */
#ifndef TWC_GLUE_CHECK_H
#define TWC_GLUE_CHECK_H

#include <apr_network_io.h>

const char *twc_check_account(apr_pool_t *pool, const char *word);
const char *twc_check_key_sid(apr_pool_t *pool, const char *word);
const char *twc_check_host(apr_pool_t *pool, const char *word);
const char *twc_check_log(apr_pool_t *pool, const char *word);
const char *twc_check_message(apr_pool_t *pool, const char *word);
const char *twc_check_origin(apr_pool_t *pool, const char *word);
const char *twc_check_regex(apr_pool_t *pool, const char *word);
const char *twc_check_sender(apr_pool_t *pool, const char *word);
const char *twc_check_service(apr_pool_t *pool, const char *word);
const char *twc_check_subnet(apr_pool_t *pool, const char *word);
const char *twc_check_token_secret(apr_pool_t *pool, const char *word);
const char *twc_check_url(apr_pool_t *pool, const char *word);
const char *twc_check_utf8(apr_pool_t *pool, const char *word);
const char *twc_check_whatsapp(apr_pool_t *pool, const char *word);
const char *twc_check_written_to(apr_pool_t *pool, const char *word);

apr_status_t twc_check_read_subnet(apr_ipsubnet_t **net, apr_pool_t *pool, const char *word);

#endif
