/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * sql.c - the list of the lists of statements.
 * Must never be needed to run one: it is there to be tested.
 * Called by tests/unit/test_sql.c.
 */
#include "store/sql.h"

const twc_sql_t *const *const twc_sql_all[] = {
    twc_ahead_sql, twc_apikey_sql, twc_audit_sql, twc_consent_sql, twc_dispatch_sql, twc_entry_sql, twc_event_sql, twc_follow_sql, twc_idempotency_sql, twc_ingest_sql, twc_job_sql, twc_journal_sql,
    twc_list_sql, twc_media_sql,
    twc_message_sql, twc_migrate_sql, twc_outbox_sql, twc_recall_sql, twc_seen_sql, twc_setting_sql, twc_signin_sql, twc_thread_sql,
    twc_user_sql,
    NULL
};
