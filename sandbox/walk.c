/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * walk.c - moves outgoing messages from status to status as time passes.
 * Must never wait: it runs on the postman's thread with box->lock held.
 * Called by the postman; started for a message by the API and the replies.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_skiplist.h>

#include "event.h"
#include "fault.h"
#include "media.h"
#include "number.h"
#include "postman.h"
#include "state.h"
#include "walk.h"
#include "webhook.h"
#include "util/phone.h"

#define ROUND_MAX 2000                  /* steps per round, so that calls get their turn */
#define WINDOW apr_time_from_sec(24 * 3600)

typedef struct step_t {
    apr_time_t due;
    apr_uint64_t number;
    char sid[SB_SID_LEN + 1];
} step_t;

struct sb_walk_t {
    apr_skiplist *steps;
    apr_uint64_t number;
};

static int by_due(void *a, void *b)
{
    const step_t *one = a, *two = b;

    if (one->due != two->due)
        return one->due < two->due ? -1 : 1;
    return one->number < two->number ? -1 : one->number > two->number;
}

sb_walk_t *sb_walk_create(apr_pool_t *pool)
{
    sb_walk_t *walk = apr_pcalloc(pool, sizeof(*walk));

    apr_skiplist_init(&walk->steps, pool);
    apr_skiplist_set_compare(walk->steps, by_due, by_due);
    return walk;
}

static void plan(sb_box_t *box, const sb_msg_t *msg, apr_time_t due)
{
    step_t *step = malloc(sizeof(*step));

    if (!step)
        return;
    step->due = due;
    step->number = ++box->walk->number;
    memcpy(step->sid, msg->sid, sizeof(step->sid));
    apr_skiplist_insert(box->walk->steps, step);
    sb_postman_wake_by(box->postman, due);
}

/* A sender with a limited throughput hands its messages over one after the other. */
static apr_time_t slot(sb_box_t *box, const sb_msg_t *msg, apr_time_t earliest)
{
    sb_number_t *number = msg->from ? sb_number_find(msg->account, msg->from->addr) : NULL;

    if (!number || box->faults->mps <= 0)
        return earliest;
    if (number->next_slot < earliest)
        number->next_slot = earliest;
    earliest = number->next_slot;
    number->next_slot += (apr_interval_time_t)(APR_USEC_PER_SEC * msg->segments / box->faults->mps);
    return earliest;
}

void sb_walk_start(sb_box_t *box, sb_msg_t *msg)
{
    const sb_conf_t *conf = box->conf;
    apr_time_t now = apr_time_now();

    if (msg->still || (box->faults->no_walk && msg->status != SB_SCHEDULED))
        return;
    switch (msg->status) {
    case SB_SCHEDULED:
        plan(box, msg, msg->send_at);
        break;
    case SB_ACCEPTED:
        plan(box, msg, now + apr_time_from_msec(conf->queued_ms));
        break;
    case SB_QUEUED:
    case SB_SENDING:
        plan(box, msg, slot(box, msg, now + apr_time_from_msec(conf->sent_ms)));
        break;
    case SB_SENT:
        if (msg->fate != SB_SENT)
            plan(box, msg, now + apr_time_from_msec(conf->delivered_ms));
        break;
    case SB_DELIVERED:
        if (conf->read_ms && !strncmp(msg->to->addr, "whatsapp:", 9))
            plan(box, msg, now + apr_time_from_msec(conf->read_ms));
        break;
    default:
        break;
    }
}

void sb_walk_to(sb_box_t *box, sb_msg_t *msg, sb_status_e status, int error_code)
{
    sb_msg_set_status(msg, status, error_code, apr_time_now());
    sb_state_status(box->state, msg);
    sb_events_push(box->events, SB_EVENT_STATUS, msg->sid);
    sb_webhook_status(box, msg);
}

/* How it will end is drawn at the start, so that a seed repeats a run. */
static void draw_fate(sb_faults_t *faults, sb_draft_t *draft)
{
    draft->fate = SB_DELIVERED;
    if (faults->final == SB_DELIVERED || !sb_fault_draw(faults, SB_FAULT_FINAL))
        return;
    draft->fate = faults->final;
    if (faults->final == SB_UNDELIVERED || faults->final == SB_FAILED)
        draft->fate_code = faults->error_code ? faults->error_code : faults->final == SB_FAILED ? 30008 : 30003;
}

sb_msg_t *sb_walk_launch(sb_box_t *box, sb_draft_t *draft)
{
    sb_msg_t *msg;

    draw_fate(box->faults, draft);
    msg = sb_msg_add(box->store, draft);
    sb_state_message(box->state, msg);
    sb_events_push(box->events, SB_EVENT_MESSAGE, msg->sid);
    if (!msg->still)
        sb_media_fetch(box, msg);
    sb_walk_start(box, msg);
    return msg;
}

/* ---- what may stop a message on its way -------------------------------------------- */

/* The same recipient always gets the same sender of a pool, as at Twilio. */
static const char *pick_sender(const sb_msg_t *msg)
{
    const sb_service_t *service = sb_service_find(msg->account, msg->service);
    bool whatsapp = !strncmp(msg->to->addr, "whatsapp:", 9);
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned int start = apr_hashfunc_default(msg->to->addr, &len);

    for (int i = 0; service && i < service->addresses->nelts; i++) {
        const char *address = APR_ARRAY_IDX(service->addresses, (start + i) % service->addresses->nelts, const char *);
        if (!strncmp(address, "whatsapp:", 9) == whatsapp)
            return address;
    }
    return NULL;
}

static bool window_closed(sb_box_t *box, const sb_msg_t *msg, apr_time_t now)
{
    const sb_pair_t *pair;

    if (!box->faults->whatsapp_window || strncmp(msg->to->addr, "whatsapp:", 9) || msg->fate == SB_FAILED)
        return false;
    if (!strncmp(msg->extra, "ContentSid=", 11))
        return false;
    pair = sb_pair_find(box->store, msg->account, msg->to->addr, msg->from->addr, false);
    return !pair || !pair->last_inbound || now - pair->last_inbound > WINDOW;
}

static bool opted_out(sb_box_t *box, const sb_msg_t *msg)
{
    const sb_pair_t *pair = sb_pair_find(box->store, msg->account, msg->to->addr, msg->from->addr, false);

    return pair && pair->opted_out;
}

/* 0, or the error that keeps it from being sent. */
static int obstacle(sb_box_t *box, const sb_msg_t *msg, apr_time_t now)
{
    apr_time_t since = msg->send_at ? msg->send_at : msg->created;

    if (opted_out(box, msg))
        return twc_phone_sender_kind(msg->from->addr) == TWC_SENDER_TOLLFREE ? 30004 : 21610;
    if (window_closed(box, msg, now))
        return 63016;
    if (msg->validity_s && now - since > apr_time_from_sec(msg->validity_s))
        return 30036;
    return msg->fate == SB_FAILED ? msg->fate_code : 0;
}

/* ---- one step ------------------------------------------------------------------------- */

static void leave_queue(sb_box_t *box, sb_msg_t *msg, apr_time_t now)
{
    int error = obstacle(box, msg, now);

    sb_walk_to(box, msg, error ? SB_FAILED : SB_SENT, error);
}

static void enter_queue(sb_box_t *box, sb_msg_t *msg)
{
    const char *sender = msg->from ? NULL : pick_sender(msg);

    if (!msg->from && !sender) {
        sb_walk_to(box, msg, SB_FAILED, 21703);
        return;
    }
    if (sender)
        sb_msg_set_from(box->store, msg, sender);
    sb_walk_to(box, msg, SB_QUEUED, 0);
}

static void step(sb_box_t *box, sb_msg_t *msg, apr_time_t now)
{
    switch (msg->status) {
    case SB_SCHEDULED:
    case SB_ACCEPTED:
        enter_queue(box, msg);
        break;
    case SB_QUEUED:
    case SB_SENDING:
        leave_queue(box, msg, now);
        break;
    case SB_SENT:
        sb_walk_to(box, msg, msg->fate == SB_UNDELIVERED ? SB_UNDELIVERED : SB_DELIVERED,
                   msg->fate == SB_UNDELIVERED ? msg->fate_code : 0);
        break;
    case SB_DELIVERED:
        sb_walk_to(box, msg, SB_READ, 0);
        break;
    default:
        return;
    }
    sb_walk_start(box, msg);
}

static bool step_due(sb_box_t *box, apr_time_t now)
{
    step_t *next = apr_skiplist_peek(box->walk->steps);
    sb_msg_t *msg;

    if (!next || next->due > now)
        return false;
    apr_skiplist_pop(box->walk->steps, NULL);
    msg = sb_msg_find(box->store, NULL, next->sid);
    if (msg)
        step(box, msg, now);
    free(next);
    return true;
}

apr_time_t sb_walk_run(sb_box_t *box, apr_time_t now)
{
    const step_t *next;
    apr_time_t due;
    int done = 0;

    apr_thread_mutex_lock(box->lock);
    while (done < ROUND_MAX && step_due(box, now))
        done++;
    next = apr_skiplist_peek(box->walk->steps);
    due = next ? next->due : 0;
    apr_thread_mutex_unlock(box->lock);
    return due;
}
