/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * factor.h - the second factor of an account: codes by time (RFC 6238), and recovery codes for who lost the app.
 */
#ifndef TWC_DOMAIN_FACTOR_H
#define TWC_DOMAIN_FACTOR_H

#include "store/user.h"

/** The secret of somebody who has one, TWC_TOTP_BYTES in ctx->pool. APR_EACCES "no_secret": sealed under a key that is not configured */
apr_status_t twc_factor_secret(twc_ctx_t *ctx, const twc_user_t *user, const unsigned char **secret);

/**
 * A new secret, not asked for until confirmed. url: otpauth://...; text: base32.
 * @param password  its owner's; NULL does where they have none
 * @return APR_EACCES "no_secret" TwchatTokenSecret is missing, "password_wrong" | APR_EINVAL "password_missing" | APR_EEXIST "factor_on"
 *         | APR_EBUSY "too_many_attempts"
 */
apr_status_t twc_factor_begin(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char **text, const char **url);
/** Its owner types the first code. codes: out, TWC_RECOVERY_CODES of them, shown once. APR_EACCES "code_wrong" */
apr_status_t twc_factor_confirm(twc_ctx_t *ctx, apr_int64_t id, const char *code, const char *const **codes);
/** New recovery codes in place of all there were. password as above. @return APR_EEXIST "factor_off" | as twc_factor_begin's */
apr_status_t twc_factor_renew_codes(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char *const **codes);
/** Off again. Its owner proves to be it by password; administrators reset it with password NULL. */
apr_status_t twc_factor_off(twc_ctx_t *ctx, apr_int64_t id, const char *password);

#endif
