# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Paths and methods: found or not, allowed or not, in each interface's style; and who may come in."""
import pytest

from client import new_sid
from httpd import Httpd, scratch_dir
from server import EVERYTHING
from waiting import wait_for

SHARED = {"detail", "error"}

# interface, a GET route of it that needs nothing, a POST-only route, keys of its errors
STYLES = [
    ("flask-chat", "/api/health", "/api/send-message", {"error"}),
    ("whatsapp-inbox", "/health", "/webhook/twilio", {"success", "error"}),
    ("appointment-bot", "/api/health", "/webhooks/sms/inbound", {"detail"}),
    ("ai-messaging", "/health", "/twilio_webhook", {"detail"}),
    ("sms-store", "/sms/stored", "/sms/send", {"error"}),
]
NAMES = [row[0] for row in STYLES]


def told(answer, keys):
    """The error has exactly the style's keys, says something, and is JSON."""
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    assert set(body) == keys
    assert all(value is False if key == "success" else value for key, value in body.items())
    return True


class TestSharedMount:
    def test_an_unknown_path(self, site):
        answer = site.get("/nothing/here")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Not Found", "error": "Not Found"}

    def test_a_wrong_method(self, site):
        answer = site.request("PUT", "/api/send-message")
        assert answer.status_code == 405
        assert "POST" in [m.strip() for m in answer.headers["Allow"].split(",")]

    def test_options_tells_the_methods(self, site):
        answer = site.request("OPTIONS", "/api/messages/stats")
        assert answer.status_code in (200, 204)
        assert {"GET", "HEAD", "OPTIONS"} == {m.strip() for m in answer.headers["Allow"].split(",")}

    @pytest.mark.parametrize("path", ["/api/health", "/health", "/api/messages", "/api/messages/stats",
                                      "/api/twilio/sms/stored"])
    def test_head_is_get_without_the_body(self, site, path):
        got, head = site.get(path), site.head(path)
        assert head.status_code == got.status_code == 200
        assert head.content == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"]

    @pytest.mark.parametrize("path", ["/api/health", "/health", "/api/messages", "/api/conversations",
                                      "/api/twilio/sms/stored"])
    def test_a_trailing_slash_is_accepted(self, site, path):
        assert site.get(path + "/").status_code == site.get(path).status_code == 200

    def test_a_webhook_with_a_trailing_slash_is_verified_as_called(self, site):
        assert site.inbound(path="/twilio/inbound/")[0].status_code == 200

    def test_all_five_interfaces_answer(self, site):
        for path in ("/api/messages", "/health", "/api/health", "/db-test", "/api/twilio/sms/stored"):
            assert site.get(path).status_code == 200, path

    @pytest.mark.parametrize("path", ["/api//messages", "/api/./messages", "/x/../api/messages", "/api/%6dessages"])
    def test_other_spellings_of_a_path_mean_the_same(self, site, path):
        assert site.get(path).status_code == 200
        assert site.get(path, keyed=False).status_code == 401

    @pytest.mark.expect_log("AH10244", "AH00026", "AH10415")
    @pytest.mark.parametrize("path", ["/assets/../../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd",
                                      "/assets/..%2f..%2fetc/passwd", "/assets//etc/passwd", "/assets/%00",
                                      "/assets/.%2e/index.html", "/chat/%ff%fe", "/api/messages/%2e%2e"])
    def test_path_tricks_lead_nowhere(self, site, path):
        answer = site.get(path)
        assert answer.status_code in (400, 403, 404)
        assert b"root:" not in answer.content


class TestSingleMounts:
    @pytest.fixture(scope="class")
    def mounted(self, make_site):
        """Each interface alone, at a place of its own."""
        return make_site(mounts=[(f"/at/{name}", (name,)) for name in NAMES])

    @pytest.mark.parametrize("name,get,post,keys", STYLES, ids=NAMES)
    def test_it_answers_below_its_place(self, mounted, name, get, post, keys):
        assert mounted.get(f"/at/{name}{get}").status_code == 200
        assert mounted.get(f"/at/{name}{get}/").status_code == 200

    @pytest.mark.parametrize("name,get,post,keys", STYLES, ids=NAMES)
    def test_an_unknown_path(self, mounted, name, get, post, keys):
        answer = mounted.get(f"/at/{name}/nothing/here")
        assert answer.status_code == 404
        assert told(answer, keys)

    @pytest.mark.parametrize("name,get,post,keys", STYLES, ids=NAMES)
    def test_a_wrong_method(self, mounted, name, get, post, keys):
        answer = mounted.delete(f"/at/{name}{get}")
        assert answer.status_code == 405
        assert {"GET", "HEAD"} <= {m.strip() for m in answer.headers["Allow"].split(",")}
        assert told(answer, keys)

    def test_the_texts_of_the_fastapi_style(self, mounted):
        for name in ("ai-messaging", "appointment-bot"):
            assert mounted.get(f"/at/{name}/nothing").json() == {"detail": "Not Found"}
            assert mounted.delete(f"/at/{name}/{'' if name == 'ai-messaging' else 'api/'}health").json() == {
                "detail": "Method Not Allowed"}

    @pytest.mark.expect_log("AH01630")
    def test_an_interface_that_is_not_mounted_is_not_there(self, mounted):
        assert mounted.get("/at/flask-chat/sms/stored").status_code == 404
        assert mounted.get("/at/sms-store/api/messages").status_code == 404
        assert mounted.get("/api/messages").status_code in (403, 404)

    def test_webhooks_answer_below_a_prefix(self, mounted):
        for name, path in (("flask-chat", "/twilio/inbound"), ("whatsapp-inbox", "/webhook/twilio"),
                           ("appointment-bot", "/webhooks/sms/inbound"), ("ai-messaging", "/twilio_webhook"),
                           ("sms-store", "/webhook/sms")):
            answer, sent = mounted.inbound(path=f"/at/{name}{path}")
            assert answer.status_code == 200, (name, answer.text)
            assert mounted.db().value("SELECT count(*) FROM messages WHERE sid = %s", sent["MessageSid"]) == 1

    @pytest.mark.parametrize("name,get,post,keys", STYLES, ids=NAMES)
    def test_cors_only_where_the_original_had_it(self, mounted, name, get, post, keys):
        answer = mounted.request("OPTIONS", f"/at/{name}{get}", keyed=False, headers={
            "Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"})
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert (allowed is not None) == (name in ("whatsapp-inbox", "ai-messaging"))


class TestOrigins:
    """TwchatAllowOrigin: whose pages may ask whatsapp-inbox and ai-messaging."""

    OURS = ("https://app.example", "http://localhost:3000")

    @pytest.fixture(scope="class")
    def narrow(self, make_site):
        return make_site(access="Require all granted", directives="TwchatAllowOrigin " + " ".join(self.OURS))

    @staticmethod
    def ask(site, method, path, origin, **headers):
        answer = site.request(method, path, keyed=False, headers={**({"Origin": origin} if origin else {}), **headers})
        return answer.headers.get("Access-Control-Allow-Origin"), "Origin" in answer.headers.get("Vary", ""), answer

    def test_those_that_are_named(self, narrow):
        for method, path in (("GET", "/health"), ("GET", "/auth/me"), ("POST", "/auth/login"), ("OPTIONS", "/auth/login")):
            for origin in self.OURS:
                allowed, varies, _ = self.ask(narrow, method, path, origin)
                assert (allowed, varies) == (origin, True), (method, path)
            for origin in (None, "null", "https://app.example.evil", "https://app.example:444", "http://app.example", "https://evil.example"):
                allowed, varies, _ = self.ask(narrow, method, path, origin)
                assert (allowed, varies) == (None, True), (method, path, origin)

    def test_a_preflight(self, narrow):
        said = {"Access-Control-Request-Method": "POST"}
        _, _, answer = self.ask(narrow, "OPTIONS", "/auth/login", self.OURS[0], **said)
        assert answer.status_code == 204 and "POST" in answer.headers["Access-Control-Allow-Methods"]
        _, _, answer = self.ask(narrow, "OPTIONS", "/auth/login", "https://evil.example", **said)
        assert not [h for h in answer.headers if h.startswith("Access-Control")]

    def test_anybody_unless_told_otherwise(self, site):
        assert self.ask(site, "GET", "/health", "https://anybody.example")[:2] == ("*", True)
        assert self.ask(site, "GET", "/api/stats", "https://anybody.example")[0] is None

    @pytest.mark.parametrize("line", ["", "* https://app.example", "app.example", "https://app.example/", "https://app.example/path",
                                      "https://App.example", "null", "https://user@app.example", "https://*.example"])
    def test_what_is_no_origin_is_refused_at_start(self, line):
        httpd = Httpd(scratch_dir("conf"), f"Listen 127.0.0.1:1\nTwchatAllowOrigin {line}", ("twchat",))
        status, said = httpd.configtest()
        assert status != 0 and "TwchatAllowOrigin" in said, said


class TestAccess:
    CLOSED = ["/api/messages", "/api/conversations", "/api/messages/stats", "/api/auto-reply/config",
              "/api/twilio/sms/stored", "/api/twilio/status", "/api/events?poll=1", "/api/session", "/api/stats"]

    @pytest.mark.parametrize("path", CLOSED)
    def test_strangers_are_told_to_sign_in(self, site, path):
        answer = site.get(path, keyed=False)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.json()

    @pytest.mark.parametrize("path", CLOSED)
    def test_three_ways_in(self, site, path):
        assert site.get(path).status_code == 200
        assert site.get(path, keyed=False, headers={"Authorization": f"Bearer {site.api_key}"}).status_code == 200
        assert site.get(path, keyed=False, auth=site.auth).status_code == 200

    @pytest.mark.expect_log("AH01614", "AH01618")
    @pytest.mark.parametrize("headers", [
        {"X-API-Key": "twc_wrong"}, {"X-API-Key": ""}, {"Authorization": "Bearer twc_wrong"},
        {"Authorization": "Bearer"}, {"Authorization": "Basic !!!"}, {"Authorization": "Nonsense"}])
    def test_wrong_credentials(self, site, headers):
        assert site.get("/api/messages", keyed=False, headers=headers).status_code == 401

    @pytest.mark.expect_log("AH01617", "AH01618")
    def test_wrong_password(self, site):
        assert site.get("/api/messages", keyed=False, auth=(site.auth[0], "wrong")).status_code == 401
        assert site.get("/api/messages", keyed=False, auth=("nobody", site.auth[1])).status_code == 401

    def test_a_revoked_key_is_refused(self, site):
        key = "twc_" + new_sid()
        site.db().run("INSERT INTO api_keys (name, prefix, sha256) VALUES (%s, %s, sha256(%s))",
                      key, key[:8], key.encode())
        headers = {"X-API-Key": key}
        assert site.get("/api/messages", keyed=False, headers=headers).status_code == 200
        site.db().run("UPDATE api_keys SET revoked_at = now() WHERE name = %s", key)
        # A child may remember for a few seconds that the key was good.
        wait_for(lambda: site.get("/api/messages", keyed=False, headers=headers).status_code == 401, 20,
                 "the revoked key to be refused")

    @pytest.mark.parametrize("path", ["/api/health", "/health"])
    def test_health_is_open(self, site, path):
        assert site.get(path, keyed=False).status_code == 200

    def test_a_page_asks_the_browser_to_sign_in(self, site):
        answer = site.get("/", keyed=False, headers={"Accept": "text/html"})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert site.get("/", keyed=False, auth=site.auth, headers={"Accept": "text/html"}).status_code == 200

    def test_a_webhook_needs_no_sign_in_but_a_signature(self, site):
        assert site.inbound()[0].status_code == 200
        assert site.webhook("/twilio/inbound", site.inbound_params(), sign=False).status_code == 403
        answer = site.request("POST", "/twilio/inbound", data=site.inbound_params())
        assert answer.status_code == 403    # an API key is not a signature

    def test_a_signature_opens_nothing_else(self, site):
        assert site.webhook("/api/send-message", {"to": "+14155550100", "body": "hi"}).status_code == 401

    def test_open_mounts(self, make_site):
        closed = make_site(access="Require ip 127.0.0.1")
        assert closed.get("/api/messages", keyed=False).status_code == 401
        opened = make_site(access="Require ip 127.0.0.1\nTwchatOpen on")
        assert opened.get("/api/messages", keyed=False).status_code == 200

    @pytest.mark.expect_log("AH01630")
    def test_httpds_own_denial_holds(self, make_site):
        site = make_site(access="Require ip 10.255.255.1", mounts=[("/", EVERYTHING)])
        assert site.get("/api/messages", keyed=False).status_code in (401, 403)
