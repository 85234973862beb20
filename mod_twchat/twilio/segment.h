/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * segment.h - how many SMS segments a text takes (GSM 03.38 and UCS-2).
 * htdocs/assets/js/segment.js answers the same for the page; tests/data/segments.tsv holds both to it.
 */
#ifndef TWC_TWILIO_SEGMENT_H
#define TWC_TWILIO_SEGMENT_H

#include "twc.h"

#define TWC_BODY_MAX_UNITS 1600         /* UTF-16 units Twilio takes in one message */

typedef struct twc_segments_t {
    bool gsm;                           /* GSM-7, else UCS-2 */
    int units;                          /* septets (escapes count two) or UTF-16 units */
    int segments;                       /* parts; an empty text counts one */
    int per_segment;                    /* 160, 153, 70 or 67 */
} twc_segments_t;

/** Count; a septet escape or a surrogate pair is never split across parts. text: well-formed UTF-8. */
twc_segments_t twc_segments_count(const char *text);

#endif
