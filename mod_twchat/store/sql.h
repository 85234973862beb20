/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sql.h - every statement of the program. Each store file exports the array of its
 * statements, ending with NULL, so that a test can prepare them all against the newest
 * schema; tests/unit/test_sql.c also notices a statement that is in no array.
 */
#ifndef TWC_STORE_SQL_H
#define TWC_STORE_SQL_H

#include "store/db.h"

extern const twc_sql_t *const twc_ahead_sql[];
extern const twc_sql_t *const twc_apikey_sql[];
extern const twc_sql_t *const twc_audit_sql[];
extern const twc_sql_t *const twc_consent_sql[];
extern const twc_sql_t *const twc_dispatch_sql[];
extern const twc_sql_t *const twc_entry_sql[];
extern const twc_sql_t *const twc_event_sql[];
extern const twc_sql_t *const twc_follow_sql[];
extern const twc_sql_t *const twc_idempotency_sql[];
extern const twc_sql_t *const twc_ingest_sql[];
extern const twc_sql_t *const twc_job_sql[];
extern const twc_sql_t *const twc_journal_sql[];
extern const twc_sql_t *const twc_list_sql[];
extern const twc_sql_t *const twc_media_sql[];
extern const twc_sql_t *const twc_message_sql[];
extern const twc_sql_t *const twc_migrate_sql[];
extern const twc_sql_t *const twc_outbox_sql[];
extern const twc_sql_t *const twc_recall_sql[];
extern const twc_sql_t *const twc_seen_sql[];
extern const twc_sql_t *const twc_setting_sql[];
extern const twc_sql_t *const twc_signin_sql[];
extern const twc_sql_t *const twc_thread_sql[];
extern const twc_sql_t *const twc_user_sql[];

/** All arrays, ending with NULL. */
extern const twc_sql_t *const *const twc_sql_all[];

#endif
