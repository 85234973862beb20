# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""twchatctl without a server: settings, keys, routes, the journal, help and exit codes."""
import json
import os
import re

import pytest

from server import twchatctl


@pytest.fixture(scope="class")
def database(postgres, template):
    database = postgres.create(template=template)
    yield database
    database.close()


@pytest.fixture
def ctl(database):
    return lambda *argv, **env: twchatctl(*argv, env={"DATABASE_URL": database.url, **env})


class TestHelp:
    def test_overview_names_all_commands(self):
        done = twchatctl("--help")
        assert done.returncode == 0
        for command in ("send", "migrate", "user", "session", "apikey", "audit", "journal", "routes", "doctor", "version"):
            assert re.search(rf"^  {command} ", done.stdout, re.M), command
        assert twchatctl("help").stdout == done.stdout

    @pytest.mark.parametrize("command", ["send", "migrate", "user", "session", "apikey", "audit", "journal", "spool", "routes", "doctor", "version"])
    def test_each_command_explains_itself(self, command):
        done = twchatctl(command, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith(f"usage: twchatctl [--env FILE] {command}")
        assert twchatctl("help", command).stdout == done.stdout

    @pytest.mark.parametrize("argv", [(), ("nonsense",), ("--nonsense",), ("migrate", "now"), ("migrate", "--fast"), ("apikey",),
                                      ("apikey", "create"), ("apikey", "create", " "), ("journal", "show", "x"),
                                      ("journal", "replay", "-1"), ("journal", "list", "--limit", "1e9"),
                                      ("journal", "list", "--verdict", "bad"), ("routes", "--interface", "x"),
                                      ("send", "--to"), ("send", "--to", "+14155550123"), ("send", "--body", "x"),
                                      ("send", "--to=+14155550123", "--body=x", "y"), ("doctor", "--fix=yes"), ("help", "nonsense")])
    def test_misuse_is_told_apart(self, argv):
        done = twchatctl(*argv)
        assert done.returncode == 2
        assert done.stderr.startswith("twchatctl") and "--help" in done.stderr
        assert done.stdout == ""

    def test_an_option_without_its_value(self):
        done = twchatctl("--env")
        assert done.returncode == 2 and "--env wants a value" in done.stderr

    def test_version(self):
        done = twchatctl("version")
        assert re.fullmatch(r"twchatctl \d+\.\d+\.\d+, schema version \d+\n", done.stdout)
        assert twchatctl("--version").stdout == done.stdout


class TestSettings:
    def write(self, tmp_path, text):
        path = tmp_path / "site.env"
        path.write_text(text)
        return str(path)

    def test_file(self, tmp_path, database):
        path = self.write(tmp_path, f"# a comment\n\n  export DATABASE_URL='{database.url}'  \nOTHER=1\n")
        assert twchatctl("--env", path, "migrate", "--check").returncode == 0
        assert twchatctl(f"--env={path}", "migrate", "--check").returncode == 0

    @pytest.mark.parametrize("quoted", ['"{}"', "'{}'", "{}", "post'gresql:'{}"])
    def test_quotes(self, tmp_path, database, quoted):
        url = database.url
        text = quoted.format(url[len("postgresql:"):] if quoted.startswith("post'") else url)
        assert twchatctl("--env", self.write(tmp_path, f"DATABASE_URL={text}\n"), "migrate", "--check").returncode == 0

    def test_environment_wins(self, tmp_path, database):
        path = self.write(tmp_path, "DATABASE_URL=postgresql://127.0.0.1:9/x\n")
        assert twchatctl("--env", path, "migrate", "--check").returncode == 4
        assert twchatctl("--env", path, "migrate", "--check", env={"DATABASE_URL": database.url}).returncode == 0

    def test_file_that_is_none(self, tmp_path):
        done = twchatctl("--env", str(tmp_path / "nowhere"), "migrate")
        assert done.returncode == 3 and "nowhere" in done.stderr
        done = twchatctl("--env", self.write(tmp_path, "DATABASE_URL=x\nnot a setting\n"), "migrate")
        assert done.returncode == 3 and "line 2" in done.stderr

    def test_a_shell_in_the_file_is_not_run(self, tmp_path):
        mark = tmp_path / "mark"
        twchatctl("--env", self.write(tmp_path, f"DATABASE_URL=$(touch {mark})\n"), "migrate")
        assert not os.path.exists(mark)


class TestKeys:
    def test_life_of_a_key(self, ctl, database):
        made = ctl("apikey", "create", "the shop")
        assert made.returncode == 0
        assert re.fullmatch(r"twk_[A-Za-z0-9_-]{43}\n", made.stdout)
        key = made.stdout.strip()
        (row,) = json.loads(ctl("apikey", "list", "--json").stdout)
        assert row["name"] == "the shop" and row["revoked_at"] is None and key.startswith(row["prefix"])
        assert key not in json.dumps(database.rows("SELECT id, name, prefix, encode(sha256, 'escape') FROM api_keys"))
        assert "the shop" in ctl("apikey", "list").stdout
        assert ctl("apikey", "revoke", str(row["id"])).returncode == 0
        assert json.loads(ctl("apikey", "list", "--json").stdout)[0]["revoked_at"]
        assert ctl("apikey", "revoke", "no such").returncode == 6


class TestRoutes:
    def test_table(self):
        done = twchatctl("routes")
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        assert any(line.split()[:3] == ["GET,POST", "/twilio/inbound", "twilio"] for line in lines)
        assert any(line.split()[:3] == ["GET", "/api/twilio/sms/stored", "viewer"] for line in lines)

    def test_json(self):
        routes = json.loads(twchatctl("routes", "--json").stdout)
        explained = re.findall(r"^  (\w+): \w", twchatctl("routes", "--help").stdout, re.M)
        assert {route["access"] for route in routes} <= set(explained)
        assert sorted(explained) == sorted(["open", "twilio", "known", "account", "viewer", "agent", "admin", "super_admin"])
        assert len(routes) == len(twchatctl("routes").stdout.splitlines())
        for route in routes:
            assert set(route) == {"methods", "path", "interface", "access", "body", "doc"}
            assert route["doc"] and route["methods"] and route["path"].startswith("/")

    def test_one_interface(self):
        routes = json.loads(twchatctl("routes", "--json", "--interface", "sms-store").stdout)
        assert {r["interface"] for r in routes} == {"sms-store"}
        assert all(r["path"].startswith("/api/twilio/") for r in routes)


class TestJournal:
    SID = "SM" + "5" * 32

    @pytest.fixture
    def entry(self, database):
        def make(raw, verdict="refused", kind="message", content_type="application/x-www-form-urlencoded", sid=None):
            return database.value(
                "INSERT INTO webhook_journal (at, kind, interface, verdict, reason, sid, method, url, content_type, raw)"
                " VALUES (now() - interval '1 hour', %s, 'flask-chat', %s, 'signature mismatch', %s, 'POST', 'https://x/twilio/inbound', %s, %s)"
                " RETURNING id", kind, verdict, sid, content_type, raw)
        return make

    def test_list_and_show(self, ctl, entry):
        one = entry("From=%2B14155550177&Body=geheim")
        entry("x=1", verdict="invalid")
        done = ctl("journal", "list", "--verdict", "refused", "--limit", "1")
        assert str(one) in done.stdout and "signature mismatch" in done.stdout
        assert "geheim" not in done.stdout
        assert [r["id"] for r in json.loads(ctl("journal", "list", "--verdict=refused", "--json").stdout)][0] == one
        assert json.loads(ctl("journal", "show", str(one)).stdout)["raw"] == "From=%2B14155550177&Body=geheim"
        assert ctl("journal", "show", "999999").returncode == 6

    def test_replay_a_message_once(self, ctl, entry, database):
        raw = f"MessageSid={self.SID}&From=%2B14155550178&To=%2B14155552671&Body=Late+but+there&NumMedia=0"
        one = entry(raw)
        dry = ctl("journal", "replay", str(one), "--dry-run")
        assert dry.returncode == 0 and self.SID in dry.stdout
        assert database.value("SELECT count(*) FROM messages WHERE sid = %s", self.SID) == 0
        done = ctl("journal", "replay", str(one))
        assert done.returncode == 0, done.stderr
        assert "Stored as message" in done.stdout
        row = database.one("SELECT body, from_addr, now() - created_at > interval '59 minutes' AS then FROM messages WHERE sid = %s", self.SID)
        assert row == {"body": "Late but there", "from_addr": "+14155550178", "then": True}
        assert database.value("SELECT count(*) FROM jobs j JOIN messages m ON m.id = j.message_id WHERE m.sid = %s AND j.kind = 'answer'",
                              self.SID) == 1
        assert json.loads(ctl("journal", "show", str(one)).stdout)["replayed_at"]
        again = ctl("journal", "replay", str(one))
        assert again.returncode == 0 and "known already" in again.stdout
        assert database.value("SELECT count(*) FROM messages WHERE sid = %s", self.SID) == 1

    def test_replay_a_status(self, ctl, entry, database):
        sid = "SM" + "6" * 32
        database.run("WITH v AS (INSERT INTO conversations (peer, channel, address) VALUES ('+14155550179', 'sms', '+14155550179') RETURNING id),"
                     " m AS (INSERT INTO messages (conv_id, sid, direction, source, status) SELECT id, %s, 'outbound', 'api', 'sent' FROM v RETURNING id)"
                     " INSERT INTO message_sids (sid, message_id) SELECT %s, id FROM m", sid, sid)
        done = ctl("journal", "replay", str(entry(f"MessageSid={sid}&MessageStatus=delivered", kind="status", verdict="failed")))
        assert done.returncode == 0 and "has this status now" in done.stdout
        assert database.value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered"
        done = ctl("journal", "replay", str(entry(f"MessageSid={sid}&MessageStatus=sent", kind="status", verdict="failed")))
        assert "its status stays" in done.stdout
        assert database.value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered"

    def test_replay_json(self, ctl, entry, database):
        sid = "SM" + "7" * 32
        raw = json.dumps({"from": "+14155550180", "to": "+14155552671", "body": "as JSON", "message_sid": sid})
        done = ctl("journal", "replay", str(entry(raw, content_type="application/json; charset=utf-8")))
        assert done.returncode == 0, done.stderr
        assert database.value("SELECT body FROM messages WHERE sid = %s", sid) == "as JSON"

    @pytest.mark.parametrize("raw,kind,verdict,content_type", [
        ("From=%2B1415&To=%2B1", "message", "invalid", "application/x-www-form-urlencoded"),
        (None, "message", "refused", "application/x-www-form-urlencoded"),
        ("[1,2", "message", "refused", "application/json"),
        ("[" * 10000, "message", "refused", "application/json"),
        ("CallSid=CA1", "voice", "refused", "application/x-www-form-urlencoded"),
        (f"MessageSid={SID}&From=%2B14155550178&To=%2B14155552671", "message", "accepted", "application/x-www-form-urlencoded"),
    ])
    def test_what_cannot_be_replayed(self, ctl, entry, database, raw, kind, verdict, content_type):
        before = database.value("SELECT count(*) FROM messages")
        one = entry(raw, kind=kind, verdict=verdict, content_type=content_type)
        done = ctl("journal", "replay", str(one))
        assert done.returncode == 1 and done.stderr
        assert database.value("SELECT count(*) FROM messages") == before
        assert database.value("SELECT replayed_at FROM webhook_journal WHERE id = %s", one) is None


class TestUsers:
    def test_a_life(self, database):
        def ctl(*argv, stdin=None):
            return twchatctl(*argv, stdin=stdin, env={"DATABASE_URL": database.url})
        made = ctl("user", "add", "ana", "--role", "super_admin", "--generate", "--email", "ana@example.com")
        assert made.returncode == 0, made.stderr
        assert len(made.stdout.strip()) == 16 and "super_admin" in made.stderr
        assert ctl("user", "add", "bo", stdin="a fine one 9\n").returncode == 0
        assert ctl("user", "add", "cy", "--no-password", "--role", "viewer").returncode == 0
        users = {u["username"]: u for u in json.loads(ctl("user", "list", "--json").stdout)}
        assert (users["ana"]["role"], users["bo"]["role"], users["cy"]["role"]) == ("super_admin", "agent", "viewer")
        assert users["bo"]["has_password"] and not users["cy"]["has_password"]
        assert "ana@example.com" in ctl("user", "list").stdout
        assert ctl("user", "role", "bo", "admin").returncode == 0
        assert ctl("user", "disable", "bo").returncode == 0 and ctl("user", "enable", "bo").returncode == 0
        assert ctl("user", "passwd", "bo", stdin="another fine one\n").returncode == 0
        assert ctl("user", "factor-reset", "bo").returncode == 0
        assert ctl("session", "list", "bo").returncode == 0 and ctl("session", "revoke", "bo").returncode == 0
        assert ctl("user", "delete", "bo").returncode == 0
        assert ctl("user", "delete", "bo").returncode == 6
        last = ctl("user", "disable", "ana")
        assert last.returncode == 1 and "last active super_admin" in last.stderr
        done = ctl("audit", "verify")
        assert done.returncode == 0 and "each as it was written" in done.stdout
        head = done.stdout.split()[-1]
        lines = [json.loads(line) for line in ctl("audit", "export").stdout.splitlines()]
        assert [e["action"] for e in lines][:3] == ["user.created"] * 3 and lines[-1]["action"] == "user.deleted"
        assert {e["actor_kind"] for e in lines} == {"command"} and lines[-1]["hash"] == head
        assert len(ctl("audit", "export", "--after", "2").stdout.splitlines()) == len(lines) - 2
        assert ctl("audit", "verify", "--head", head).returncode == 0

    def test_what_somebody_changed_behind_our_back(self, database):
        def ctl(*argv, stdin=None):
            return twchatctl(*argv, stdin=stdin, env={"DATABASE_URL": database.url})
        for name in ("a1", "a2", "a3"):
            ctl("user", "add", name, "--no-password")
        head = ctl("audit", "verify").stdout.split()[-1]
        database.run("ALTER TABLE audit_events DISABLE TRIGGER USER")
        last = database.value("SELECT max(id) FROM audit_events")
        database.run("UPDATE audit_events SET actor_username = 'somebody else' WHERE id = %s", last - 1)
        done = ctl("audit", "verify")
        assert done.returncode == 1 and f"row {last - 1}" in done.stderr
        database.run("DELETE FROM audit_events WHERE id = %s", last - 1)
        assert f"row {last}" in ctl("audit", "verify").stderr
        database.run("DELETE FROM audit_events WHERE id >= %s", last - 1)
        assert ctl("audit", "verify").returncode == 0                   # an end that is cut off shows to who noted it
        assert ctl("audit", "verify", "--head", head).returncode == 1

    @pytest.mark.parametrize("argv", [["add"], ["add", "x", "--role", "king"], ["role", "x"], ["nonsense", "x"], ["add", "a", "b"]])
    def test_usage(self, database, argv):
        assert twchatctl("user", *argv, env={"DATABASE_URL": database.url}, stdin="p\n").returncode == 2

    @pytest.mark.parametrize("name, password", [("a b", "a fine one 9"), ("ok1", "short"), ("ok2", ""), ("ok3", "password123")])
    def test_refused(self, database, name, password):
        done = twchatctl("user", "add", name, env={"DATABASE_URL": database.url}, stdin=password + "\n")
        assert done.returncode == 1 and done.stderr.startswith("twchatctl user: ")
