# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Every page in every size, theme and language: no complaint of the browser, nothing that sticks out, names for all
that can be pressed, readable colours. TWCHAT_SHOTS=DIR keeps the pictures."""
import pytest

from page import SIZES
from server import EVERYTHING

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft https://example.org/" + "a1b2" * 40
NUMBERS = ["+14155550161", "whatsapp:+573153369631", "whatsapp:+972541234567"]

STICKING_OUT = """
  const wide = document.documentElement.scrollWidth;
  const out = [...document.querySelectorAll('main *, tw-rail *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && e.offsetParent && !e.closest('.visually-hidden, .skip, svg, .one-line, .entries-place') && (box.right > innerWidth + 1 || box.left < -1);
  }).map(e => e.tagName + '.' + e.className);
  return wide > innerWidth ? ['page ' + wide, ...out] : out;
"""
NAMELESS = """
  return [...document.querySelectorAll('button, a, input, textarea, select')].filter(e => e.offsetParent
    && !(e.getAttribute('aria-label') || e.innerText?.trim() || e.labels?.length || e.querySelector('img[alt], svg[aria-label]')))
    .map(e => e.outerHTML.slice(0, 120));
"""
CONTRAST = """
  const rgb = text => { const m = text.match(/[\\d.]+/g)?.map(Number) || [0, 0, 0, 0]; return text.startsWith('color(') ? [...m.slice(0, 3).map(x => x * 255), m[3] ?? 1] : m; };
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)); };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { const up = []; for (let n = e; n; n = n.parentElement) up.unshift(rgb(getComputedStyle(n).backgroundColor)); return up.reduce((under, top) => over(top, under), [255, 255, 255]); };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.offsetParent || e.closest('svg, script, .visually-hidden, .skip, :disabled')) continue;
    const style = getComputedStyle(e), under = ground(e), top = over(rgb(style.color), under);
    const [a, b] = [light(top), light(under)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className} "${walk.currentNode.data.trim().slice(0, 30)}" ${style.color} on ${under.map(Math.round)}`);
  }
  return [...new Set(bad)];
"""


@pytest.fixture(scope="module")
def filled(site):
    for number in NUMBERS:
        to = "whatsapp:+14155238886" if number.startswith("whatsapp:") else site.number
        name = {"ProfileName": "Wolfeschlegelsteinhausenbergerdorff von Hohenzollern-Sigmaringen"} if number.startswith("whatsapp:") else {}
        for body in ("Hello 🌞", "שלום, אפשר לקבוע תור ליום שלישי?", LONG):
            site.inbound(From=number, To=to, Body=body, **name)
    colleagues(site)
    return site


def colleagues(site):
    """People, keys and an audit log with what makes rows long."""
    for name, role, full_name in (("ana", "super_admin", "Ana Żółta"), ("w" * 60, "agent", "Wolfeschlegelsteinhausenbergerdorff von Hohenzollern-Sigmaringen"),
                                  ("layla", "viewer", "ليلى حسن"), ("nobody-yet", "none", "")):
        made = site.post("/api/users", json={"username": name, "role": role, "full_name": full_name, "email": f"{name}@example.com"}).json()
    site.request("PATCH", f"/api/users/{made['id']}", json={"is_active": False, "full_name": LONG[:90]})
    site.post(f"/api/users/{made['id']}/factor/reset", json={})
    site.post("/api/keys", json={"name": "The shop's " + LONG[:80], "role": "viewer", "days": 3})
    site.post("/api/auto-reply/config", json={"enabled": False, "message": LONG})
    site.post("/api/signin", keyed=False, json={"username": "ana", "password": "wrong"})


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_look(filled, page, size, theme):
    page.size(size)
    page.theme(theme)
    for name, path in {"dashboard": "/", "inbox": "/inbox", "chat": "/chat/" + NUMBERS[1], "settings": "/settings",
                       "people": "/users", "audit": "/audit", "account": "/account", "refused": "/no/such/page"}.items():
        page.go(path)
        page.script("document.activeElement?.blur()")
        if name == "chat":
            page.bubble("Donaudampf")
        if name in ("people", "audit"):
            page.read(".row-item", "Donaudampf")
        page.shot(f"{name}-{size}-{theme}")
        where = f"{name} {size} {theme}"
        assert page.script("return document.documentElement.dataset.theme") == theme
        assert not page.script(STICKING_OUT), where
        assert not page.script(NAMELESS), where
        assert not page.script(CONTRAST), where
        assert not page.complaints(), where


@pytest.mark.parametrize("language, word", [("pl", "Ustawienia"), ("es", "Ajustes"), ("en", "Settings")])
def test_languages(filled, page, language, word):
    page.language(language)
    for path in ("/", "/inbox", "/chat/" + NUMBERS[0], "/settings", "/users", "/audit", "/account", "/no/such/page"):
        page.size("desk")
        page.go(path)
        page.see(".rail-link", word)
        assert page.script("return document.documentElement.lang") == language
        page.size("phone")
        assert not page.script(STICKING_OUT), path
        assert not page.complaints(), path


@pytest.mark.parametrize("language, reason, advice", [
    ("pl", "Osiągnięto dzienny limit marki u operatora.", "Wyślij ponownie jutro."),
    ("es", "Se alcanzó el límite diario de la marca con el operador.", "Envíelo de nuevo mañana."),
    ("en", "The brand's daily limit at the carrier was reached.", "Send it again tomorrow.")])
def test_reasons_are_told_in_the_language_of_the_page(page, language, reason, advice):
    """A failure's reason comes from the server in English, whatever its number."""
    number = "+1415555016" + {"pl": "5", "es": "6", "en": "7"}[language]
    page.site.inbound(From=number, Body="hi")
    page.site.db().run("INSERT INTO messages (conv_id, direction, source, to_addr, body, status, error_code, error_message)"
                       " SELECT conv_id, 'outbound', 'page', from_addr, 'too many', 'failed', 30023, 'x' FROM messages WHERE from_addr = %s", number)
    page.language(language)
    page.go("/chat/" + number)
    text = page.bubble("too many")
    assert reason in text and advice in text and "(30023)" in text
    assert page.module("return (await import('../assets/js/ui/problem.js')).problemText({ status: 500, code: 21211, said: 'This is a landline.' })") == {
        "pl": "To numer stacjonarny.", "es": "Es un teléfono fijo.", "en": "This is a landline."}[language]


def test_the_switch_of_themes(page):
    page.go("/settings")
    page.script("document.querySelector('input[name=theme][value=dark]').click()")
    assert page.script("return document.documentElement.dataset.theme") == "dark"
    page.go("/")
    assert page.script("return document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("path", ["/inbox/", "/settings/", "/chat/" + NUMBERS[0] + "/"])
def test_a_slash_too_many(page, path):
    page.go(path)
    assert page.driver.current_url == page.url + path.rstrip("/")


def test_under_a_prefix(chrome, make_site, sandbox, expect_log):
    """The mount may be anywhere."""
    expect_log("AH01630")               # what lies outside is closed, Chromium's guess at /favicon.ico too
    from page import Page
    site = make_site(sandbox=sandbox, mounts=(("/text/desk", EVERYTHING),))
    page = Page(chrome, site)
    page.sign_in("/text/desk")
    try:
        for path in ("/", "", "/inbox", "/settings", "/chat/" + NUMBERS[0], "/users", "/no/such/page"):
            page.go("/text/desk" + path)
            assert not page.complaints(), path
    finally:
        page.leave()


def test_nothing_comes_from_elsewhere(filled, page):
    for path in ("/", "/chat/" + NUMBERS[1], "/settings"):
        page.go(path)
        names = page.script("return performance.getEntriesByType('resource').map(e => e.name)")
        assert names and all(name.startswith(page.url) for name in names), names


def test_modules_come_in_one_go(filled, page):
    """What a page imports it preloads, languages aside."""
    for path in ("/", "/inbox", "/chat/" + NUMBERS[1], "/settings", "/users", "/audit", "/account", "/no/such/page"):
        page.go(path)
        late = page.script("const known = new Set([...document.querySelectorAll('link[rel=modulepreload], script[src]')].map(e => e.href || e.src));"
                           "return performance.getEntriesByType('resource').map(e => e.name).filter(n => n.endsWith('.js') && !known.has(n))")
        assert not late, (path, late)
