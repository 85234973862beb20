/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * status.c - ranks of message statuses.
 * Must never disagree with twchat_status_rank() in sql/.
 * Called by work/ and the unit tests.
 */
#include <string.h>

#include "twilio/status.h"

static const struct {
    const char *word;
    int rank;
} ranks[] = {
    { "received", 0 }, { "receiving", 0 }, { "accepted", 10 }, { "scheduled", 10 }, { "queued", 20 }, { "sending", 30 },
    { "sent", 40 }, { "partially_delivered", 50 }, { "delivered", 60 }, { "undelivered", 60 }, { "failed", 60 },
    { "canceled", 60 }, { "read", 70 },
};

int twc_status_rank(const char *status)
{
    for (size_t i = 0; status && i < sizeof(ranks) / sizeof(ranks[0]); i++)
        if (strcmp(ranks[i].word, status) == 0)
            return ranks[i].rank;
    return -1;
}

bool twc_status_is_final(const char *status)
{
    return twc_status_rank(status) >= 60;
}

bool twc_status_may_follow(const char *current, const char *next)
{
    int rank = twc_status_rank(next);

    if (rank <= 0)
        return false;
    if (!current)
        return true;
    if (strcmp(current, "delivered") == 0)
        return strcmp(next, "read") == 0;
    if (twc_status_rank(current) >= 60 || twc_status_rank(current) == 0)
        return false;
    return rank > twc_status_rank(current);
}

bool twc_status_contradicts(const char *current, const char *next)
{
    if (!twc_status_is_final(current) || !twc_status_is_final(next) || strcmp(current, next) == 0)
        return false;
    return !(strcmp(current, "delivered") == 0 && strcmp(next, "read") == 0)
           && !(strcmp(current, "read") == 0 && strcmp(next, "delivered") == 0);
}
