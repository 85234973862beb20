/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * bot.h - what answers a customer when no person does. An engine is a struct of
 * functions; a new one is a file of its own and a row in bot.c.
 */
#ifndef TWC_DOMAIN_BOT_H
#define TWC_DOMAIN_BOT_H

#include "twc.h"

/** One inbound message an engine may answer. */
typedef struct twc_turn_t {
    apr_int64_t message_id;
    apr_int64_t conv_id;
    const char *peer;                   /* canonical address of the customer */
    const char *ours;                   /* the address they wrote to */
    const char *body;                   /* "" for media without text */
    int num_media;
} twc_turn_t;

typedef struct twc_engine_t {
    const char *name;
    /**
     * @param text  out: the answer, at most 1600 UTF-16 units; NULL: nothing to say
     * @return APR_SUCCESS, or a failure after which the turn is tried again later
     */
    apr_status_t (*answer)(twc_ctx_t *ctx, const twc_turn_t *turn, const char **text);
} twc_engine_t;

/** The engine of the configured chat mode; NULL when it is off. */
const twc_engine_t *twc_bot_engine(const twc_conf_t *conf);

/** Is this a reserved word that the bot takes for a command of its own (HELP, START in keywords mode)? */
bool twc_bot_is_command(twc_ctx_t *ctx, const char *body);

#endif
