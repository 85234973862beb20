# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""appointment-bot's administrators: cookies, CSRF, keys, roles, the audit log."""
import re
import uuid

import pytest

from people import PASSWORD, Browser, new_name, register


def admin_login(site, **body):
    return site.post("/api/admin/auth/login", keyed=False, json=body)


def signed_in(site, username, password=PASSWORD):
    answer = admin_login(site, username=username, password=password)
    assert answer.status_code == 200, answer.text
    browser = Browser.__new__(Browser)
    browser.site, browser.answer, browser.cookies = site, answer, dict(answer.cookies.items())
    return browser


@pytest.fixture(scope="class")
def open_site(make_site):
    """Apache asks for nothing; the module alone decides."""
    return make_site(access="Require all granted")


@pytest.fixture(scope="class")
def boss(open_site):
    return register(open_site, new_name("boss")).give("super_admin")


class TestLogin:
    def test_cookies(self, open_site, boss):
        answer = admin_login(open_site, username=boss.username, password=PASSWORD)
        assert answer.json() == {"ok": True, "username": boss.username}
        cookies = {c.split("=")[0]: c for c in answer.raw.headers.getlist("Set-Cookie")}
        assert set(cookies) == {"admin_session", "admin_csrf"}
        assert {"HttpOnly", "SameSite=Lax", "Max-Age=43200", "Path=/"} <= set(cookies["admin_session"].split("; "))
        assert "Secure" not in cookies["admin_session"] and "HttpOnly" not in cookies["admin_csrf"]

    def test_secure_over_tls(self, make_site):
        site = make_site(access="Require all granted", public_url="https://chat.example.com")
        person = register(site).give("admin")
        answer = admin_login(site, username=person.username, password=PASSWORD)
        assert all("; Secure" in c for c in answer.raw.headers.getlist("Set-Cookie"))

    def test_refused(self, open_site, boss):
        nobody = register(open_site)
        for body in ({"username": boss.username, "password": "x"}, {"username": "nobody", "password": PASSWORD}, {"password": PASSWORD},
                     {"username": nobody.username, "password": PASSWORD}):     # an account without a role
            answer = admin_login(open_site, **body)
            assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid credentials"})
            assert "Set-Cookie" not in answer.headers
        open_site.db().run("DELETE FROM signin_attempts")
        assert admin_login(open_site, username=boss.username).status_code == 422

    def test_five_a_minute(self, make_site):
        site = make_site(access="Require all granted")
        answers = [admin_login(site, username="admin", password="x") for _ in range(6)]
        assert [a.status_code for a in answers] == [401] * 5 + [429]
        assert answers[5].json() == {"detail": "Too many requests. Please try again later."}
        assert int(answers[5].headers["Retry-After"]) >= 1

    def test_the_api_key_as_password(self, open_site, boss):
        assert admin_login(open_site, username=boss.username, password=open_site.api_key).status_code == 200
        done = open_site.ctl("apikey", "create", "low", "--role", "viewer")
        low = done.stdout.strip()
        assert admin_login(open_site, username=boss.username, password=low).status_code == 401     # more than the key may
        viewer = register(open_site).give("viewer")
        assert admin_login(open_site, username=viewer.username, password=low).status_code == 200

    def test_me_and_logout(self, open_site, boss):
        browser = signed_in(open_site, boss.username)
        assert browser("GET", "/api/admin/auth/me").json() == {"authenticated": True}
        assert open_site.get("/api/admin/auth/me", keyed=False).json() == {"detail": "Unauthorized"}
        assert open_site.get("/api/admin/auth/me").json() == {"authenticated": True}
        out = browser("POST", "/api/admin/auth/logout")
        assert out.json() == {"ok": True}
        assert all("Max-Age=0" in c for c in out.raw.headers.getlist("Set-Cookie"))
        assert browser("GET", "/api/admin/auth/me").status_code == 401


class TestCsrf:
    def test_changes_repeat_the_token(self, open_site, boss):
        browser = signed_in(open_site, boss.username)
        body = {"username": new_name(), "password": PASSWORD}
        for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": ""}):
            answer = browser("POST", "/api/admin-users", csrf=False, json=body, headers=headers)
            assert (answer.status_code, answer.json()) == (403, {"detail": "CSRF validation failed"})
        assert browser("POST", "/api/admin-users", json=body).status_code == 200
        assert browser("GET", "/api/admin-users", csrf=False).status_code == 200

    def test_the_token_belongs_to_its_session(self, open_site, boss):
        one, other = (signed_in(open_site, boss.username) for _ in range(2))
        answer = one("POST", "/api/admin-users", csrf=False, json={"username": new_name()}, headers={"X-CSRF-Token": other.cookies["admin_csrf"]})
        assert answer.status_code == 403

    def test_another_site_cannot(self, open_site, boss):
        browser = signed_in(open_site, boss.username)
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert browser("POST", "/api/admin-users", json={"username": new_name()}, headers=headers).status_code == 403
            assert admin_login(open_site, username="x", password="y").status_code == 401
            assert open_site.post("/api/admin/auth/login", keyed=False, headers=headers,
                                  json={"username": boss.username, "password": PASSWORD}).status_code == 403

    def test_a_key_needs_none(self, open_site):
        assert open_site.post("/api/admin-users", json={"username": new_name()}).status_code == 200


class TestCookies:
    def test_tossed(self, open_site, boss):
        """Two cookies of one name: somebody on a neighbouring host put one there."""
        browser = signed_in(open_site, boss.username)
        good = "admin_session=" + browser.cookies["admin_session"]
        for header in (good + "; admin_session=x", "admin_session=x; " + good, good + "; " + good):
            assert open_site.get("/api/admin-users", keyed=False, headers={"Cookie": header}).status_code == 401

    @pytest.mark.parametrize("value", ["", "x", "x" * 43, "'" * 43, "%00", "x" * 4000])
    def test_made_up(self, open_site, value):
        answer = open_site.get("/api/admin-users", keyed=False, headers={"Cookie": "admin_session=" + value})
        assert answer.status_code == 401

    def test_a_session_cannot_be_given(self, open_site, boss):
        """Fixation: what somebody brings along is never made good by signing in."""
        planted = "p" * 43
        answer = open_site.post("/api/admin/auth/login", keyed=False, headers={"Cookie": "admin_session=" + planted},
                                json={"username": boss.username, "password": PASSWORD})
        assert answer.cookies["admin_session"] != planted
        assert open_site.get("/api/admin-users", keyed=False, headers={"Cookie": "admin_session=" + planted}).status_code == 401

    def test_only_its_hash_is_stored(self, open_site, boss):
        browser = signed_in(open_site, boss.username)
        assert browser.cookies["admin_session"] not in str(open_site.db().rows("SELECT * FROM signins"))


class TestAdminUsers:
    def test_make_and_list(self, open_site, boss):
        name = new_name()
        answer = open_site.post("/api/admin-users", json={"username": name, "password": PASSWORD})
        got = answer.json()
        assert answer.status_code == 200 and set(got) == {"id", "username", "role", "is_active"}
        assert (got["username"], got["role"], got["is_active"]) == (name, "admin", True) and uuid.UUID(got["id"])
        row = next(u for u in open_site.get("/api/admin-users").json() if u["username"] == name)
        assert set(row) == {"id", "username", "role", "is_active", "created_at"} and row["created_at"].endswith("+00:00")
        again = open_site.post("/api/admin-users", json={"username": name.upper()})
        assert (again.status_code, again.json()) == (400, {"detail": "Username already exists"})
        event = open_site.get("/api/audit-events", params={"entity_type": "admin_user", "limit": 1}).json()[0]
        assert set(event) == {"id", "entity_type", "entity_id", "action", "actor_username", "before_json", "after_json", "created_at"}
        assert event["action"] == "admin_user.created" and event["actor_username"] == "key:tests" and event["after_json"]["username"] == name

    def test_roles(self, open_site):
        for role in ("super_admin", "admin", "viewer"):
            name = new_name()
            assert open_site.post("/api/admin-users", json={"username": name, "role": role, "password": PASSWORD}).json()["role"] == role
        for body in ({"username": new_name(), "role": "king"}, {"role": "admin"}, {"username": new_name(), "is_active": "yes"},
                     {"username": new_name(), "password": "short"}, {"username": new_name(), "password": "password123"}):
            answer = open_site.post("/api/admin-users", json=body)
            assert answer.status_code == 422 and isinstance(answer.json()["detail"], list), answer.text

    def test_a_viewer_changes_nothing(self, open_site):
        viewer = signed_in(open_site, register(open_site).give("viewer").username)
        assert viewer("GET", "/api/admin-users").status_code == 200
        assert viewer("GET", "/api/audit-events").status_code == 200
        for method, path in (("POST", "/api/admin-users"), ("POST", "/api/send-message"), ("POST", "/api/auto-reply/config"),
                             ("POST", "/api/threads/+15005550006/read")):
            assert viewer(method, path, json={}).status_code == 403, path

    def test_inactive(self, open_site):
        name = new_name()
        open_site.post("/api/admin-users", json={"username": name, "password": PASSWORD, "is_active": False})
        assert admin_login(open_site, username=name, password=PASSWORD).status_code == 401


class TestTenant:
    def test_named_by_the_client(self, open_site):
        ours = open_site.db().value("SELECT twchat_uuid(0)::text")
        def ask(tenant, **options):
            answer = open_site.get("/api/admin/auth/me", headers={"X-Tenant-Id": tenant}, **options)
            return answer.status_code, answer.json().get("detail")
        assert ask(ours) == ask(ours.upper()) == (200, None)
        assert ask("nonsense") == ask("") == (400, "Invalid tenant id")
        assert ask(str(uuid.uuid4())) == (404, "Tenant not found")
        assert ask(ours, keyed=False) == (401, "Unauthorized")


@pytest.mark.expect_log("AH01618", "AH01617", "AH01630", "auth_basic:error")
class TestCorrelation:
    def test_echo_or_new(self, open_site):
        assert open_site.get("/api/health", headers={"X-Correlation-ID": "abc.1-2_3"}).headers["X-Correlation-ID"] == "abc.1-2_3"
        for strange in (None, "", "a b", "x" * 500, "a\tb"):
            got = open_site.get("/api/health", headers={"X-Correlation-ID": strange} if strange is not None else {}).headers["X-Correlation-ID"]
            assert re.fullmatch(r"[0-9a-f-]{36}", got)
        assert open_site.get("/api/nothing-here").headers["X-Correlation-ID"]
        assert open_site.get("/api/admin/auth/me", keyed=False).headers["X-Correlation-ID"]

    def test_though_apache_refuses(self, site, make_site):
        """Before any handler runs, by Apache's Basic and by our own say in it."""
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Basic eDp5"}):
            answer = site.get("/api/admin/auth/me", keyed=False, headers={"X-Correlation-ID": "abc.1", **headers})
            assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (401, "abc.1")
            assert re.fullmatch(r"[0-9a-f-]{36}", site.get("/api/admin/auth/me", keyed=False, headers=headers).headers["X-Correlation-ID"])
        denied = make_site(access="Require ip 10.9.8.7").get("/api/admin/auth/me")
        assert denied.status_code == 403 and denied.headers["X-Correlation-ID"]
        given = site.get("/api/admin/auth/me", headers={"X-Correlation-ID": "abc.2"}).raw.headers.getlist("X-Correlation-ID")
        assert given == ["abc.2"]
