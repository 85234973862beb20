# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Twilio's request signature, written from its documentation and without a look
at the module's C, so that the two check each other."""
import base64
import hashlib
import hmac
import urllib.parse


def _bytes(value):
    return value if isinstance(value, bytes) else str(value).encode()


def pairs(params):
    """Parameters as a list of (name, value) in bytes; a list value repeats its name."""
    items = params.items() if isinstance(params, dict) else params
    out = []
    for name, value in items:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            out.append((_bytes(name), _bytes(one)))
    return out


def encode(params):
    """application/x-www-form-urlencoded bytes."""
    return urllib.parse.urlencode(pairs(params)).encode()


def sign(url, params, token):
    """The header for a form POST (params) or, with params None, a GET or JSON call."""
    text = _bytes(url)
    if params is not None:
        text += b"".join(name + value for name, value in sorted(set(pairs(params))))
    digest = hmac.new(_bytes(token), text, hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def body_sha256(body):
    return hashlib.sha256(body).hexdigest()
