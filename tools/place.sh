# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Where the running system lives, and as whom.
#
# PostgreSQL refuses to run as root and httpd's children give root up, so when root
# types ./run both need a directory that other accounts can reach. The state directory is
# used where it can be reached (it cannot below /root); else a place in /var/lib.

# place_account NAME...: the first of these accounts that exists.
place_account() {
    local name
    for name in "$@"; do
        getent passwd "$name" >/dev/null && { echo "$name"; return; }
    done
    die "none of these accounts exists: $*"
}

# as ACCOUNT COMMAND...: run it as that account; as ourselves when ACCOUNT is empty.
as() {
    local account=$1
    shift
    if [ -z "$account" ]; then "$@"; else setpriv --reuid "$account" --regid "$(id -g "$account")" --init-groups -- "$@"; fi
}

# Sets PLACE, DB_ACCOUNT and WEB_ACCOUNT (both empty for an ordinary user).
place_find() {
    DB_ACCOUNT='' WEB_ACCOUNT='' PLACE=$DIR
    [ "$(id -u)" = 0 ] || return 0
    DB_ACCOUNT=$(place_account postgres nobody)
    WEB_ACCOUNT=$(place_account www-data nobody)
    if [ -s "$DIR/place" ]; then
        PLACE=$(cat "$DIR/place")
    elif ! as "$DB_ACCOUNT" test -x "$DIR" || ! as "$WEB_ACCOUNT" test -x "$DIR"; then
        PLACE=/var/lib/mod_twchat-run/$(printf '%s' "$DIR" | cksum | cut -d ' ' -f 1)
        printf '%s\n' "$PLACE" >"$DIR/place"
        say "Other accounts cannot enter $DIR; the database and the installed files go to $PLACE."
    fi
    mkdir -p "$PLACE"
    chmod 755 "$PLACE"
}
