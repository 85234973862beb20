#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# ./run and ./check explain themselves, and say which word they did not understand.
src=${srcdir:-.}
bad=0

# told STATUS WORD COMMAND...: it ends with this status and says this
told() {
    status=$1 word=$2
    shift 2
    text=$("$@" 2>&1 </dev/null)
    code=$?
    if [ "$code" != "$status" ]; then
        echo "$*: status $code, not $status"
        bad=1
    fi
    case $text in
    *"$word"*) ;;
    *) echo "$* does not say \"$word\": $text"; bad=1 ;;
    esac
}

for command in run check; do
    told 0 "usage: ./$command" "$src/$command" --help
    told 2 "'nonsense'" "$src/$command" nonsense
    told 2 "'--nonsense'" "$src/$command" --nonsense
done
told 2 "--port wants" "$src/run" --port
told 2 "--state wants" "$src/run" --state
told 1 "'70000'" "$src/run" --port 70000
told 0 "Nothing runs" "$src/run" --state "${TMPDIR:-/tmp}/nothing-here.$$" stop
told 3 "Nothing runs" "$src/run" --state "${TMPDIR:-/tmp}/nothing-here.$$" status
exit $bad
