/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * qr.c - QR codes by libqrencode.
 * Must never keep what it drew.
 * Called by api/account.c, when a second factor is set up.
 */
#include <qrencode.h>

#include "util/qr.h"

apr_status_t twc_qr_rows(apr_pool_t *pool, const char *text, const char *const **rows, int *count)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    const char **made;

    if (!code)
        return APR_EINVAL;
    made = apr_pcalloc(pool, (apr_size_t)code->width * sizeof(*made));
    for (int y = 0; y < code->width; y++) {
        char *row = apr_pcalloc(pool, (apr_size_t)code->width + 1);
        for (int x = 0; x < code->width; x++)
            row[x] = code->data[y * code->width + x] & 1 ? '1' : '0';
        made[y] = row;
    }
    *rows = made;
    *count = code->width;
    QRcode_free(code);
    return APR_SUCCESS;
}
