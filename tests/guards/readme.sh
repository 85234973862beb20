#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# README's line that builds can be typed after ./run, whose own builds lie in build/, and typed again. Its programs are
# played here: what they do other tests show.
src=${srcdir:-.}
line=$(sed -n 's/^    \(autoreconf .*\)$/\1/p' "$src/README.md")
[ -n "$line" ] || { echo "README.md has no line that begins with autoreconf"; exit 1; }

tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
mkdir "$tree/build" "$tree/programs"
for program in configure programs/autoreconf programs/make programs/sudo; do
    echo '#!/bin/sh' >"$tree/$program"
    chmod +x "$tree/$program"
done
for time in first second; do
    (cd "$tree" && PATH=$tree/programs:$PATH sh -c "$line && test -x configure") || { echo "the $time time it fails: $line"; exit 1; }
done
