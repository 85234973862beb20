/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.c - messages that people have written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inbound.h"
#include "store/ingest.h"

apr_int64_t ingest_at(const char *sid, const char *from, const char *body, const char *media, apr_time_t at)
{
    twc_call_t call = { .interface = "flask-chat", .kind = "message", .method = "POST", .url = "http://x/", .raw = "secret words",
                        .received_at = at };
    twc_inbound_t in = { .sid = sid, .account_sid = "AC1", .from = from, .to = OURS, .body = body, .call = &call,
                         .media_json = media, .num_media = media ? 1 : 0 };
    twc_inbound_t *item = &in;

    assert_int_equal(twc_ingest_messages(ctx_new(), &item, 1), APR_SUCCESS);
    return in.message_id;
}

apr_int64_t ingest(const char *sid, const char *from, const char *body)
{
    return ingest_at(sid, from, body, NULL, apr_time_now());
}
