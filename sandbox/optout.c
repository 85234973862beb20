/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * optout.c - Twilio's default keyword handling.
 * Must never keep the webhook from being called: the application hears of every word.
 * Called by inbound.c and by the create rules.
 */
#include <string.h>

#include "event.h"
#include "optout.h"
#include "state.h"
#include "util/phone.h"
#include "util/text.h"
#include "walk.h"

static const struct { const char *word, *type; } WORDS[] = {
    { "STOP", "STOP" }, { "STOPALL", "STOP" }, { "UNSUBSCRIBE", "STOP" }, { "CANCEL", "STOP" }, { "END", "STOP" },
    { "QUIT", "STOP" }, { "REVOKE", "STOP" }, { "OPTOUT", "STOP" }, { "START", "START" }, { "YES", "START" },
    { "UNSTOP", "START" }, { "HELP", "HELP" }, { "INFO", "HELP" }
};

static const char STOPPED[] = "You have successfully been unsubscribed. You will not receive any more messages from "
                              "this number. Reply START to resubscribe.";
static const char STARTED[] = "You have successfully been re-subscribed to messages from this number. Reply HELP for "
                              "help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.";
static const char HELPED[] = "Reply STOP to unsubscribe. Msg&Data Rates May Apply.";

const char *sb_optout_word(const char *text, bool tollfree)
{
    apr_size_t start = strspn(text, " \t\r\n"), len = strlen(text + start);

    while (len && strchr(" \t\r\n", text[start + len - 1]))
        len--;
    for (apr_size_t i = 0; i < sizeof(WORDS) / sizeof(*WORDS); i++)
        if (strlen(WORDS[i].word) == len && !strncasecmp(text + start, WORDS[i].word, len))
            return tollfree && !strcmp(WORDS[i].word, "YES") ? NULL : WORDS[i].type;
    return NULL;
}

static bool handled_by_default(const char *number)
{
    switch (twc_phone_sender_kind(number)) {
    case TWC_SENDER_LONGCODE_US:
    case TWC_SENDER_LONGCODE:
    case TWC_SENDER_TOLLFREE:
        return true;
    default:
        return false;
    }
}

static void mark(sb_box_t *box, sb_msg_t *msg, const char *number, bool out)
{
    sb_pair_t *pair = sb_pair_find(box->store, msg->account, msg->from->addr, number, true);

    pair->opted_out = out;
    sb_state_pair(box->state, msg->account, msg->from->addr, number, pair);
}

/* STOP to one number of a service covers the service. */
static void mark_all(sb_box_t *box, sb_msg_t *msg, const sb_service_t *service, bool out)
{
    mark(box, msg, msg->to->addr, out);
    for (int i = 0; service && i < service->addresses->nelts; i++)
        mark(box, msg, APR_ARRAY_IDX(service->addresses, i, const char *), out);
}

/* Twilio's own texts reach the handset, but stand in no message list. */
static void confirm(sb_box_t *box, const sb_msg_t *msg, const char *text)
{
    sb_draft_t draft = { .account = msg->account, .to = msg->from->addr, .from = msg->to->addr, .body = text,
                         .direction = SB_OUTBOUND_REPLY, .status = SB_DELIVERED, .hidden = true, .still = true };
    const sb_msg_t *added = sb_msg_add(box->store, &draft);

    sb_state_message(box->state, added);
    sb_events_push(box->events, SB_EVENT_MESSAGE, added->sid);
}

const char *sb_optout_apply(sb_box_t *box, sb_msg_t *msg)
{
    const sb_service_t *service = sb_service_of(msg->account, msg->to->addr);
    bool advanced = service && service->advanced_opt_out;
    const sb_pair_t *pair = sb_pair_find(box->store, msg->account, msg->from->addr, msg->to->addr, true);
    bool was_out = pair->opted_out;
    const char *type;

    if (!advanced && !handled_by_default(msg->to->addr))
        return NULL;
    type = sb_optout_word(msg->body, twc_phone_sender_kind(msg->to->addr) == TWC_SENDER_TOLLFREE);
    if (!type)
        return NULL;
    if (!strcmp(type, "HELP")) {
        if (!was_out)
            confirm(box, msg, HELPED);
    }
    else if (was_out != !strcmp(type, "STOP")) {
        mark_all(box, msg, service, !was_out);
        confirm(box, msg, was_out ? STARTED : STOPPED);
    }
    return advanced ? type : NULL;
}

int sb_optout_check(sb_box_t *box, sb_account_t *account, const char *to, const char *from)
{
    const sb_service_t *service = sb_service_of(account, from);
    const sb_pair_t *pair = sb_pair_find(box->store, account, to, from, false);

    if (!pair || !pair->opted_out || (service && service->advanced_opt_out))
        return 0;
    /* The toll-free network blocks on its own, later: the walk fails those. */
    return twc_phone_sender_kind(from) == TWC_SENDER_TOLLFREE ? 0 : 21610;
}
