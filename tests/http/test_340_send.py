# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""twchatctl send: once, whatever happens, and with a reason where it fails."""
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from server import twchatctl
from waiting import wait_for

SENT = re.compile(r"Message sent\. SID=((?:SM|MM)[0-9a-f]{32})\n")


@pytest.fixture(scope="class")
def twilio(make_sandbox):
    return make_sandbox()


@pytest.fixture(scope="class")
def database(postgres, template):
    database = postgres.create(template=template)
    yield database
    database.close()


@pytest.fixture
def send(database, twilio):
    twilio.clear_faults()

    def call(*argv, **env):
        return twchatctl("send", *argv, env={k: v for k, v in {
            "DATABASE_URL": database.url, "TWILIO_ACCOUNT_SID": twilio.account_sid, "TWILIO_AUTH_TOKEN": twilio.auth_token,
            "TWILIO_DEFAULT_FROM": twilio.number, "TWILIO_WHATSAPP_FROM": twilio.whatsapp, "TWILIO_API_BASE": twilio.url,
            "PUBLIC_BASE_URL": "http://127.0.0.1:9", **env}.items() if v})
    return call


def creates(twilio, body):
    return [c for c in twilio.creates() if c["params"].get("Body") == body]


def sid_of(done):
    assert done.returncode == 0, done.stderr
    return SENT.fullmatch(done.stdout).group(1)


class TestSend:
    def test_documented_call(self, send, twilio, database):
        sid = sid_of(send("--to", "+48 123 123 123", "--body", "Siema z CLI"))
        assert twilio.message(sid)["to"] == "+48123123123"
        row = database.one("SELECT source, direction, body, from_addr, status FROM messages WHERE sid = %s", sid)
        assert row == {"source": "cli", "direction": "outbound", "body": "Siema z CLI", "from_addr": twilio.number, "status": "queued"}
        (create,) = creates(twilio, "Siema z CLI")
        assert create["params"]["StatusCallback"].startswith("http://127.0.0.1:9/twilio/status?")
        assert database.value("SELECT count(*) FROM outbox") == 0

    def test_messaging_service(self, send, twilio):
        service = "MG" + "1" * 32
        done = send("--to", "+48123123001", "--body", "by service", "--use-messaging-service", TWILIO_MESSAGING_SERVICE_SID=service)
        (create,) = creates(twilio, "by service")
        assert create["params"]["MessagingServiceSid"] == service and "From" not in create["params"]
        assert SENT.fullmatch(done.stdout) or done.returncode == 5      # whether the sandbox has such a service is its own business
        done = send("--to", "+48123123002", "--body", "by number", TWILIO_MESSAGING_SERVICE_SID=service)
        assert creates(twilio, "by number")[0]["params"]["From"] == twilio.number
        done = send("--to", "+48123123003", "--body", "x", "--use-messaging-service")
        assert done.returncode == 3 and "TWILIO_MESSAGING_SERVICE_SID" in done.stderr

    def test_whatsapp_and_media(self, send, twilio):
        sid = sid_of(send("--to", "whatsapp:+48123123004", "--body", "picture", "--media", "https://example.com/a.png",
                          "--media", "https://example.com/b.png"))
        assert twilio.message(sid)["from"] == twilio.whatsapp
        assert creates(twilio, "picture")[0]["params"]["MediaUrl"] == ["https://example.com/a.png", "https://example.com/b.png"]

    def test_refused_by_twilio(self, send):
        done = send("--to", "+15005550009", "--body", "no mobile")
        assert done.returncode == 5 and done.stdout == ""
        assert "21614" in done.stderr

    def test_opted_out(self, send, twilio, database):
        database.run("WITH e AS (INSERT INTO consent_events (sender, peer, state, source) VALUES ('*', '+48123123005', 'opted_out', 'operator') RETURNING id)"
                     " INSERT INTO consents (peer, sender, state, event_id) SELECT '+48123123005', '*', 'opted_out', id FROM e")
        done = send("--to", "+48123123005", "--body", "unwanted")
        assert done.returncode == 5 and done.stderr
        assert creates(twilio, "unwanted") == []

    @pytest.mark.parametrize("argv", [("--to", "12", "--body", "x"), ("--to", "+48123123006", "--body", "x" * 1601),
                                      ("--to", "+48123123006", "--body", "x", "--media", "ftp://x"),
                                      ("--to", "+48123123006", "--body", "x", "--from", "whatsapp:+14155550000"),
                                      ("--to", "+48123123006", "--body", " ")])
    def test_refused_by_us(self, send, twilio, argv):
        before = len(twilio.creates())
        done = send(*argv)
        assert done.returncode == 1 and done.stderr and done.stdout == ""
        assert len(twilio.creates()) == before

    def test_not_configured(self, send):
        assert send("--to", "+48123123007", "--body", "x", TWILIO_ACCOUNT_SID=None).returncode == 3
        assert send("--to", "+48123123007", "--body", "x", TWILIO_DEFAULT_FROM=None).returncode == 3
        assert send("--to", "+48123123007", "--body", "x", DATABASE_URL=None).returncode == 3

    def test_twilio_busy_at_first(self, send, twilio):
        twilio.faults(next_429=1)
        sid = sid_of(send("--to", "whatsapp:+48123123008", "--body", "second try"))
        assert twilio.message(sid)["body"] == "second try"

    def test_answer_lost_after_accept(self, send, twilio):
        twilio.faults(next_reset_after_accept=1)
        sid = sid_of(send("--to", "whatsapp:+48123123009", "--body", "only once"))
        assert len(creates(twilio, "only once")) == 1
        assert twilio.message(sid)["body"] == "only once"

    def test_many_at_once(self, send, twilio, database):
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda i: send("--to", f"whatsapp:+4812312310{i}", "--body", f"many {i}"), range(6)))
        sids = [sid_of(d) for d in done]
        assert len(set(sids)) == 6
        assert all(len(creates(twilio, f"many {i}")) == 1 for i in range(6))
        assert database.value("SELECT count(*) FROM messages WHERE body LIKE 'many %%'") == 6

    def test_twilio_away_keeps_it_queued_for_a_server(self, send, twilio, database):
        done = send("--to", "whatsapp:+48123123011", "--body", "later", "--wait", "1", TWILIO_API_BASE="http://127.0.0.1:9")
        assert done.returncode == 5 and "do not send it again" in done.stderr
        assert database.value("SELECT o.state FROM outbox o JOIN messages m ON m.id = o.message_id WHERE m.body = 'later'") == "queued"
        # whoever comes next takes it along
        sid_of(send("--to", "whatsapp:+48123123011", "--body", "and this"))
        wait_for(lambda: len(creates(twilio, "later")) == 1, 10, "the first message")
        assert [c["params"]["Body"] for c in twilio.creates()[-2:]] == ["later", "and this"]


class TestBesideAServer:
    def test_it_leaves_a_servers_messages_alone(self, make_site, make_sandbox):
        """Their time-outs, rates and addresses for callbacks only the server knows."""
        sandbox = make_sandbox()
        site = make_site(sandbox=sandbox)
        db = site.db()
        db.run("INSERT INTO senders (sender, kind, parked_until) VALUES (%s, 'longcode-us', 'infinity')", site.number)
        queued = site.post("/api/send-message", json={"to": "+48123123300", "body": "a server's"}).json()["id"]
        in_doubt = site.post("/api/send-message", json={"to": "+48123123301", "body": "in doubt"}).json()["id"]
        site.httpd.stop()
        db.run("UPDATE outbox SET state = 'unknown', attempts = 1, attempted_at = now(), lease_until = now() WHERE message_id = %s", in_doubt)
        db.run("UPDATE senders SET parked_until = NULL")
        sid_of(site.ctl("send", "--to", "+48123123302", "--body", "a program's"))
        assert db.rows("SELECT message_id, state, checks FROM outbox ORDER BY message_id") == [
            {"message_id": queued, "state": "queued", "checks": 0}, {"message_id": in_doubt, "state": "unknown", "checks": 0}]
        site.httpd.start()
        wait_for(lambda: len(creates(sandbox, "a server's")) == 1, 20, "what the server has to send")

    def test_once_whoever_is_quicker(self, make_site, make_sandbox):
        sandbox = make_sandbox()
        site = make_site(sandbox=sandbox)
        for i in range(8):
            done = site.ctl("send", "--to", f"whatsapp:+4812312320{i}", "--body", f"beside {i}", TWILIO_WHATSAPP_FROM=sandbox.whatsapp)
            sid_of(done)
        assert sorted(c["params"]["Body"] for c in sandbox.creates()) == [f"beside {i}" for i in range(8)]
        assert site.db().value("SELECT count(*) FROM messages WHERE source = 'cli' AND sid IS NOT NULL") == 8
