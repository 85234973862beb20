#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# A module gives httpd one symbol, its record; anything more could clash with another module's.
command -v nm >/dev/null || { echo "nm is not installed"; exit 77; }
bad=0
seen=0
for name in twchat twchat_sandbox; do
    module=.libs/mod_$name.so
    [ -f "$module" ] || continue
    seen=1
    exported=$(nm -D --defined-only "$module" | awk '$2 ~ /[A-Z]/ { print $3 }' | grep -vE '^(__odr_asan|_init$|_fini$)')
    # The linker cannot tell a forgotten source file from a function of httpd's; the prefix can.
    if missing=$(nm -D --undefined-only "$module" | grep -E ' (twc|sb)_'); then
        printf '%s lacks:\n%s\n' "$module" "$missing"
        bad=1
    fi
    if [ "$exported" != "${name}_module" ]; then
        printf '%s exports:\n%s\n' "$module" "$exported"
        bad=1
    fi
done
[ $seen = 1 ] || { echo "no module was built"; exit 77; }
exit $bad
