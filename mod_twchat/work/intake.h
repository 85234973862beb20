/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * intake.h - a call of Twilio's made durable: in the database together with others that came at the same
 * time, else in the spool.
 */
#ifndef TWC_WORK_INTAKE_H
#define TWC_WORK_INTAKE_H

#include "store/ingest.h"
#include "work/thread.h"

typedef struct twc_intake_t twc_intake_t;

/** @param wake  told what replayed calls ask the other threads to look at */
apr_status_t twc_intake_create(twc_intake_t **intake, apr_pool_t *pool, const twc_thread_env_t *env,
                               void (*wake)(void *baton, unsigned what), void *wake_baton);

/** The database's schema is right: calls go there from now on, and the spool is replayed. */
apr_status_t twc_intake_start(twc_intake_t *intake);

/** NULL when there is none. */
twc_thread_t *twc_intake_thread(twc_intake_t *intake);

/** Can calls be taken before twc_intake_start? */
bool twc_intake_has_spool(const twc_intake_t *intake);

/**
 * Take one in; sets the item's result, `spooled` alone when it is safe on the disk and nothing else is known yet.
 * @return APR_SUCCESS: it is safe | as twc_db_run, when there is no spool or that cannot take it either
 */
apr_status_t twc_intake_message(twc_intake_t *intake, twc_ctx_t *ctx, twc_inbound_t *item);
apr_status_t twc_intake_status(twc_intake_t *intake, twc_ctx_t *ctx, twc_status_t *item);

#endif
