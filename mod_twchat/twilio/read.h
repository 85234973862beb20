/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * read.h - private to twilio/: Twilio's JSON as our structs. Whatever is missing, null or
 * of another type reads as absent.
 */
#ifndef TWC_TWILIO_READ_H
#define TWC_TWILIO_READ_H

#include <jansson.h>

#include "twilio/client.h"

/** The object in data, released with pool; NULL when it is none. */
json_t *twc_read_object(apr_pool_t *pool, const char *data, apr_size_t len);

/** A string member, clean and in pool; NULL when absent, null or empty. Numbers are written out. */
const char *twc_read_text(apr_pool_t *pool, const json_t *object, const char *key);

/** An integer member, also when it is written as text; 0 when absent. */
int twc_read_int(const json_t *object, const char *key);

/** A Messages resource. */
void twc_read_message(apr_pool_t *pool, const json_t *object, twc_remote_msg_t *msg);

/** URL of the next page of a list, made absolute; NULL at the end, or when it leads elsewhere. */
const char *twc_read_next(apr_pool_t *pool, const twc_conf_t *conf, const json_t *list);

#endif
