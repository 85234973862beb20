#!/bin/sh
# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
# conf/twchat.conf shows every directive of the table in glue/directive.c, with the default it really has.
src=${srcdir:-.}
table=$src/mod_twchat/glue/directive.c
sample=$src/conf/twchat.conf
bad=0

# "Name<TAB>default" for each row; the default as it would be written, "-" where there is none or it is made by the build.
rows() {
    awk '/ROW\("Twchat/ || /\{ NULL \}/ { if (row) print row; row = "" } /ROW\("Twchat/ || row { row = row $0 }' "$table" |
        sed -E 's/^.*ROW\("(Twchat[A-Za-z]+)".*\.def = "(([^"\\]|\\.)*)"(.*)$/\1\t\2\t\4/; t
                s/^.*ROW\("(Twchat[A-Za-z]+)".*$/\1\t-\t/' |
        awk -F '\t' '{ if ($3 ~ /^ [A-Z]/) $2 = "-"; gsub(/\\"/, "\"", $2); gsub(/\\\\/, "\\", $2); print $1 "\t" $2 }'
}

shown() { sed -nE 's/^#? *(Twchat[A-Za-z]+) +(.*)$/\1\t\2/p' "$sample"; }

tab=$(printf '\t')
rows >rows.$$
shown >shown.$$
trap 'rm -f rows.$$ shown.$$' EXIT
[ -s rows.$$ ] || { echo "no rows found in $table"; exit 1; }

while IFS=$tab read -r name default; do
    value=$(awk -F '\t' -v n="$name" '$1 == n { print $2; exit }' shown.$$)
    if [ -z "$value" ]; then
        echo "$name is not shown in the sample configuration"
        bad=1
    elif [ "$default" != - ] && [ "$default" != "$value" ]; then
        echo "$name: the default is $default, the sample shows $value"
        bad=1
    fi
done <rows.$$
for name in $(cut -f 1 shown.$$ | sort -u); do
    grep -q "^$name$tab" rows.$$ || { echo "$name is in the sample, but there is no such directive"; bad=1; }
done
exit $bad
