# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""ai-messaging's /auth, route by route."""
import threading
import time

import pytest

from client import new_number
from people import PASSWORD, Person, bearer, decode, forge, login, new_name, register
from server import Host, migrate

USER = {"id", "username", "email", "full_name", "bio", "phone_number", "is_active", "is_superuser", "created_at", "updated_at"}


def detail(answer):
    return answer.json()["detail"]


def refused(answer, status, text):
    assert (answer.status_code, detail(answer)) == (status, text), answer.text


@pytest.fixture(scope="class")
def boss(site):
    return register(site, new_name("boss")).give("super_admin")


class TestRegister:
    def test_an_account_with_tokens(self, site):
        name = new_name()
        answer = site.post("/auth/register", keyed=False, json={"username": name, "email": name + "@example.com", "password": "x",
                                                                "full_name": "Ana Ż", "phone_number": new_number()})
        assert answer.status_code == 201
        got = answer.json()
        assert set(got) == USER | {"access_token", "refresh_token", "token_type", "user"}
        assert set(got["user"]) == USER and got["user"]["username"] == got["username"] == name
        assert got["token_type"] == "bearer" and got["is_active"] is True and got["is_superuser"] is False
        assert isinstance(got["id"], int) and len(got["created_at"]) == 26 and "T" in got["created_at"]
        claims = decode(got["access_token"])
        assert claims["sub"] == str(got["id"]) and claims["username"] == name and claims["type"] == "access"
        assert claims["exp"] - claims["iat"] == 1800
        assert decode(got["refresh_token"])["type"] == "refresh"
        assert decode(got["refresh_token"])["exp"] - decode(got["refresh_token"])["iat"] == 7 * 86400

    def test_what_is_taken(self, site):
        one = register(site, phone_number=(number := new_number()))
        body = {"username": new_name(), "email": new_name() + "@example.com", "password": PASSWORD}
        refused(site.post("/auth/register", keyed=False, json={**body, "username": one.username}), 400, "Username already registered")
        refused(site.post("/auth/register", keyed=False, json={**body, "username": one.username.upper()}), 400, "Username already registered")
        refused(site.post("/auth/register", keyed=False, json={**body, "email": one.username.upper() + "@EXAMPLE.com"}), 400,
                "Email already registered")
        refused(site.post("/auth/register", keyed=False, json={**body, "phone_number": number.replace("+", "+ ")}), 400,
                "Phone number already registered")

    def test_two_at_once_make_one(self, site):
        name, answers = new_name(), []
        body = {"username": name, "email": name + "@example.com", "password": PASSWORD}
        threads = [threading.Thread(target=lambda: answers.append(site.post("/auth/register", keyed=False, json=body).status_code))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [201] + [400] * 7
        assert site.db().value("SELECT count(*) FROM users WHERE username = %s", name) == 1

    @pytest.mark.parametrize("field,value", [
        ("username", ""), ("username", "x" * 151), ("username", "аdmin"), ("username", "a b"), ("username", "a\nb"), ("username", "a\0b\x01"),
        ("username", "-x"), ("username", 7), ("username", None), ("username", ["a"]), ("email", "nobody"), ("email", "a@b@c"), ("email", ""),
        ("email", "a b@c.de"), ("email", "a@b\r\nBcc: x@y.z"), ("email", "x" * 300 + "@example.com"), ("password", ""), ("password", None),
        ("password", "x" * 73), ("password", {}), ("phone_number", "call me"), ("full_name", "a\x07b"), ("full_name", "x" * 3000)])
    def test_bad_fields_are_named(self, site, field, value):
        name = new_name()
        body = {"username": name, "email": name + "@example.com", "password": PASSWORD, field: value}
        answer = site.post("/auth/register", keyed=False, json=body)
        assert answer.status_code == 422, answer.text
        wrong = detail(answer)
        assert [w["loc"] for w in wrong] == [["body", field]] and set(wrong[0]) == {"type", "loc", "msg", "input"}
        assert "password" not in field or wrong[0]["input"] is None
        assert site.db().value("SELECT count(*) FROM users WHERE username = %s", name) == 0

    def test_all_that_is_missing(self, site):
        answer = site.post("/auth/register", keyed=False, json={})
        assert answer.status_code == 422
        assert [(w["type"], w["loc"][1]) for w in detail(answer)] == [("missing", "username"), ("missing", "email"), ("missing", "password")]

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"username":"a","username":"b"}'])
    def test_no_json(self, site, body):
        answer = site.post("/auth/register", keyed=False, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422 and detail(answer)[0]["type"] == "json_invalid"

    def test_injection_is_text(self, site):
        person = register(site, full_name="'; DROP TABLE users; --")
        assert person("GET", "/auth/me").json()["full_name"] == "'; DROP TABLE users; --"

    def test_closed(self, make_site):
        site = make_site(directives="TwchatRegistration off")
        answer = site.post("/auth/register", keyed=False, json={"username": "a", "email": "a@b.c", "password": PASSWORD})
        assert answer.status_code == 403


class TestLogin:
    def test_in(self, site):
        person = register(site)
        answer = login(site, person.username)
        assert answer.status_code == 200 and set(answer.json()) == {"access_token", "refresh_token", "token_type", "user"}
        assert set(answer.json()["user"]) == USER
        again = login(site, person.username.upper())
        assert again.status_code == 200
        assert Person(site, answer.json(), "")("GET", "/auth/me").status_code == 200    # both work
        assert Person(site, again.json(), "")("GET", "/auth/me").status_code == 200

    def test_wrong(self, site):
        person = register(site)
        for name, password in ((person.username, "nonsense"), ("nobody-at-all", PASSWORD), (person.username, ""), (person.username, PASSWORD + "x" * 80)):
            refused(login(site, name, password), 401, "Incorrect username or password")

    def test_a_long_password_is_not_cut(self, site):
        person = register(site, password="p" * 72)
        assert login(site, person.username, "p" * 72).status_code == 200
        assert login(site, person.username, "p" * 73).status_code == 401

    def test_disabled(self, site, boss):
        person = register(site)
        assert boss("PUT", f"/auth/users/{person.id}/disable").json() == {"message": "User disabled successfully"}
        refused(login(site, person.username), 403, "User is disabled")
        refused(login(site, person.username, "wrong"), 401, "Incorrect username or password")
        refused(person("GET", "/auth/me"), 403, "User is disabled")
        assert boss("PUT", f"/auth/users/{person.id}/enable").json() == {"message": "User enabled successfully"}
        refused(person("GET", "/auth/me"), 401, "Could not validate credentials")       # its sessions had ended
        assert login(site, person.username).status_code == 200

    def test_guessing_ends(self, make_site):
        site = make_site()
        person = register(site)
        answers = [login(site, person.username, "guess") for _ in range(12)]
        assert [a.status_code for a in answers[:10]] == [401] * 10
        refused(answers[10], 429, "Too many requests. Please try again later.")
        assert 1 <= int(answers[10].headers["Retry-After"]) <= 61
        assert login(site, person.username).status_code == 429                          # the right one, too
        site.db().run("UPDATE signin_attempts SET blocked_until = now(), window_at = now() - interval '2 minutes'")
        for _ in range(11):
            last = login(site, person.username, "guess")
        assert int(last.headers["Retry-After"]) > 61                                    # longer each time
        site.db().run("DELETE FROM signin_attempts")
        for _ in range(25):
            assert login(site, person.username).status_code == 200                      # what succeeds does not count

    @pytest.mark.expect_log("TWC1031")
    def test_many_guesses_at_once_are_no_way_around(self, make_site):
        site = make_site()
        person, answers = register(site), []
        threads = [threading.Thread(target=lambda: answers.append(login(site, person.username, "guess").status_code)) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(a == 401 for a in answers) <= 10 and set(answers) <= {401, 429, 503}


class TestTokens:
    @pytest.mark.expect_log("AH01618", "AH01614")
    def test_who_says_nothing(self, site):
        for headers in ({}, {"Authorization": "Basic " + "eDp5"}, {"Authorization": "Token x"}):
            answer = site.get("/auth/me", keyed=False, headers=headers)
            assert answer.headers["WWW-Authenticate"].startswith(("Bearer", "Basic")), answer.headers
            refused(answer, 401, "Not authenticated")

    def test_forgeries(self, make_site):
        site = make_site(access="Require all granted")
        person = register(site)
        good, secret = decode(person.access), site.token_secret
        refused(site.get("/auth/me", keyed=False), 401, "Not authenticated")
        assert site.get("/auth/me", keyed=False, headers=bearer(forge(good, secret))).status_code == 200
        later = {**good, "exp": int(time.time()) - 1}
        for token in (
                forge(good, "x" * 32), forge(good, secret, "none"), forge(good, secret, "none", {"alg": "NONE"}), forge(good, secret, "HS384"),
                forge(good, secret, "HS512"), forge(good, "", header={"alg": "HS256"}), person.refresh, forge(later, secret), "a.b.c", "..",
                forge({**good, "type": "refresh"}, secret), forge({**good, "sub": str(person.id + 1)}, secret), forge({**good, "sub": person.id}, secret),
                forge({**good, "sid": "x"}, secret), forge({k: v for k, v in good.items() if k != "sid"}, secret),
                forge({k: v for k, v in good.items() if k != "exp"}, secret), forge({**good, "exp": "tomorrow"}, secret),
                person.access[:-2], person.access + "x", person.access.replace(".", ""), "x" * 5000):
            answer = site.get("/auth/me", keyed=False, headers=bearer(token))
            refused(answer, 401, "Could not validate credentials")
            assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_second_secret_during_rotation(self, make_site):
        old, new = "o" * 40, "n" * 40
        site = make_site(directives=f"TwchatTokenSecret env:NEW env:OLD", env={"NEW": new, "OLD": old})
        person = register(site)
        good = decode(person.access)
        for secret, status in ((new, 200), (old, 200), ("p" * 40, 401)):
            assert site.get("/auth/me", keyed=False, headers=bearer(forge(good, secret))).status_code == status

    def test_tokens_of_another_installation(self, make_site, postgres):
        def installation():
            database = postgres.create(template="template0")
            migrate(database)
            return make_site(directives="TwchatTokenSecret env:S", env={"S": "s" * 40}, database=database)
        one, other = installation(), installation()
        a, b = register(one, "same"), register(other, "same")
        assert a.id == b.id and decode(a.access)["sid"] != decode(b.access)["sid"]
        assert a("GET", "/auth/me").status_code == 200
        assert Person(other, {"user": {"id": a.id, "username": "same"}, "access_token": a.access, "refresh_token": a.refresh}, "")(
            "GET", "/auth/me").status_code == 401

    def test_refresh_rotates(self, site):
        person = register(site)
        answer = site.post("/auth/refresh", keyed=False, json={"refresh_token": person.refresh})
        assert answer.status_code == 200 and set(answer.json()) == {"access_token", "refresh_token", "token_type"}
        fresh = answer.json()
        assert site.get("/auth/me", keyed=False, headers=bearer(fresh["access_token"])).status_code == 200
        # used again: its family ends
        refused(site.post("/auth/refresh", keyed=False, json={"refresh_token": person.refresh}), 401, "Refresh token not found or already used")
        refused(site.post("/auth/refresh", keyed=False, json={"refresh_token": fresh["refresh_token"]}), 401,
                "Refresh token not found or already used")
        assert site.get("/auth/me", keyed=False, headers=bearer(fresh["access_token"])).status_code == 401

    def test_refresh_refused(self, site):
        person = register(site)
        for token in (person.access, "x", "", forge(decode(person.refresh), "y" * 32)):
            refused(site.post("/auth/refresh", keyed=False, json={"refresh_token": token}), 401, "Invalid refresh token")
        old = forge({**decode(person.refresh), "exp": int(time.time()) - 5}, site.token_secret)
        refused(site.post("/auth/refresh", keyed=False, json={"refresh_token": old}), 401, "Refresh token expired")
        assert site.post("/auth/refresh", keyed=False, json={}).status_code == 422

    def test_of_a_thousand_at_once_one_gets_through(self, site):
        person, answers = register(site), []

        def ask():
            for _ in range(50):
                answers.append(site.post("/auth/refresh", keyed=False, json={"refresh_token": person.refresh}).status_code)
        threads = [threading.Thread(target=ask) for _ in range(20)]     # fewer than the server has workers
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200] + [401] * 999
        assert site.db().value("SELECT ended_why FROM signins WHERE user_id = %s", person.id) == "reuse"

    def test_they_outlive_a_restart(self, make_site):
        site = make_site()
        person = register(site)
        site.httpd.graceful()
        assert person("GET", "/auth/me").status_code == 200

    @pytest.mark.expect_log("TWC1031")
    def test_without_a_secret_nobody_gets_tokens(self, make_site):
        host = Host(directives="")
        config = host.config
        host.config = lambda: "\n".join(line for line in config().splitlines() if "TwchatTokenSecret" not in line)
        site = make_site(hosts=[host])
        answer = site.post("/auth/register", keyed=False, json={"username": "b", "email": "a@b.c", "password": PASSWORD})
        assert answer.status_code == 503
        assert any("TwchatTokenSecret" in line for line in site.log.lines("TWC1031"))
        assert site.get("/auth/me", keyed=False, headers=bearer(forge({"sub": "1"}, ""))).status_code == 401


class TestLogout:
    def test_out(self, site):
        person, other = register(site), None
        other = Person(site, login(site, person.username).json(), "")
        assert person("POST", "/auth/logout", json={"refresh_token": person.refresh}).json() == {"message": "Successfully logged out"}
        refused(person("GET", "/auth/me"), 401, "Could not validate credentials")
        refused(site.post("/auth/refresh", keyed=False, json={"refresh_token": person.refresh}), 401, "Refresh token not found or already used")
        assert other("GET", "/auth/me").status_code == 200
        assert other("POST", "/auth/logout").status_code == 200         # without a body, too

    def test_everywhere(self, site):
        person = register(site)
        other = Person(site, login(site, person.username).json(), "")
        assert person("POST", "/auth/logout-all").json() == {"message": "Successfully logged out from all devices"}
        for one in (person, other):
            assert one("GET", "/auth/me").status_code == 401

    def test_felt_by_every_child_at_once(self, make_site):
        site = make_site(children=4)
        person = register(site)
        for _ in range(20):
            assert person("GET", "/auth/me").status_code == 200
        person("POST", "/auth/logout")
        assert {person("GET", "/auth/me").status_code for _ in range(20)} == {401}

    def test_a_new_password_ends_all(self, site):
        person = register(site)
        other = Person(site, login(site, person.username).json(), "")
        refused(person("PUT", "/auth/me/password", json={"current_password": "no", "new_password": "next one 9"}), 400,
                "Current password is incorrect")
        assert person("PUT", "/auth/me/password", json={"current_password": PASSWORD, "new_password": ""}).status_code == 422
        assert person("PUT", "/auth/me/password", json={"current_password": PASSWORD, "new_password": "next one 9"}).json() == {
            "message": "Password changed successfully"}
        for one in (person, other):
            assert one("GET", "/auth/me").status_code == 401
        assert login(site, person.username).status_code == 401
        assert login(site, person.username, "next one 9").status_code == 200


class TestMe:
    def test_change(self, site):
        person, number = register(site, phone_number=new_number()), new_number()
        got = person("PUT", "/auth/me", json={"full_name": "Ana", "bio": "hi\nthere", "phone_number": number, "is_superuser": True}).json()
        assert set(got) == USER and (got["full_name"], got["bio"], got["phone_number"], got["is_superuser"]) == ("Ana", "hi\nthere", number, False)
        assert person("PUT", "/auth/me", json={}).json()["full_name"] == "Ana"
        assert person("PUT", "/auth/me/phone", json={"phone_number": (other := new_number())}).json()["phone_number"] == other
        taken = register(site, phone_number=new_number())
        refused(person("PUT", "/auth/me", json={"phone_number": taken("GET", "/auth/me").json()["phone_number"]}), 400,
                "Phone number already registered")
        assert person("PUT", "/auth/me/phone", json={}).status_code == 422

    def test_sessions(self, site):
        person = register(site)
        second = Person(site, login(site, person.username).json(), "")
        rows = person("GET", "/auth/sessions").json()
        assert len(rows) == 2 and set(rows[0]) == {"id", "user_id", "device_info", "ip_address", "created_at", "expires_at", "is_active"}
        assert rows[0]["ip_address"] == "127.0.0.1" and "python-requests" in rows[0]["device_info"]
        stranger = register(site)
        refused(stranger("DELETE", f"/auth/sessions/{rows[1]['id']}"), 404, "Session not found")
        assert person("DELETE", f"/auth/sessions/{rows[1]['id']}").json() == {"message": "Session deleted successfully"}
        refused(person("DELETE", f"/auth/sessions/{rows[1]['id']}"), 404, "Session not found")
        assert second("GET", "/auth/me").status_code == 401
        assert person("DELETE", "/auth/sessions/abc").status_code == 422


class TestUsers:
    def test_only_superusers(self, site, boss):
        person = register(site)
        for method, path in (("GET", "/auth/users"), ("GET", f"/auth/users/{boss.id}"), ("POST", "/auth/users"), ("DELETE", f"/auth/users/{boss.id}"),
                             ("PUT", f"/auth/users/{boss.id}/disable"), ("PUT", f"/auth/users/{person.id}/superuser?is_superuser=true"),
                             ("GET", "/auth/roles"), ("PUT", f"/auth/users/{person.id}/roles")):
            refused(person(method, path, json={}), 403, "Superuser access required")

    def test_list_and_one(self, site, boss):
        people = [register(site) for _ in range(3)]
        got = boss("GET", "/auth/users", params={"limit": 1000}).json()
        assert [u["id"] for u in got] == sorted(u["id"] for u in got) and {p.id for p in people} <= {u["id"] for u in got}
        assert set(got[0]) == USER
        assert boss("GET", "/auth/users", params={"skip": 1, "limit": 1}).json() == got[1:2]
        assert boss("GET", f"/auth/users/{people[0].id}").json()["username"] == people[0].username
        refused(boss("GET", "/auth/users/999999999"), 404, "User not found")
        assert boss("GET", "/auth/users/abc").status_code == 422
        assert boss("GET", "/auth/users", params={"limit": "x"}).status_code == 422

    def test_make_and_delete(self, site, boss):
        name = new_name()
        body = {"username": name, "email": name + "@example.com", "password": PASSWORD}
        made = boss("POST", "/auth/users", json=body)
        assert made.status_code == 201 and set(made.json()) == USER
        refused(boss("POST", "/auth/users", json=body), 400, "Username already registered")
        ident = made.json()["id"]
        token = login(site, name).json()["access_token"]
        assert boss("DELETE", f"/auth/users/{ident}").json() == {"message": "User deleted successfully"}
        refused(site.get("/auth/me", keyed=False, headers=bearer(token)), 401, "Could not validate credentials")
        refused(boss("DELETE", f"/auth/users/{ident}"), 404, "User not found")
        refused(boss("DELETE", f"/auth/users/{boss.id}"), 400, "Cannot delete your own account")
        refused(boss("PUT", f"/auth/users/{boss.id}/disable"), 400, "Cannot disable your own account")
        refused(boss("PUT", f"/auth/users/{boss.id}/superuser?is_superuser=false"), 400, "Cannot change your own superuser status")

    def test_superuser(self, site, boss):
        person = register(site)
        assert boss("PUT", f"/auth/users/{person.id}/superuser?is_superuser=true").json() == {"message": "User superuser status set to True"}
        assert person("GET", "/auth/users").status_code == 200
        assert boss("PUT", f"/auth/users/{person.id}/superuser", json={"is_superuser": False}).json() == {
            "message": "User superuser status set to False"}
        assert person("GET", "/auth/users").status_code == 403
        assert boss("PUT", f"/auth/users/{person.id}/superuser").status_code == 422
        assert boss("PUT", f"/auth/users/{person.id}/superuser?is_superuser=perhaps").status_code == 422

    def test_the_last_superuser_stays(self, make_site):
        site = make_site()
        site.db().run("DELETE FROM users")
        last = register(site).give("super_admin")
        done = site.request("PUT", f"/auth/users/{last.id}/disable", json={})
        assert done.status_code == 400 and "last" in detail(done)

    def test_roles(self, site, boss):
        person, name = register(site), new_name("role")
        made = boss("POST", "/auth/roles", json={"name": name, "description": "d"})
        assert made.status_code == 201 and set(made.json()) == {"id", "name", "description", "created_at", "updated_at"}
        refused(boss("POST", "/auth/roles", json={"name": name.upper()}), 400, "Role already exists")
        refused(boss("POST", "/auth/roles", json={"name": "super_admin"}), 400, "Role already exists")
        assert name in [r["name"] for r in boss("GET", "/auth/roles").json()]
        ident = made.json()["id"]
        assert boss("PUT", f"/auth/users/{person.id}/roles", json={"role_ids": [ident, 999999999]}).json() == {"message": "Roles assigned successfully"}
        assert [r["id"] for r in boss("GET", f"/auth/users/{person.id}/roles").json()] == [ident]
        assert person("GET", "/api/stats").status_code == 403           # a name gives no rights
        viewer = next(r["id"] for r in boss("GET", "/auth/roles").json() if r["name"] == "viewer")
        boss("PUT", f"/auth/users/{person.id}/roles", json={"role_ids": [viewer]})
        assert person("GET", "/api/stats").status_code == 200
        boss("PUT", f"/auth/users/{person.id}/roles", json={"role_ids": []})
        assert boss("GET", f"/auth/users/{person.id}/roles").json() == []
        assert boss("DELETE", f"/auth/roles/{ident}").json() == {"message": "Role deleted successfully"}
        refused(boss("DELETE", f"/auth/roles/{ident}"), 404, "Role not found")
        assert boss("DELETE", f"/auth/roles/{viewer}").status_code == 400
        refused(boss("GET", "/auth/users/999999999/roles"), 404, "User not found")
        assert boss("PUT", f"/auth/users/{person.id}/roles", json={"role_ids": "1"}).status_code == 422

    def test_under_api_as_well(self, site, boss):
        assert boss("GET", "/api/auth/me").json()["username"] == boss.username


class TestAudit:
    def test_who_did_what(self, site, boss):
        person = register(site)
        boss("PUT", f"/auth/users/{person.id}/disable", headers={"X-Correlation-ID": "abc-1"})
        row = site.db().rows("SELECT * FROM audit_events WHERE action = 'user.disabled' AND entity_id = %s", str(person.id))[0]
        assert (row["actor_kind"], row["actor_username"], row["remote_addr"], row["correlation_id"]) == ("user", boss.username, "127.0.0.1", "abc-1")
        assert row["before_json"]["is_active"] is True and row["after_json"]["is_active"] is False
        assert "hash" not in str(row["before_json"]) and PASSWORD not in str(row)
        assert site.db().value("SELECT count(*) FROM audit_events WHERE entity_id = %s AND action = 'user.created'", str(person.id)) == 1

    def test_nobody_rewrites_it(self, site):
        register(site)
        for statement in ("UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events", "TRUNCATE consent_events"):
            with pytest.raises(Exception, match="append-only"):
                site.db().run(statement)
