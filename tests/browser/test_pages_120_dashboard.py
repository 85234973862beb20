# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The dashboard: figures, the last messages with a filter, the form, the automatic reply."""
from client import new_number
from waiting import wait_for


def figure(page, name):
    return int(page.script("return [...document.querySelectorAll('tw-counters .tile')].find(t => t.querySelector('dt').innerText.trim() === arguments[0])"
                           ".querySelector('.tile-value').innerText.replace(/\\D/g, '')", name))


class TestMessages:
    def test_a_message_appears_without_reloading(self, page):
        page.go("/")
        page.see("tw-counters .tile-value", "")
        wait_for(lambda: page.script("return !document.querySelector('tw-counters .skeleton')"), 10, "figures")
        before = figure(page, "Unread")
        _, sent = page.site.inbound(Body="Is the pool open <b>tomorrow</b>? żółć 🌞")
        row = page.read("tw-entries tbody tr", "Is the pool open <b>tomorrow</b>? żółć 🌞")
        assert sent["From"][-4:] in row.replace(" ", "")
        wait_for(lambda: figure(page, "Unread") == before + 1, 10, "one more unread")
        page.see(".rail-badge")
        assert not page.complaints()

    def test_the_filter(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="filtered in")
        page.go("/")
        page.read("tw-entries tbody tr", "filtered in")
        page.script("document.querySelector('input[name=direction][value=outbound]').click()")
        wait_for(lambda: not any("filtered in" in t for t in page.texts("tw-entries tbody tr")), 10, "the filter")
        assert not page.all("tw-entries .dir.inbound")
        page.site.inbound(From=new_number(), Body="another inbound")
        page.script("document.querySelector('input[name=direction][value=inbound]').click()")
        page.read("tw-entries tbody tr", "another inbound")
        assert not page.all("tw-entries .dir.outbound")

    def test_people_have_the_name_they_gave_last(self, page):
        number = "whatsapp:" + new_number()
        for name, body in (("Ana Old", "first words"), ("Ana New", "second words")):
            page.site.inbound(From=number, To="whatsapp:+14155238886", Body=body, ProfileName=name)
        page.go("/")
        assert "Ana New" in page.read("tw-entries tbody tr", "second words") and "Ana New" in page.read("tw-entries tbody tr", "first words")

    def test_a_failure_tells_its_reason(self, page):
        page.go("/")
        page.site.post("/api/send-message", json={"to": "+15005550001", "body": "to nobody at all"})
        assert "This is not a valid phone number." in page.read("tw-entries tbody tr.failed", "to nobody at all", 20)
        page.size("phone")
        assert page.script("return document.querySelector('tw-entries tbody tr.failed').offsetHeight") < 100
        page.size("desk")

    def test_figures_that_cannot_be_had_come_later(self, page):
        page.block("*/api/stats*")
        page.go("/")
        page.read("tw-counters .tile-value", "–")
        page.block()
        wait_for(lambda: not any("–" in t for t in page.texts("tw-counters .tile-value")), 20, "the figures")

    def test_a_row_opens_the_conversation(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="open me")
        page.go("/")
        page.click("tw-entries tbody tr .row-link", f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}")
        page.bubble("open me")
        assert page.driver.current_url.endswith("/chat/" + number)


class TestStuck:
    def test_what_does_not_get_on_is_named_with_its_reason(self, page):
        number, db = new_number(), page.site.db()
        page.go("/")
        page.see("tw-counters .tile-value", "")
        wait_for(lambda: page.script("return document.querySelector('tw-stuck').hidden"), 10, "nothing to be stuck")
        page.site.inbound(From=number, Body="hello")
        conv = wait_for(lambda: db.value("SELECT id FROM conversations WHERE peer = %s", number), 10, "the conversation")
        # As the sweep does it, with an event: another child's counters may be a moment old when the page asks for them.
        db.run("WITH m AS (INSERT INTO messages (conv_id, sid, direction, source, to_addr, status, stuck_at)"
               " VALUES (%s, 'SMstuck', 'outbound', 'api', %s, 'queued', now()) RETURNING id, conv_id)"
               " INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM m", conv, number)
        try:
            wait_for(lambda: page.site.get("/api/stats").json()["stuck"] == 1, 10, "counters that are not an old answer")
            page.go("/")
            shown = page.see("tw-stuck .notice").text
            assert "Stuck messages: 1" in shown and "Twilio took it long ago" in shown and number[-4:] in shown
            assert not page.complaints()
        finally:
            db.run("DELETE FROM messages WHERE sid = 'SMstuck'")


class TestForm:
    def test_a_number_that_is_none_is_refused_here(self, page):
        page.go("/")
        page.type_in("#send-to", "12")
        page.type_in("tw-send-form textarea", "hello")
        page.click("tw-send-form .btn-accent")
        page.see("#send-to-error", "country code")
        assert page.see("tw-send-form textarea").get_attribute("value") == "hello"

    def test_sends_and_says_so(self, page):
        number = new_number()
        page.go("/")
        page.type_in("#send-to", number)
        page.type_in("tw-send-form textarea", "From the dashboard")
        page.click("tw-send-form .btn-accent")
        page.see(".send-outcome .good", timeout=20)
        assert page.see("tw-send-form textarea").get_attribute("value") == ""
        page.read("tw-entries tbody tr", "From the dashboard")
        assert [m["body"] for m in page.stored(number)] == ["From the dashboard"]
        assert not page.complaints()

    def test_what_was_typed_survives_a_reload(self, page):
        page.go("/")
        page.type_in("#send-to", "+1415")
        page.type_in("tw-send-form textarea", "half a thought")
        page.go("/")
        assert page.see("#send-to").get_attribute("value") == "+1415"
        assert page.see("tw-send-form textarea").get_attribute("value") == "half a thought"


class TestAutoReply:
    def test_is_saved_and_shown_again(self, page):
        before = page.site.get("/api/auto-reply/config").json()
        try:
            page.go("/settings")
            page.type_in("#auto-text", "We are closed today.", clear=True)
            page.click("tw-auto-reply .btn-accent")
            page.see(".toast-note", "Saved")
            config = page.site.get("/api/auto-reply/config").json()
            assert config["message"] == "We are closed today."
            page.script("document.querySelector('#auto-on').click()")
            wait_for(lambda: page.site.get("/api/auto-reply/config").json()["enabled"] != config["enabled"], 10, "the switch")
            page.go("/")
            wait_for(lambda: page.see("#auto-text").get_attribute("value") == "We are closed today.", 10, "the text")
        finally:
            page.site.post("/api/auto-reply/config", json=before)

    def test_an_empty_text_is_refused(self, page):
        page.site.post("/api/auto-reply/config", json={"enabled": False, "message": ""})
        page.go("/settings")
        page.see("#auto-text")
        page.script("document.querySelector('#auto-on').click()")
        page.see("#auto-error", "Write a text first")
        assert page.site.get("/api/auto-reply/config").json()["enabled"] is False
