/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * errors.h - Twilio's words for the error numbers the sandbox can give.
 */
#ifndef SB_ERRORS_H
#define SB_ERRORS_H

/** A sentence for the number; a general one for numbers not listed. */
const char *sb_error_text(int code);

#endif
