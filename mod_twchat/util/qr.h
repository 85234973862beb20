/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * qr.h - text as a QR code, for a page to draw.
 */
#ifndef TWC_UTIL_QR_H
#define TWC_UTIL_QR_H

#include "twc.h"

/**
 * Its rows from top to bottom, each a text of '1' (dark) and '0', without margin; in pool.
 * @return APR_SUCCESS | APR_EINVAL too long for one
 */
apr_status_t twc_qr_rows(apr_pool_t *pool, const char *text, const char *const **rows, int *count);

#endif
