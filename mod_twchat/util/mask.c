/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * mask.c - private things, made fit for a log.
 * Must never show a whole number, SID or secret.
 * Called by whoever logs.
 */
#include <string.h>
#include <strings.h>

#include "util/mask.h"
#include "util/phone.h"

const char *twc_mask_phone(apr_pool_t *pool, const char *address)
{
    const char *bare;
    apr_size_t n;

    if (!address)
        return "-";
    bare = twc_phone_bare(address);
    n = strlen(bare);
    if (n < 10)
        return apr_psprintf(pool, "%.*s•••%s", (int)(bare - address), address, n > 2 ? bare + n - 2 : "");
    return apr_psprintf(pool, "%.*s•••%s", (int)(bare - address) + 5, address, bare + n - 4);
}

const char *twc_mask_sid(apr_pool_t *pool, const char *sid)
{
    apr_size_t n = sid ? strlen(sid) : 0;

    return n < 10 ? "…" : apr_psprintf(pool, "%.4s…%s", sid, sid + n - 2);
}

static const char *const sensitive[] = {
    "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "X-Twilio-Signature", "X-CSRF-Token",
    "From", "To", "Body", "WaId", "ExternalUserId", "ProfileName", "Address", "Latitude", "Longitude", "Label",
    "ButtonText", "ButtonPayload", "body", "message", "to", "from", "password", "current_password", "new_password",
    "token", "access_token", "refresh_token", "auth_token", "secret", "api_key", "phone_number", "email", "content",
};

bool twc_mask_is_sensitive(const char *name)
{
    for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
        if (strcasecmp(sensitive[i], name) == 0)
            return true;
    return false;
}
