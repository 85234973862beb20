# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Limits on guessing: failures count, successes do not, however many come at once."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from people import PASSWORD, Browser, code_of, enroll, login, new_name, register

TOO_MANY = "Too many requests. Please try again later."


@pytest.fixture(scope="class")
def open_site(make_site):
    return make_site(access="Require all granted", threads=32)


def patiently(ask):
    """Every answer on the way to one that is not 503; waits as Retry-After says."""
    answers = [ask()]
    while answers[-1].status_code == 503 and len(answers) < 30:
        time.sleep(int(answers[-1].headers["Retry-After"]))
        answers.append(ask())
    return answers


def at_once(count, ask):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def strikes(site):
    return site.db().value("SELECT coalesce(sum(strikes), 0) FROM signin_attempts")


@pytest.mark.expect_log("TWC1031")
class TestAtOnce:
    def test_thirty_people_behind_one_address(self, open_site):
        people = [register(open_site) for _ in range(30)]
        rounds = at_once(30, lambda i: patiently(lambda: login(open_site, people[i].username)))
        codes = {a.status_code for answers in rounds for a in answers}
        assert codes <= {200, 503} and [answers[-1].status_code for answers in rounds] == [200] * 30
        assert strikes(open_site) == 0

    def test_eight_administrators(self, open_site):
        boss = register(open_site).give("admin")
        rounds = at_once(8, lambda i: patiently(lambda: open_site.post(
            "/api/admin/auth/login", keyed=False, json={"username": boss.username, "password": PASSWORD})))
        codes = {a.status_code for answers in rounds for a in answers}
        assert codes <= {200, 503} and [answers[-1].status_code for answers in rounds] == [200] * 8
        assert strikes(open_site) == 0

    def test_a_hundred_guesses(self, make_site):
        site = make_site(access="Require all granted", threads=32)
        person = register(site)
        codes = [a.status_code for a in at_once(100, lambda i: login(site, person.username, "wrong"))]
        assert 1 <= codes.count(401) <= 10 and set(codes) <= {401, 429, 503}, codes
        more = [login(site, person.username, "wrong").status_code for _ in range(11)]
        assert codes.count(401) + more.count(401) == 10 and more[-1] == 429, (codes, more)
        noted = "SELECT count(*) FROM audit_events WHERE entity_id = %s AND action = %s"         # who was told to come again is not
        assert site.db().value(noted, str(person.id), "user.signin_failed") == 10
        assert site.db().value(noted, str(person.id), "user.silenced") == 1
        assert site.db().value(noted, "127.0.0.1", "address.silenced") == 1

    def test_two_steps_leave_nothing(self, open_site):
        person = register(open_site)
        secret, *_ = enroll(Browser(open_site, person.username))
        open_site.db().run("DELETE FROM signin_attempts")
        for _ in range(12):
            assert login(open_site, person.username).status_code == 401         # the password was right: a code is needed
        assert login(open_site, person.username, code=code_of(secret, 1)).status_code == 200
        assert open_site.db().value("SELECT coalesce(sum(attempts), 0) FROM signin_attempts") == 0
        assert [login(open_site, person.username, code="000000").status_code for _ in range(11)] == [401] * 10 + [429]

    def test_a_process_that_died_holds_nobody_up_for_long(self, open_site):
        person = register(open_site)
        open_site.db().run("DELETE FROM signin_attempts")
        for until, code in (("now() + interval '1 minute'", 503), ("now()", 200)):
            open_site.db().run("DELETE FROM signin_flights")
            open_site.db().run("INSERT INTO signin_flights (attempt, key, until) SELECT n, 'address 127.0.0.1', " + until
                               + " FROM generate_series(1, 10) n")
            answer = login(open_site, person.username)
            assert answer.status_code == code and (code == 200 or answer.headers["Retry-After"])
        assert open_site.db().value("SELECT count(*) FROM signin_flights WHERE until > now()") == 0


class TestAddresses:
    def test_one_network_of_ipv6(self, make_site):
        site = make_site(access="Require all granted", modules=("remoteip",),
                         directives="RemoteIPHeader X-Forwarded-For\nRemoteIPTrustedProxy 127.0.0.1")

        def guess(i, address):
            return site.post("/api/signin", keyed=False, headers={"X-Forwarded-For": address},
                             json={"username": f"guess{i}", "password": "x"}).status_code
        codes = [guess(i, f"2a00:1450:4001:81b:{i:x}::{i:x}") for i in range(1, 12)]
        assert codes == [401] * 10 + [429]
        assert guess(12, "2a00:1450:4001:81c::1") == 401                            # the network beside it
        assert site.db().value("SELECT entity_id FROM audit_events WHERE action = 'address.silenced'") == "2a00:1450:4001:81b::/64"


@pytest.mark.expect_log("AH01617", "AH01618", "auth_basic:error")
class TestBasic:
    def test_our_own(self, make_site):
        site = make_site(access="Require all granted")
        person = register(site).give("viewer")
        for path, style in (("/api/stats", {"detail": TOO_MANY, "code": "too_many_attempts"}), ("/api/messages", {"error": TOO_MANY}),
                            ("/api/admin-users", {"detail": TOO_MANY}), ("/auth/me", {"detail": TOO_MANY})):
            site.db().run("DELETE FROM signin_attempts")
            codes = [site.get(path, keyed=False, auth=(person.username, "no")).status_code for _ in range(10)]
            assert codes == [401] * 10, path
            answer = site.get(path, keyed=False, auth=(person.username, "no"))
            assert (answer.status_code, answer.json()) == (429, style), path
            assert 1 <= int(answer.headers["Retry-After"]) <= 61

    def test_where_the_type_is_ours(self, make_site):
        site = make_site(access="AuthType twchat\nAuthName x\nRequire valid-user")
        codes = [site.get("/api/stats", keyed=False, auth=("nobody", "no")).status_code for _ in range(10)]
        answer = site.get("/api/stats", keyed=False, auth=("nobody", "no"))
        assert codes == [401] * 10 and answer.status_code == 429 and answer.json()["detail"] == TOO_MANY
        assert int(answer.headers["Retry-After"]) >= 1

    def test_through_apaches(self, make_site):
        site = make_site(access="AuthType Basic\nAuthName x\nAuthBasicProvider twchat\nRequire valid-user")
        answers = [site.get("/api/stats", keyed=False, auth=("nobody", "no")) for _ in range(11)]
        assert [a.status_code for a in answers] == [401] * 11
        assert "Retry-After" not in answers[9].headers and int(answers[10].headers["Retry-After"]) >= 1


class TestWithinASession:
    """Whoever finds a browser open does not get to guess the password there."""

    def test_the_current_password(self, make_site):
        site = make_site(access="Require all granted")
        person = register(site).give("viewer")
        browser = Browser(site, person.username)
        wrong = {"current_password": "x", "new_password": "a fine one 9"}
        tries = (lambda: browser("POST", "/api/account/password", json=wrong), lambda: person("PUT", "/auth/me/password", json=wrong),
                 lambda: browser("POST", "/api/account/factor/off", json={"password": "x"}),
                 lambda: browser("POST", "/api/account/factor", json={"password": "x"}))
        codes = [tries[i % 4]().status_code for i in range(10)]
        assert codes == [403, 400, 403, 403, 403, 400, 403, 403, 403, 400]
        for ask in tries:
            answer = ask()
            assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1, answer.text
        assert browser("POST", "/api/account/password", json={**wrong, "current_password": PASSWORD}).status_code == 429
        assert login(site, person.username).status_code == 200                    # the door is another matter

    def test_it_is_asked_for_before_a_second_factor(self, open_site):
        browser = Browser(open_site, register(open_site).username)
        assert browser("POST", "/api/account/factor").json()["field"] == "password"
        assert browser("POST", "/api/account/factor", json={"password": "wrong"}).json()["code"] == "password_wrong"
        assert browser("POST", "/api/account/factor", json={"password": PASSWORD}).status_code == 200

    def test_who_has_none_is_not_asked(self, make_site):
        site = make_site()
        assert site.post("/api/account/factor", keyed=False, auth=site.auth, json={}).status_code == 200


@pytest.mark.expect_log("TWC1031")
class TestRegistration:
    def test_so_many_a_minute_from_one_address(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatRegistration on 3")

        def ask(**fields):
            name = new_name()
            return site.post("/auth/register", keyed=False, json={"username": name, "email": name + "@example.com", "password": PASSWORD, **fields})
        assert [ask().status_code for _ in range(2)] == [201, 201]
        assert ask(username="").status_code == 422                                # each counts
        answer = ask()
        assert (answer.status_code, answer.json()) == (429, {"detail": TOO_MANY})
        assert 1 <= int(answer.headers["Retry-After"]) <= 61
        assert login(site, site.db().value("SELECT username FROM users WHERE origin = 'registered' LIMIT 1")).status_code == 200

    def test_they_leave_room_for_who_signs_in(self, make_site):
        site = make_site(access="Require all granted", children=1, threads=32, directives="TwchatPasswordCost 11\nTwchatRegistration on 1000")
        person = register(site)

        def enroll_many(i):
            name = new_name("crowd")
            return site.post("/auth/register", keyed=False, json={"username": name, "email": name + "@example.com", "password": PASSWORD}).status_code
        with ThreadPoolExecutor(30) as pool:
            crowd = pool.map(enroll_many, range(60))
            codes = [login(site, person.username).status_code for _ in range(5)]
            assert set(crowd) <= {201, 503}
        assert codes == [200] * 5
