/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - is anybody there?
 * Must never use a lender's connections: mod_dbd makes one while it holds a lock that everybody needs who gives one back, and
 * where nobody answers that takes as long as the administrator allows.
 * Called by db.c while the database is away, and by listen.c.
 */
#include <stdlib.h>

#include "store/probe.h"

#define KEYWORDS_MAX 64

struct twc_probe_t {
    PQconninfoOption *options;
    const char *keys[KEYWORDS_MAX + 2], *values[KEYWORDS_MAX + 2];
};

twc_probe_t *twc_probe_create(PGconn *conn)
{
    twc_probe_t *probe = calloc(1, sizeof(*probe));
    int n = 0;

    if (!probe || !(probe->options = PQconninfo(conn))) {
        free(probe);
        return NULL;
    }
    for (PQconninfoOption *o = probe->options; o->keyword && n < KEYWORDS_MAX; o++) {
        if (!o->val || !*o->val)
            continue;
        probe->keys[n] = o->keyword;
        probe->values[n++] = o->val;
    }
    probe->keys[n] = "connect_timeout"; /* the last one counts */
    probe->values[n] = "2";
    return probe;
}

void twc_probe_free(twc_probe_t *probe)
{
    if (probe)
        PQconninfoFree(probe->options);
    free(probe);
}

PGconn *twc_probe_connect(const twc_probe_t *probe)
{
    return PQconnectStartParams(probe->keys, probe->values, 0);
}

bool twc_probe_answers(const twc_probe_t *probe)
{
    PGPing heard = PQpingParams(probe->keys, probe->values, 0);

    return heard == PQPING_OK || heard == PQPING_NO_ATTEMPT;    /* what cannot be asked this way has to be tried */
}
