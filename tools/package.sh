# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Debian packages: which are needed, which are missing, how they come.

PACKAGES_RUN="apache2-bin apache2-utils libaprutil1-dbd-pgsql postgresql libjs-bootstrap5 ca-certificates"
PACKAGES_BUILD="gcc libc6-dev make autoconf automake libtool pkg-config apache2-dev libapr1-dev libaprutil1-dev
    libcurl4-openssl-dev libjansson-dev libjwt-dev libpq-dev libqrencode-dev libssl-dev libzxcvbn-dev"
PACKAGES_UNIT="libcmocka-dev binutils"
PACKAGES_HTTP="python3 python3-pytest python3-requests python3-psycopg2 python3-twilio python3-jsonschema curl openssl"
PACKAGES_PEERS="python3-flask gunicorn"
PACKAGES_BROWSER="python3-selenium chromium chromium-driver"

package_missing() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s ' "$name"
    done
}

# How this user becomes root for apt-get: "", "sudo", or nothing that would work (status 1).
package_sudo() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || return 1
    # Without a terminal nobody could type a password.
    if sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; then
        echo sudo
        return 0
    fi
    return 1
}

# package_need LOG NAME...: have them installed, or explain why not.
package_need() {
    local log=$1 missing sudo
    shift
    command -v dpkg-query >/dev/null 2>&1 || return 0   # not Debian: configure names what it misses
    missing=$(package_missing "$@")
    [ -n "$missing" ] || return 0
    missing=${missing% }
    sudo=$(package_sudo) || die "some Debian packages are missing, and this user may not install them." \
        "Have an administrator type:" \
        "    apt-get update && apt-get install --no-install-recommends $missing" \
        "and start ./${COMMAND:-run} again."
    say "Installing Debian packages: $missing"
    # A source of the machine that is out of order need not matter for ours: the installation decides.
    # shellcheck disable=SC2086
    logged "$log" $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o APT::Update::Error-Mode=any update ||
        PACKAGE_STALE=1
    # shellcheck disable=SC2086
    logged "$log" $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install $missing ||
        package_failed "$log" "$missing"
}

package_failed() {
    local reason="apt-get could not install: $2" lines=12
    if [ -n "${PACKAGE_STALE:-}" ]; then
        reason="the Debian package mirror cannot be reached, and these packages are missing: $2
Check this machine's network and /etc/apt/sources.list*, then start ./${COMMAND:-run} again."
        lines=4
    fi
    die_log "$reason" "$1" $lines
}
