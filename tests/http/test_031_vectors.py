# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The signatures the C is held to (tests/data/signatures.tsv), made again by the tests' Python and by Twilio's own library."""
import hashlib
import os
import urllib.parse

import pytest

import signing

TOKEN = "12345"
TABLE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "data", "signatures.tsv")


def rows():
    with open(TABLE, encoding="utf-8") as table:
        return [line.rstrip("\n").split("\t") for line in table if not line.startswith("#")]


def decoded(form):
    """Pairs of bytes, nothing repaired."""
    split = (pair.partition("=") for pair in form.split("&") if pair)
    return [tuple(urllib.parse.unquote_to_bytes(part.replace("+", " ")) for part in (name, value)) for name, _, value in split]


@pytest.mark.parametrize("url, received, sent, signature, verdict, library", rows())
def test_signing(url, received, sent, signature, verdict, library):
    kind, _, data = sent.partition(":")
    assert signing.sign(url, decoded(data) if kind == "form" else None, TOKEN) == signature
    if kind == "json":
        given = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("bodySHA256", [""])[0]
        assert (given == hashlib.sha256(data.encode()).hexdigest()) == (verdict == "ok")


@pytest.mark.parametrize("url, received, sent, signature, verdict, library", [row for row in rows() if row[5] == "agrees"])
def test_twilios_library(url, received, sent, signature, verdict, library):
    validator = pytest.importorskip("twilio.request_validator").RequestValidator(TOKEN)
    kind, _, data = sent.partition(":")
    params = {name.decode(): value.decode() for name, value in decoded(data)} if kind == "form" else data if kind == "json" else {}
    assert validator.validate(url if received == "=" else received, params, signature) == (verdict == "ok")
