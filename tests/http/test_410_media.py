# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Attachments of incoming messages: fetched afterwards, from the right hosts only, kept, shown to those who may see them."""
import base64
import http.server
import threading

import pytest

from client import new_number, new_sid
from outgoing import QUICK
from server import Host
from waiting import wait_for

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


class MediaHost:
    """A loopback server of attachments; remembers who asked, and with which credentials."""

    def __init__(self):
        self.pages, self.calls = {}, []
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.calls.append((self.path, self.headers.get("Authorization")))
                page = host.pages.get(self.path, [(404, {}, b"")])
                status, headers, body = page.pop(0) if len(page) > 1 else page[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path):
        return [auth for p, auth in self.calls if p == path]


@pytest.fixture(scope="class")
def listed():
    host = MediaHost()
    yield host
    host.stop()


@pytest.fixture(scope="class")
def stranger():
    host = MediaHost()
    yield host
    host.stop()


@pytest.mark.expect_log("TWC2501", "TWC2502")
class TestMedia:
    @pytest.fixture(scope="class")
    def site(self, make_site, sandbox, listed):
        return make_site(sandbox=sandbox, hosts=[Host(sandbox=sandbox, directives=QUICK + (
            f"TwchatMediaHosts {listed.address} 127.0.0.1:{sandbox.port}\nTwchatMediaLimit 100000\n"))])

    def receive(self, site, *urls, content_type="image/png"):
        sid = new_sid("MM")
        media = {f"MediaUrl{i}": url for i, url in enumerate(urls)}
        types = {f"MediaContentType{i}": content_type for i in range(len(urls))}
        answer, _ = site.inbound(Body="", From=new_number(), sid=sid, NumMedia=str(len(urls)), **media, **types)
        assert answer.status_code == 200
        return site.db().value("SELECT message_id FROM message_sids WHERE sid = %s", sid)

    def states(self, site, ident, timeout=20):
        def settled():
            rows = site.db().rows("SELECT state, reason FROM message_media WHERE message_id = %s ORDER BY idx", ident)
            return rows if all(row["state"] != "pending" for row in rows) else None
        return [row["state"] for row in wait_for(settled, timeout, "the attachments to be settled")]

    def test_a_picture_from_a_handset_is_kept_and_shown(self, site, sandbox):
        peer = new_number()
        sandbox.inbound(peer, site.number, "look", Media=[{"ContentType": "image/png", "Data": base64.b64encode(PNG).decode()}])
        row = wait_for(lambda: site.db().one(
            "SELECT m.id, a.state FROM messages m JOIN message_media a ON a.message_id = m.id"
            " WHERE m.from_addr = %s AND a.state <> 'pending'", peer), 20, "the picture")
        assert row["state"] == "stored"
        shown = site.get(f"/api/media/{row['id']}/0")
        assert shown.status_code == 200 and shown.content == PNG
        assert shown.headers["Content-Type"] == "image/png" and shown.headers["X-Content-Type-Options"] == "nosniff"

    def test_only_those_who_may_read_see_it(self, site, listed):
        listed.pages["/one"] = [(200, {"Content-Type": "image/png"}, PNG)]
        ident = self.receive(site, listed.url + "/one")
        assert self.states(site, ident) == ["stored"]
        assert site.get(f"/api/media/{ident}/0", keyed=False).status_code == 401
        assert site.get(f"/api/media/{ident}/1").status_code == 404
        assert site.get("/api/media/999999999/0").status_code == 404

    def test_a_redirect_never_takes_our_credentials_along(self, site, listed, stranger):
        stranger.pages["/stolen"] = [(200, {"Content-Type": "image/png"}, PNG)]
        listed.pages["/away"] = [(302, {"Location": stranger.url + "/stolen"}, b"")]
        listed.pages["/there"] = [(200, {"Content-Type": "image/png"}, PNG)]
        listed.pages["/hop"] = [(302, {"Location": listed.url + "/there"}, b"")]
        ident = self.receive(site, listed.url + "/away", listed.url + "/hop")
        assert self.states(site, ident) == ["refused", "stored"]
        assert stranger.calls == []
        assert listed.asked("/there") == [None]

    def test_a_foreign_host_is_never_asked(self, site, stranger):
        urls = [stranger.url + "/x", "http://127.0.0.1:1/", "file:///etc/passwd", "gopher://127.0.0.1/",
                "https://api.twilio.com.evil.example/x", "http://user@127.0.0.1/"]
        ident = self.receive(site, *urls)
        assert self.states(site, ident) == ["refused"] * len(urls)
        assert stranger.calls == []

    def test_too_large_and_dangerous_types_are_refused(self, site, listed):
        listed.pages["/large"] = [(200, {"Content-Type": "image/png"}, b"x" * 100001)]
        listed.pages["/page"] = [(200, {"Content-Type": "text/html"}, b"<script>alert(1)</script>")]
        listed.pages["/svg"] = [(200, {"Content-Type": "image/svg+xml"}, b"<svg/>")]
        ident = self.receive(site, *(listed.url + p for p in ("/large", "/page", "/svg")))
        assert self.states(site, ident) == ["refused"] * 3

    def test_what_is_not_ready_is_asked_again(self, site, listed):
        listed.pages["/late"] = [(404, {}, b""), (200, {"Content-Type": "image/png"}, PNG)]
        ident = self.receive(site, listed.url + "/late")
        assert self.states(site, ident) == ["stored"]
        assert len(listed.asked("/late")) == 2

    def test_one_that_is_not_ready_does_not_hold_up_the_next(self, site, listed):
        listed.pages["/never-there"] = [(404, {}, b"")]
        listed.pages["/there-now"] = [(200, {"Content-Type": "image/png"}, PNG)]
        ident = self.receive(site, listed.url + "/never-there", listed.url + "/there-now")
        state = "SELECT state FROM message_media WHERE message_id = %s AND idx = %s"
        wait_for(lambda: site.db().value(state, ident, 1) == "stored", 20, "the second attachment")
        assert site.db().value(state, ident, 0) == "pending"

    def test_nothing_happens_to_a_webhook_while_the_host_stalls(self, site, listed):
        # Nobody answers there: the fetch waits, the answer does not.
        answer, _ = site.inbound(Body="hi", NumMedia="1", MediaUrl0=listed.url + "/never", MediaContentType0="image/png")
        assert answer.status_code == 200 and answer.elapsed.total_seconds() < 5
