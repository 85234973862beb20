#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# The project stands alone: it names no package registry's host, loads nothing from a
# stranger's server at run time, and holds no path of the machine it was written on.
src=${srcdir:-.}
bad=0
cd "$src" || exit 1

files=$(find . -type f ! -path './.git/*' ! -path './build/*' ! -path './_*' ! -path './var/*' ! -path './build-aux/*' ! -path './m4/*' \
    ! -path './autom4te.cache/*' ! -path '*/node_modules/*' ! -path '*/__pycache__/*' ! -name configure ! -name 'configure~' \
    ! -name aclocal.m4 ! -name 'Makefile.in' ! -name 'config.h.in*' ! -name '*.png' ! -name strangers.sh)

# forbid REASON PATTERN
forbid() {
    # shellcheck disable=SC2086
    if found=$(grep -InE -- "$2" $files); then
        printf '%s:\n%s\n' "$1" "$found"
        bad=1
    fi
}

forbid "a package registry's host" \
    '(registry|replicate)[.]npm|npmjs[.]|pypi[.]org|pythonhosted|(deb|security|snapshot)[.]debian|archive[.]ubuntu|nodesource|rubygems|crates[.]io|proxy[.]golang'
forbid "something loaded from a content network" '(unpkg|jsdelivr|cdnjs|googleapis|gstatic|bootstrapcdn)'
forbid "a path of somebody's machine" '/home/[a-z]+/|/Users/[A-Za-z]+/|(^|[^A-Za-z0-9._~-])/work/'
exit $bad
