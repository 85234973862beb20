# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Processes that ./run started, known by their pid files.

# process_of FILE TEXT: the pid in FILE if it still is the process whose command line holds TEXT;
# a number alone may belong to somebody else by now.
process_of() {
    local pid
    pid=$(head -n 1 "$1" 2>/dev/null) && [ -n "$pid" ] || return 1
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2" || return 1
    echo "$pid"
}

# process_all TEXT: pids of all processes whose command line holds TEXT.
process_all() {
    local dir
    for dir in /proc/[0-9]*; do
        tr '\0' ' ' 2>/dev/null <"$dir/cmdline" | grep -qF -- "$1" && echo "${dir#/proc/}"
    done
}

# process_gone PID SECONDS: wait for its end; status 1 when it is still there.
process_gone() {
    local i
    for ((i = 0; i < $2 * 10; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    return 1
}
