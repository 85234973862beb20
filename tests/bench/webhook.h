/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.h - a signed inbound-message webhook as Twilio sends it, and the way to the server that
 * takes it. For the programs of ./bench.
 */
#ifndef TWC_BENCH_WEBHOOK_H
#define TWC_BENCH_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_pools.h>

#define BENCH_REQUEST_MAX 4096
#define BENCH_SID_LEN 34

typedef struct bench_target_t {
    const char *url;                    /* http://127.0.0.1:PORT/path, as signed */
    char host[64], path[512];
    int port;
} bench_target_t;

/** False unless url is http://127.x.x.x:PORT/PATH: nothing here may be pointed at other people. */
bool bench_target_parse(bench_target_t *target, const char *url);

/** A connected socket that does not block; ends the program when there is nobody. */
int bench_connect(const bench_target_t *target);

typedef struct bench_webhook_t {
    const bench_target_t *target;
    const char *token, *account;
    const char *from;                   /* percent-encoded */
    const char *sid;                    /* BENCH_SID_LEN characters */
    const char *body;                   /* percent-encoded */
} bench_webhook_t;

/** Write a whole request, nineteen parameters and a signature, to out; its length. */
size_t bench_webhook_compose(const bench_webhook_t *webhook, char out[BENCH_REQUEST_MAX], apr_pool_t *scratch);

/** Seconds of a clock that only goes forward. */
double bench_now(void);

/** The p-th of count values in ascending order, in milliseconds; 0 when there is none. */
double bench_percentile(double *seconds, size_t count, double p);

/** Say what failed, with errno, and end the program. */
void bench_die(const char *what) __attribute__((noreturn));

#endif
