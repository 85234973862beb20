# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Signing in, one's own account, people and keys, the audit log: as somebody at a desk does it."""
import pytest
from page import Page

from people import PASSWORD, code_of, new_name, register
from server import Host, Site
from waiting import wait_for

import http_conftest as _http


@pytest.fixture(scope="module")
def door(postgres, template):
    """A site without Apache's authentication: the module asks people to sign in."""
    one = Site(postgres, template, hosts=[Host(access="Require all granted", directives="TwchatChatMode off")])
    _http._watch.add(one.log)
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture
def desk(chrome, door):
    """A browser nobody is signed in with."""
    one = Page(chrome, door)
    one.size("desk")
    one.theme("light")
    chrome.get(door.url + "/assets/img/logo.svg")
    chrome.delete_all_cookies()
    chrome.execute_script("localStorage.clear()")
    chrome.get_log("browser")
    yield one
    one.leave()


def sign_in(desk, username, password=PASSWORD):
    desk.type_in("input[name=username]", username, clear=True)
    desk.type_in("input[name=password]", password, clear=True)
    desk.click("form .btn-accent")


def enter(desk, door, role, path="/"):
    person = register(door, new_name("desk")).give(role)
    desk.driver.get(door.url + path)
    sign_in(desk, person.username)
    wait_for(lambda: desk.all("tw-rail .rail-link"), 10, "the page")
    return person


def menu(desk, username, item):
    desk.click(f"button[aria-label='Actions for {username}']")
    desk.click(".menu-item", item)


class TestSignIn:
    def test_the_way_in_and_out(self, desk, door):
        person = register(door).give("agent")
        desk.driver.get(door.url + "/inbox")
        wait_for(lambda: "/signin?next=" in desk.driver.current_url, 10, "the sign-in page")
        sign_in(desk, person.username, "wrong one")
        desk.see(".field-error", "User name or password is wrong.")
        sign_in(desk, person.username)
        wait_for(lambda: desk.driver.current_url == door.url + "/inbox", 10, "the page that was asked for")
        desk.wait_live()
        desk.click("tw-account button")
        desk.click(".menu-item", "Sign out")
        wait_for(lambda: desk.driver.current_url.endswith("/signin"), 10, "the sign-in page")
        desk.driver.get(door.url + "/inbox")
        desk.see("input[name=username]")
        assert not desk.complaints()

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/%5Cevil.example"])
    def test_never_away_from_here(self, desk, door, wanted):
        person = register(door).give("agent")
        desk.driver.get(door.url + "/signin?next=" + wanted)
        sign_in(desk, person.username)
        wait_for(lambda: "/signin" not in desk.driver.current_url, 10, "another page")
        assert desk.driver.current_url.startswith(door.url + "/")

    def test_a_second_factor(self, desk, door):
        enter(desk, door, "agent", "/account")
        desk.click(".factor .btn-accent")
        desk.type_in("dialog input[name=password]", "wrong one")
        desk.click("dialog .btn-accent", "Continue")
        desk.see("dialog .field-error", "The current password is not right.")
        desk.type_in("dialog input[name=password]", PASSWORD, clear=True)
        desk.click("dialog .btn-accent", "Continue")
        desk.see("dialog .qr")
        secret = desk.see("dialog .codes").text.replace(" ", "")
        desk.type_in("dialog input[name=code]", code_of(secret))
        desk.click("dialog .btn-accent", "Confirm")
        codes = desk.see("dialog .codes", "-").text.split("\n")
        assert len(codes) == 10
        desk.click("dialog .btn-accent", "I have kept it")
        desk.see(".state-line.good")
        username = desk.module("return (await import('/assets/js/api.js')).session().then(s => s.user)")
        desk.driver.delete_all_cookies()
        desk.driver.get(door.url + "/account")
        sign_in(desk, username)
        desk.type_in("input[name=code]", codes[0])
        desk.click("form .btn-accent")
        desk.see(".state-line.good")
        desk.see(".codes-left", "9 recovery codes are left")
        desk.click(".factor .btn", "New recovery codes")
        desk.type_in("dialog input[name=password]", PASSWORD)
        desk.click("dialog .btn-accent", "New recovery codes")
        fresh = desk.see("dialog .codes", "-").text.split("\n")
        assert len(fresh) == 10 and not set(fresh) & set(codes)
        desk.click("dialog .btn-accent", "I have kept it")
        desk.see(".codes-left", "10 recovery codes are left")


class TestAccount:
    def test_name_and_password(self, desk, door):
        person = enter(desk, door, "viewer", "/account")
        desk.type_in("input[name=full_name]", "Ana Żółta")
        desk.click("form .btn-accent", "Save")
        desk.see(".toast-note", "Saved")
        assert door.db().value("SELECT full_name FROM users WHERE id = %s", person.id) == "Ana Żółta"
        desk.type_in("input[name=email]", "nonsense", clear=True)
        desk.click("form .btn-accent", "Save")
        desk.see(".field-error", "This is no e-mail address.")
        desk.type_in("input[name=current_password]", PASSWORD)
        desk.type_in("input[name=new_password]", "short")
        desk.click("form .btn-accent", "Change password")
        desk.see(".field-error", "at least 8")
        desk.type_in("input[name=new_password]", "quite another 4", clear=True)
        desk.click("form .btn-accent", "Change password")
        desk.see(".toast-note", "Password changed")

    def test_sessions(self, desk, door):
        enter(desk, door, "viewer", "/account")
        desk.see(".row-item", "This browser")
        desk.click(".row-item .btn-small", "Sign out")      # the program that registered the account
        wait_for(lambda: len(desk.all(".row-item")) == 1, 10, "one session")


class TestPeople:
    def test_a_colleague(self, desk, door):
        enter(desk, door, "super_admin", "/users")
        name = new_name("colleague")
        desk.click(".card-head .btn", "Add a person")
        desk.type_in("dialog input[name=username]", name)
        desk.type_in("dialog input[name=password]", "a fine one 9")
        desk.click("dialog .btn-accent", "Add a person")
        desk.gone("dialog")
        row = desk.read(".row-item", name)
        assert "Agent" in row
        desk.script("const s = [...document.querySelectorAll('.row-item')].find(r => r.innerText.includes(arguments[0])).querySelector('select');"
                    "s.value = 'viewer'; s.dispatchEvent(new Event('change', {bubbles: true}))", name)
        desk.see(".toast-note", "Role of")
        assert door.get("/api/users", params={"search": name}).json()["users"][0]["role"] == "viewer"

    def test_a_key_is_shown_once(self, desk, door):
        enter(desk, door, "super_admin", "/users")
        desk.click(".card-head .btn", "Make a key")
        desk.type_in("dialog input[name=name]", "partner shop")
        desk.click("dialog .btn-accent", "Make a key")
        key = desk.see("dialog .codes", "twk_").text
        assert door.get("/api/session", keyed=False, headers={"X-API-Key": key}).status_code == 200
        desk.click("dialog .btn-accent", "I have kept it")
        desk.see(".row-item", "partner shop")
        assert key not in desk.driver.page_source

    def test_a_name_and_an_address(self, desk, door):
        person = register(door, new_name("edit"), full_name="Ana Old").give("agent")
        enter(desk, door, "super_admin", "/users?search=" + person.username)
        desk.read(".row-item", "Ana Old")
        menu(desk, person.username, "Edit")
        desk.type_in("dialog input[name=full_name]", "Ana Nowa", clear=True)
        desk.click("dialog .btn-accent", "Save")
        desk.gone("dialog")
        desk.read(".row-item", "Ana Nowa")
        row = door.db().rows("SELECT full_name, email, email_confirmed FROM users WHERE id = %s", person.id)[0]
        assert tuple(row.values()) == ("Ana Nowa", person.username + "@example.com", False)      # they gave it themselves; nobody looked at it
        menu(desk, person.username, "Edit")
        desk.type_in("dialog input[name=email]", "nonsense", clear=True)
        desk.click("dialog .btn-accent", "Save")
        desk.see("dialog .field-error", "This is no e-mail address.")
        desk.type_in("dialog input[name=email]", person.username + "@example.org", clear=True)
        desk.click("dialog .btn-accent", "Save")
        desk.gone("dialog")
        assert person.username + "@example.org" in desk.read(".row-item", "Ana Nowa")
        assert door.db().value("SELECT email_confirmed FROM users WHERE id = %s", person.id) is True

    @pytest.mark.parametrize("what, consequence, done", [
        ("Reset second factor", "the password alone is enough", "SELECT NOT totp_on FROM users WHERE id = %s"),
        ("Sign out everywhere", "is signed out at once", "SELECT count(*) = 0 FROM signins WHERE user_id = %s AND ended_at IS NULL"),
        ("Disable", "cannot sign in until", "SELECT NOT is_active FROM users WHERE id = %s")])
    def test_it_asks_first(self, desk, door, what, consequence, done):
        person = register(door, new_name("asked")).give("agent")
        door.db().run("UPDATE users SET totp_on = true WHERE id = %s", person.id)
        enter(desk, door, "super_admin", "/users?search=" + person.username)
        menu(desk, person.username, what)
        assert person.username in desk.see("dialog h2").text and consequence in desk.see("dialog p").text
        desk.click("dialog .btn-outline")
        desk.gone("dialog")
        assert door.db().value(done, person.id) is False
        menu(desk, person.username, what)
        desk.click("dialog .btn-danger", what)
        wait_for(lambda: door.db().value(done, person.id), 10, what)
        desk.see(".toast-note")

    def test_a_long_list_goes_on(self, desk, door):
        door.db().run("INSERT INTO users (username) SELECT 'crowd' || to_char(n, 'FM000') FROM generate_series(1, 120) n")
        enter(desk, door, "super_admin", "/users?search=crowd")
        wait_for(lambda: len(desk.all("#people .row-item")) == 50, 10, "the first rows")
        desk.see(".rows-foot", "50 people shown")
        desk.click(".rows-foot .btn", "Load more")
        wait_for(lambda: len(desk.all("#people .row-item")) == 100, 10, "more rows")
        desk.script("const s = document.querySelectorAll('#people .row-item')[70].querySelector('select');"
                    "s.value = 'viewer'; s.dispatchEvent(new Event('change', {bubbles: true}))")
        desk.see(".toast-note", "Role of crowd071 changed")
        wait_for(lambda: len(desk.all("#people .row-item")) == 100, 10, "as many rows as before")
        desk.click(".rows-foot .btn", "Load more")
        wait_for(lambda: len(desk.all("#people .row-item")) == 120, 10, "all rows")
        assert not desk.visible(".rows-foot") and len(set(desk.texts("#people .row-item strong"))) == 120

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_on_a_phone(self, desk, door, theme):
        """What stands at the end of a row at a desk stands below on a phone."""
        person = register(door, new_name("phone"), full_name="Wolfeschlegelsteinhausenbergerdorff von Hohenzollern").give("agent")
        door.db().run("UPDATE users SET last_signin_at = NULL, totp_on = true WHERE id = %s", person.id)
        door.ctl("apikey", "create", "phone key", "--role", "viewer")
        enter(desk, door, "super_admin", "/users?search=phone")
        desk.theme(theme)
        desk.size("phone")
        assert "last sign-in: never" in desk.read(".row-item", "Wolfeschlegel")
        assert "used: never" in desk.read("#keys .row-item", "phone key")
        for fact in desk.all(".row-fact"):
            assert fact.is_displayed()
        desk.shot(f"people-phone-{theme}")
        assert desk.script("return document.documentElement.scrollWidth") <= 390

    def test_pages_of_others_are_not_offered(self, desk, door):
        enter(desk, door, "agent")
        assert "People" not in " ".join(desk.texts(".rail-link"))
        desk.driver.get(door.url + "/users")
        desk.see(".empty h2", "This page is not for you")
        desk.see(".empty p", "Your role, Agent, does not include it.")
        desk.wait_live()
        desk.click(".empty .btn-accent", "To the dashboard")
        wait_for(lambda: desk.driver.current_url == door.url + "/", 10, "the dashboard")
        desk.driver.get(door.url + "/no/such/page")
        desk.see(".empty h2", "There is no such page")
        assert not desk.complaints()

    def test_without_a_role(self, desk, door):
        person = register(door)
        desk.driver.get(door.url + "/")
        sign_in(desk, person.username)
        desk.see(".empty p", "Your account has no role yet.")
        desk.click(".empty .btn-accent", "Your account")
        desk.see(".setting")
        assert not desk.visible(".rail-link") and not desk.visible("tw-banner") and not desk.visible("tw-connection")


class TestEnrolling:
    @pytest.fixture(scope="class")
    def strict(self, postgres, template):
        one = Site(postgres, template, hosts=[Host(access="Require all granted", directives="TwchatChatMode off\nTwchatSecondFactor agent")])
        _http._watch.add(one.log)
        try:
            yield one.start()
        finally:
            one.stop()

    def test_led_there_and_on(self, desk, strict):
        """Who must have a second factor finds where to set it up, why, and then everything else."""
        person = register(strict).give("agent")
        desk.driver.get(strict.url + "/")
        sign_in(desk, person.username)
        wait_for(lambda: desk.driver.current_url == strict.url + "/account", 10, "the account")
        desk.see(".notice", "Your role wants a second factor")
        assert not desk.visible(".rail-link") and not desk.visible("tw-banner")
        desk.shot("enrol-desk-light")
        desk.click(".notice .btn-accent")
        desk.type_in("dialog input[name=password]", PASSWORD)
        desk.click("dialog .btn-accent", "Continue")
        desk.see("dialog .qr")
        secret = desk.see("dialog .codes").text.replace(" ", "")
        desk.type_in("dialog input[name=code]", code_of(secret))
        desk.click("dialog .btn-accent", "Confirm")
        desk.click("dialog .btn-accent", "I have kept it")
        wait_for(lambda: desk.driver.current_url == strict.url + "/", 10, "the dashboard")
        desk.wait_live()
        assert not desk.complaints()


class TestAuditLog:
    def test_who_did_what(self, desk, door):
        person = enter(desk, door, "admin", "/audit")
        desk.read(".row-item", person.username + " signed in")
        desk.type_in(".filters input", "nobody-like-this")
        desk.see(".empty", "No entry matches.")

    def test_filters_in_the_readers_words(self, desk, door):
        person = register(door, new_name("filtered"))
        door.post(f"/api/users/{person.id}/factor/reset", json={})
        door.post("/api/auto-reply/config", json={"enabled": False, "message": "x"})
        enter(desk, door, "super_admin", "/audit")
        desk.read(".row-item", f"key:tests reset the second factor · {person.username}")
        link = desk.see(".row-item a", person.username)
        assert link.get_attribute("href") == f"{door.url}/users?search={person.username}"
        assert "reset the second factor" in desk.script("return [...document.querySelectorAll('#audit-actions option')].map(o => o.value)")
        assert "key:tests" in desk.script("return [...document.querySelectorAll('#audit-actors option')].map(o => o.value)")
        desk.type_in("input[name=action]", "signed in")
        wait_for(lambda: desk.texts(".row-item") and all("signed in" in row for row in desk.texts(".row-item")), 10, "rows of one kind")
        desk.type_in("input[name=action]", "SETTING", clear=True)
        desk.read(".row-item", "key:tests changed the setting · Automatic reply")
        wait_for(lambda: all("changed the setting" in row for row in desk.texts(".row-item")), 10, "rows of one kind")
        desk.type_in("input[name=actor]", "EY:TES")
        desk.read(".row-item", "key:tests changed the setting")

    def test_whole_days(self, desk, door):
        person = enter(desk, door, "admin", "/audit")
        desk.read(".row-item", person.username + " signed in")
        today, yesterday = desk.script("const day = d => { const p = n => String(n).padStart(2, '0'); return `${d.getFullYear()}-${p(d.getMonth() + 1)}-${p(d.getDate())}`; };"
                                       "const now = new Date(), before = new Date(); before.setDate(before.getDate() - 1); return [day(now), day(before)]")
        pick = "const f = document.querySelector(`input[name=${arguments[0]}]`); f.value = arguments[1]; f.dispatchEvent(new Event('input', {bubbles: true}))"
        desk.script(pick, "until", yesterday)
        desk.see(".empty", "No entry matches.")
        for name in ("since", "until"):
            desk.script(pick, name, today)
        desk.read(".row-item", person.username + " signed in")

    def test_names_are_text(self, desk, door):
        person = register(door, full_name="<img src=x onerror=document.title='hacked'>")
        enter(desk, door, "super_admin", "/users?search=" + person.username)
        desk.read(".row-item", "<img src=x")
        assert desk.driver.title != "hacked" and person.username
