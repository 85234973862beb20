#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# Every route says who may call it and what it does; what strangers may call is listed here,
# so that opening a route is a change somebody sees.
src=${srcdir:-.}
open='/ /api/admin/auth/login /api/health /api/signin /assets/:rest* /auth/login /auth/refresh /auth/register /db-test /health /signin'
bad=0

rows() {
    sed -n '/define TWC_ROUTES(ROUTE)/,/^extern/p' "$src/mod_twchat/routes.h" | tr -d '\\\n' |
        sed 's/ROUTE(TWC_IF/\nROUTE(TWC_IF/g' | grep '^ROUTE(TWC_IF'
}

rows >routes.$$
trap 'rm -f routes.$$' EXIT
[ "$(wc -l <routes.$$)" -ge 20 ] || { echo "the table of routes was not found"; exit 1; }
if strange=$(grep -vE '^ROUTE\(TWC_IF_[A-Z_]+, [A-Z_| ]+, "/[^"]*", TWC_(PAGE\(TWC_)?(OPEN|TWILIO|KNOWN|ACCOUNT|VIEWER|AGENT|ADMIN|SUPER)\)?, TWC_BODY_[A-Z]+, [0-9]+, +twc_[a-z_]+, "[A-Z][^"]{7,}"\)' routes.$$); then
    printf 'rows without access or a line for the documentation:\n%s\n' "$strange"
    bad=1
fi
found=$(sed -nE 's/^ROUTE\([^"]*"([^"]*)", (TWC_PAGE\()?TWC_OPEN\)?,.*/\1/p' routes.$$ | LC_ALL=C sort -u | tr '\n' ' ')
if [ "$found" != "$open " ]; then
    printf 'open to strangers: %s\nexpected:          %s\n' "$found" "$open"
    bad=1
fi
if loose=$(grep -E '"[^"]*(webhook|twilio/(inbound|status))[^"]*", TWC_(OPEN|KNOWN|ACCOUNT|VIEWER|AGENT|ADMIN|SUPER|PAGE)' routes.$$); then
    printf 'webhooks that do not ask for a signature:\n%s\n' "$loose"
    bad=1
fi
exit $bad
