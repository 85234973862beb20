# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""An application that receives webhooks: it checks each signature with Twilio's own
validator, remembers the call, and answers what the test told it to."""
import http.server
import threading
import time
import urllib.parse

from twilio.request_validator import RequestValidator

from waiting import wait_for

EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


class Call:
    """One request: method, path (without query), query, params, headers, valid, time."""

    def __init__(self, handler, body, url, token):
        parts = urllib.parse.urlsplit(handler.path)
        self.method = handler.command
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.params = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.time = time.monotonic()
        signed = self.params if self.method == "POST" else {}
        self.valid = RequestValidator(token).validate(url + handler.path, signed,
                                                      self.headers.get("x-twilio-signature", ""))


class Receiver:
    """url; calls; answer(path, ...) before something is sent there."""

    def __init__(self, token):
        self.calls = []
        self._answers = {}
        self._lock = threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = Call(self, body, receiver.url, token)
                with receiver._lock:
                    receiver.calls.append(call)
                receiver._reply(self, call)

            do_GET = do_POST = serve

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path, body=EMPTY, status=200, content_type="text/xml", delay=0, times=None, headers=None):
        """What calls of path get; times: only so many, then the answer told before (or the empty one)."""
        with self._lock:
            self._answers.setdefault(path, []).append([times, status, body, content_type, delay, headers or {}])

    def _pick(self, path):
        with self._lock:
            for one in reversed(self._answers.get(path, [])):
                if one[0] is None:
                    return one[1:]
                if one[0] > 0:
                    one[0] -= 1
                    return one[1:]
        return 200, EMPTY, "text/xml", 0, {}

    def _reply(self, handler, call):
        status, body, content_type, delay, headers = self._pick(call.path)
        if delay:
            threading.Event().wait(delay)
        if status == 0:                     # hang up without a word
            handler.close_connection = True
            return
        data = body if isinstance(body, bytes) else body.encode()
        try:
            handler.send_response(status)
            if content_type:
                handler.send_header("Content-Type", content_type)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            pass

    def to(self, path, **params):
        """Calls of a path whose parameters are as given, in order of arrival."""
        with self._lock:
            return [c for c in self.calls if c.path == path and all(c.params.get(k) == v for k, v in params.items())]

    def wait(self, path, count=1, timeout=10, **params):
        """The first `count` such calls, once they have arrived."""
        def enough():
            found = self.to(path, **params)
            return found if len(found) >= count else None
        return wait_for(enough, timeout, f"{count} call(s) of {path} {params or ''}")

    def close(self):
        self._server.shutdown()
        self._server.server_close()
