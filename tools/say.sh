# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What the commands tell people. Sourced by ./run and ./check; runs nothing by itself.

say()  { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }

# die REASON...: one paragraph per argument, then the end.
die() {
    printf '\n%s: %s\n' "${COMMAND:-run}" "$1" >&2
    shift
    local line
    for line in "$@"; do printf '%s\n' "$line" >&2; done
    exit 1
}

# die_log REASON FILE [LINES]: the same with the last lines of a log.
die_log() {
    printf '\n%s: %s\n' "${COMMAND:-run}" "$1" >&2
    if [ -s "$2" ]; then
        printf 'The last lines of %s:\n' "$2" >&2
        tail -n "${3:-20}" "$2" | cut -c 1-300 | sed 's/^/    /' >&2
    fi
    exit 1
}

# logged FILE COMMAND...: run quietly, keeping what it says.
logged() {
    local log=$1
    shift
    { printf '\n$ %s\n' "$*"; "$@"; } >>"$log" 2>&1 </dev/null
}

# random_word LENGTH: lower-case letters and digits from the kernel's generator.
random_word() { LC_ALL=C tr -dc 'a-z0-9' </dev/urandom | head -c "$1"; }

# random_hex LENGTH
random_hex() { LC_ALL=C tr -dc '0-9a-f' </dev/urandom | head -c "$1"; }
