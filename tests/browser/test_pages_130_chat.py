# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""One conversation: what is shown, what is sent, what becomes of it."""
import pytest
from selenium.webdriver.common.keys import Keys

from client import new_number, new_sid
from page import Page
from waiting import wait_for

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGPgq8m//ukZAAnSA6ktqpPHAAAAAElFTkSuQmCC"
FRAMES = "for (let n = 0; n < 3; n++) await new Promise(requestAnimationFrame);"
PDF = "JVBERi0xLjAKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8Pj4K"


PEERS = "return [...document.querySelectorAll('a.thread')].map(a => a.dataset.peer)"


def receive(site, number, count, text="message {}"):
    for n in range(count):
        assert site.inbound(From=number, Body=text.format(n))[0].status_code == 200


class TestShown:
    @pytest.mark.parametrize("spelling", ["{}", "%2B{digits}", "{digits}", "+1%20({area})%20{rest}"])
    def test_every_spelling_finds_it(self, page, spelling):
        number = new_number()
        receive(page.site, number, 1, "found you")
        page.go("/chat/" + spelling.format(number, digits=number[1:], area=number[2:5], rest=number[5:]))
        page.bubble("found you")
        assert not page.visible(".thread-nothing")
        page.see(".thread[aria-current]")

    def test_whatsapp_with_name_and_button(self, page):
        number = "whatsapp:" + new_number()
        page.site.inbound(From=number, To="whatsapp:+14155238886", Body="Confirm", ProfileName="Łukasz <Żółć>", WaId=number[10:],
                          ButtonText="Confirm it", ButtonPayload="yes")
        page.go("/chat/" + number)
        page.bubble("Confirm it")
        page.see(".thread-head h2", "Łukasz <Żółć>")
        assert not page.complaints()

    def test_text_is_never_markup(self, page):
        number = new_number()
        evil = '<script>document.title="owned"</script><img src=x onerror=alert(1)> javascript:alert(1) https://example.com/?a=1&b=2).'
        page.site.inbound(From=number, Body=evil)
        page.go("/chat/" + number)
        row = page.bubble("<script>")
        assert evil in row
        assert page.script("return [...document.querySelectorAll('.bubble-text a')].map(a => a.href)") == ["https://example.com/?a=1&b=2"]
        assert page.driver.title != "owned"

    def test_an_address_cannot_be_made_to_look_like_another(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="\u202epay https://a.example/\u202emoc.knab//:sptth \u2067https://b.example")
        page.go("/chat/" + number)
        page.bubble("a.example")
        links = page.script("return [...document.querySelectorAll('.bubble-text a')].map(a => [a.innerText, getComputedStyle(a).unicodeBidi])")
        assert links == [["https://a.example/", "isolate"], ["https://b.example", "isolate"]]

    def test_older_messages_come_when_scrolling_up(self, page):
        number = new_number()
        receive(page.site, number, 70)
        page.site.post(f"/api/threads/{number}/read")       # what is unread would be shown from its first message on
        page.go("/chat/" + number)
        page.bubble("message 69")
        assert len(page.all(".bubble-row")) == 50
        page.script("document.querySelector('.stream').scrollTop = 0")
        wait_for(lambda: len(page.all(".bubble-row")) == 70, 10, "all seventy")
        assert page.script("return document.querySelector('.stream').scrollTop") > 100, "the reader's place moved"
        bodies = [t.split("\n")[0] for t in page.texts(".bubble-row")]
        assert bodies == [f"message {n}" for n in range(70)]

    def test_what_is_read_stays_when_something_above_grows(self, page):
        """A picture is as high as it is only once it was fetched, which is before it comes into view."""
        number = new_number()
        receive(page.site, number, 40)
        page.go("/chat/" + number)
        page.bubble("message 39")
        where = "return Math.round(window.watched.getBoundingClientRect().top)"
        page.script("const box = document.querySelector('.stream'); box.scrollTop = 400;"
                    "window.watched = [...document.querySelectorAll('.bubble-row')].find(r => r.getBoundingClientRect().top > 300)")
        page.module(FRAMES)
        before = page.script(where)
        page.script("document.querySelector('.bubble-row .bubble').style.height = '300px'")
        page.module(FRAMES)
        assert abs(page.script(where) - before) <= 1

    def test_new_ones_below_wait_behind_a_pill(self, page):
        number = new_number()
        receive(page.site, number, 40)
        page.go("/chat/" + number)
        page.bubble("message 39")
        page.script("document.querySelector('.stream').scrollTop = 500")
        top = page.script("return document.querySelector('.stream').scrollTop")
        receive(page.site, number, 3, "fresh {}")
        page.see(".new-pill", "3 new")
        assert page.script("return document.querySelector('.unread-line').nextElementSibling.innerText").startswith("message 0"), "the line wandered"
        assert page.script("return document.querySelector('.stream').scrollTop") == top
        page.click(".new-pill")
        page.gone(".new-pill")
        page.bubble("fresh 2")

    def test_reading_marks_as_read(self, page):
        number = new_number()
        receive(page.site, number, 2)
        page.go("/chat/" + number)
        page.see(".unread-line", "2 unread messages")
        wait_for(lambda: page.site.get("/api/threads/" + number).json()["unread"] == 0, 10, "nothing unread")

    def test_who_opted_out_cannot_be_written_to(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="STOP")
        page.go("/chat/" + number)
        page.see(".notice.bad", "STOP")
        assert not page.visible("tw-thread tw-composer")
        page.site.inbound(From=number, Body="START")
        page.see("tw-thread tw-composer")
        page.gone(".notice.bad")

    def test_nobody_yet(self, page):
        page.go("/chat/" + new_number())
        page.see(".stream .empty", "No messages yet")


    @pytest.mark.parametrize("size", ["desk", "phone"])
    def test_what_is_no_number_is_said_at_once(self, page, size):
        page.size(size)
        page.go("/chat/nonsense", live=size == "desk")
        page.see(".empty", "“nonsense” is no phone number")
        assert not page.visible("tw-composer") and not page.visible(".thread-sub")
        page.shot(f"no-number-{size}")
        page.click(".stream a.btn", "Back to the inbox")
        wait_for(lambda: page.script("return location.pathname") == "/inbox", 10, "the inbox")
        assert not page.complaints()

    def test_somebody_without_a_name_is_a_number_in_groups(self, page, handsets):
        number = new_number()
        handsets.inbound("whatsapp:" + number, body="who am I?")
        page.go("/chat/whatsapp:" + number)
        page.bubble("who am I?")
        shown = page.script("return document.querySelector('.thread-head h2').textContent")
        assert " " in shown and shown.replace(" ", "") == number
        assert page.script("return document.querySelector('.thread-head .avatar').firstChild.localName") == "svg"
        page.shot("nameless-desk")
        page.go("/")
        page.read("a.row-link", shown)
        page.shot("nameless-dashboard")


class TestSending:
    def test_from_clock_to_delivered(self, page):
        number = new_number()
        receive(page.site, number, 1, "hello there")
        page.go("/chat/" + number)
        page.bubble("hello there")
        page.write("Hello back ✓")
        page.bubble("Hello back ✓", timeout=2)
        page.wait_status("Hello back ✓", "Delivered", "Read", timeout=30)
        assert [m["body"] for m in page.stored(number) if m["direction"] == "outbound" and m["source"] != "bot"] == ["Hello back ✓"]
        assert len([t for t in page.texts(".bubble-row") if "Hello back ✓" in t]) == 1
        assert not page.complaints()

    def test_shift_enter_makes_a_line(self, page):
        number = new_number()
        page.go("/chat/" + number)
        field = page.type_in("tw-thread .composer-text", "one")
        field.send_keys(Keys.SHIFT, Keys.ENTER)
        field.send_keys(Keys.NULL, "two", Keys.ENTER)
        page.bubble("one\ntwo")
        wait_for(lambda: [m["body"] for m in page.stored(number)] == ["one\ntwo"], 10, "one message of two lines")

    def test_drafts_stay_with_their_conversation(self, page):
        first, second = new_number(), new_number()
        receive(page.site, first, 1)
        receive(page.site, second, 1)
        page.go("/chat/" + first)
        page.bubble("message 0")
        page.type_in("tw-thread .composer-text", "not yet")
        page.go("/chat/" + second)
        assert page.see("tw-thread .composer-text").get_attribute("value") == ""
        page.see(".thread", "Draft:")
        page.go("/chat/" + first)
        wait_for(lambda: page.see("tw-thread .composer-text").get_attribute("value") == "not yet", 10, "the draft")

    def test_a_scheduled_message_can_be_taken_back(self, page):
        number = new_number()
        page.go("/chat/" + number)
        page.click("tw-composer .btn-icon[aria-label='Send later']")
        page.click("dialog .preset", "Tomorrow")
        page.see(".chip", "Goes out")
        page.write("see you tomorrow")
        page.see(".bubble-wait", "Goes out")
        assert page.stored(number)[0]["status"] == "scheduled"
        page.click(".bubble-wait .btn-small")
        page.wait_status("see you tomorrow", "Canceled")
        assert page.stored(number)[0]["status"] == "canceled"
        page.see(".toast-note", "will not be sent")
        page.click(".toast-action")
        assert page.see("tw-thread .composer-text").get_attribute("value") == "see you tomorrow"

    def test_a_failure_says_why_and_can_be_tried_again(self, page, sandbox):
        number = new_number()
        page.go("/chat/" + number)
        sandbox.faults(final="undelivered", error_code=30003, next_final=1)
        try:
            page.write("this one is lost")
            page.read(".failure", "30003", 20)
            assert page.status_of("this one is lost") == "Not delivered"
        finally:
            sandbox.clear_faults()
        page.click(".failure .btn-small", "Send again")
        wait_for(lambda: len(page.stored(number)) == 2, 10, "the second attempt")
        page.wait_status("this one is lost", "Delivered", "Read")
        assert len(page.all(".bubble-row.out")) == 2

    def test_a_refusal_is_shown_once_with_its_reason(self, page):
        refused = "+15005550001"        # a number Twilio's test credentials call invalid: 21211
        page.go("/chat/" + refused)
        before = len(page.stored(refused))
        page.write("to nobody")
        page.read(".failure", "21211", 20)
        page.gone(".bubble-row.pending")
        assert len([t for t in page.texts(".bubble-row") if "to nobody" in t]) == before + 1
        assert page.stored(refused)[-1]["status"] == "failed"

    def test_nothing_is_tried_again_for_who_opted_out(self, page):
        number = "+15005550004"         # Twilio's test credentials: has opted out, 21610
        page.go("/chat/" + number)
        page.write("are you there?")
        page.read(".failure", "21610", 20)
        page.see(".notice.bad", "STOP")
        page.gone(".failure .btn-small")

    def test_enter_alone_does_not_delete(self, page):
        number = new_number()
        receive(page.site, number, 1, "keep me")
        page.go("/chat/" + number)
        page.bubble("keep me")
        page.script("document.querySelector('.bubble-menu').click()")
        page.click(".menu-item.danger", "Delete")
        page.see("dialog .btn-danger")
        page.keys(Keys.ENTER)
        page.gone("dialog")
        assert [m["body"] for m in page.stored(number)] == ["keep me"]
        page.bubble("keep me")

    def test_the_same_key_twice_is_one_message(self, page):
        number = new_number()
        page.go("/inbox")
        answers = page.module(
            "const api = await import(args[0] + '/assets/js/api.js'); const key = api.newKey();"
            "const one = await api.send({ to: args[1], body: 'once' }, key), two = await api.send({ to: args[1], body: 'once' }, key);"
            "return [one, two];", page.url, number)
        assert answers[0] == answers[1]
        assert len(page.stored(number)) == 1


class TestInbox:
    def test_latest_first_and_by_keyboard(self, page):
        numbers = [new_number() for _ in range(3)]
        for number in numbers:
            receive(page.site, number, 1, "from " + number)
        page.go("/inbox")
        wait_for(lambda: page.script(PEERS)[:3] == numbers[::-1], 10, "latest first")
        page.keys("j")
        page.keys("j")
        page.keys(Keys.ENTER)
        page.bubble("from " + numbers[1])
        page.keys("r")
        page.keys(Keys.ESCAPE)
        page.keys(Keys.ESCAPE)
        wait_for(lambda: page.driver.current_url.endswith("/inbox"), 5, "back in the inbox")
        wait_for(lambda: page.script("return document.activeElement.dataset.peer") == numbers[1], 5, "the place in the list")
        page.keys("?")
        page.see("dialog .keys")

    def test_search(self, page):
        number = new_number()
        receive(page.site, number, 1)
        page.go("/inbox")
        page.keys("/")
        page.keys(number[-6:])
        wait_for(lambda: page.script(PEERS) == [number], 10, "only this one")

    def test_search_begins_on_any_page(self, page):
        page.go("/settings")
        page.keys("/")
        wait_for(lambda: page.script("return document.activeElement.matches('tw-threads [data-search]')"), 10, "the inbox's search")

    def test_a_new_conversation(self, page):
        number = new_number()
        page.go("/inbox")
        page.keys("c")
        page.type_in("#new-peer", f"{number[:2]} {number[2:5]}-{number[5:]}").send_keys(Keys.ENTER)
        wait_for(lambda: page.driver.current_url.endswith("/chat/" + number), 5, "its page")

    def test_phones_show_one_pane(self, page):
        number = new_number()
        receive(page.site, number, 1)
        page.size("phone")
        page.go("/inbox")
        page.click("a.thread", number[-4:])
        page.bubble("message 0")
        assert not page.visible("tw-threads") and not page.visible("tw-rail")
        page.click(".thread-back")
        page.see("tw-threads")
        page.see("tw-rail")


class TestMedia:
    def test_a_picture_is_shown_in_place(self, page, handsets):
        number = "whatsapp:" + new_number()
        handsets.inbound(number, body="look", Media=[{"ContentType": "image/png", "Data": PNG}, {"ContentType": "application/pdf", "Data": PDF}])
        page.go("/chat/" + number)
        page.bubble("look")
        wait_for(lambda: page.script("return document.querySelector('.media-picture img')?.naturalWidth") == 2, 20, "the picture")
        page.read(".media-file", "PDF")
        assert not page.complaints()

    def test_what_cannot_be_had_is_told(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="see?", NumMedia="1", MediaContentType0="image/jpeg", sid=new_sid("MM"),
                          MediaUrl0="https://elsewhere.example/no-twilio-host.jpg")
        page.go("/chat/" + number)
        page.bubble("see?")
        page.read(".media-note", "refused", 20)

    def test_what_the_browser_cannot_play_is_a_link(self, page, handsets):
        number = "whatsapp:" + new_number()
        handsets.inbound(number, body="watch", Media=[{"ContentType": "video/mp4", "Data": PDF}])
        page.go("/chat/" + number)
        page.see(".media video", timeout=20)
        page.script("const video = document.querySelector('.media video'); video.muted = true; video.play().catch(() => {})")
        page.read(".media-file", "Video")

    def test_a_place_is_a_link_to_a_map(self, page, handsets):
        number = "whatsapp:" + new_number()
        handsets.inbound(number, body="", Latitude="4.65", Longitude="-74.05", Label="Clínica", Address="Carrera 16")
        page.go("/chat/" + number)
        page.read(".place", "Clínica")
        assert "mlat=4.65" in page.script("return document.querySelector('.place').href")


class TestGuard:
    def test_two_machines_are_noticed_and_can_be_let_on(self, chrome, make_site, sandbox, expect_log):
        """The operator sees that automatic answers stopped, and why, and starts them again."""
        expect_log("TWC2403")
        site = make_site(sandbox=sandbox)
        page, number = Page(chrome, site), new_number()
        page.sign_in()
        try:
            receive(site, number, 12, "beep {}")
            page.go("/chat/" + number)
            page.see(".notice.waiting", "paused", 20)
            page.see(".thread .tag.waiting")
            page.size("phone")          # the words stand beside the sign, the button below them
            wide = page.script("return document.querySelector('.notice p').clientWidth / document.querySelector('.notice').clientWidth")
            assert wide > 0.8, wide
            page.size("desk")
            page.click(".notice .btn-small")
            page.gone(".notice.waiting")
            assert site.get("/api/threads/" + number).json()["loop_guard"] is False
        finally:
            page.leave()
