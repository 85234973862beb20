#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# The pages: every file is installed, every module is loaded at once, the Content-Security-Policy
# can hold, what comes from outside stays text, and no language lacks or invents a text.
src=${srcdir:-.}
bad=0
cd "$src" || exit 1

say() {
    printf '%s\n' "$*"
    bad=1
}

for file in $(find htdocs -type f ! -path 'htdocs/assets/vendor/*'); do
    grep -qE "(^|[[:space:]])$file([[:space:]]|\$)" Makefile.am || say "$file is not in Makefile.am"
done

# forbid REASON PATTERN FILES...
forbid() {
    reason=$1 pattern=$2
    shift 2
    found=$(grep -nE -- "$pattern" "$@") && say "$reason:
$found"
}
scripts=$(find htdocs -name '*.js')
forbid "inline code or style" '<script>|<style|[[:space:]](on[a-z]+|style)=|javascript:' htdocs/*.html
# shellcheck disable=SC2086
forbid "text made into markup" 'innerHTML|outerHTML|insertAdjacentHTML|document[.]write|createContextualFragment|[^a-zA-Z.]eval[(]|new Function' $scripts
# shellcheck disable=SC2086
forbid "a style attribute in place of the stylesheet" "setAttribute[(]'style'|[{,] style:" $scripts
forbid "a data: address, which the policy forbids" 'url[(].?data:' htdocs/assets/css/*.css

# imports FILE: the modules it names at the top, relative to assets/js
imports() {
    sed -n "s/^\(import\|export\)[^']*'\(\.[^']*\)';\$/\2/p" "$1" | while read -r module; do
        (cd "$(dirname "$1")" && cd "$(dirname "$module")" && printf '%s/%s\n' "$PWD" "$(basename "$module")")
    done
}
closure() {
    todo=$1 done=' '
    while [ -n "$todo" ]; do
        next=''
        for module in $todo; do
            case $done in *" $module "*) continue ;; esac
            done="$done$module "
            [ -f "$module" ] || { echo "$module is imported and missing" >&2; continue; }
            next="$next $(imports "$module")"
        done
        todo=$(printf '%s\n' $next)
    done
    printf '%s\n' $done
}
js=$PWD/htdocs/assets/js
for page in htdocs/*.html; do
    main=$(sed -n 's/.*<script type="module" src=".*assets\/js\/\([^"]*\)".*/\1/p' "$page")
    for module in $(closure "$js/$main"); do
        name=${module#"$js"/}
        [ "$name" = "$main" ] || grep -q "modulepreload.*assets/js/$name\"" "$page" || say "$page does not preload $name"
    done
done

texts() {
    grep -oE "'[a-z_]+[.][A-Za-z0-9_.-]+':" "$1" | sort -u
}
texts htdocs/assets/js/lang/en.js >"${TMPDIR:-/tmp}/texts.$$"
for language in htdocs/assets/js/lang/es.js htdocs/assets/js/lang/pl.js; do
    extra=$(texts "$language" | comm -23 - "${TMPDIR:-/tmp}/texts.$$")
    lacks=$(texts "$language" | comm -13 - "${TMPDIR:-/tmp}/texts.$$")
    [ -z "$extra$lacks" ] || say "$language: unknown: $extra lacks: $lacks"
done
# shellcheck disable=SC2086
for key in $(grep -ohE "(^|[^a-zA-Z])t[(]'[a-z_]+[.][A-Za-z0-9_.-]+'" $scripts | sed "s/.*t('/'/" | sort -u); do
    grep -q "^$key:" "${TMPDIR:-/tmp}/texts.$$" || say "$key has no text in en.js"
done

# Sentences of the server that pages show: literals that begin with a capital, end with a full stop and have no %.
said_by() {
    for file in twilio/error.c twilio/client.c work/verdict.c domain/message.c store/outbox.c store/sqlstate.c api/native.c; do
        tr -d '\n' <"mod_twchat/$file" | sed 's/" *"//g' | grep -oE '"[A-Z][^"%]* [^"%]*[.]"'
    done | sed 's/^"//; s/"$//' | sort -u
}
said_by >"${TMPDIR:-/tmp}/said.$$"
[ "$(wc -l <"${TMPDIR:-/tmp}/said.$$")" -gt 150 ] || say "no sentences were found in the C sources"
for language in htdocs/assets/js/lang/said-*.js; do
    sed -nE "s/^  (['\"])(.*)\\1: ['\"].+['\"],\$/\\2/p" "$language" | sort -u >"${TMPDIR:-/tmp}/known.$$"
    lacks=$(comm -23 "${TMPDIR:-/tmp}/said.$$" "${TMPDIR:-/tmp}/known.$$")
    extra=$(comm -13 "${TMPDIR:-/tmp}/said.$$" "${TMPDIR:-/tmp}/known.$$")
    [ -z "$extra$lacks" ] || say "$language: nobody says: $extra
lacks: $lacks"
done
rm -f "${TMPDIR:-/tmp}/texts.$$" "${TMPDIR:-/tmp}/said.$$" "${TMPDIR:-/tmp}/known.$$"
exit $bad
