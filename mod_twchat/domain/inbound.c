/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.c - the parameters of a webhook in one shape.
 * Must never believe a count or a name that the rest of the request does not bear out.
 * Called by webhook/ after the signature was checked, and by `twchatctl journal replay`.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "domain/bot.h"
#include "domain/inbound.h"
#include "domain/keyword.h"
#include "domain/message.h"
#include "util/phone.h"
#include "util/text.h"

#define MEDIA_MAX 10
#define SID_MAX 64
#define ADDRESS_MAX 100
#define PROFILE_MAX 200                 /* characters */
#define REASON_MAX 1000

/* Parameters kept beside the message, under the names our pages use. */
static const struct {
    const char *param, *key;
} extras[] = {
    { "ProfileName", "profile_name" }, { "WaId", "wa_id" }, { "ExternalUserId", "external_user_id" },
    { "MessageType", "message_type" }, { "Forwarded", "forwarded" }, { "FrequentlyForwarded", "frequently_forwarded" },
    { "ButtonText", "button_text" }, { "ButtonPayload", "button_payload" }, { "ButtonType", "button_type" },
    { "ListId", "list_id" }, { "ListTitle", "list_title" }, { "ListDescription", "list_description" },
    { "InteractiveData", "interactive_data" }, { "FlowData", "flow_data" },
    { "Latitude", "latitude" }, { "Longitude", "longitude" }, { "Address", "address" }, { "Label", "label" },
    { "OriginalRepliedMessageSid", "replied_sid" }, { "OriginalRepliedMessageSender", "replied_sender" },
    { "ReferralBody", "referral_body" }, { "ReferralHeadline", "referral_headline" },
    { "ReferralSourceId", "referral_source_id" }, { "ReferralSourceType", "referral_source_type" },
    { "ReferralSourceUrl", "referral_source_url" }, { "ReferralMediaUrl", "referral_media_url" },
    { "ReferralCtwaClid", "referral_ctwa_clid" },
    { "OptOutType", "opt_out_type" },
    { "FromCity", "from_city" }, { "FromState", "from_state" }, { "FromZip", "from_zip" }, { "FromCountry", "from_country" },
};

/* The first of the names that has a non-blank value, as it came. */
static const char *first_given(apr_pool_t *pool, const twc_form_t *form, const char *const *names)
{
    for (; *names; names++) {
        const char *value = twc_form_text(pool, form, *names);
        if (value && !twc_text_blank(value))
            return value;
    }
    return NULL;
}

static const char *first_of(apr_pool_t *pool, const twc_form_t *form, const char *const *names)
{
    const char *value = first_given(pool, form, names);

    return value ? twc_text_trim(pool, value) : NULL;
}

static const char *const sid_names[] = { "MessageSid", "SmsSid", "SmsMessageSid", "message_sid", NULL };
static const char *const from_names[] = { "From", "from", NULL };
static const char *const to_names[] = { "To", "to", NULL };
static const char *const body_names[] = { "Body", "body", NULL };
static const char *const profile_names[] = { "ProfileName", NULL };
static const char *const reason_names[] = { "ErrorMessage", "ChannelStatusMessage", NULL };

/* SIDs and addresses are keys of tables and indexes, which do not take what has no end. */
static apr_status_t require_short(twc_ctx_t *ctx, const twc_form_t *form, const char *const *names, apr_size_t most,
                                  const char **value)
{
    *value = first_given(ctx->pool, form, names);
    if (!*value)
        return twc_problem_field(ctx, names[0], "missing", "Parameter %s is missing.", names[0]);
    if (strlen(*value) > most)
        return twc_problem_field(ctx, names[0], "too_long", "Parameter %s has more than %d bytes.", names[0], (int)most);
    return APR_SUCCESS;
}

/* A SID or a status, without blanks around it. */
static apr_status_t require_word(twc_ctx_t *ctx, const twc_form_t *form, const char *const *names, const char **value)
{
    TWC_TRY(require_short(ctx, form, names, SID_MAX, value));
    *value = twc_text_trim(ctx->pool, *value);
    return APR_SUCCESS;
}

/* A SID that need not be there; NULL when it is not, or is none. */
static const char *optional_sid(apr_pool_t *pool, const twc_form_t *form, const char *name)
{
    const char *value = twc_form_text(pool, form, name);

    return value && !twc_text_blank(value) && strlen(value) <= SID_MAX ? value : NULL;
}

/* The beginning of a text that is for people; NULL when there is none. */
static const char *optional_text(apr_pool_t *pool, const twc_form_t *form, const char *const *names, apr_size_t chars)
{
    const char *value = first_of(pool, form, names);

    return value ? twc_text_head(pool, value, chars) : NULL;
}

static const char *dumped(apr_pool_t *pool, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    const char *copy = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    json_decref(json);
    return copy;
}

/* The attachments that are really there, never more than NumMedia says. */
static void read_media(twc_ctx_t *ctx, const twc_form_t *form, twc_inbound_t *in)
{
    const char *given = twc_form_text(ctx->pool, form, "NumMedia");
    long claimed = given ? strtol(given, NULL, 10) : 0;
    json_t *list = json_array();

    for (int i = 0; i < claimed && i < MEDIA_MAX; i++) {
        const char *url = twc_form_text(ctx->pool, form, apr_psprintf(ctx->pool, "MediaUrl%d", i));
        const char *type = twc_form_text(ctx->pool, form, apr_psprintf(ctx->pool, "MediaContentType%d", i));
        if (url && !twc_text_blank(url))
            json_array_append_new(list, json_pack("{s:s, s:s?}", "url", url, "type", type));
    }
    in->num_media = (int)json_array_size(list);
    if (in->num_media)
        in->media_json = dumped(ctx->pool, list);
    else
        json_decref(list);
}

static void read_extra(twc_ctx_t *ctx, const twc_form_t *form, twc_inbound_t *in)
{
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        const char *value = twc_form_text(ctx->pool, form, extras[i].param);
        if (value && *value)
            json_object_set_new(object, extras[i].key, json_string(value));
    }
    if (!in->profile_name)
        json_object_del(object, "profile_name");
    if (json_object_size(object))
        in->extra_json = dumped(ctx->pool, object);
    else
        json_decref(object);
}

/* A media or location message has no text; a button or list pick shows what was picked. */
static const char *read_body(twc_ctx_t *ctx, const twc_form_t *form)
{
    static const char *const picked[] = { "ButtonText", "ListTitle", NULL };
    const char *body = NULL;

    for (const char *const *n = body_names; *n && !body; n++)
        body = twc_form_text(ctx->pool, form, *n);
    if (body && *body)
        return body;
    body = first_of(ctx->pool, form, picked);
    return body ? body : "";
}

/* Twilio's own word for it, OptOutType, counts before what was written. */
static twc_keyword_e read_keyword(twc_ctx_t *ctx, const twc_form_t *form, twc_inbound_t *in)
{
    const char *said = twc_form_text(ctx->pool, form, "OptOutType");
    twc_keyword_e keyword = twc_keyword_of_opt_out_type(said);
    bool twilio = keyword != TWC_KEYWORD_NONE;

    if (!twilio)
        keyword = twc_keyword_of(in->body);
    if (keyword == TWC_KEYWORD_STOP || keyword == TWC_KEYWORD_START)
        in->wish = (twc_wish_t){ .source = twilio ? "opt-out-type" : "keyword", .evidence = twilio ? said : in->body,
                                 .service = twc_message_service(ctx, in->service_sid, in->to),
                                 .opted_out = keyword == TWC_KEYWORD_STOP };
    return keyword;
}

/* Who answers: flask-chat's automatic reply and bot afterwards, sms-store by TwiML at once, and
 * the words that carriers reserve are honoured on every interface. */
static void decide_answer(twc_ctx_t *ctx, const twc_form_t *form, twc_inbound_t *in)
{
    const char *interface = in->call->interface;
    bool reserved = read_keyword(ctx, form, in) != TWC_KEYWORD_NONE || twc_form_text(ctx->pool, form, "OptOutType");

    if (reserved || (strcmp(interface, "flask-chat") == 0 && twc_bot_engine(ctx->conf)))
        in->answer_arg = interface;
    else if (strcmp(interface, "flask-chat") == 0)
        in->answer_arg = TWC_ANSWER_IF_AUTO_REPLY;
    in->ack = strcmp(interface, "sms-store") == 0 && !reserved && ctx->conf->ack_text && *ctx->conf->ack_text
              && twc_phone_is_recipient(in->from);
}

/* Whoever has no name on WhatsApp is called by the number, which is none: pages write numbers in groups. */
static const char *read_profile_name(apr_pool_t *pool, const twc_form_t *form, const char *from)
{
    const char *name = optional_text(pool, form, profile_names, PROFILE_MAX);
    const char *number = name ? twc_phone_canonical(pool, name, true) : NULL;

    return number && strcmp(twc_phone_bare(number), twc_phone_bare(from)) == 0 ? NULL : name;
}

apr_status_t twc_inbound_read(twc_ctx_t *ctx, const twc_form_t *form, const twc_call_t *call,
                              twc_inbound_t **inbound)
{
    twc_inbound_t *in = apr_pcalloc(ctx->pool, sizeof(*in));
    const char *from, *to;

    TWC_TRY(require_short(ctx, form, from_names, ADDRESS_MAX, &from));
    TWC_TRY(require_short(ctx, form, to_names, ADDRESS_MAX, &to));
    TWC_TRY(require_word(ctx, form, sid_names, &in->sid));
    in->from = twc_phone_received(ctx->pool, from);     /* which knows what a blank at the beginning can mean */
    in->to = twc_phone_received(ctx->pool, to);
    in->account_sid = optional_sid(ctx->pool, form, "AccountSid");
    in->service_sid = optional_sid(ctx->pool, form, "MessagingServiceSid");
    in->profile_name = read_profile_name(ctx->pool, form, in->from);
    in->body = read_body(ctx, form);
    in->call = call;
    read_media(ctx, form, in);
    read_extra(ctx, form, in);
    decide_answer(ctx, form, in);
    *inbound = in;
    return APR_SUCCESS;
}

/* Error codes are numbers; "", "0" and anything else mean none. */
static int read_code(const char *text)
{
    char *end;
    long code = text ? strtol(text, &end, 10) : 0;

    return text && *text && *end == '\0' && code > 0 && code < 1000000 ? (int)code : 0;
}

/* Our id as it stands in the callback URL: 36 characters, hex and dashes, checked because SQL will cast it. */
static const char *read_uuid(apr_pool_t *pool, const char *text)
{
    if (!text || strlen(text) != 36)
        return NULL;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return NULL;
    }
    return apr_pstrdup(pool, text);
}

static const twc_form_t *query_of(apr_pool_t *pool, const char *url)
{
    static const twc_form_t none = { NULL, 0 };
    const twc_form_t *form = &none;
    const char *query = url ? strchr(url, '?') : NULL;

    if (query && twc_form_parse(pool, query + 1, strlen(query + 1), &form) != APR_SUCCESS)
        return &none;
    return form;
}

apr_status_t twc_inbound_read_status(twc_ctx_t *ctx, const twc_form_t *form, const twc_call_t *call,
                                     twc_status_t **status)
{
    static const char *const status_names[] = { "MessageStatus", "SmsStatus", NULL };
    static const char *const status_sids[] = { "MessageSid", "SmsSid", NULL };
    twc_status_t *st = apr_pcalloc(ctx->pool, sizeof(*st));
    const twc_form_t *query = query_of(ctx->pool, call->url);
    const char *word, *answer_to;
    char *lower;

    TWC_TRY(require_word(ctx, form, status_sids, &st->sid));
    TWC_TRY(require_word(ctx, form, status_names, &word));
    lower = apr_pstrdup(ctx->pool, word);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    st->status = lower;
    st->error_code = read_code(twc_form_text(ctx->pool, form, "ErrorCode"));
    st->error_message = optional_text(ctx->pool, form, reason_names, REASON_MAX);
    st->uuid = read_uuid(ctx->pool, twc_form_text(ctx->pool, query, "m"));
    answer_to = twc_form_text(ctx->pool, query, "r");
    st->reply_to = answer_to && strspn(answer_to, "0123456789") == strlen(answer_to) ? apr_atoi64(answer_to) : 0;
    st->call = call;
    *status = st;
    return APR_SUCCESS;
}
