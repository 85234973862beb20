# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Twilio's own description of its API, where it is at hand: TWILIO_OPENAPI names the file twilio_api_v2010.json, or a
folder beside the checkout holds it in spec/."""
import glob
import json
import os
import re
import urllib.parse

import jsonschema
import pytest

from httpd import SOURCE

FORM = "application/x-www-form-urlencoded"
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("uri")
def is_uri(text):
    return bool(re.fullmatch(r"[a-z][a-z0-9+.-]*://[^\s/?#]+\S*", text))


@FORMATS.checks("date-time")
def is_instant(text):
    """Lists also take a day."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d))?", text))


def load():
    """The description; skips where there is none."""
    named = os.environ.get("TWILIO_OPENAPI")
    found = [named] if named else sorted(glob.glob(os.path.join(SOURCE, "..", "*", "spec", "twilio_api_v2010.json")))
    if not found:
        pytest.skip("TWILIO_OPENAPI names no file, and none lies beside the checkout")
    with open(found[0]) as text:
        return json.load(text)


def _template(path):
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def _typed(schema, values):
    """Form and query values as the schema means them; what cannot be that stays a text, and is refused as one."""
    kind = schema.get("type")
    if kind == "array":
        return [_typed(schema.get("items", {}), [value]) for value in values]
    if len(values) > 1:
        return values
    text = values[0]
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


class Description:
    """What Twilio takes. refuse() tells what is wrong with a request."""

    def __init__(self, spec):
        self.operations = [(_template(path), path, item) for path, item in spec["paths"].items()]

    def operation(self, method, path):
        for template, name, item in self.operations:
            if template.fullmatch(path) and method.lower() in item:
                return name, item[method.lower()]
        return None, None

    def refuse(self, method, url, form):
        """None, or a sentence. form: list of pairs."""
        parts = urllib.parse.urlsplit(url)
        name, operation = self.operation(method, parts.path)
        if operation is None:
            return f"there is no {method} {parts.path}"
        query = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
        wrong = self._wrong({"properties": query}, urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        wrong = wrong or self._wrong(body, form if method == "POST" else [])
        return wrong and f"{method} {name}: {wrong}"

    @staticmethod
    def _wrong(schema, pairs):
        properties = schema.get("properties", {})
        given = {}
        for key, value in pairs:
            given.setdefault(key, []).append(value)
        typed = {key: _typed(properties.get(key, {}), values) for key, values in given.items()}
        strict = {"type": "object", "properties": properties, "required": schema.get("required", []), "additionalProperties": False}
        errors = jsonschema.Draft7Validator(strict, format_checker=FORMATS).iter_errors(typed)
        return "; ".join(error.message for error in errors) or None
