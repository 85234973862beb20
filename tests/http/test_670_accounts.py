# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Whose account it is: login names, passwords and their strength, keys in place of passwords, recovery codes, Apache's own doors."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from people import PASSWORD, Browser, code_of, enroll, login, new_name, register
from server import MOUNTS
from test_610_admin import signed_in
from test_640_apache import files
from waiting import wait_for


@pytest.fixture(scope="class")
def open_site(make_site):
    return make_site(access="Require all granted")


@pytest.fixture(scope="class")
def boss(open_site):
    return Browser(open_site, register(open_site, new_name("boss")).give("super_admin").username)


@pytest.mark.expect_log("AH01630", "AH01631", "AH01617", "AH01618", "auth_basic:error", "AH01796")
class TestApachesDoors:
    """Files that are not ours behind our accounts, `Require valid-user` being all that is asked."""
    OURS = "AuthType twchat\nAuthName x\nRequire valid-user"
    BASIC = "AuthType Basic\nAuthName x\nAuthBasicProvider twchat\nRequire valid-user"

    @pytest.fixture(scope="class")
    def doors(self, make_site):
        return make_site(access="Require all granted", modules=("alias", "dir"), tail=files("/ours", self.OURS) + files("/basic", self.BASIC))

    @pytest.fixture(scope="class")
    def strict(self, make_site):
        form = ('AuthType form\nAuthName x\nAuthFormProvider twchat\nSession On\nSessionCookieName s path=/\nSessionCryptoPassphrase secret\n')
        return make_site(mounts=(("/", MOUNTS[0][1], "Require all granted"), ("/m", ("native",), self.BASIC)), access="",
                         modules=("alias", "dir", "request", "session", "session_cookie", "session_crypto", "auth_form"),
                         directives="TwchatSecondFactor admin", tail=files("/ours", self.OURS) + files("/basic", self.BASIC)
                         + files("/form", form + "Require valid-user")
                         + f'<Location "/dologin">\nSetHandler form-login-handler\n{form}</Location>\n')

    def test_a_disabled_account(self, doors):
        person = register(doors).give("agent")
        browser = Browser(doors, person.username)
        ways = (lambda path: browser("GET", path), lambda path: person("GET", path),
                lambda path: doors.get(path, keyed=False, auth=(person.username, PASSWORD)))
        assert [ask("/ours/").status_code for ask in ways] == [200] * 3
        doors.db().run("UPDATE users SET is_active = false WHERE id = %s", person.id)
        assert [ask("/ours/").status_code in (401, 403) for ask in ways] == [True] * 3
        assert ways[2]("/basic/").status_code == 401
        doors.db().run("UPDATE signins SET ended_at = now(), expires_at = now() WHERE user_id = %s", person.id)
        assert [ask("/ours/").status_code in (401, 403) for ask in ways[:2]] == [True] * 2
        doors.db().run("UPDATE users SET is_active = true WHERE id = %s", person.id)
        assert [ask("/ours/").status_code for ask in ways] == [401, 401, 200]

    def test_who_lacks_a_second_factor(self, strict):
        admin, agent = register(strict).give("admin"), register(strict).give("agent")
        for person, code in ((agent, 200), (admin, 403)):
            assert person("GET", "/ours/").status_code == code
            assert Browser(strict, person.username)("GET", "/ours/").status_code == code
            for path in ("/ours/", "/basic/"):
                assert strict.get(path, keyed=False, auth=(person.username, PASSWORD)).status_code == code, path
            with requests.Session() as session:
                session.post(strict.url + "/dologin", data={"httpd_username": person.username, "httpd_password": PASSWORD}, allow_redirects=False)
                assert session.get(strict.url + "/form/").status_code == code

    def test_nor_in_our_own_pages_by_that_way(self, strict):
        admin, agent = register(strict).give("admin"), register(strict).give("agent")

        def ask(person, method, path, **options):
            return strict.request(method, "/m" + path, keyed=False, auth=(person.username, PASSWORD), **options)
        assert ask(agent, "GET", "/api/stats").status_code == 200
        assert ask(admin, "GET", "/api/stats").status_code == 403
        assert ask(admin, "GET", "/api/session").json()["must_enroll"] is True
        begun = ask(admin, "POST", "/api/account/factor", json={"password": PASSWORD})
        assert begun.status_code == 200                                             # the one thing they may do
        assert ask(admin, "POST", "/api/account/factor/confirm", json={"code": code_of(begun.json()["secret"])}).status_code == 200
        assert ask(admin, "GET", "/api/stats").status_code == 401                 # from now on not by password alone
        assert Browser(strict, admin.username, code=code_of(begun.json()["secret"], 1))("GET", "/ours/").status_code == 200

    def test_single_sign_on_has_its_own(self, make_site):
        site = make_site(directives="TwchatSecondFactor viewer")
        assert site.get("/api/stats", keyed=False, auth=site.auth).status_code == 200


class TestLoginNames:
    def register(self, site, **fields):
        return site.post("/auth/register", keyed=False, json={"password": PASSWORD, **fields})

    def test_nobody_registers_as_an_address(self, open_site, boss):
        name = new_name("ceo")
        address = name + "@corp.com"
        made = boss("POST", "/api/users", json={"username": name, "email": address, "password": PASSWORD, "role": "viewer"})
        assert made.status_code == 201
        for username in (address, address.upper()):
            answer = self.register(open_site, username=username, email=new_name() + "@evil.example")
            assert (answer.status_code, answer.json()) == (400, {"detail": "Username already registered"})
        assert login(open_site, address).json()["user"]["username"] == name

    def test_nor_an_address_that_is_a_name(self, open_site):
        name = new_name() + "@corp.com"
        person = register(open_site, name, email=new_name() + "@example.com")
        answer = self.register(open_site, username=new_name(), email=name.upper())
        assert (answer.status_code, answer.json()) == (400, {"detail": "Email already registered"})
        other = register(open_site)
        answer = Browser(open_site, other.username)("PATCH", "/api/account", json={"email": name})
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
        assert login(open_site, name).json()["user"]["id"] == person.id
        assert Browser(open_site, other.username)("PATCH", "/api/account", json={"full_name": "X", "email": other.username + "@example.com"}).status_code == 200

    def test_both_may_be_the_same_for_one(self, open_site):
        name = new_name() + "@example.org"
        assert register(open_site, name, email=name.upper()).username == name

    def test_an_address_given_up_is_free(self, open_site, boss):
        name, address = new_name(), new_name() + "@example.org"
        ident = boss("POST", "/api/users", json={"username": name, "email": address}).json()["id"]
        assert boss("PATCH", f"/api/users/{ident}", json={"email": ""}).status_code == 200
        assert register(open_site, address, email=new_name() + "@example.org").username == address

    def test_two_at_once(self, open_site):
        for _ in range(10):
            address = new_name() + "@race.example"
            drafts = ({"username": address, "email": new_name() + "@example.com"}, {"username": new_name(), "email": address}) * 2
            with ThreadPoolExecutor(4) as pool:         # as many as may wait for a hash to be made
                answers = list(pool.map(lambda fields: self.register(open_site, **fields), drafts))
            assert sorted(a.status_code for a in answers) == [201] + [400] * 3, [a.text for a in answers]
            assert {a.json()["detail"] for a in answers if a.status_code == 400} <= {"Username already registered", "Email already registered"}


class TestSingleSignOnByAddress:
    """Apache says an e-mail address: whose account is that?"""

    def site(self, make_site, trust):
        site = make_site(mounts=((*MOUNTS[0], "TwchatTrustUser " + trust),))
        site.db().run("DELETE FROM users")
        site.auth_name = "operator@corp.com"
        with open(f"{site.hosts[0]._directory}/users") as users:
            text = users.read()
        with open(f"{site.hosts[0]._directory}/users", "w") as users:
            users.write(text.replace("operator:", site.auth_name + ":"))
        return site

    def ask(self, site):
        return site.get("/api/session", keyed=False, auth=(site.auth_name, site.auth[1]))

    def test_one_that_an_administrator_set(self, make_site):
        site = self.site(make_site, "map")
        made = site.post("/api/users", json={"username": "anna", "email": site.auth_name, "role": "agent"})
        assert made.status_code == 201
        assert self.ask(site).json()["user"] == "anna"
        site.request("PATCH", f"/api/users/{made.json()['id']}", json={"email": "other@corp.com"})
        assert self.ask(site).status_code == 403

    @pytest.mark.parametrize("trust", ["map", "create agent"])
    def test_one_that_somebody_set_for_themselves(self, make_site, trust):
        site = self.site(make_site, trust)
        made = site.post("/api/users", json={"username": "mallory", "password": PASSWORD, "role": "viewer"})
        assert made.status_code == 201
        assert Browser(site, "mallory")("PATCH", "/api/account", json={"email": site.auth_name}).status_code == 200
        self.stays_stranger(site, trust)
        assert Browser(site, "mallory").answer.status_code == 200

    @pytest.mark.parametrize("trust", ["map", "create agent"])
    def test_one_that_somebody_registered(self, make_site, trust):
        site = self.site(make_site, trust)
        register(site, "mallory", email=site.auth_name).give("viewer")
        self.stays_stranger(site, trust)

    def stays_stranger(self, site, trust):
        answer = self.ask(site)
        if trust == "map":
            assert answer.status_code == 403 and "nobody has made an account" in answer.text
            return
        assert (answer.json()["user"], answer.json()["role"]) == (site.auth_name, "agent")
        row = site.db().rows("SELECT email, origin FROM users WHERE username = %s", site.auth_name)[0]
        assert row["origin"] == "apache" and row["email"] is None
        assert self.ask(site).json()["user"] == site.auth_name                      # and the second time
        assert site.db().value("SELECT count(*) FROM users") == 2


class TestKeysAsPasswords:
    def make_key(self, site, role):
        name = new_name("key")
        return name, site.ctl("apikey", "create", name, "--role", role).stdout.strip()

    def test_it_ends_with_its_key(self, open_site):
        person = register(open_site).give("viewer")
        for end in ("UPDATE api_keys SET revoked_at = now() WHERE name = %s", "UPDATE api_keys SET expires_at = now() WHERE name = %s"):
            name, key = self.make_key(open_site, "viewer")
            browser, own = signed_in(open_site, person.username, key), signed_in(open_site, person.username)
            assert browser("GET", "/api/admin-users").status_code == 200
            open_site.db().run(end, name)
            assert browser("GET", "/api/admin-users").status_code == 401          # the next request
            assert own("GET", "/api/admin-users").status_code == 200

    def test_the_lower_role_counts(self, open_site):
        person = register(open_site).give("viewer")
        _, key = self.make_key(open_site, "viewer")
        browser = signed_in(open_site, person.username, key)
        person.give("super_admin")
        assert browser("GET", "/api/session").json()["role"] == "viewer"
        assert browser("GET", "/api/users").status_code == 403

    def test_the_log_names_it(self, open_site):
        person = register(open_site).give("super_admin")
        name, key = self.make_key(open_site, "super_admin")
        browser = signed_in(open_site, person.username, key)
        assert browser("POST", "/api/admin-users", json={"username": new_name()}).status_code == 200
        rows = open_site.db().rows("SELECT action, actor_username FROM audit_events ORDER BY id DESC LIMIT 2")
        assert {r["action"] for r in rows} == {"user.signed_in", "admin_user.created"}
        assert {r["actor_username"] for r in rows} == {f"{person.username} (key:{name})"}

    def test_ones_own_account_is_not_its_business(self, open_site):
        person = register(open_site).give("agent")
        _, key = self.make_key(open_site, "agent")
        browser = signed_in(open_site, person.username, key)
        for method, path in (("PATCH", "/api/account"), ("GET", "/api/account"), ("POST", "/api/account/password"), ("POST", "/api/account/factor"),
                             ("GET", "/api/account/sessions"), ("POST", "/api/account/signout"), ("PUT", "/auth/me"), ("PUT", "/auth/me/password"),
                             ("GET", "/auth/sessions")):
            answer = browser(method, path, **({} if method == "GET" else {"json": {}}))
            assert answer.status_code == 403 and "API key" in answer.json()["detail"], (path, answer.text)
        assert browser("GET", "/api/session").json()["account"] is False
        assert browser("POST", "/api/admin/auth/logout").json() == {"ok": True}


COMMON = ("P@ssw0rd1", "1q2w3e4r5t", "1qaz2wsx3edc", "q1w2e3r4", "changeme123", "passwordpassword", "abc123abc123", "ilovey0u")


class TestPolicy:
    @pytest.mark.parametrize("password", COMMON)
    def test_the_commonest(self, open_site, boss, password):
        answer = boss("POST", "/api/users", json={"username": new_name(), "password": password, "role": "super_admin"})
        assert (answer.status_code, answer.json().get("code")) == (400, "password_weak"), answer.text

    def test_what_goes_with_the_name(self, open_site, boss):
        for password in ("Gwendolyn87", "gw3nd0lyn!", "nylodnewg1", "penhaligon22"):
            answer = boss("POST", "/api/users", json={"username": "gwendolyn", "email": "penhaligon@example.com", "password": password, "role": "agent"})
            assert (answer.status_code, answer.json().get("code")) == (400, "password_weak"), answer.text

    def test_a_weak_one_does_not_rise(self, open_site, boss):
        person = register(open_site, password="abc123abc123")
        roles = {r["name"]: r["id"] for r in boss("GET", "/auth/roles").json()}
        for method, path, body in (("PATCH", f"/api/users/{person.id}", {"role": "agent"}), ("PUT", f"/auth/users/{person.id}/superuser", {"is_superuser": True}),
                                   ("PUT", f"/auth/users/{person.id}/roles", {"role_ids": [roles["viewer"]]})):
            answer = boss(method, path, json=body)
            assert answer.status_code in (400, 409) and "password" in answer.json()["detail"], answer.text
        before = boss("GET", f"/api/users/{person.id}").json()
        for body in ({"full_name": "Half done", "role": "agent"}, {"email": person.username + "@example.net", "role": "agent", "is_active": False}):
            answer = boss("PATCH", f"/api/users/{person.id}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (409, "password_unfit")
        assert boss("GET", f"/api/users/{person.id}").json() == before
        done = open_site.ctl("user", "role", person.username, "viewer")
        assert done.returncode != 0 and "password" in done.stderr
        assert boss("GET", f"/api/users/{person.id}").json()["role"] == "none"
        assert person("PUT", "/auth/me/password", json={"current_password": "abc123abc123", "new_password": "a fine one 9"}).status_code == 200
        assert boss("PATCH", f"/api/users/{person.id}", json={"role": "agent"}).json()["role"] == "agent"

    def test_a_good_one_does(self, open_site, boss):
        person = register(open_site, password="correct horse battery")
        assert boss("PUT", f"/auth/users/{person.id}/superuser", json={"is_superuser": True}).status_code == 200
        assert boss("PATCH", f"/api/users/{person.id}", json={"role": "viewer"}).json()["role"] == "viewer"

    def test_without_a_role_their_own_minimum_counts(self, open_site):
        assert register(open_site, password="x").id


class TestHashes:
    def test_old_ones_are_made_anew(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatPasswordCost 5")
        for old in ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", None):
            person = register(site, password="password")
            if old:
                site.db().run("UPDATE users SET password_hash = %s WHERE id = %s", old, person.id)
            else:
                site.db().run("UPDATE users SET password_hash = replace(password_hash, '$2y$05$', '$2a$05$') WHERE id = %s", person.id)
            assert login(site, person.username, "wrong").status_code == 401
            browser = Browser(site, person.username, "password")
            kept = site.db().value("SELECT password_hash FROM users WHERE id = %s", person.id)
            assert kept.startswith("$2y$05$") and browser("GET", "/api/account").status_code == 200
            assert login(site, person.username, "password").status_code == 200
            assert site.db().value("SELECT password_hash FROM users WHERE id = %s", person.id) == kept


class TestRecoveryCodes:
    def test_how_many_are_left(self, open_site):
        person = register(open_site)
        browser = Browser(open_site, person.username)
        assert browser("GET", "/api/account/factor").json() == {"on": False, "recovery_codes_left": 0}
        _, codes, _ = enroll(browser)
        assert browser("GET", "/api/account/factor").json() == {"on": True, "recovery_codes_left": 10}
        assert Browser(open_site, person.username, code=codes[0]).answer.status_code == 200
        assert browser("GET", "/api/account/factor").json() == {"on": True, "recovery_codes_left": 9}

    def test_new_ones(self, open_site):
        person = register(open_site)
        browser = Browser(open_site, person.username)
        assert browser("POST", "/api/account/factor/codes", json={"password": PASSWORD}).json()["code"] == "factor_off"
        _, old, _ = enroll(browser)
        assert browser("POST", "/api/account/factor/codes", json={"password": "wrong"}).json()["code"] == "password_wrong"
        assert browser("POST", "/api/account/factor/codes", json={}).json()["field"] == "password"
        fresh = browser("POST", "/api/account/factor/codes", json={"password": PASSWORD}).json()["recovery_codes"]
        assert len(set(fresh)) == 10 and not set(fresh) & set(old)
        assert browser("GET", "/api/account/factor").json()["recovery_codes_left"] == 10
        assert Browser(open_site, person.username, code=old[0]).answer.status_code == 401
        assert Browser(open_site, person.username, code=fresh[0]).answer.status_code == 200
        assert open_site.db().value("SELECT action FROM audit_events WHERE entity_id = %s AND action LIKE '%%codes%%'", str(person.id)) \
            == "user.recovery_codes_made"
