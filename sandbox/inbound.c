/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * inbound.c - takes a customer's message in.
 * Must never wait: box->lock is held.
 * Called by the control resource for the page's handsets and for tests.
 */
#include <string.h>

#include "event.h"
#include "inbound.h"
#include "optout.h"
#include "state.h"
#include "util/form.h"
#include "util/phone.h"
#include "webhook.h"

/* Twilio's word for what a WhatsApp message holds. */
static const char *message_type(const sb_inbound_t *in, const twc_form_t *extra)
{
    const char *type = in->num_media ? in->media[0].type : "";

    if (twc_form_raw(extra, "ButtonText") || twc_form_raw(extra, "ButtonPayload"))
        return "button";
    if (twc_form_raw(extra, "ListId") || twc_form_raw(extra, "InteractiveData"))
        return "interactive";
    if (twc_form_raw(extra, "Latitude"))
        return "location";
    if (!in->num_media)
        return "text";
    if (!strcmp(type, "text/vcard"))
        return "contacts";
    if (!strncmp(type, "image/", 6))
        return strcmp(type, "image/webp") ? "image" : "sticker";
    if (!strncmp(type, "audio/", 6))
        return "audio";
    return strncmp(type, "video/", 6) ? "document" : "video";
}

static const char *append(apr_pool_t *pool, const char *encoded, const twc_form_t *known, const char *name,
                          const char *value)
{
    if (!*value || twc_form_raw(known, name))
        return encoded;
    return apr_pstrcat(pool, encoded, *encoded ? "&" : "", name, "=", twc_form_escape(pool, value), NULL);
}

/* A user who hides the number has no WaId. */
static const char *wa_id(apr_pool_t *pool, const char *address)
{
    const char *bare = twc_phone_bare(address);

    return twc_phone_is_e164(bare) ? bare + 1 : "";
}

static const char *channel_extras(sb_box_t *box, apr_pool_t *pool, const sb_inbound_t *in)
{
    const sb_peer_t *peer, *phone;
    const char *all = in->extra, *name = "";
    const twc_form_t *known;

    if (strncmp(in->from, "whatsapp:", 9) || twc_form_parse(pool, all, strlen(all), &known) != APR_SUCCESS)
        return all;
    peer = sb_peer_find(box->store, in->account, in->from, false);
    phone = sb_peer_find(box->store, in->account, twc_phone_bare(in->from), false);
    if (peer && *peer->name)
        name = peer->name;
    else if (phone)
        name = phone->name;
    all = append(pool, all, known, "ProfileName", *name ? name : twc_phone_bare(in->from));
    all = append(pool, all, known, "WaId", wa_id(pool, in->from));
    all = append(pool, all, known, "MessageType", message_type(in, known));
    return append(pool, all, known, "ChannelMetadata", "{\"type\":\"whatsapp\",\"data\":{\"context\":{}}}");
}

static void remember_writer(sb_box_t *box, const sb_msg_t *msg)
{
    sb_pair_t *pair = sb_pair_find(box->store, msg->account, msg->from->addr, msg->to->addr, true);

    pair->last_inbound = msg->created;
    sb_state_pair(box->state, msg->account, msg->from->addr, msg->to->addr, pair);
}

/* A repeated delivery is of the same message: same customer, same number. */
static bool is_repeat(const sb_inbound_t *in, const sb_msg_t *msg)
{
    return msg->direction == SB_INBOUND && msg->account == in->account && !strcmp(msg->from->addr, in->from)
        && !strcmp(msg->to->addr, in->to);
}

sb_msg_t *sb_inbound_take(sb_box_t *box, const sb_inbound_t *in, bool *called)
{
    sb_draft_t draft = { .account = in->account, .to = in->to, .from = in->from, .body = in->body, .sid = in->sid,
                         .direction = SB_INBOUND, .status = SB_RECEIVED, .media = in->media,
                         .num_media = in->num_media };
    const char *opt_out_type;
    apr_pool_t *pool;
    sb_msg_t *msg = in->sid ? sb_msg_find(box->store, NULL, in->sid) : NULL;

    *called = false;
    if ((msg && !is_repeat(in, msg)) || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return NULL;
    draft.extra = channel_extras(box, pool, in);
    if (!msg) {
        msg = sb_msg_add(box->store, &draft);
        sb_state_message(box->state, msg);
        sb_events_push(box->events, SB_EVENT_MESSAGE, msg->sid);
    }
    apr_pool_destroy(pool);
    remember_writer(box, msg);
    opt_out_type = sb_optout_apply(box, msg);
    *called = sb_webhook_inbound(box, msg, opt_out_type, in->base);
    msg->hook = *called ? SB_HOOK_CALLED : SB_HOOK_NONE;
    return msg;
}
