/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - private to db.c and rows.c: what a result is made of.
 */
#ifndef TWC_STORE_ROWS_H
#define TWC_STORE_ROWS_H

#include <libpq-fe.h>

#include "store/db.h"

struct twc_rows_t {
    PGresult *res;
};

#endif
