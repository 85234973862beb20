/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * flight.h - one sender thread's requests under way: slots on a curl multi handle,
 * each with a message, its request and what came back. The flight is one thread's, but for twc_flight_wake; a
 * slot that is not flying is whoever's who holds it.
 */
#ifndef TWC_WORK_FLIGHT_H
#define TWC_WORK_FLIGHT_H

#include "remote/http.h"
#include "store/outbox.h"
#include "twilio/client.h"

typedef struct twc_flight_t twc_flight_t;

typedef struct twc_slot_t {
    bool search;                        /* looks for a message in Twilio's list; else creates it. Never changes */
    twc_claim_t claim;                  /* copied into the slot */
    twc_since_t since;                  /* the owner's: the request is not written later than `within` after it, ... */
    apr_interval_time_t within;         /* ... which makes its outcome "not sent"; 0: whenever */
    twc_since_t asked;                  /* the owner's: when its recipient's consent was last looked up */
    twc_outcome_t outcome;              /* once landed */
    apr_array_header_t *found;          /* searches: const twc_remote_msg_t * read so far */
    const char *next_url;               /* searches: the page after the one that landed, or NULL */
    bool readable;                      /* searches: the page was a list */
    int pages;
    apr_uint64_t number;                /* its latest request's, counted as they start */
    twc_settle_t settle;                /* the owner's; its id is 0 until it says how the attempt ended */
    apr_pool_t *pool;                   /* of its own allocator; NULL until the slot was first filled */
    struct twc_slot_t *next;            /* in whatever queue it is */
    /* private */
    CURL *easy;
    bool ready;                         /* easy is set up for this kind of request */
    twc_http_answer_t answer;
} twc_slot_t;

/** A queue of slots; all zero it is empty. A slot is in one at a time. */
typedef struct twc_slots_t {
    twc_slot_t *first, *last;
    int count;
} twc_slots_t;

void twc_slots_add(twc_slots_t *slots, twc_slot_t *slot);
/** The first one, or NULL. */
twc_slot_t *twc_slots_take(twc_slots_t *slots);
/** All of `from`, behind what is in slots. */
void twc_slots_move(twc_slots_t *slots, twc_slots_t *from);

/** What a flight needs besides one for each request: an epoll, a bell, libcurl's own pair, and one for looking up names. */
#define TWC_FLIGHT_DESCRIPTORS 6

/**
 * @param pool      of the thread that will use it
 * @param creates   requests to create a message at once, at most
 * @param searches  searches at once, at most
 */
apr_status_t twc_flight_create(twc_flight_t **flight, apr_pool_t *pool, const twc_conf_t *conf, int creates, int searches);

/** Hand out all its slots: creates, searches. Once. */
void twc_flight_slots(const twc_flight_t *flight, twc_slots_t free[2]);

/** Requests of this kind under way. */
int twc_flight_flying(const twc_flight_t *flight, bool search);
/** Requests started so far. */
apr_uint64_t twc_flight_started(const twc_flight_t *flight);

/** Put a copy of claim into a slot that is empty. */
apr_status_t twc_slot_fill(twc_slot_t *slot, const twc_claim_t *claim);
void twc_slot_empty(twc_slot_t *slot);
/** Has `within` passed since `since`? */
bool twc_slot_is_late(const twc_slot_t *slot);

/** Start the slot's request: create the message, or read the first (or next) page of the list. */
apr_status_t twc_flight_start(twc_flight_t *flight, twc_slot_t *slot);

/**
 * Move everything on; wait up to `most` when nothing landed and nobody rang.
 * @return the slots that landed, with their outcome read
 */
twc_slots_t twc_flight_run(twc_flight_t *flight, apr_interval_time_t most);

/** Cut off whatever is under way; outcome.sent says whether Twilio may have it. */
twc_slots_t twc_flight_abort(twc_flight_t *flight);

/** End the wait of twc_flight_run; from any thread. */
void twc_flight_wake(twc_flight_t *flight);

/** The status callback URL of a message, with its id and what Twilio is to do when we do not answer; NULL: none. */
const char *twc_flight_callback(apr_pool_t *pool, const twc_conf_t *conf, const char *uuid);

#endif
