# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Our own sign-in: pages, one's own account, second factor, accounts, keys, the audit log."""
import time
import urllib.parse

import pytest

from client import new_number
from people import PASSWORD, Browser, bearer, code_of, enroll, login, new_name, register
from waiting import wait_for


@pytest.fixture(scope="class")
def open_site(make_site):
    return make_site(access="Require all granted")


@pytest.fixture(scope="class")
def boss(open_site):
    return Browser(open_site, register(open_site, new_name("boss")).give("super_admin").username)

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class TestPages:
    def test_strangers_are_sent_to_sign_in(self, open_site):
        answer = open_site.get("/inbox?x=1", keyed=False, headers=BROWSER)
        assert answer.status_code == 303
        assert urllib.parse.unquote(answer.headers["Location"]) == "/signin?next=/inbox?x=1"
        assert open_site.get("/signin", keyed=False).status_code == 200
        assert open_site.get("/assets/js/api.js", keyed=False).status_code == 200
        assert open_site.get("/api/stats", keyed=False, headers=BROWSER).status_code == 401
        assert open_site.get("/inbox", keyed=False).status_code == 401          # a program is told in its own way

    def test_the_way_back_is_a_path_of_ours(self, open_site):
        for path in ("//evil.example/", "/%5C%5Cevil.example", "/chat/https:%2F%2Fevil.example"):
            answer = open_site.get(path, keyed=False, headers=BROWSER)
            if answer.status_code == 303:
                assert answer.headers["Location"].startswith("/signin?next=%2f")

    def test_browsers_are_told_on_a_page(self, open_site):
        """What is refused or not there, on the way of a person: a page; on the way of a program: JSON."""
        viewer = Browser(open_site, register(open_site).give("viewer").username)
        for path, status, root in (("/users", 403, ""), ("/nothing/here/at-all", 404, "../../"), ("/chat/%ff", 404, "../")):
            answer = viewer("GET", path, headers=BROWSER)
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8"), path
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"] and answer.headers["Cache-Control"] == "no-store"
            assert f'data-status="{status}"' in answer.text and f'src="{root}assets/js/page-problem.js"' in answer.text
            assert "@" not in answer.text
        for path in ("/users", "/nothing/here"):
            assert viewer("GET", path).headers["Content-Type"] == "application/json"
        assert viewer("GET", "/api/users", headers=BROWSER).headers["Content-Type"] == "application/json"
        assert viewer("GET", "/api/nothing", headers=BROWSER).headers["Content-Type"] == "application/json"
        assert viewer("GET", "/nothing/<script>", headers=BROWSER).text.count("<script") == 2
        open_site.db().run("UPDATE users SET is_active = false WHERE username = %s", viewer("GET", "/api/session").json()["user"])
        assert 'data-code="user_disabled"' in viewer("GET", "/", headers=BROWSER).text

    def test_whom_only_apache_knows_is_told_on_a_page(self, make_site):
        site = make_site()
        site.db().run("DELETE FROM users")
        answer = site.get("/", keyed=False, auth=site.auth, headers=BROWSER)
        assert answer.status_code == 403 and 'data-code="no_account"' in answer.text
        assert "nobody has made an account" in site.get("/", keyed=False, auth=site.auth).json()["error"]

    def test_too_often_is_told_on_a_page(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatApiRate 1 5")
        browser = Browser(site, register(site).give("viewer").username)
        answers = [browser("GET", "/inbox", headers=BROWSER) for _ in range(20)]
        late = next(a for a in answers if a.status_code == 429)
        assert 'data-status="429"' in late.text and int(late.headers["Retry-After"]) >= 1

    def test_a_role_too_low(self, open_site):
        nobody = Browser(open_site, register(open_site).username)
        assert nobody("GET", "/inbox").status_code == 403
        assert nobody("GET", "/account").status_code == 200
        agent = Browser(open_site, register(open_site).give("agent").username)
        assert agent("GET", "/inbox").status_code == 200 and agent("GET", "/users").status_code == 403


class TestSignIn:
    def test_in_and_out(self, open_site):
        person = register(open_site).give("agent")
        browser = Browser(open_site, person.username)
        assert browser.answer.json() == {"ok": True, "user": person.username, "role": "agent"}
        got = browser("GET", "/api/session").json()
        assert (got["user"], got["role"], got["account"], got["csrf"]) == (person.username, "agent", True, browser.cookies["admin_csrf"])
        assert browser("POST", "/api/send-message", json={"to": new_number(), "body": "hi"}).status_code == 200
        assert browser("POST", "/api/signout").json() == {"ok": True}
        assert browser("GET", "/api/session").status_code == 401

    def test_by_address(self, open_site):
        person = register(open_site)
        assert Browser(open_site, person.username.upper() + "@example.com").answer.status_code == 200

    def test_wrong(self, open_site):
        answer = open_site.post("/api/signin", keyed=False, json={"username": "x", "password": "y"})
        assert answer.status_code == 401 and answer.json()["code"] == "credentials_wrong"
        answer = open_site.post("/api/signin", keyed=False, json={"username": "x"})
        assert answer.status_code == 400 and answer.json()["field"] == "password"

    def test_it_ends(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatSessionLife 60s")
        browser = Browser(site, register(site).give("viewer").username)
        assert browser("GET", "/api/stats").status_code == 200
        site.db().run("UPDATE signins SET expires_at = now()")
        answer = browser("GET", "/api/stats")
        assert answer.status_code == 401 and "Max-Age=0" in answer.headers["Set-Cookie"]

    def test_beside_a_dead_cookie_others_count(self, site):
        dead = {"Cookie": "admin_session=" + "x" * 43}
        assert site.get("/api/stats", keyed=False, auth=site.auth, headers=dead).status_code == 200


class TestBasic:
    """Name and password with each call, where Apache does not ask for them."""

    def test_it_works(self, open_site):
        person = register(open_site).give("viewer")
        for _ in range(3):
            assert open_site.get("/api/stats", keyed=False, auth=(person.username, PASSWORD)).status_code == 200
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, "no")).status_code == 401
        assert person("PUT", "/auth/me/password", json={"current_password": PASSWORD, "new_password": "something else 1"}).status_code == 200
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, PASSWORD)).status_code == 401     # though it was remembered
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, "something else 1")).status_code == 200

    def test_not_with_a_second_factor(self, open_site):
        person = register(open_site).give("viewer")
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, PASSWORD)).status_code == 200
        enroll(Browser(open_site, person.username))
        assert open_site.get("/api/stats", keyed=False, auth=(person.username, PASSWORD)).status_code == 401


# Names that look like others, or turn what stands beside them: C0, DEL, C1, direction, no width, line separators, soft hyphen, tag.
UNSEEN = ["a\nb", "a\tb", "a\x7f", "a\u0085b", "\u202eab", "a\u2066b", "a\u200bb", "a\ufeff", "a\u2028b", "a\u00adb", "a\u061cb", "a\U000e0041"]


class TestNames:
    @pytest.mark.parametrize("name", UNSEEN)
    def test_nothing_unseen(self, open_site, boss, name):
        person = register(open_site)
        before = (person("GET", "/auth/me").json(), boss("GET", "/api/keys").json(), boss("GET", "/auth/roles").json())
        for answer, field in ((boss("PATCH", "/api/account", json={"full_name": name}), "full_name"),
                              (boss("PATCH", f"/api/users/{person.id}", json={"full_name": name}), "full_name"),
                              (boss("POST", "/api/users", json={"username": new_name(), "full_name": name}), "full_name"),
                              (boss("POST", "/api/keys", json={"name": name}), "name")):
            assert answer.status_code == 400 and answer.json()["field"] == field, answer.text
        for answer, field in ((person("PUT", "/auth/me", json={"full_name": name}), "full_name"),
                              (boss("POST", "/auth/roles", json={"name": name}), "name")):
            assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", field], answer.text
        assert open_site.ctl("apikey", "create", name).returncode != 0
        assert open_site.ctl("user", "add", new_name(), "--no-password", "--full-name", name).returncode != 0
        assert (person("GET", "/auth/me").json(), boss("GET", "/api/keys").json(), boss("GET", "/auth/roles").json()) == before

    def test_words_of_any_language_are_fine(self, open_site, boss):
        for name in ("Zażółć Gęślą", "Łódź – sklep №1", "محمد علي", "王小明", "O’Neill 👍"):
            assert boss("PATCH", "/api/account", json={"full_name": name}).json()["full_name"] == name
            assert boss("POST", "/api/keys", json={"name": name}).status_code == 201
        person = register(open_site)
        assert person("PUT", "/auth/me", json={"bio": "two\nlines"}).json()["bio"] == "two\nlines"
        assert person("PUT", "/auth/me", json={"bio": "turned \u202e round"}).status_code == 422

    @pytest.mark.parametrize("name", ["\u0430dmin", "adm\u0456n", "ａｄｍｉｎ", "rôle", "-x", "a/b", "a'b", "x" * 151])
    def test_roles_are_ascii(self, boss, name):
        answer = boss("POST", "/auth/roles", json={"name": name})
        assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", "name"], answer.text

    def test_roles(self, boss):
        for name in ("Shift lead", "tier-2", "on_call v1.2"):
            assert boss("POST", "/auth/roles", json={"name": f"  {name} "}).json()["name"] == name


class TestAccount:
    def test_change(self, open_site):
        browser = Browser(open_site, register(open_site).username)
        number = new_number()
        got = browser("PATCH", "/api/account", json={"full_name": "Ana", "phone_number": number, "email": "ana@example.org"}).json()
        assert (got["full_name"], got["phone_number"], got["email"], got["role"]) == ("Ana", number, "ana@example.org", "none")
        assert browser("PATCH", "/api/account", json={"email": "nonsense"}).json()["field"] == "email"
        assert browser("PATCH", "/api/account", json={"role": "super_admin"}).json()["role"] == "none"

    def test_password(self, open_site):
        person = register(open_site).give("agent")
        one, other = Browser(open_site, person.username), Browser(open_site, person.username)
        for body, code in (({"current_password": "x", "new_password": "a fine one 9"}, "password_wrong"),
                           ({"current_password": PASSWORD, "new_password": "short"}, "password_weak"),
                           ({"current_password": PASSWORD, "new_password": "xx" + person.username + "xx"}, "password_weak"),
                           ({"current_password": PASSWORD, "new_password": "Password123!"}, "password_weak")):
            answer = one("POST", "/api/account/password", json=body)
            assert answer.status_code in (400, 403) and answer.json()["code"] == code, answer.text
        assert one("POST", "/api/account/password", json={"current_password": PASSWORD, "new_password": "a fine one 9"}).status_code == 200
        assert one("GET", "/api/account").status_code == 200 and other("GET", "/api/account").status_code == 401
        assert person("GET", "/auth/me").status_code == 401

    def test_sessions(self, open_site):
        person = register(open_site)
        one, other = Browser(open_site, person.username), Browser(open_site, person.username)
        items = one("GET", "/api/account/sessions").json()["items"]
        assert len(items) == 3 and [i["current"] for i in items].count(True) == 1
        assert {i["kind"] for i in items} == {"cookie", "token"}
        ident = next(i["id"] for i in other("GET", "/api/account/sessions").json()["items"] if i["current"])
        assert one("DELETE", f"/api/account/sessions/{ident}").json() == {"ok": True}
        assert other("GET", "/api/account").status_code == 401
        assert one("POST", "/api/account/signout").json() == {"ok": True}
        assert one("GET", "/api/account").status_code == 401 and person("GET", "/auth/me").status_code == 401


class TestSecondFactor:
    def test_from_then_on(self, open_site):
        person = register(open_site).give("agent")
        secret, codes, used = enroll(Browser(open_site, person.username))
        assert len(set(codes)) == 10
        asked = open_site.post("/api/signin", keyed=False, json={"username": person.username, "password": PASSWORD})
        assert asked.status_code == 401 and asked.json()["code"] == "code_needed"
        for wrong in ("000000", "12345", "abc", code_of(secret, -5), used):     # the last: by confirming
            assert Browser(open_site, person.username, code=wrong).answer.status_code == 401
        open_site.db().run("DELETE FROM signin_attempts")
        assert Browser(open_site, person.username, code=code_of(secret, 1)).answer.status_code == 200
        assert Browser(open_site, person.username, code=code_of(secret, 1)).answer.status_code == 401
        assert Browser(open_site, person.username, code=codes[0].upper().replace("-", " ")).answer.status_code == 200
        assert Browser(open_site, person.username, code=codes[0]).answer.status_code == 401
        answer = login(open_site, person.username, code=codes[1])
        assert answer.status_code == 200
        assert login(open_site, person.username).status_code == 401

    def test_the_secret_is_sealed(self, open_site):
        import base64
        person = register(open_site)
        secret, *_ = enroll(Browser(open_site, person.username))
        kept = bytes(open_site.db().value("SELECT totp_secret FROM users WHERE id = %s", person.id))
        assert base64.b32decode(secret) not in kept
        other = register(open_site)
        open_site.db().run("UPDATE users SET totp_secret = %s, totp_on = true WHERE id = %s", kept, other.id)   # moved: of no use there
        assert Browser(open_site, other.username, code=code_of(secret, 1)).answer.status_code == 401

    def test_off_again(self, open_site, boss):
        person = register(open_site)
        browser = Browser(open_site, person.username)
        enroll(browser)
        assert browser("POST", "/api/account/factor").status_code == 409
        assert browser("POST", "/api/account/factor/off", json={"password": "x"}).status_code == 403
        assert browser("POST", "/api/account/factor/off", json={"password": PASSWORD}).json() == {"ok": True}
        assert Browser(open_site, person.username).answer.status_code == 200
        enroll(browser)
        assert boss("POST", f"/api/users/{person.id}/factor/reset").json() == {"ok": True}
        assert Browser(open_site, person.username).answer.status_code == 200

    def test_required_by_role(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatSecondFactor admin")
        agent, admin = register(site).give("agent"), register(site).give("admin")
        assert Browser(site, agent.username)("GET", "/api/stats").status_code == 200
        browser = Browser(site, admin.username)
        assert browser("GET", "/api/stats").status_code == 403
        assert browser("GET", "/api/session").json()["must_enroll"] is True
        for path in ("/", "/inbox", "/audit"):              # a person is shown where to set it up
            answer = browser("GET", path, headers=BROWSER)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
        assert browser("GET", "/account", headers=BROWSER).status_code == 200
        assert browser("GET", "/").status_code == 403
        enroll(browser)
        assert browser("GET", "/api/stats").status_code == 200


class TestUsers:
    def test_make_change_remove(self, open_site, boss):
        name = new_name()
        made = boss("POST", "/api/users", json={"username": name, "password": PASSWORD, "role": "agent", "full_name": "Zoe"})
        assert made.status_code == 201
        ident = made.json()["id"]
        assert (made.json()["role"], made.json()["is_active"], made.json()["second_factor"]) == ("agent", True, False)
        assert [u["username"] for u in boss("GET", "/api/users", params={"search": name}).json()["users"]] == [name]
        browser = Browser(open_site, name)
        assert boss("PATCH", f"/api/users/{ident}", json={"role": "viewer"}).json()["role"] == "viewer"
        assert browser("POST", "/api/send-message", json={"to": new_number(), "body": "x"}).status_code == 403   # at once
        assert boss("POST", f"/api/users/{ident}/password", json={"password": "another one 5"}).status_code == 200
        assert browser("GET", "/api/account").status_code == 401
        browser = Browser(open_site, name, "another one 5")
        assert boss("POST", f"/api/users/{ident}/signout").status_code == 200
        assert browser("GET", "/api/account").status_code == 401
        assert boss("PATCH", f"/api/users/{ident}", json={"is_active": False}).json()["is_active"] is False
        assert Browser(open_site, name, "another one 5").answer.json()["code"] == "user_disabled"
        assert boss("DELETE", f"/api/users/{ident}").json() == {"ok": True}
        assert boss("GET", f"/api/users/{ident}").status_code == 404

    def test_not_oneself(self, open_site, boss):
        me = boss("GET", "/api/account").json()["id"]
        assert boss("DELETE", f"/api/users/{me}").json()["code"] == "own_account"
        assert boss("PATCH", f"/api/users/{me}", json={"role": "viewer"}).json()["code"] == "own_account"
        assert boss("PATCH", f"/api/users/{me}", json={"is_active": False}).json()["code"] == "own_account"

    def test_all_or_nothing(self, open_site, boss):
        """Half of what was asked for is done neither to oneself nor to anybody else."""
        me = boss("GET", "/api/account").json()
        for body in ({"full_name": "Half done", "role": "viewer"}, {"full_name": "Half done", "is_active": False}):
            answer = boss("PATCH", f"/api/users/{me['id']}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "own_account")
        assert boss("GET", "/api/account").json() == me
        person = register(open_site)
        before = boss("GET", f"/api/users/{person.id}").json()
        answer = boss("PATCH", f"/api/users/{person.id}", json={"role": "agent", "is_active": False, "email": me["email"]})
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
        assert boss("GET", f"/api/users/{person.id}").json() == before and person("GET", "/auth/me").status_code == 200
        got = boss("PATCH", f"/api/users/{person.id}", json={"full_name": "All", "role": "agent", "is_active": False}).json()
        assert (got["full_name"], got["role"], got["is_active"]) == ("All", "agent", False)
        events = boss("GET", "/api/audit", params={"entity": "user", "id": person.id, "limit": 3}).json()["events"]
        assert [e["action"] for e in events] == ["user.disabled", "user.role_set", "user.updated"]
        assert [e["before_json"]["role"] for e in events] == ["agent", "none", "none"]

    def test_paging(self, open_site, boss):
        names = sorted(register(open_site, new_name("page")).username for _ in range(5))
        seen, after = [], None
        while True:
            got = boss("GET", "/api/users", params={"search": "page", "limit": 2, **({"after": after} if after else {})}).json()
            seen += [u["username"] for u in got["users"]]
            after = seen[-1]
            if not got["more"]:
                break
        assert [n for n in seen if n in names] == names and len(seen) == len(set(seen))


class TestKeys:
    def test_make_use_revoke(self, open_site, boss):
        made = boss("POST", "/api/keys", json={"name": "partner", "role": "viewer", "days": 1})
        key = made.json()["key"]
        assert made.status_code == 201
        assert open_site.get("/api/stats", keyed=False, headers={"X-API-Key": key}).status_code == 200
        assert open_site.get("/api/stats", keyed=False, headers=bearer(key)).status_code == 200
        assert open_site.post("/api/send-message", keyed=False, headers={"X-API-Key": key}, json={}).status_code == 403
        row = next(k for k in boss("GET", "/api/keys").json()["items"] if k["name"] == "partner")
        assert row["role"] == "viewer" and row["prefix"] == key[:12] and key not in str(row) and row["expires_at"] and row["last_used_at"]
        assert boss("DELETE", f"/api/keys/{row['id']}").json() == {"ok": True}
        wait_for(lambda: open_site.get("/api/stats", keyed=False, headers={"X-API-Key": key}).status_code == 401, 10, "the key to end")

    def test_expired(self, open_site, boss):
        key = boss("POST", "/api/keys", json={"name": "old", "days": 1}).json()["key"]
        open_site.db().run("UPDATE api_keys SET expires_at = now() WHERE name = 'old'")
        assert open_site.get("/api/stats", keyed=False, headers={"X-API-Key": key}).status_code == 401

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "role": "none"}, {"name": "x", "role": "king"}, {"name": "x", "days": -1},
                                      {"name": "x", "days": 99999}, {"name": "x" * 300}, {"name": 5}])
    def test_bad(self, open_site, boss, body):
        assert boss("POST", "/api/keys", json=body).status_code == 400


class TestAudit:
    def test_filters(self, open_site, boss):
        person = register(open_site)
        boss("PATCH", f"/api/users/{person.id}", json={"is_active": False})
        events = boss("GET", "/api/audit", params={"entity": "user", "id": person.id}).json()["events"]
        assert [e["action"] for e in events] == ["user.disabled", "user.signed_in", "user.created"]
        assert set(events[0]) == {"id", "entity_type", "entity_id", "entity_name", "action", "actor_kind", "actor_username", "before_json", "after_json",
                                  "remote_addr", "correlation_id", "created_at"}
        assert boss("GET", "/api/audit", params={"action": "user.dis", "id": person.id}).json()["events"] == events[:1]
        page = boss("GET", "/api/audit", params={"id": person.id, "limit": 1}).json()
        assert page["events"] == events[:1] and page["more"] is True
        assert boss("GET", "/api/audit", params={"id": person.id, "before": events[0]["id"]}).json()["events"] == events[1:]
        assert boss("GET", "/api/audit", params={"until": "2020-01-01"}).json()["events"] == []
        assert boss("GET", "/api/audit", params={"since": "nonsense"}).json()["field"] == "since"
        assert Browser(open_site, register(open_site).give("agent").username)("GET", "/api/audit").status_code == 403


class TestRate:
    def test_one_caller_too_often(self, make_site):
        site = make_site(directives="TwchatApiRate 1 20", access="Require all granted", children=1)
        began = time.monotonic()
        answers = [site.get("/api/session") for _ in range(30)]
        codes = [a.status_code for a in answers]
        assert 20 <= codes.count(200) <= 21 + (time.monotonic() - began)       # one more each second
        assert all(int(a.headers["Retry-After"]) >= 1 for a in answers if a.status_code == 429) and 429 in codes
        person = register(site)
        assert person("GET", "/auth/me").status_code == 200         # somebody else's bucket
        assert site.inbound()[0].status_code == 200                 # Twilio has none

    def test_all_children_draw_from_one_bucket(self, make_site):
        site = make_site(directives="TwchatApiRate 1 40", children=4)
        began = time.monotonic()
        codes = [site.get("/api/session").status_code for _ in range(80)]
        assert 32 <= codes.count(200) <= 41 + (time.monotonic() - began)         # what a child drew and did not use in half a second is gone
