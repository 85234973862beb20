/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * totp.h - codes of authenticator apps (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits), recovery codes, and
 * the seal under which a secret is kept.
 */
#ifndef TWC_UTIL_TOTP_H
#define TWC_UTIL_TOTP_H

#include "twc.h"

#define TWC_TOTP_BYTES 20               /* of a secret */
#define TWC_RECOVERY_CODES 10

/** A new secret, and how it is typed into an app: base32 without padding. */
apr_status_t twc_totp_generate(unsigned char secret[TWC_TOTP_BYTES]);
const char *twc_totp_base32(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES]);
/** "otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=ISSUER", percent-encoded. */
const char *twc_totp_url(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES], const char *issuer, const char *account);

/**
 * Which step is this code of: the present one, the one before or after it, later than `after`.
 * @param code  six digits; blanks are ignored
 * @return the step, or 0: none
 */
apr_int64_t twc_totp_step(const unsigned char secret[TWC_TOTP_BYTES], const char *code, apr_time_t now, apr_int64_t after);
/** The code of a step, "012345". */
const char *twc_totp_code(apr_pool_t *pool, const unsigned char secret[TWC_TOTP_BYTES], apr_int64_t step);

/** "4f7k-9x2m-qp3d": 58 random bits. */
apr_status_t twc_recovery_generate(apr_pool_t *pool, const char **code);
/** sha256 of a code as people type it (case, blanks and dashes do not matter), lower-case hex. */
const char *twc_recovery_hash(apr_pool_t *pool, const char *code);

/**
 * Seal bytes with AES-256-GCM under a key derived from secret (HKDF); open them again. label: what they are, and whose, so that
 * one cannot be put in another's place.
 * @return APR_SUCCESS | APR_EACCES not sealed with this secret and label
 */
apr_status_t twc_seal(apr_pool_t *pool, const char *secret, const char *label, twc_str_t plain, twc_str_t *sealed);
apr_status_t twc_unseal(apr_pool_t *pool, const char *secret, const char *label, twc_str_t sealed, twc_str_t *plain);

#endif
