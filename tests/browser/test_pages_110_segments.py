# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The page counts the parts of an SMS as the server does: tests/data/segments.tsv holds both to it."""
import os

TABLE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "data", "segments.tsv")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "\\": "\\", "0": "\0"}


def unescape(text):
    """\\n, \\t, \\r, \\f, \\\\, \\uXXXX, \\UXXXXXXXX and \\xXX, as the table writes what cannot stand in a line."""
    out, i = [], 0
    while i < len(text):
        if text[i] != "\\":
            out.append(text[i])
            i += 1
            continue
        kind = text[i + 1]
        width = {"x": 2, "u": 4, "U": 8}.get(kind)
        out.append(chr(int(text[i + 2:i + 2 + width], 16)) if width else ESCAPES[kind])
        i += 2 + (width or 0)
    return "".join(out)


def rows():
    with open(TABLE, encoding="utf-8", newline="\n") as table:
        for line in table:
            fields = line.rstrip("\n").split("\t")
            if len(fields) >= 4 and not line.startswith("#"):
                text, encoding, units, segments = fields[:4]
                if units.isdigit():
                    yield unescape(text), encoding.upper().startswith("GSM"), int(units), int(segments)


def test_the_page_counts_as_the_server_does(page):
    page.go("/settings")
    table = list(rows())
    assert len(table) >= 10
    counted = page.module(
        "const { countSegments } = await import(args[1] + '/assets/js/segment.js');"
        "return args[0].map(text => { const c = countSegments(text); return [c.encoding === 'GSM-7', c.units, c.segments]; });",
        [row[0] for row in table], page.url)
    for (text, *expected), found in zip(table, counted):
        assert found == expected, f"{text!r}: page {found}, table {expected}"


def test_the_counter_speaks(page):
    page.go("/chat/+14155559999")
    field = page.type_in("tw-thread .composer-text", "a" * 161)
    assert page.see("tw-thread tw-counter", "2 parts").text.replace("\n", " ").startswith("161 / 306")
    page.type_in("tw-thread .composer-text", "ł", clear=True)
    page.see("tw-thread tw-counter", "UCS-2")
    page.script("const f = arguments[0]; f.value = 'x'.repeat(1603); f.dispatchEvent(new Event('input', { bubbles: true }))", field)
    page.see("tw-thread tw-counter.over", "3 characters too many")
    assert not page.see("tw-thread .btn-send").is_enabled()
