# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The two who call a site: somebody with an API key, and Twilio."""
import itertools
import json
import uuid

import requests
import requests.adapters
import urllib3.connectionpool

import signing

_numbers = itertools.count(2000000)


def new_sid(prefix="SM"):
    return prefix + uuid.uuid4().hex


def new_number():
    """A US number that no other test of the run uses."""
    return f"+1415{next(_numbers)}"


# A signature covers the URL byte by byte, and a test may want an odd one: nobody on the way may tidy it up.
urllib3.connectionpool._encode_target = lambda target: target


class Verbatim(requests.adapters.HTTPAdapter):
    def request_url(self, request, proxies):
        return request.target


class Client:
    """Mixed into whatever has url, public_url, api_key, account_sid and tokens."""

    timeout = 30

    def request(self, method, path, keyed=True, **options):
        """A call with the API key, or with keyed=False as a stranger. The path goes out as it is written."""
        headers = dict(options.pop("headers", None) or {})
        if keyed and "auth" not in options:
            headers.setdefault("X-API-Key", self.api_key)
        options.setdefault("timeout", self.timeout)
        options.setdefault("allow_redirects", False)
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", Verbatim())
            made = session.prepare_request(requests.Request(
                method, self.url, headers=headers, params=options.pop("params", None),
                data=options.pop("data", None), json=options.pop("json", None),
                auth=options.pop("auth", None)))
            query = made.url.partition("?")[2]
            made.target = path + (("&" if "?" in path else "?") + query if query else "")
            return session.send(made, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def head(self, path, **options):
        return self.request("HEAD", path, **options)

    # ---- Twilio ----------------------------------------------------------

    def webhook(self, path, params, token=None, sign=True, method="POST", headers=None, signed_url=None):
        """Call a webhook as Twilio does.

        params: dict or list of pairs, str or bytes; a list value repeats its name.
        sign:   True, False (no header) or the header's text.
        signed_url: what the signature is made over, where that is not the public URL.
        """
        token = token or self.tokens[0]
        body = signing.encode(params)
        if method == "GET":
            path += ("&" if "?" in path else "?") + body.decode()
        url = signed_url or self.public_url + path
        signature = signing.sign(url, params if method == "POST" else None, token) if sign is True else sign
        return self._as_twilio(method, path, body if method == "POST" else None,
                               "application/x-www-form-urlencoded; charset=UTF-8", signature, headers)

    def json_webhook(self, path, document, token=None, sign=True, headers=None):
        """The JSON form, with bodySHA256 in the query."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        path += ("&" if "?" in path else "?") + "bodySHA256=" + signing.body_sha256(body)
        signature = signing.sign(self.public_url + path, None, token or self.tokens[0]) if sign is True else sign
        return self._as_twilio("POST", path, body, "application/json", signature, headers)

    def _as_twilio(self, method, path, body, content_type, signature, headers):
        sent = {"User-Agent": "TwilioProxy/1.1", "I-Twilio-Idempotency-Token": str(uuid.uuid4())}
        if body is not None:
            sent["Content-Type"] = content_type
        if signature:
            sent["X-Twilio-Signature"] = signature
        sent.update(headers or {})
        return self.request(method, path, keyed=False, data=body, headers=sent)

    def inbound_params(self, **params):
        """A text message as Twilio posts it; keyword arguments replace or add, None removes."""
        sid = params.pop("sid", None) or new_sid()
        base = {"ToCountry": "US", "ToState": "CA", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "SAN FRANCISCO",
                "FromZip": "94103", "SmsSid": sid, "FromState": "CA", "SmsStatus": "received",
                "FromCity": "SAN FRANCISCO", "Body": "Hello", "FromCountry": "US", "To": self.number,
                "ToZip": "94105", "NumSegments": "1", "MessageSid": sid, "AccountSid": self.account_sid,
                "From": new_number(), "ApiVersion": "2010-04-01"}
        base.update(params)
        return {name: value for name, value in base.items() if value is not None}

    def inbound(self, path="/twilio/inbound", **params):
        """Receive a message; the answer, and the parameters as sent."""
        sent = self.inbound_params(**params)
        return self.webhook(path, sent), sent

    def status(self, sid, status, path="/twilio/status", **params):
        """Receive a status callback for sid."""
        sent = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status,
                "To": "+14155550100", "From": self.number, "AccountSid": self.account_sid,
                "ApiVersion": "2010-04-01", **params}
        return self.webhook(path, {k: v for k, v in sent.items() if v is not None})
