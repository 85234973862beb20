/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * thread.h - a background thread with its own allocator, a bed to sleep on and a
 * join that does not wait for ever.
 */
#ifndef TWC_WORK_THREAD_H
#define TWC_WORK_THREAD_H

#include "twc.h"

/* httpd's numbers (APLOG_*), so that the module passes them on as they are. */
enum { TWC_LOG_ERR = 3, TWC_LOG_WARNING = 4, TWC_LOG_INFO = 6, TWC_LOG_DEBUG = 7 };

/** How a thread tells people something. tag: "TWC2301". */
typedef void (*twc_log_fn)(void *baton, int level, apr_status_t rv, const char *tag, const char *text);

/** What every thread of a tenant works with. */
typedef struct twc_thread_env_t {
    const twc_conf_t *conf;
    twc_db_t *db;
    twc_log_fn log;
    void *log_baton;
} twc_thread_env_t;

typedef struct twc_thread_t twc_thread_t;

/** A pool of its own allocator, for memory that one thread owns at a time. */
apr_status_t twc_thread_pool(apr_pool_t **pool);

/**
 * Prepare a thread that is to run main(thread, baton) until it returns. From now on anybody may wake, stop and join it,
 * whether it has been started or not.
 * @param pool  must outlive the thread
 */
apr_status_t twc_thread_create(twc_thread_t **thread, apr_pool_t *pool, const char *name,
                               void (*main)(twc_thread_t *thread, void *baton), void *baton);
/** Start it; does nothing when it was started before. Who was told to stop already sees that at once. */
apr_status_t twc_thread_start(twc_thread_t *thread);

/** Flag and wake; returns at once, from any thread. NULL is fine. */
void twc_thread_stop(twc_thread_t *thread);
/** Wake it from twc_thread_sleep. NULL is fine. */
void twc_thread_wake(twc_thread_t *thread);
/** Wait for its end until deadline; by one thread. @return true when it has ended, or never began, and was joined */
bool twc_thread_join(twc_thread_t *thread, apr_time_t deadline);
const char *twc_thread_name(const twc_thread_t *thread);

/* On the thread itself: */
bool twc_thread_stopping(twc_thread_t *thread);
/** Sleep until woken, stopped, or `most` has passed. A wake that came before counts. */
void twc_thread_sleep(twc_thread_t *thread, apr_interval_time_t most);
/** Scratch pool of the thread: cleared by its loop once per round. */
apr_pool_t *twc_thread_scratch(twc_thread_t *thread);

/** Tell: format, then ": " and the problem of ctx (detail and internal) when there is one. ctx may be NULL. */
void twc_thread_log(const twc_thread_env_t *env, int level, const twc_ctx_t *ctx, const char *tag,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
