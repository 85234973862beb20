# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Counting what passed, failed and was skipped, whatever kind of test it was.

PASSED=0 FAILED=0 SKIPPED=0

tally_pass() { PASSED=$((PASSED + $1)); }

tally_skip() {
    SKIPPED=$((SKIPPED + 1))
    say "skipped: $1"
}

# tally_fail WHAT [LOG]
tally_fail() {
    FAILED=$((FAILED + 1))
    say "FAILED: $1"
    [ -z "${2:-}" ] || tail -n 40 "$2" | sed 's/^/    /'
}

# tally_tap LOG NAME: a program that ended badly without a failed case counts as one failure.
tally_tap() {
    local good bad result=${1%.log}.trs
    if [ ! -f "$1" ]; then
        tally_fail "$2 was not built or not run"
        return
    fi
    good=$(grep -cE '^ok [0-9]+' "$1")
    bad=$(grep -cE '^not ok [0-9]+' "$1")
    tally_pass "$good"
    if [ "$bad" -gt 0 ]; then
        FAILED=$((FAILED + bad))
        say "FAILED: $2:"
        grep -E -A 3 '^not ok' "$1" | sed 's/^/    /'
    elif ! grep -q '^:test-result: PASS' "$result" 2>/dev/null; then
        tally_fail "$2 ended badly" "$1"
    elif [ "$good" = 0 ]; then
        tally_fail "$2 has no cases" "$1"
    fi
}

# tally_junit FILE NAME: pytest has printed the details itself.
tally_junit() {
    local tests failures errors skipped
    if ! read -r tests failures errors skipped < <(junit_numbers "$1"); then
        tally_fail "$2 broke off"
        return
    fi
    PASSED=$((PASSED + tests - failures - errors - skipped))
    FAILED=$((FAILED + failures + errors))
    SKIPPED=$((SKIPPED + skipped))
    # pytest that collects nothing has broken off as well.
    [ "$tests" -gt 0 ] || tally_fail "$2 ran no test"
}

junit_numbers() {
    sed -n 's/.*<testsuite [^>]*errors="\([0-9]*\)" failures="\([0-9]*\)" skipped="\([0-9]*\)" tests="\([0-9]*\)".*/\4 \2 \1 \3/p' \
        "$1" 2>/dev/null | grep .
}

tally_end() {
    say ""
    [ "$SKIPPED" = 0 ] || say "$SKIPPED skipped"
    say "$PASSED passed, $FAILED failed"
    [ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
}
