# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Every route of `twchatctl routes` with every kind of caller, against what its access class says."""
import json
import re

import pytest

from people import PASSWORD, Browser, bearer, decode, forge, register
from server import twchatctl

ROUTES = json.loads(twchatctl("routes", "--json").stdout)
RANK = {"known": 0, "account": 0, "viewer": 1, "agent": 2, "admin": 3, "super_admin": 4}
ROLES = ("none", "viewer", "agent", "admin", "super_admin")
# Who is let in meets the rule of the route: not found, wrong input, done. Who is not is told so, and nothing else.
REFUSED = {401, 403}
# Signing out ends what the next row needs; a stream does not end.
LAST = ("/api/signout", "/api/admin/auth/logout", "/auth/logout", "/auth/logout-all", "/api/account/signout")


def calls():
    for route in ROUTES:
        for method in route["methods"]:
            yield method, route


def path_of(route):
    path = re.sub(r":id", "999999999", route["path"])
    path = re.sub(r":rest\*", "js/api.js", re.sub(r":(participant|peer|number)", "+15005550006", path))
    path = re.sub(r":sid", "SM" + "0" * 32, re.sub(r":index", "0", path))
    return path + ("?poll=1" if path == "/api/events" else "")


def ask(site, method, route, headers, **options):
    """The pages' `/` is shared with ai-messaging: who takes HTML gets the page."""
    accept = "application/json" if route["interface"] == "ai-messaging" else "text/html,*/*"
    return site.request(method, path_of(route), keyed=False, headers={"Accept": accept, **headers},
                        **({} if method in ("GET", "DELETE") else {"json": {}}), **options)



def cookies_of(browser):
    return {"Cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items()), "X-CSRF-Token": browser.cookies["admin_csrf"]}


@pytest.fixture(scope="class")
def closed(make_site, make_sandbox):
    """Apache asks for nothing: what keeps strangers out is the module."""
    return make_site(access="Require all granted", sandbox=make_sandbox())


@pytest.fixture(scope="class")
def people(closed):
    made = {role: register(closed) for role in ROLES}
    for role, person in made.items():
        if role != "none":
            person.give(role)
    return made


@pytest.fixture(scope="class")
def keys(closed):
    return {role: closed.ctl("apikey", "create", role, "--role", role).stdout.strip() for role in ROLES[1:]}


def may(route, role, account):
    access = route["access"]
    if access == "account" and not account:
        return False
    return ROLES.index(role) >= RANK[access]


@pytest.mark.expect_log("TWC1031", "TWC2", "TWC3")
class TestEveryRoute:
    def test_each_has_a_class(self):
        assert len(ROUTES) > 80 and {r["access"] for r in ROUTES} <= set(RANK) | {"open", "twilio"}

    def test_strangers(self, closed, people):
        person = people["super_admin"]
        expired = forge({**decode(person.access), "exp": 1}, closed.token_secret)
        strangers = ({}, {"X-API-Key": "garbage"}, {"X-API-Key": ""}, bearer("garbage"), bearer(expired), bearer(person.refresh),
                     bearer(forge(decode(person.access), "x" * 40)), {"Cookie": "admin_session=garbage"},
                     {"Authorization": "Basic bm9ib2R5OnB3"})
        for method, route in calls():
            if route["access"] in ("open", "twilio"):
                continue
            for headers in strangers:
                answer = ask(closed, method, route, headers)
                page = answer.status_code == 303 and answer.headers["Location"].startswith("/signin?next=")
                assert page or answer.status_code in (401, 429), (method, route["path"], headers, answer.status_code, answer.text[:200])
                assert page or answer.headers["Content-Type"].startswith("application/json")
            closed.db().run("DELETE FROM signin_attempts")

    def test_twilio_alone(self, closed, people, keys):
        """Nobody who is signed in passes for Twilio."""
        for method, route in calls():
            if route["access"] != "twilio":
                continue
            for headers in ({}, {"X-API-Key": keys["super_admin"]}, bearer(people["super_admin"].access)):
                assert ask(closed, method, route, headers).status_code in (400, 403), route["path"]

    @pytest.mark.parametrize("role", ROLES)
    def test_people(self, closed, people, role):
        headers = bearer(people[role].access)
        for method, route in calls():
            if route["access"] in ("open", "twilio") or route["path"] in LAST or (route["path"], method) == ("/auth/me/password", "PUT"):
                continue
            answer = ask(closed, method, route, headers)
            assert (answer.status_code in REFUSED) == (not may(route, role, True)), (method, route["path"], role, answer.status_code, answer.text[:200])

    @pytest.mark.parametrize("role", ROLES[1:])
    def test_keys(self, closed, keys, role):
        for method, route in calls():
            if route["access"] in ("open", "twilio"):
                continue
            answer = ask(closed, method, route, {"X-API-Key": keys[role]})
            assert (answer.status_code in REFUSED) == (not may(route, role, False)), (method, route["path"], role, answer.status_code, answer.text[:200])

    @pytest.mark.parametrize("role", ROLES)
    def test_cookies(self, closed, people, role):
        """The same people at a browser: they may what their tokens may."""
        browser = Browser(closed, people[role].username)
        for method, route in calls():
            if route["access"] in ("open", "twilio") or route["path"] in LAST or (route["path"], method) == ("/auth/me/password", "PUT"):
                continue
            answer = ask(closed, method, route, cookies_of(browser))
            assert (answer.status_code in REFUSED) == (not may(route, role, True)), (method, route["path"], role, answer.status_code, answer.text[:200])

    def test_cookies_with_the_token_of_somebody_else(self, closed, people):
        mine, theirs = (Browser(closed, people[role].username) for role in ("super_admin", "admin"))
        headers = {"Cookie": "admin_session=" + mine.cookies["admin_session"], "X-CSRF-Token": theirs.cookies["admin_csrf"]}
        for method, route in calls():
            if route["access"] not in ("open", "twilio") and method != "GET":
                answer = ask(closed, method, route, headers)
                assert answer.status_code == 403 and "CSRF" in answer.text, (method, route["path"], answer.text[:200])

    @pytest.mark.parametrize("role", ROLES[:-1])
    def test_another_users(self, closed, people, role):
        """Everything that has a number, with the number of somebody else's: told apart from nothing, and nothing happens to it."""
        owner, asker = register(closed).give("agent"), people[role]
        browser = Browser(closed, owner.username)
        sessions = [s["id"] for s in owner("GET", "/auth/sessions").json()]
        before = (owner("GET", "/auth/me").json(), browser("GET", "/api/account").json())
        for method, route in calls():
            if ":id" not in route["path"] or route["access"] in ("open", "twilio"):
                continue
            for ident in sessions if "/sessions/" in route["path"] else [owner.id]:
                path = path_of(route).replace("999999999", str(ident))
                for headers in (bearer(asker.access), cookies_of(Browser(closed, asker.username))):
                    answer = closed.request(method, path, keyed=False, headers=headers, **({} if method in ("GET", "DELETE") else {"json": {}}))
                    assert answer.status_code in (400, 403, 404, 409), (method, path, answer.status_code, answer.text[:200])
                    assert owner.username not in answer.text
        assert (owner("GET", "/auth/me").json(), browser("GET", "/api/account").json()) == before
        assert [s["id"] for s in owner("GET", "/auth/sessions").json()] == sessions

    def test_cookies_without_their_token(self, closed, people):
        browser = Browser(closed, people["super_admin"].username)
        cookie = {"Cookie": "admin_session=" + browser.cookies["admin_session"]}
        for method, route in calls():
            if route["access"] in ("open", "twilio") or method == "GET":
                continue
            answer = ask(closed, method, route, cookie)
            assert answer.status_code == 403 and "CSRF" in answer.text, (method, route["path"], answer.text[:200])

    def test_a_disabled_account(self, closed):
        person = register(closed).give("super_admin")
        closed.db().run("UPDATE users SET is_active = false WHERE id = %s", person.id)
        for method, route in calls():
            if route["access"] not in ("open", "twilio"):
                assert ask(closed, method, route, bearer(person.access)).status_code == 403, route["path"]

    @pytest.mark.parametrize("path", LAST)
    def test_signing_out(self, closed, path):
        assert closed.post(path, keyed=False, json={}).status_code == 401
        person = register(closed)
        assert person("POST", path, json={}).status_code == 200
        assert person("GET", "/auth/me").status_code == 401
