/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sender.h - the threads that send what is queued and find out what became of it.
 * Any number of children and hosts may run them on one database. docs/sending.md explains.
 */
#ifndef TWC_WORK_SENDER_H
#define TWC_WORK_SENDER_H

#include "work/thread.h"
#include "work/waiters.h"

typedef struct twc_sender_t twc_sender_t;

/**
 * Prepare conf->senders pairs of threads, with conf->in_flight requests each; starts nothing yet.
 * @param waiters  told when a message has left the queue
 * @param wake     called with TWC_WAKE_* after results were committed; from a ledger thread
 */
apr_status_t twc_sender_create(twc_sender_t **sender, apr_pool_t *pool, const twc_thread_env_t *env,
                               twc_waiters_t *waiters, void (*wake)(void *baton, unsigned what), void *wake_baton);

/** Before the start: send no messages but those (twc_outbox_claim). For a program beside a server, whose settings it does not know. */
void twc_sender_only(twc_sender_t *sender, apr_int64_t cli);

/** How many connections its threads may hold at once. */
int twc_sender_descriptors(const twc_conf_t *conf);

apr_status_t twc_sender_start(twc_sender_t *sender);

/** Something was queued: look now. From any thread, also before the start and after the end. */
void twc_sender_wake(twc_sender_t *sender);

/**
 * Take nothing new; returns at once. Requests under way get two and a half seconds, then they are cut off
 * and left to be looked for.
 */
void twc_sender_stop(twc_sender_t *sender);

/** Wait for the threads until deadline. */
void twc_sender_join(twc_sender_t *sender, apr_time_t deadline);

#endif
