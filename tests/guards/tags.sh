#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# A tag in the error log stands for one message: nobody uses it a second time.
src=${srcdir:-.}
cd "$src" || exit 1
twice=$(find mod_twchat sandbox -name '*.c' -exec grep -ohE '"TWC[0-9]{4}' {} + | sort | uniq -d | tr -d '"')
[ -z "$twice" ] && exit 0
for tag in $twice; do
    echo "$tag is used more than once:"
    grep -rn "\"$tag" mod_twchat sandbox
done
exit 1
