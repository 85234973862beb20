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
#include "util/text.h"

#define HEAD_SHOWN 5
#define TAIL_SHOWN 4
#define HIDDEN_MIN 3                    /* of a shorter address too much would be seen */
#define SHORT_SHOWN 2

/* The last n characters of well-formed s. */
static const char *tail(const char *s, apr_size_t n)
{
    const char *p = s + strlen(s);

    while (n > 0 && p > s)
        n -= ((unsigned char)*--p & 0xC0) != 0x80;
    return p;
}

const char *twc_mask_phone(apr_pool_t *pool, const char *address)
{
    const char *bare;
    apr_size_t n;

    if (!address)
        return "-";
    bare = twc_phone_bare(address);
    n = twc_text_chars(bare);
    if (n >= HEAD_SHOWN + HIDDEN_MIN + TAIL_SHOWN)
        return apr_pstrcat(pool, twc_text_head(pool, address, (apr_size_t)(bare - address) + HEAD_SHOWN), "•••",
                           tail(bare, TAIL_SHOWN), NULL);
    return apr_psprintf(pool, "%.*s•••%s", (int)(bare - address), address, n > SHORT_SHOWN ? tail(bare, SHORT_SHOWN) : "");
}

const char *twc_mask_sid(apr_pool_t *pool, const char *sid)
{
    apr_size_t n = sid ? strlen(sid) : 0;

    return n < 10 ? "…" : apr_psprintf(pool, "%.4s…%s", sid, sid + n - 2);
}

static const char *const sensitive[] = {
    "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "X-Twilio-Signature", "X-CSRF-Token",
    "From", "To", "Body", "WaId", "ExternalUserId", "ProfileName", "Address", "Latitude", "Longitude", "Label",
    "OriginalRepliedMessageSender", "ChannelToAddress", "ChannelMetadata", "ButtonText", "ButtonPayload", "ListTitle",
    "ListDescription", "FlowData", "InteractiveData", "message", "content", "phone_number", "email", "password",
    "current_password", "new_password", "token", "access_token", "refresh_token", "auth_token", "secret", "api_key",
};

bool twc_mask_is_sensitive(const char *name)
{
    for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
        if (strcasecmp(sensitive[i], name) == 0)
            return true;
    return false;
}
