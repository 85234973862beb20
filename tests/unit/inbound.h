/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.h - messages that people have written, as a webhook tells of them. For programs with a database.
 */
#ifndef TESTS_UNIT_INBOUND_H
#define TESTS_UNIT_INBOUND_H

#include "database.h"

#define OURS "+15005550006"

/**
 * Take a message in.
 * @param media  NULL, or one attachment: [{"url":"https://x/1","type":"image/png"}]
 * @return its id
 */
apr_int64_t ingest_at(const char *sid, const char *from, const char *body, const char *media, apr_time_t at);
/** One that comes now, without attachments. */
apr_int64_t ingest(const char *sid, const char *from, const char *body);

#endif
