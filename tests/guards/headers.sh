#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# Every file says whose it is; every .c opens with what it is for, what it must never do, who calls it.
src=${srcdir:-.}
bad=0
cd "$src" || exit 1

for file in $(find mod_twchat twchatctl sandbox tests tools sql htdocs \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.sql' -o -name '*.js' -o -name '*.css' \) \
    ! -path '*/node_modules/*' -print) run check; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$file: no SPDX line"; bad=1; }
done

# The opening comment of a .c says what it is for, what it must never do, and who calls it.
for file in $(find mod_twchat twchatctl sandbox -name '*.c'); do
    awk 'NR == 1 && !/^\/\*/ { exit 1 }
         NR > 1 && /[[:alpha:]]/ { n++ }
         /[Nn]ever/ { never = 1 }
         / by |[Cc]all|[Rr]un/ { by = 1 }
         /\*\// { exit !(n >= 2 && never && by) }' "$file" ||
        { echo "$file: does not say what it is for, what it must never do, who calls it"; bad=1; }
done
exit $bad
