# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The sandbox in an httpd of its own, and what tests do to it.

    with Sandbox() as sandbox:
        sandbox.configure_number("+14155552671", "http://127.0.0.1:8080/twilio/inbound")
        sandbox.inbound("+15005550123", "+14155552671", "Hello")
"""
import base64
import json
import secrets
import shutil
import urllib.error
import urllib.parse
import urllib.request

from httpd import Httpd, SOURCE, scratch_dir
from ports import free_port
from waiting import wait_for

NUMBER = "+14155552671"
WHATSAPP = "whatsapp:+14155238886"
SERVICE = "MG" + "0" * 31 + "1"


class Sandbox:
    """url, account_sid, auth_token, log; start(), stop().

    threads     as many API requests are served at once, so it bounds how many can wait at 100 ms each
    numbers     addresses of the account
    accounts    further accounts: ((sid, token, (address, ...)), ...)
    directives  further lines of configuration, after the account's numbers
    state       True keeps the state in a file over stop() and start()
    """

    def __init__(self, threads=64, numbers=(NUMBER, WHATSAPP), accounts=(), directives="", state=False, walk="0 20 40",
                 keep=200000, log=2000, env=None):
        self.directory = scratch_dir("sandbox")
        self.port = free_port()
        self.url = self.base_url = f"http://127.0.0.1:{self.port}"
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.api_key = ("SK" + secrets.token_hex(16), secrets.token_hex(16))
        self.number, self.whatsapp = NUMBER, WHATSAPP
        lines = [f"Listen 127.0.0.1:{self.port}", "MaxKeepAliveRequests 0", "KeepAliveTimeout 60",
                 "TwchatSandbox On", f"TwchatSandboxURL {self.url}", f"TwchatSandboxWalk {walk}",
                 f"TwchatSandboxKeep {keep}", f"TwchatSandboxLog {log}",
                 f'TwchatSandboxHtdocs "{SOURCE}/sandbox/htdocs"']
        if state:
            lines.append(f'TwchatSandboxState "{self.directory}/state"')
        for sid, token, addresses in accounts:
            lines += [f"TwchatSandboxAccount {sid} {token}", *(f"TwchatSandboxNumber {a}" for a in addresses)]
        # The account of these tests comes last: directives of a test concern it.
        lines += [f"TwchatSandboxAccount {self.account_sid} {self.auth_token}",
                  "TwchatSandboxApiKey " + " ".join(self.api_key),
                  *(f"TwchatSandboxNumber {a}" for a in numbers), directives, ""]
        self.httpd = Httpd(self.directory, "\n".join(lines), ("twchat_sandbox",), children=1, threads=threads, env=env)
        self.log = self.httpd.log
        self.expected = []                  # pieces of text the error log may hold

    def start(self):
        self.httpd.start()
        wait_for(self._answers, 10, "the sandbox to answer")
        return self

    def _answers(self):
        try:
            return self.call("GET", "/sandbox/faults")
        except OSError:
            return None

    def stop(self):
        self.httpd.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, failed, *_):
        self.stop()
        bad = self.log.unexpected(self.expected) + self.sanitized()
        shutil.rmtree(self.directory, ignore_errors=True)
        assert failed or not bad, "unexpected in the sandbox's logs:\n" + "\n".join(bad[:20])

    def sanitized(self):
        """What a sanitizer said; it writes to stderr before httpd opens its log."""
        with open(f"{self.directory}/stderr", errors="replace") as said:
            return [line for line in said.read().splitlines() if "Sanitizer" in line or "runtime error:" in line]

    # ---- the control resource ----

    def call(self, method, path, body=None):
        """The answer of /sandbox/..., decoded; RuntimeError when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
        return json.loads(text) if text else None

    def faults(self, **faults):
        """Set faults (nothing: read them); see sandbox/README.md for the names."""
        return self.call("PUT", "/sandbox/faults", faults) if faults else self.call("GET", "/sandbox/faults")

    def clear_faults(self):
        return self.call("DELETE", "/sandbox/faults")

    def reset(self):
        """No messages, no faults, empty journals; numbers keep their settings."""
        self.call("POST", "/sandbox/reset", {})

    def configure_number(self, number, sms_url="", status_callback="", **settings):
        """Point a sender at a webhook; it is added to the account when it is new. settings: SmsMethod, SmsFallbackUrl..."""
        return self.call("POST", "/sandbox/numbers", {
            "Address": number, "AccountSid": self.account_sid, "SmsUrl": sms_url, "StatusCallback": status_callback,
            **settings})

    def inbound(self, from_, to=None, body="", **params):
        """A customer writes; the SID. params: MediaUrl, Media, ProfileName, ButtonText, Latitude, ..."""
        to = to or (self.whatsapp if from_.startswith("whatsapp:") else self.number)
        return self.call("POST", "/sandbox/inbound", {
            "From": from_, "To": to, "Body": body, "AccountSid": self.account_sid, **params})["sid"]

    def _journal(self, name, **filters):
        query = urllib.parse.urlencode({"limit": 10000, **{k: v for k, v in filters.items() if v is not None}})
        return self.call("GET", f"/sandbox/{name}?{query}")[name]

    def requests(self, method=None, path=None, sid=None, after=None):
        """API requests, oldest first: {"id", "method", "url", "params", "status", "note", ...}"""
        return self._journal("requests", method=method, path=path, sid=sid, after=after)

    def creates(self):
        """The parameters of every accepted or refused create."""
        return [r for r in self.requests(method="POST") if r["url"].split("?")[0].endswith("/Messages.json")]

    def webhooks(self, sid=None, kind=None, after=None):
        """What was called and what was answered, oldest first; kind: inbound, status, fallback, redirect, media, alert."""
        return self._journal("webhooks", sid=sid, kind=kind, after=after)

    def wait_webhook(self, sid, kind="inbound", timeout=10):
        """The first journal entry of that kind about that message."""
        return wait_for(lambda: self.webhooks(sid=sid, kind=kind), timeout, f"the {kind} webhook of {sid}")[0]

    def handset(self, number):
        """All messages to and from an address as its handset shows them, oldest first."""
        path = "/sandbox/handsets/" + urllib.parse.quote(number, safe="")
        return self.call("GET", f"{path}/messages?account={self.account_sid}&limit=1000")["messages"]

    def read(self, number):
        """The WhatsApp user looks at the chat."""
        path = "/sandbox/handsets/" + urllib.parse.quote(number, safe="")
        return self.call("POST", f"{path}/read?account={self.account_sid}", {})["read"]

    def wait_handset(self, number, condition, timeout=10):
        """The handset's messages once condition(messages) holds."""
        def check():
            messages = self.handset(number)
            return messages if condition(messages) else None
        return wait_for(check, timeout, f"the handset {number}")

    # ---- the REST API, without a client library ----

    def api(self, method, path, params=None, auth=None):
        """(status, decoded body or None) of /2010-04-01/Accounts/{account}{path}."""
        data = urllib.parse.urlencode(params, doseq=True).encode() if params is not None else None
        request = urllib.request.Request(f"{self.url}/2010-04-01/Accounts/{self.account_sid}{path}", data, method=method)
        request.add_header("Authorization", _basic(*(auth or (self.account_sid, self.auth_token))))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, _decode(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decode(error.read())

    def messages(self, **filters):
        """Messages of the account as the API lists them, newest first: To=, From=, PageSize=..."""
        query = urllib.parse.urlencode({"PageSize": 1000, **filters})
        return self.api("GET", f"/Messages.json?{query}")[1]["messages"]

    def message(self, sid):
        """One message as the API shows it, or None."""
        status, body = self.api("GET", f"/Messages/{sid}.json")
        return body if status == 200 else None

    def wait_status(self, sid, status, timeout=10):
        return wait_for(lambda: (self.message(sid) or {}).get("status") == status, timeout, f"{sid} to be {status}")


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _decode(text):
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")
