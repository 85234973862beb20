/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * create.c - decides whether a message may be made. Numbers and words are those of
 * Twilio's error dictionary; where several rules are broken, the first one speaks.
 * Must never change the store.
 * Called by api_message.c.
 */
#include <string.h>

#include <apr_lib.h>

#include "create.h"
#include "fault.h"
#include "media.h"
#include "number.h"
#include "optout.h"
#include "twilio/segment.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"

#define VALIDITY_MAX_S 36000
#define SCHEDULE_MIN apr_time_from_sec(300)
#define SCHEDULE_MAX apr_time_from_sec(35 * 86400)
#define QUEUE_MAX apr_time_from_sec(10 * 3600)  /* of a sender's throughput */

static const sb_refusal_t FINE = { 0 };

static sb_refusal_t refuse(int code)
{
    return (sb_refusal_t){ .code = code };
}

static sb_refusal_t refuse_value(apr_pool_t *pool, int code, const char *format, const char *value)
{
    const char *marker = strstr(format, "%s");

    return (sb_refusal_t){ code, apr_pstrcat(pool, apr_pstrmemdup(pool, format, marker - format),
                                             twc_text_head(pool, value, 100), marker + 2, NULL) };
}

/* ---- test numbers ------------------------------------------------------------------- */

#define MAGIC "+1500555000"

static bool is_magic(const char *address)
{
    return !strncmp(address, MAGIC, strlen(MAGIC)) && strlen(address) == strlen(MAGIC) + 1;
}

static int magic_from(const char *from)
{
    switch (from[strlen(MAGIC)]) {
    case '6': return 0;
    case '1': return 21212;
    case '8': return 21611;
    default: return 21606;
    }
}

static int magic_to(const char *to)
{
    switch (to[strlen(MAGIC)]) {
    case '1': return 21211;
    case '2': return 21612;
    case '3': return 21408;
    case '4': return 21610;
    case '9': return 21614;
    default: return 0;
    }
}

/* ---- addresses ------------------------------------------------------------------------ */

static bool is_short_code(const char *s)
{
    apr_size_t len = strlen(s);

    return len >= 3 && len <= 6 && strspn(s, "0123456789") == len;
}

static sb_refusal_t read_to(sb_req_t *q, sb_draft_t *draft)
{
    const char *given = sb_req_field(q, "To");
    const char *to = given ? twc_phone_canonical(q->pool, given, true) : NULL;

    if (!given || twc_text_blank(given))
        return refuse(21604);
    if (is_short_code(given))
        return refuse(21265);
    if (!to || !twc_phone_is_recipient(to))
        return refuse_value(q->pool, 21211, "Invalid 'To' Phone Number: %s", given);
    draft->to = to;
    return is_magic(to) && magic_to(to) ? refuse(magic_to(to)) : FINE;
}

static bool in_pool(const sb_service_t *service, const char *address)
{
    for (int i = 0; i < service->addresses->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(service->addresses, i, const char *), address))
            return true;
    return false;
}

static sb_refusal_t read_service(sb_req_t *q, sb_draft_t *draft)
{
    const char *sid = sb_req_field(q, "MessagingServiceSid");
    const sb_service_t *service;

    if (!sid || !*sid)
        return FINE;
    service = sb_service_find(q->account, sid);
    if (!service)
        return refuse_value(q->pool, 21701, "The Messaging Service %s does not exist", sid);
    draft->service = service->sid;
    return FINE;
}

static bool same_channel(apr_pool_t *pool, const char *a, const char *b)
{
    return !strcmp(twc_phone_channel(pool, a), twc_phone_channel(pool, b));
}

/* A sender that is none of ours. Without configured numbers any well-formed sender will do. */
static sb_refusal_t unknown_sender(sb_req_t *q, const char *from)
{
    if (q->account->numbers->nelts == 0)
        return FINE;
    if (twc_phone_is_whatsapp(from))
        return refuse(63007);
    return refuse_value(q->pool, 21606, "The 'From' phone number provided (%s) is not a valid message-capable "
                        "Twilio phone number for this destination/account", from);
}

static sb_refusal_t check_from(sb_req_t *q, const sb_draft_t *draft)
{
    const char *from = draft->from;

    if (is_magic(from) && !sb_number_find(q->account, from))
        return refuse(magic_from(from));
    if (!strcmp(from, draft->to))
        return refuse(21266);
    if (!same_channel(q->pool, from, draft->to))
        return refuse(21910);
    if (draft->service && !in_pool(sb_service_find(q->account, draft->service), from))
        return refuse(21712);
    if (!sb_number_find(q->account, from))
        return unknown_sender(q, from);
    /* Names cannot be shown in the United States and Canada. */
    if (twc_phone_sender_kind(from) == TWC_SENDER_ALPHANUMERIC && !strncmp(draft->to, "+1", 2))
        return refuse(21612);
    return FINE;
}

/* 1 to 11 letters, digits and a few signs, at least one letter. */
static bool is_alphanumeric(const char *s)
{
    bool letter = false;

    if (strlen(s) > 11)
        return false;
    for (; *s; s++) {
        if (!apr_isalnum(*s) && !strchr(" +-_&", *s))
            return false;
        letter = letter || apr_isalpha(*s);
    }
    return letter;
}

static bool is_sender(const char *address)
{
    return twc_phone_is_recipient(address) || is_short_code(address) || is_alphanumeric(address);
}

static sb_refusal_t read_from(sb_req_t *q, sb_draft_t *draft)
{
    const char *given = sb_req_field(q, "From");
    sb_refusal_t refusal;

    if (!given || twc_text_blank(given))
        return draft->service ? FINE : refuse(21603);
    draft->from = twc_phone_canonical(q->pool, given, false);
    if (!draft->from || !is_sender(draft->from))
        return refuse_value(q->pool, 21212, "The 'From' number %s is not a valid phone number, shortcode, or "
                            "alphanumeric sender ID.", given);
    refusal = check_from(q, draft);
    /* The test sender: everything is checked, nothing is sent. */
    if (!refusal.code && is_magic(draft->from) && !sb_number_find(q->account, draft->from))
        draft->still = true;
    return refusal;
}

/* ---- content ----------------------------------------------------------------------------- */

static bool is_url(const char *s)
{
    const char *host = !strncmp(s, "http://", 7) ? s + 7 : !strncmp(s, "https://", 8) ? s + 8 : NULL;

    if (!host || !*host || strchr("/?#:", *host))
        return false;
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

static sb_refusal_t read_media(sb_req_t *q, sb_draft_t *draft, sb_media_t *media)
{
    int count = 0;

    for (int i = 0; i < q->form->count; i++) {
        const twc_pair_t *pair = &q->form->pairs[i];
        const char *url;

        if (strcmp(pair->name.data, "MediaUrl") || !pair->value.len)
            continue;
        url = twc_text_clean(q->pool, pair->value.data, pair->value.len);
        if (count == SB_MEDIA_MAX)
            return refuse(21623);
        if (!is_url(url))
            return refuse_value(q->pool, 21620, "Invalid media URL(s): %s", url);
        media[count] = (sb_media_t){ .url = (char *)(uintptr_t)url };
        media[count++].type = (char *)(uintptr_t)sb_media_guess(url);
    }
    draft->media = media;
    draft->num_media = count;
    return FINE;
}

static const sb_content_t *find_content(const sb_account_t *account, const char *sid)
{
    for (int i = 0; i < account->contents->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(account->contents, i, sb_content_t).sid, sid))
            return &APR_ARRAY_IDX(account->contents, i, sb_content_t);
    return NULL;
}

/* "Hello {{1}}" with {"1":"Ana"}; unknown names become empty. */
static const char *fill_in(apr_pool_t *pool, const char *text, const json_t *variables)
{
    const char *all = "", *open, *close;

    while ((open = strstr(text, "{{")) && (close = strstr(open, "}}"))) {
        const char *name = apr_pstrmemdup(pool, open + 2, close - open - 2);
        const char *value = json_string_value(json_object_get(variables, name));
        all = apr_pstrcat(pool, all, apr_pstrmemdup(pool, text, open - text), value ? value : "", NULL);
        text = close + 2;
    }
    return apr_pstrcat(pool, all, text, NULL);
}

static bool strings_only(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
        if (!json_is_string(value))
            return false;
    return json_is_object(object);
}

static sb_refusal_t read_content(sb_req_t *q, sb_draft_t *draft)
{
    const char *sid = sb_req_field(q, "ContentSid"), *given = sb_req_field(q, "ContentVariables");
    json_t *variables = given ? json_loads(given, JSON_REJECT_DUPLICATES, NULL) : json_object();
    bool right = strings_only(variables);
    const sb_content_t *content = sid ? find_content(q->account, sid) : NULL;

    if (right && content)
        draft->body = fill_in(q->pool, content->text, variables);
    json_decref(variables);
    if (!sid || !*sid)
        return given ? refuse(21654) : FINE;
    if (!right)
        return refuse(21656);
    if (!sb_sid_is(sid, "HX") || (!content && q->account->contents->nelts))
        return refuse(21655);
    draft->extra = apr_pstrcat(q->pool, "ContentSid=", sid, NULL);
    return FINE;
}

static sb_refusal_t read_body(sb_req_t *q, sb_draft_t *draft, sb_media_t *media)
{
    sb_refusal_t refusal = read_media(q, draft, media);
    const char *body = sb_req_field(q, "Body");

    if (refusal.code)
        return refusal;
    draft->body = body ? body : "";
    refusal = read_content(q, draft);
    if (refusal.code || draft->extra)
        return refusal;
    if (!*draft->body && !draft->num_media)
        return refuse(21602);
    return twc_text_utf16(draft->body) > TWC_BODY_MAX_UNITS ? refuse(21617) : FINE;
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* A host name must not hold an underscore. */
static bool callback_fits(const char *url)
{
    const char *host = strstr(url, "://");
    apr_size_t len = host ? strcspn(host + 3, "/?#") : 0;

    return is_url(url) && !memchr(host + 3, '_', len);
}

static sb_refusal_t read_callback(sb_req_t *q, sb_draft_t *draft)
{
    const char *url = sb_req_field(q, "StatusCallback");

    if (!url || !*url)
        return FINE;
    draft->callback = url;
    return callback_fits(url) ? FINE
        : refuse_value(q->pool, 21609, "The 'StatusCallback' URL %s is not a valid URL.", url);
}

static sb_refusal_t read_validity(sb_req_t *q, sb_draft_t *draft)
{
    const char *given = sb_req_field(q, "ValidityPeriod");
    char *end;
    apr_int64_t seconds;

    draft->validity_s = VALIDITY_MAX_S;
    if (!given || !*given)
        return FINE;
    seconds = apr_strtoi64(given, &end, 10);
    if (*end || seconds < 1 || seconds > VALIDITY_MAX_S)
        return refuse(21624);
    draft->validity_s = (int)seconds;
    return FINE;
}

static sb_refusal_t read_schedule(sb_req_t *q, sb_draft_t *draft)
{
    const char *type = sb_req_field(q, "ScheduleType"), *at = sb_req_field(q, "SendAt");
    apr_time_t now = apr_time_now();

    if ((!type || !*type) && (!at || !*at))
        return FINE;
    if (!draft->service)
        return refuse(35118);
    if (!at || !*at)
        return refuse(35111);
    if (twc_clock_parse_iso(at, &draft->send_at, NULL) != APR_SUCCESS
        || draft->send_at < now + SCHEDULE_MIN - APR_USEC_PER_SEC || draft->send_at > now + SCHEDULE_MAX)
        return refuse(35114);
    draft->status = SB_SCHEDULED;
    return FINE;
}

sb_refusal_t sb_create_read(sb_req_t *q, sb_draft_t *draft, sb_media_t *media)
{
    sb_refusal_t refusal;

    *draft = (sb_draft_t){ .account = q->account, .direction = SB_OUTBOUND_API, .status = SB_QUEUED };
    if ((refusal = read_to(q, draft)).code || (refusal = read_service(q, draft)).code
        || (refusal = read_from(q, draft)).code || (refusal = read_body(q, draft, media)).code
        || (refusal = read_callback(q, draft)).code || (refusal = read_validity(q, draft)).code
        || (refusal = read_schedule(q, draft)).code)
        return refusal;
    if (draft->service && draft->status == SB_QUEUED)
        draft->status = SB_ACCEPTED;
    return FINE;
}

sb_refusal_t sb_create_check(sb_box_t *box, const sb_draft_t *draft)
{
    const sb_number_t *number = draft->from ? sb_number_find(draft->account, draft->from) : NULL;
    const sb_service_t *service = draft->service ? sb_service_find(draft->account, draft->service) : NULL;
    int code = 0;

    if (draft->from)
        code = sb_optout_check(box, draft->account, draft->to, draft->from);
    for (int i = 0; !draft->from && !code && service && i < service->addresses->nelts; i++)
        code = sb_optout_check(box, draft->account, draft->to, APR_ARRAY_IDX(service->addresses, i, const char *));
    if (!code && number && box->faults->mps > 0 && number->next_slot - apr_time_now() > QUEUE_MAX)
        code = 21611;
    return refuse(code);
}
