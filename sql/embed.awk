# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
#
# embed.awk - turn migrations into C: one row of migrate.c's table per file.
# Usage: awk -f embed.awk NNN_name.sql ...   (in the order of their numbers)

function flush_row() { if (open) print "    }," }

FNR == 1 {
    flush_row()
    open = 1
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.sql$/, "", name)
    version = name
    sub(/_.*/, "", version)
    sub(/^0+/, "", version)
    print "    { " version ", \"" name "\","
}
{
    gsub(/\\/, "\\\\")
    gsub(/"/, "\\\"")
    gsub(/\t/, "\\t")
    print "      \"" $0 "\\n\""
}
END { flush_row() }
