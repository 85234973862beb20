# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# TCP ports of this machine.

port_used() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# port_holder PORT: "process 123 (nginx)", or nothing when the system does not tell.
port_holder() {
    local hex inode fd pid
    hex=$(printf '%04X' "$1")
    inode=$(awk -v p=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == p { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    [ -n "$inode" ] || return 0
    for fd in /proc/[0-9]*/fd/*; do
        if [ "$(readlink "$fd" 2>/dev/null)" = "socket:[$inode]" ]; then
            pid=${fd#/proc/}
            pid=${pid%%/*}
            printf 'process %s (%s)' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"
            return 0
        fi
    done
}

# port_need PORT WHAT: end with an explanation when PORT is taken.
port_need() {
    port_used "$1" || return 0
    local holder
    holder=$(port_holder "$1")
    die "port $1, wanted for $2, is already in use${holder:+ by $holder}." \
        "Choose another with: ./run --port NUMBER (NUMBER + 1 serves the sandbox)"
}

# A port between 20000 and 32000, below the range the system gives to clients, that nobody listens on.
port_free() {
    local port
    while :; do
        port=$((20000 + (RANDOM % 12000)))
        port_used "$port" || break
    done
    echo "$port"
}
