#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# Who may know whom: the core has never heard of httpd, SQL stays in store/,
# libpq behind store/'s door, mod_dbd behind glue/dbd.c.
src=${srcdir:-.}
core='domain store spool twilio llm wix remote work util'
bad=0

# forbid REASON PATTERN FILE...: complain about lines of FILEs that match.
forbid() {
    reason=$1 pattern=$2
    shift 2
    [ $# -gt 0 ] || return 0
    if found=$(grep -nE -- "$pattern" "$@" /dev/null); then
        printf '%s:\n%s\n' "$reason" "$found"
        bad=1
    fi
}

sources() { find "$@" -name '*.[ch]' 2>/dev/null; }

cd "$src" || exit 1
for dir in $core; do
    # shellcheck disable=SC2046
    forbid "the core includes httpd's headers" '#[[:space:]]*include[[:space:]]*[<"](httpd|http_|ap_|util_(filter|script|time|md5|cookies|mutex)|mod_|mpm_)' \
        $(sources "mod_twchat/$dir")
done
# shellcheck disable=SC2046
forbid "SQL outside store/" '"(SELECT|INSERT INTO|UPDATE [a-z_]+ |DELETE FROM|WITH [a-z_]+ AS|CREATE TABLE|NOTIFY|LISTEN )' \
    $(sources mod_twchat twchatctl | grep -v '^mod_twchat/store/')
# shellcheck disable=SC2046
forbid "libpq outside the database door" 'libpq-fe\.h' \
    $(sources mod_twchat twchatctl | grep -vE '^mod_twchat/(store/(db|session|sqlstate|rows|lender|listen|probe)\.[ch]|glue/dbd\.c)$')
# shellcheck disable=SC2046
forbid "mod_dbd outside glue/dbd.c" 'mod_dbd\.h|apr_dbd\.h' $(sources mod_twchat | grep -v '^mod_twchat/glue/dbd\.c$')
# shellcheck disable=SC2046
forbid "util knows nobody" '#[[:space:]]*include[[:space:]]*"(domain|store|spool|twilio|llm|wix|remote|work|glue|api|webhook|page)/' \
    $(sources mod_twchat/util)
# shellcheck disable=SC2046
forbid "spool knows util alone" '#[[:space:]]*include[[:space:]]*"(domain|store|twilio|llm|wix|remote|work|glue|api|webhook|page)/' \
    $(sources mod_twchat/spool)
# shellcheck disable=SC2046
forbid "domain and store do not know who calls them" '#[[:space:]]*include[[:space:]]*"(work|glue|api|webhook|page)/' \
    $(sources mod_twchat/domain mod_twchat/store)
exit $bad
