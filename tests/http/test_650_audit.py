# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What the audit log holds, and who is shown what of it."""
import uuid

import pytest

from client import new_number
from people import PASSWORD, Browser, enroll, login, new_name, register
from waiting import wait_for


@pytest.fixture(scope="class")
def open_site(make_site, make_sandbox):
    return make_site(access="Require all granted", sandbox=make_sandbox())


@pytest.fixture(scope="class")
def boss(open_site):
    return Browser(open_site, register(open_site, new_name("boss")).give("super_admin").username)


def rows(site, action, ident=None):
    """Rows of one kind, newest first."""
    return site.db().rows("SELECT * FROM audit_events WHERE action = %s AND coalesce(entity_id = %s, true) ORDER BY id DESC", action,
                          None if ident is None else str(ident))


def one(site, action, ident=None):
    found = rows(site, action, ident)
    assert len(found) == 1, (action, ident, found)
    return found[0]


class TestWhatIsNoted:
    def test_the_automatic_reply(self, open_site, boss):
        boss("POST", "/api/auto-reply/config", json={"enabled": True, "message": "Back soon"})
        boss("POST", "/api/auto-reply/config", json={"enabled": False})
        last, first = rows(open_site, "setting.changed", "auto_reply")
        assert first["after_json"] == {"enabled": True, "message": "Back soon"} == last["before_json"]
        assert last["after_json"] == {"enabled": False, "message": "Back soon"}
        assert (last["entity_type"], last["actor_username"], last["remote_addr"]) == ("setting", boss.answer.json()["user"], "127.0.0.1")
        assert last["correlation_id"]

    @pytest.mark.parametrize("path", ["/api/signout", "/api/admin/auth/logout"])
    def test_signing_out(self, open_site, path):
        person = register(open_site)
        browser = Browser(open_site, person.username)
        assert browser("POST", path).status_code == 200
        row = one(open_site, "user.signed_out", person.id)
        assert row["actor_username"] == person.username and row["after_json"]["why"] == "logout"
        assert browser("POST", path).status_code == 401
        assert one(open_site, "user.signed_out", person.id)

    def test_tokens_sign_out(self, open_site):
        person = register(open_site)
        assert person("POST", "/auth/logout").status_code == 200
        assert one(open_site, "user.signed_out", person.id)["after_json"]["why"] == "logout"

    @pytest.mark.parametrize("path", ["/auth/logout-all", "/api/account/signout"])
    def test_everywhere(self, open_site, path):
        person = register(open_site)
        assert person("POST", path).status_code == 200
        row = one(open_site, "user.signed_out_everywhere", person.id)
        assert row["actor_username"] == person.username and row["after_json"]["why"] == "logout-all"

    @pytest.mark.parametrize("path", ["/auth/sessions/", "/api/account/sessions/"])
    def test_one_of_the_sessions(self, open_site, path):
        person = register(open_site)
        login(open_site, person.username)
        ident = person("GET", "/auth/sessions").json()[0]["id"]
        assert person("DELETE", path + str(ident)).status_code == 200
        assert one(open_site, "user.signed_out", person.id)["after_json"] == {"session": ident, "why": "revoked"}

    def test_by_an_administrator(self, open_site, boss):
        person = register(open_site)
        assert boss("POST", f"/api/users/{person.id}/signout").status_code == 200
        row = one(open_site, "user.signed_out_everywhere", person.id)
        assert row["actor_username"] == boss.answer.json()["user"] and row["after_json"]["why"] == "revoked"

    def test_by_the_command(self, open_site):
        person = register(open_site)
        login(open_site, person.username)
        ident = person("GET", "/auth/sessions").json()[0]["id"]
        assert open_site.ctl("session", "revoke", person.username, str(ident)).returncode == 0
        assert one(open_site, "user.signed_out", person.id)["actor_kind"] == "command"
        assert open_site.ctl("session", "revoke", person.username).returncode == 0
        assert one(open_site, "user.signed_out_everywhere", person.id)["actor_kind"] == "command"

    def test_a_failed_sign_in(self, open_site):
        person = register(open_site)
        before = open_site.db().value("SELECT count(*) FROM audit_events")
        assert login(open_site, "nobody-" + new_name(), "x").status_code == 401
        assert open_site.db().value("SELECT count(*) FROM audit_events") == before       # what strangers type is theirs
        assert login(open_site, person.username, "wrong").status_code == 401
        row = one(open_site, "user.signin_failed", person.id)
        assert (row["actor_kind"], row["actor_username"], row["remote_addr"]) == ("nobody", None, "127.0.0.1")
        assert row["after_json"] == {"username": person.username, "why": "password"} and "wrong" not in str(row)
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, "no")).status_code == 401
        assert len(rows(open_site, "user.signin_failed", person.id)) == 2
        open_site.db().run("UPDATE users SET is_active = false WHERE id = %s", person.id)
        assert login(open_site, person.username).status_code == 403
        assert rows(open_site, "user.signin_failed", person.id)[0]["after_json"]["why"] == "disabled"
        open_site.db().run("DELETE FROM signin_attempts")

    def test_a_wrong_code(self, open_site):
        person = register(open_site)
        browser = Browser(open_site, person.username)
        enroll(browser)
        assert login(open_site, person.username).status_code == 401          # asked for the code: no failure
        assert not rows(open_site, "user.signin_failed", person.id)
        assert login(open_site, person.username, code="000000").status_code == 401
        assert one(open_site, "user.signin_failed", person.id)["after_json"]["why"] == "code"
        on = one(open_site, "user.second_factor_on", person.id)
        assert (on["before_json"]["second_factor"], on["after_json"]["second_factor"]) == (False, True)
        assert on["after_json"]["username"] == person.username

    def test_silence(self, make_site):
        """The moment it falls, once; for names that nobody has only the address's."""
        site = make_site(access="Require all granted")
        person = register(site)
        codes = [login(site, person.username, "wrong").status_code for _ in range(13)]
        assert codes == [401] * 10 + [429] * 3
        assert one(site, "user.silenced", person.id)["after_json"] == {"seconds": 60}
        row = one(site, "address.silenced", "127.0.0.1")
        assert (row["entity_type"], row["after_json"]) == ("address", {"seconds": 60})
        assert len(rows(site, "user.signin_failed", person.id)) == 10
        site.db().run("DELETE FROM signin_attempts")
        assert [login(site, "nobody", "wrong").status_code for _ in range(12)] == [401] * 10 + [429] * 2
        assert len(rows(site, "user.silenced")) == 1 and len(rows(site, "address.silenced")) == 2
        assert site.ctl("audit", "verify").returncode == 0

    def test_a_refresh_token_used_twice(self, open_site):
        person = register(open_site)
        body = {"refresh_token": person.refresh}
        assert open_site.post("/auth/refresh", keyed=False, json=body).status_code == 200
        assert open_site.post("/auth/refresh", keyed=False, json=body).status_code == 401
        assert open_site.post("/auth/refresh", keyed=False, json=body).status_code == 401
        row = one(open_site, "user.token_reused", person.id)
        assert row["after_json"]["why"] == "reuse" and row["actor_kind"] == "nobody" and row["remote_addr"] == "127.0.0.1"
        assert person("GET", "/auth/me").status_code == 401

    def test_messages(self, open_site, boss):
        sids = [open_site.post("/api/send-message", json={"to": new_number(), "body": "a secret word"}).json()["sid"] for _ in range(2)]
        for sid in sids:                # Twilio deletes what has come to an end
            wait_for(lambda sid=sid: open_site.get(f"/api/messages/{sid}").json()["item"]["status"] == "delivered", 20, "the delivery")
        assert boss("POST", f"/api/messages/{sids[0]}/redact").status_code == 200
        assert boss("DELETE", f"/api/messages/{sids[1]}").status_code == 200
        for action, sid in (("message.redacted", sids[0]), ("message.deleted", sids[1])):
            row = one(open_site, action, sid)
            assert row["entity_type"] == "message" and row["actor_username"] == boss.answer.json()["user"]
            assert "secret" not in str(row)
        assert boss("DELETE", "/api/messages/SM" + "0" * 32).status_code == 400
        assert not rows(open_site, "message.deleted", "SM" + "0" * 32)

    def test_a_role_that_goes(self, open_site, boss):
        name = new_name("label")
        made = boss("POST", "/auth/roles", json={"name": name, "description": "x"}).json()
        assert boss("DELETE", f"/auth/roles/{made['id']}").status_code == 200
        row = one(open_site, "role.deleted", name)
        assert row["before_json"]["name"] == name and row["before_json"]["description"] == "x" and row["after_json"] is None


class TestOurOwnList:
    def test_whose(self, open_site, boss):
        """Each row says whom it is about, though the account is gone."""
        person = register(open_site)
        boss("POST", f"/api/users/{person.id}/factor/reset")
        boss("POST", f"/api/users/{person.id}/signout")
        boss("DELETE", f"/api/users/{person.id}")
        events = boss("GET", "/api/audit", params={"entity": "user", "id": person.id}).json()["events"]
        assert len(events) == 5 and {e["entity_name"] for e in events} == {person.username}
        boss("POST", "/api/keys", json={"name": "whose key"})
        assert boss("GET", "/api/audit", params={"action": "api_key.created", "limit": 1}).json()["events"][0]["entity_name"] == "whose key"

    def test_parts_match(self, open_site, boss):
        person = register(open_site, new_name("Partly"))
        boss("POST", f"/api/users/{person.id}/signout")
        def found(**params):
            return [e["action"] for e in boss("GET", "/api/audit", params={"id": person.id, **params}).json()["events"]]
        assert found(actor=person.username[1:5].upper()) == ["user.signed_in"]
        assert found(action="user.created,user.signed_out") == ["user.signed_out_everywhere", "user.created"]
        assert found(action="user.created") == ["user.created"] and found(action="nonsense") == []


class TestAuditEvents:
    """appointment-bot's list."""

    def test_users_as_the_list_has_them(self, open_site):
        made = open_site.post("/api/admin-users", json={"username": new_name(), "password": PASSWORD}).json()
        ident = made["id"]
        number = open_site.db().value("SELECT id FROM users WHERE username = %s", made["username"])
        Browser(open_site, made["username"])
        open_site.request("PATCH", f"/api/users/{number}", json={"role": "viewer"})
        events = open_site.get("/api/audit-events", params={"entity_type": "admin_user", "entity_id": ident}).json()
        assert [e["action"] for e in events] == ["admin_user.role_set", "admin_user.signed_in", "admin_user.created"]
        assert {(e["entity_type"], e["entity_id"]) for e in events} == {("admin_user", ident)}
        assert events[-1]["after_json"]["id"] == ident and events[0]["before_json"]["id"] == ident
        newest = open_site.get("/api/audit-events", params={"entity_type": "admin_user", "limit": 1}).json()
        assert newest == events[:1] and uuid.UUID(newest[0]["id"])
        open_site.post("/api/keys", json={"name": "a key"})
        key = open_site.get("/api/audit-events", params={"entity_type": "api_key", "limit": 1}).json()[0]
        assert uuid.UUID(key["entity_id"]) and key["after_json"]["id"] == key["entity_id"]
        assert open_site.get("/api/audit-events", params={"entity_type": "admin_user", "entity_id": "nonsense"}).json() == []

    @pytest.mark.parametrize("role, all_of_it", [("viewer", False), ("agent", False), ("admin", True), ("super_admin", True)])
    def test_what_a_role_sees(self, open_site, boss, role, all_of_it):
        boss("POST", "/auth/roles", json={"name": new_name("label")})
        boss("POST", "/api/auto-reply/config", json={"enabled": False, "message": role})
        person = register(open_site).give(role)
        for as_them in (person, Browser(open_site, person.username)):
            events = as_them("GET", "/api/audit-events", params={"limit": 1000}).json()
            types = {e["entity_type"] for e in events}
            assert "setting" in types and ({"admin_user", "role"} <= types) == all_of_it
            assert all_of_it or types <= {"setting", "message"}
            assert all_of_it or "@example.com" not in str(events)
            only = as_them("GET", "/api/audit-events", params={"entity_type": "admin_user"}).json()
            assert bool(only) == all_of_it
