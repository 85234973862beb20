/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_call.c - a webhook from its text in the spool or the journal to what would be stored.
 */
#include "domain/call.h"
#include "domain/inbound.h"
#include "fuzz.h"
#include "util/text.h"

static bool is_clean(const char *text)
{
    return !text || twc_text_is_clean(text, strlen(text));
}

static void read_both(twc_ctx_t *ctx, const twc_form_t *form, const twc_call_t *call)
{
    twc_inbound_t *in;
    twc_status_t *status;

    if (twc_inbound_read(ctx, form, call, &in) == APR_SUCCESS) {
        REQUIRE(*in->sid && *in->from && *in->to && in->body);
        REQUIRE(is_clean(in->body) && is_clean(in->profile_name) && is_clean(in->media_json) && is_clean(in->extra_json));
        REQUIRE(in->num_media >= 0 && in->num_media <= 10 && !in->media_json == !in->num_media);
    }
    twc_problem_clear(ctx);
    if (twc_inbound_read_status(ctx, form, call, &status) == APR_SUCCESS)
        REQUIRE(*status->sid && *status->status && (!status->uuid || strlen(status->uuid) == 36) && status->error_code >= 0);
}

static void fuzz_one(apr_pool_t *pool, const uint8_t *data, size_t size)
{
    static const char *const types[] = { NULL, "application/x-www-form-urlencoded; charset=UTF-8", "application/json" };
    static const twc_conf_t conf = { .ack_text = "Thank you", .chat_mode = TWC_CHAT_ECHO };
    const char *raw = twc_text_clean(pool, apr_pstrmemdup(pool, (const char *)data, size), size);
    twc_call_t *decoded;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        twc_call_t call = { .interface = i == 2 ? "sms-store" : "flask-chat", .kind = "message", .method = "POST", .url = raw,
                            .content_type = types[i], .raw = raw, .received_at = 1 };
        const twc_form_t *form;
        twc_ctx_t ctx;
        twc_str_t text = twc_call_encode(pool, &call);

        REQUIRE(text.data && twc_call_decode(pool, text, &decoded) == APR_SUCCESS);
        REQUIRE(strcmp(decoded->raw, raw) == 0 && strcmp(decoded->url, raw) == 0 && !decoded->content_type == !types[i]);
        twc_ctx_init(&ctx, pool, NULL, &conf);
        if (twc_call_form(pool, decoded, &form) == APR_SUCCESS)
            read_both(&ctx, form, decoded);
    }
    (void)twc_call_decode(pool, (twc_str_t){ (const char *)data, size }, &decoded);
}
