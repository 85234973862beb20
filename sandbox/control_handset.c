/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * control_handset.c - the customers' side: writing in, reading, being shown on the page.
 * Must never hold box->lock while it waits for events.
 * Called by the dispatcher in control.c.
 */
#include <string.h>

#include <apr_base64.h>

#include "api.h"
#include "control.h"
#include "errors.h"
#include "event.h"
#include "inbound.h"
#include "number.h"
#include "state.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"
#include "walk.h"

#define HANDSETS_MAX 500
#define MESSAGES_MAX 1000
#define EVENTS_MAX 500
#define WAIT_MAX_S 25

static void refuse(sb_req_t *q, const char *why)
{
    sb_reply_json(q, HTTP_BAD_REQUEST, json_pack("{s:s}", "error", why));
}

/* ---- writing in ------------------------------------------------------------------------ */

static const char *const OWN_FIELDS[] = { "From", "To", "Body", "MediaUrl", "MediaContentType", "MessageSid",
                                          "AccountSid" };

static bool is_own(const char *name)
{
    for (apr_size_t i = 0; i < sizeof(OWN_FIELDS) / sizeof(*OWN_FIELDS); i++)
        if (!strcmp(OWN_FIELDS[i], name))
            return true;
    return false;
}

static const char *encode_extra(sb_req_t *q)
{
    const char *all = "";

    for (int i = 0; i < q->form->count; i++) {
        const twc_pair_t *pair = &q->form->pairs[i];
        if (!is_own(pair->name.data))
            all = apr_pstrcat(q->pool, all, *all ? "&" : "", twc_form_escape(q->pool, pair->name.data), "=",
                              twc_form_escape(q->pool, pair->value.data), NULL);
    }
    return all;
}

/* The n-th value of a repeated field, or NULL. */
static const char *nth(const sb_req_t *q, const char *name, int n)
{
    for (int i = 0; i < q->form->count; i++) {
        const twc_pair_t *pair = &q->form->pairs[i];
        if (!strcmp(pair->name.data, name) && n-- == 0)
            return twc_text_clean(q->pool, pair->value.data, pair->value.len);
    }
    return NULL;
}

/* Linked attachments are told on as they are, even to places Twilio would never name: tests need that. */
static int read_links(sb_req_t *q, sb_media_t *media)
{
    const char *url, *type;
    int count = 0;

    while (count < SB_MEDIA_MAX && (url = nth(q, "MediaUrl", count))) {
        type = nth(q, "MediaContentType", count);
        media[count] = (sb_media_t){ .url = (char *)(uintptr_t)url };
        media[count++].type = (char *)(uintptr_t)(type ? type : "image/jpeg");
    }
    return count;
}

/* "Media": [{"ContentType": "image/png", "Data": base64}]; these the sandbox keeps and serves. */
static int read_uploads(sb_req_t *q, const json_t *list, sb_media_t *media, int count)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item) {
        const char *data = json_string_value(json_object_get(item, "Data"));
        const char *type = json_string_value(json_object_get(item, "ContentType"));
        sb_media_t *one = &media[count];

        if (!data || !type || count == SB_MEDIA_MAX)
            continue;
        *one = (sb_media_t){ .url = (char *)(uintptr_t)"", .type = apr_pstrdup(q->pool, type) };
        one->bytes = apr_palloc(q->pool, apr_base64_decode_len(data) + 1);
        one->len = apr_base64_decode_binary((unsigned char *)one->bytes, data);
        count++;
    }
    return count;
}

/* The account that owns the number; AccountSid decides where two own it. */
static sb_account_t *owner_of(sb_req_t *q, const char *to)
{
    const char *sid = sb_req_field(q, "AccountSid");

    for (int i = 0; i < q->box->conf->accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(q->box->conf->accounts, i, sb_account_t *);
        if (sb_number_find(account, to) && (!sid || !strcmp(account->sid, sid)))
            return account;
    }
    return NULL;
}

static const char *check_inbound(sb_req_t *q, sb_inbound_t *in)
{
    const char *from = sb_req_field(q, "From"), *to = sb_req_field(q, "To");

    in->from = from ? twc_phone_received(q->pool, from) : NULL;
    in->to = to ? twc_phone_canonical(q->pool, to, true) : NULL;
    if (!in->from || !*in->from || strlen(in->from) > 100)
        return "From is needed: the customer's address";
    if (!in->to || !(in->account = owner_of(q, in->to)))
        return "To must be a number of a configured account";
    if (strcmp(twc_phone_channel(q->pool, in->from), twc_phone_channel(q->pool, in->to)))
        return "From and To must be of the same channel";
    if (twc_text_chars(in->body) > 16000)
        return "Body is too long";
    if (in->sid && !sb_sid_is(in->sid, "SM") && !sb_sid_is(in->sid, "MM"))
        return "MessageSid must be SM or MM and 32 hex digits";
    return NULL;
}

void sb_control_inbound(sb_req_t *q)
{
    sb_media_t media[SB_MEDIA_MAX];
    json_t *object = sb_control_json(q), *answer = NULL;
    const char *body = sb_req_field(q, "Body"), *why;
    sb_inbound_t in = { .body = body ? body : "", .media = media, .sid = sb_req_field(q, "MessageSid"),
                        .extra = encode_extra(q), .base = sb_control_base(q->r, q->box) };
    const sb_msg_t *msg;
    bool called;

    in.num_media = read_uploads(q, json_object_get(object, "Media"), media, read_links(q, media));
    json_decref(object);
    if ((why = check_inbound(q, &in))) {
        refuse(q, why);
        return;
    }
    apr_thread_mutex_lock(q->box->lock);
    msg = sb_inbound_take(q->box, &in, &called);
    answer = msg ? json_pack("{s:s}", "sid", msg->sid) : NULL;
    apr_thread_mutex_unlock(q->box->lock);
    if (!answer) {
        refuse(q, "MessageSid is another message's");
        return;
    }
    json_object_set_new(answer, "account_sid", json_string(in.account->sid));
    json_object_set_new(answer, "webhook", json_boolean(called));
    sb_reply_json(q, HTTP_CREATED, answer);
}

/* ---- what a handset shows ------------------------------------------------------------------ */

static json_t *pictures(apr_pool_t *pool, const sb_msg_t *msg)
{
    json_t *list = json_array();

    for (int i = 0; i < msg->num_media; i++) {
        const sb_media_t *media = &msg->media[i];
        if (!media->deleted)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:s}", "sid", media->sid, "type", media->type,
                                                  "url", apr_pstrcat(pool, "/sandbox/media/", media->sid, NULL),
                                                  "ready", media->bytes != NULL, "source", media->url));
    }
    return list;
}

/* Channel parameters that came with an inbound message, decoded. */
static json_t *extras(apr_pool_t *pool, const sb_msg_t *msg)
{
    json_t *object = json_object();
    const twc_form_t *form;

    if (twc_form_parse(pool, msg->extra, strlen(msg->extra), &form) != APR_SUCCESS)
        return object;
    for (int i = 0; i < form->count; i++)
        json_object_set_new(object, twc_text_clean(pool, form->pairs[i].name.data, form->pairs[i].name.len),
                            json_string(twc_text_clean(pool, form->pairs[i].value.data, form->pairs[i].value.len)));
    return object;
}

static json_t *message_json(apr_pool_t *pool, const sb_msg_t *msg)
{
    static const char *const hooks[] = { "none", "called", "taken", "failed" };
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:b}", "sid", msg->sid,
                               "account_sid", msg->account->sid, "to", msg->to->addr,
                               "from", msg->from ? msg->from->addr : "", "body", msg->body,
                               "status", sb_status_name(msg->status), "direction", sb_direction_name(msg->direction),
                               "segments", msg->segments, "error_code", msg->error_code, "carrier", msg->hidden);

    json_object_set_new(object, "webhook", json_string(hooks[msg->hook]));
    json_object_set_new(object, "webhook_error", json_integer(msg->hook_error));
    json_object_set_new(object, "seq", json_integer((json_int_t)msg->seq));
    json_object_set_new(object, "error", msg->error_code ? json_string(sb_error_text(msg->error_code)) : json_null());
    json_object_set_new(object, "created", json_string(twc_clock_iso_ms(pool, msg->created)));
    json_object_set_new(object, "updated", json_string(twc_clock_iso_ms(pool, msg->updated)));
    json_object_set_new(object, "media", pictures(pool, msg));
    json_object_set_new(object, "extra", extras(pool, msg));
    return object;
}

static bool is_customer(const sb_account_t *account, const sb_peer_t *peer)
{
    return !sb_number_find(account, peer->addr);
}

static void add_opt_out(void *list, sb_account_t *account, const char *customer, const char *sender,
                        const sb_pair_t *pair)
{
    if (pair->opted_out)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "account_sid", account->sid, "handset", customer,
                                              "number", sender));
}

static void add_handsets(sb_req_t *q, sb_account_t *account, json_t *list)
{
    int count = 0;

    for (const sb_peer_t *peer = sb_peer_newest(account); peer && count < HANDSETS_MAX; peer = peer->older) {
        const sb_msg_t *last = sb_peer_last(peer);
        json_t *object;

        if (!is_customer(account, peer))
            continue;
        object = json_pack("{s:s, s:s, s:s, s:s}", "account_sid", account->sid, "address", peer->addr,
                           "name", peer->name, "channel", twc_phone_channel(q->pool, peer->addr));
        json_object_set_new(object, "last", last ? message_json(q->pool, last) : json_null());
        json_array_append_new(list, object);
        count++;
    }
}

void sb_control_handsets(sb_req_t *q)
{
    json_t *handsets = json_array(), *numbers = json_array(), *opt_outs = json_array();
    sb_event_t none;
    apr_uint64_t last;
    bool lost;

    sb_events_read(q->box->events, 0, 0, &none, 0, &last, &lost);
    apr_thread_mutex_lock(q->box->lock);
    for (int i = 0; i < q->box->conf->accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(q->box->conf->accounts, i, sb_account_t *);
        add_handsets(q, account, handsets);
        sb_pair_each(q->box->store, account, add_opt_out, opt_outs);
        sb_control_add_numbers(account, numbers);
    }
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json_pack("{s:o, s:o, s:o, s:I}", "handsets", handsets, "numbers", numbers,
                                        "opt_outs", opt_outs, "event", (json_int_t)last));
}

/* The account a query means; without a word, the first that knows the address, else the first. */
static sb_account_t *account_for(sb_req_t *q, const char *address)
{
    const char *sid = sb_req_query(q, "account");
    const apr_array_header_t *accounts = q->box->conf->accounts;

    if (sid)
        return sb_account_find(q->box->conf, sid);
    for (int i = 0; i < accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(accounts, i, sb_account_t *);
        if (sb_peer_find(q->box->store, account, address, false))
            return account;
    }
    return accounts->nelts ? APR_ARRAY_IDX(accounts, 0, sb_account_t *) : NULL;
}

void sb_control_handset_add(sb_req_t *q)
{
    json_t *object = sb_control_json(q);
    const char *given = sb_req_field(q, "Number"), *name = sb_req_field(q, "Name");
    const char *number = given ? twc_phone_canonical(q->pool, given, true) : NULL;
    sb_account_t *account;

    json_decref(object);
    if (!number || !twc_phone_is_recipient(number)) {
        refuse(q, "Number is needed, written +15550123");
        return;
    }
    apr_thread_mutex_lock(q->box->lock);
    account = account_for(q, number);
    if (account) {
        sb_peer_t *peer = sb_peer_find(q->box->store, account, number, true);
        sb_peer_pin(peer, name ? name : "");
        sb_state_handset(q->box->state, account, peer);
    }
    apr_thread_mutex_unlock(q->box->lock);
    sb_events_push(q->box->events, SB_EVENT_RESET, "");
    sb_reply_json(q, HTTP_CREATED, json_pack("{s:s, s:s}", "address", number, "name", name ? name : ""));
}

void sb_control_messages(sb_req_t *q)
{
    const char *address = twc_phone_canonical(q->pool, q->args[0], true);
    sb_query_t query = { .to = address ? address : q->args[0], .handset = true };
    sb_msg_t **found;
    json_t *list = json_array();
    int count;

    query.below = (apr_uint64_t)sb_req_number(q, "before", 1, APR_INT64_MAX, 0);
    query.limit = (int)sb_req_number(q, "limit", 1, MESSAGES_MAX, 100);
    found = apr_palloc(q->pool, sizeof(*found) * query.limit);
    apr_thread_mutex_lock(q->box->lock);
    count = sb_msg_query(q->box->store, account_for(q, query.to), &query, found);
    while (count--)
        json_array_append_new(list, message_json(q->pool, found[count]));
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json_pack("{s:o}", "messages", list));
}

/* The customer looks at the chat: WhatsApp tells the sender. */
void sb_control_read(sb_req_t *q)
{
    const char *address = twc_phone_canonical(q->pool, q->args[0], true);
    sb_query_t query = { .to = address ? address : q->args[0], .handset = true, .limit = 100 };
    sb_msg_t *found[100];
    int count, marked = 0;

    apr_thread_mutex_lock(q->box->lock);
    count = sb_msg_query(q->box->store, account_for(q, query.to), &query, found);
    while (!strncmp(query.to, "whatsapp:", 9) && count-- > 0) {
        sb_msg_t *msg = found[count];
        if (msg->direction == SB_INBOUND || msg->status != SB_DELIVERED)
            continue;
        sb_walk_to(q->box, msg, SB_READ, 0);
        marked++;
    }
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json_pack("{s:i}", "read", marked));
}

/* ---- looking on --------------------------------------------------------------------------- */

static json_t *event_json(sb_req_t *q, const sb_event_t *event)
{
    static const char *const names[] = { "message", "status", "media", "deleted", "reset" };
    const sb_msg_t *msg = *event->sid ? sb_msg_find(q->box->store, NULL, event->sid) : NULL;

    return json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)event->id, "type", names[event->type],
                     "sid", event->sid, "message", msg ? message_json(q->pool, msg) : json_null());
}

void sb_control_events(sb_req_t *q)
{
    apr_uint64_t after = (apr_uint64_t)sb_req_number(q, "after", 0, APR_INT64_MAX, 0), last;
    apr_interval_time_t wait = apr_time_from_sec(sb_req_number(q, "wait", 0, WAIT_MAX_S, 0));
    sb_event_t *events = apr_palloc(q->pool, sizeof(*events) * EVENTS_MAX);
    json_t *list = json_array();
    bool lost;
    int count = sb_events_read(q->box->events, after, wait, events, EVENTS_MAX, &last, &lost);

    apr_thread_mutex_lock(q->box->lock);
    for (int i = 0; i < count; i++)
        json_array_append_new(list, event_json(q, &events[i]));
    apr_thread_mutex_unlock(q->box->lock);
    sb_reply_json(q, HTTP_OK, json_pack("{s:I, s:b, s:o}", "last", (json_int_t)last, "lost", lost, "events", list));
}

/* What may be shown in the page; anything else is only for saving. */
static bool is_harmless(const char *type)
{
    return (!strncmp(type, "image/", 6) && strncmp(type, "image/svg", 9)) || !strncmp(type, "audio/", 6)
        || !strncmp(type, "video/", 6);
}

void sb_control_media(sb_req_t *q)
{
    const sb_media_t *media;
    const char *type = NULL, *bytes = NULL;
    apr_size_t len = 0;

    apr_thread_mutex_lock(q->box->lock);
    media = sb_media_find(q->box->store, q->args[0], NULL);
    if (media && media->bytes) {
        type = apr_pstrdup(q->pool, media->type);
        len = media->len;
        bytes = apr_pmemdup(q->pool, media->bytes, len);
    }
    apr_thread_mutex_unlock(q->box->lock);
    if (!bytes) {
        sb_reply_json(q, HTTP_NOT_FOUND, json_pack("{s:s}", "error", "no such attachment, or not fetched"));
        return;
    }
    if (!is_harmless(type))
        apr_table_setn(q->r->headers_out, "Content-Disposition", "attachment");
    sb_reply_bytes(q, type, bytes, len);
}
