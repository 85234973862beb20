/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * error.h - Twilio's error numbers: what to do about each and what to tell people.
 * The numbers are data (a sorted table); unknown ones have a safe default.
 */
#ifndef TWC_TWILIO_ERROR_H
#define TWC_TWILIO_ERROR_H

#include "twc.h"

typedef enum {
    TWC_ERR_CONFIG,                     /* our account or sender is set up wrongly: final, alert */
    TWC_ERR_RECIPIENT,                  /* this recipient can never be reached on this channel */
    TWC_ERR_MESSAGE,                    /* this message can never be sent */
    TWC_ERR_FILTERED,                   /* content refused: final, do not repeat the text */
    TWC_ERR_OPT_OUT,                    /* final, and the pair is opted out */
    TWC_ERR_WINDOW,                     /* WhatsApp's 24-hour window: final, needs a template */
    TWC_ERR_THROTTLE,                   /* never processed: resend later, safe */
    TWC_ERR_RETRY,                      /* may be retried a few times, spaced */
    TWC_ERR_AMBIGUOUS                   /* nobody knows whether it was taken: reconcile first */
} twc_error_class_e;

/** What Twilio says of a recipient who has opted out, and we in its place. */
#define TWC_ERROR_OPTED_OUT 21610

typedef struct twc_error_info_t {
    int code;
    twc_error_class_e klass;
    const char *reason;                 /* "The recipient has opted out (STOP)." */
    const char *advice;                 /* "They must text START before you can write again." */
} twc_error_info_t;

/** Look up a number; never NULL: unknown codes get code 0 and a general reason by class of http_status. */
const twc_error_info_t *twc_error_info(int code, int http_status);

/** "config", "recipient", ... for JSON and logs. */
const char *twc_error_class_name(twc_error_class_e klass);

/** The table, for pages and docs: count entries sorted by code. */
const twc_error_info_t *twc_error_table(int *count);

#endif
