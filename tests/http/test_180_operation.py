# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What an administrator sees and may rely on: schema, logs, counters, server-info, places in the URL space."""
import http.client
import json
import os
import re
import socket

import pytest

from client import new_number
from server import Host
from waiting import wait_for


def drop_schema(site):
    site.db().run("DROP SCHEMA public CASCADE")
    site.db().run("CREATE SCHEMA public")


class TestSchema:
    @pytest.mark.expect_log("TWC1021", "TWC1031", "TWC2", "TWC3")
    def test_an_empty_database_is_answered_503_until_it_is_migrated(self, make_site):
        site = make_site(start=False, directives="TwchatSpool off")
        drop_schema(site)
        site.start()
        for answer in (site.get("/api/messages"), site.inbound()[0], site.get("/api/health", keyed=False),
                       site.get("/api/messages", keyed=False, auth=site.auth)):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert "twchat_" not in answer.text and "schema" not in answer.text.lower()
        assert site.get("/api/health", keyed=False).json()["status"] == "degraded"
        told = site.log.lines("TWC1021")
        assert 1 <= len(told) <= 2 and "twchatctl migrate" in told[0]       # once per child
        assert site.ctl("migrate").returncode == 0
        wait_for(lambda: site.inbound()[0].status_code == 200, 15, "the module to notice")

    def test_auto_migrate(self, make_site):
        site = make_site(start=False, directives="TwchatAutoMigrate on")
        drop_schema(site)
        site.start()
        answer, sent = site.inbound()
        assert answer.status_code == 200
        wait_for(lambda: site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sent["MessageSid"]) == 1, 20,
                 "the message, from the spool where migrating took long")
        assert site.log.lines("TWC1020")

    @pytest.mark.expect_log("TWC1021", "TWC1031", "TWC2", "TWC3", "dbd:error", "dbd:crit")
    def test_a_database_that_is_not_there_yet(self, make_site, make_postgres):
        server = make_postgres()
        site = make_site(server=server, start=False, directives="TwchatSpool off")
        server.stop()
        site.start()
        assert site.inbound()[0].status_code == 503
        assert site.get("/", keyed=False, auth=site.auth).status_code == 200    # pages come all the same
        server.start()
        wait_for(lambda: site.inbound()[0].status_code == 200, 20, "the module to find the database")


class TestLimits:
    @pytest.mark.expect_log("TWC1016")
    def test_fewer_connections_than_statements_are_warned_about(self, make_site):
        site = make_site(directives="TwchatStatements 20")
        assert site.get("/api/messages").status_code == 200
        assert any("DBDMax 8" in line for line in site.log.lines("TWC1016"))


class TestEventLog:
    def lines(self, path):
        with open(path) as log:
            return [json.loads(line) for line in log]

    @pytest.mark.parametrize("kind", ["file", "pipe"])
    def test_lines_of_json_without_private_things(self, make_site, make_sandbox, tmp_path, kind):
        os.chmod(tmp_path, 0o755)
        path = str(tmp_path / "events.json")
        site = make_site(sandbox=make_sandbox(), directives=f'TwchatLog "{path}"' if kind == "file" else f'TwchatLog "|/usr/bin/tee -a {path}"')
        peer = new_number()
        site.inbound(From=peer, Body="very private words")
        site.webhook("/twilio/inbound", site.inbound_params(From=peer, Body="private forgery"), sign=False)
        site.get("/api/messages", headers={"X-API-Key": "twc_stolen_key"})
        site.webhook("/twilio/inbound", {"Body": "incomplete"})
        site.post("/api/send-message", json={"to": peer, "body": "private too"})
        wait_for(lambda: os.path.exists(path) and ("messages", "asked for") in {
            (line["category"], line["event"]) for line in self.lines(path)}, 15, "events")
        lines = self.lines(path)
        for line in lines:
            assert {"time", "category", "event", "tenant"} <= set(line)
            assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", line["time"])
        events = {(l["category"], l["event"]) for l in lines}
        assert {("webhook", "accepted"), ("webhook", "refused"), ("webhook", "invalid")} <= events
        with open(path) as log:
            text = log.read()
        for secret in (peer, peer[1:], "private", "twc_stolen_key", site.tokens[0], site.api_key):
            assert secret not in text

    def test_the_error_log_has_nothing_private_either(self, make_site):
        site = make_site(directives="LogLevel twchat:trace8\nTwchatSendWait 100ms")
        peer = new_number()
        site.inbound(From=peer, Body="very private words")
        site.post("/api/send-message", json={"to": peer, "body": "more private words"})
        site.webhook("/twilio/inbound", site.inbound_params(From=peer, Body="private forgery"), sign=False)
        site.get("/api/messages", headers={"Authorization": "Bearer twc_stolen_key"})
        text = "\n".join(line for line in site.log.text().splitlines() if "[twchat:" in line)
        for secret in ("private", "twc_stolen_key", site.tokens[0], site.api_key, peer):
            assert secret not in text


def beside(path, handler):
    """Access lines that end a mount's section and begin another one: later sections win."""
    return f'Require all granted\n</Location>\n<Location "{path}">\nSetHandler {handler}\nRequire all granted'


class TestServerStatus:
    def test_counters_of_each_host(self, make_site):
        access = beside("/server-status", "server-status")
        one, two = make_site(hosts=[Host(name="one.test", access=access), Host(name="two.test")]).hosts
        for _ in range(3):
            one.inbound()
        one.webhook("/twilio/inbound", one.inbound_params(), sign=False)
        one.get("/api/messages", keyed=False, headers={"X-API-Key": "wrong"})
        said = dict(line.split(": ", 1) for line in one.get("/server-status?auto", keyed=False).text.splitlines()
                    if line.startswith("Twchat"))
        tenant = f"one.test:{one.port}"
        assert said[f"TwchatWebhooksAccepted[{tenant}]"] == "3"
        assert said[f"TwchatWebhooksRefused[{tenant}]"] == "1"
        assert said[f"TwchatWebhooksAccepted[two.test:{two.port}]"] == "0"
        assert "mod_twchat" in one.get("/server-status", keyed=False).text


class TestServerInfo:
    def test_secrets_are_references(self, make_site):
        site = make_site(modules=("info",), access=beside("/server-info", "server-info"))
        page = site.get("/server-info", keyed=False).text
        assert "TwchatAuthToken" in page and site.tokens[0] not in page


@pytest.mark.expect_log("AH01630")      # what is not mounted is closed by httpd
class TestPlaces:
    def test_a_prefix_and_its_slash(self, make_site):
        site = make_site(mounts=[("/sms", ("flask-chat",))])
        answer = site.get("/sms?a=b")
        assert answer.status_code == 308 and answer.headers["Location"].endswith("/sms/?a=b")
        assert site.get("/sms/").status_code == 200
        assert site.get("/sms/assets/js/api.js").status_code == 200
        assert site.get("/sms/api/session").status_code == 200
        assert site.get("/smsx/api/session").status_code in (403, 404)

    def test_status_callbacks_name_the_mount(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox(), mounts=[("/sms", ("flask-chat",))])
        sid = site.post("/sms/api/send-message", json={"to": new_number(), "body": "x"}).json()["sid"]
        wait_for(lambda: site.db().value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered", 10,
                 "callbacks to find the mount")
        made = site.sandbox.creates()[0]["params"]
        assert made["StatusCallback"].startswith(site.public_url + "/sms/twilio/status?m=")

    def test_what_the_mount_leaves_out_is_httpds(self, make_site):
        site = make_site(access=beside("/other", "none"))
        assert "json" not in site.get("/other/x").headers["Content-Type"]

    def test_who_takes_json_only_gets_the_api_at_the_root(self, site):
        assert set(site.get("/", headers={"Accept": "application/json"}).json()) == {"message", "docs"}
        for accept in ("text/html", "*/*", "application/json, text/html", "application/json, */*;q=0.1"):
            assert site.get("/", headers={"Accept": accept}).headers["Content-Type"].startswith("text/html"), accept

    def test_encoded_slashes(self, make_site):
        site = make_site(directives="AllowEncodedSlashes NoDecode")
        answer = site.get("/api/conversations/a%2Fb")
        assert answer.status_code == 200 and answer.json()["participant"] == "a/b"
        assert site.get("/assets/js%2Fapi.js").status_code == 404
        assert site.get("/assets/..%2F..%2Fconf/twchat.conf").status_code in (400, 404)

    def test_a_number_that_looks_like_a_file(self, site):
        answer = site.get("/api/conversations/1415.gz")
        assert answer.status_code == 200 and "Content-Encoding" not in answer.headers


class TestRaw:
    """Requests no client library would make."""

    def ask(self, site, text):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
            connection.sendall(text.encode("latin-1"))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    @pytest.mark.parametrize("target", ["http://127.0.0.1/api/health", "/api/health?%", "/api/health?a=%ff&%00"])
    def test_targets(self, site, target):
        status, _ = self.ask(site, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status == 200

    def test_methods(self, site):
        for method in ("BREW", "PROPFIND", "PATCH"):
            status, _ = self.ask(site, f"{method} /api/messages HTTP/1.1\r\nHost: x\r\nX-API-Key: {site.api_key}\r\n"
                                       "Connection: close\r\n\r\n")
            assert status in (405, 501), method

    @pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999", "1, 1"])
    def test_lengths(self, site, length):
        status, _ = self.ask(site, "POST /api/send-message HTTP/1.1\r\nHost: x\r\n"
                                   f"X-API-Key: {site.api_key}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{{}}")
        assert status in (400, 413)
