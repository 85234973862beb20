# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Staying live: connections that go away, streams that do not get through, and nothing lost or doubled meanwhile."""
import pytest

from client import new_number
from waiting import wait_for


# a proxy that swallows streams: they fail, everything else works
NO_STREAMS = """
  window.EventSource = class extends EventTarget {
    constructor() { super(); setTimeout(() => this.onerror?.(new Event('error')), 20); }
    close() {}
  };
"""


class TestOutage:
    @pytest.mark.expect_log("AH00169", "AH00491")
    def test_says_so_and_comes_back_by_itself(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="before")
        page.go("/chat/" + number)
        page.bubble("before")
        page.site.httpd.stop()
        try:
            page.see("tw-banner", "Connection lost, retrying in")
            assert page.connection() == "retrying"
            page.write("written meanwhile")
            page.see(".bubble-row.pending", "written meanwhile")
            page.see(".bubble-wait", "Not sent yet")
        finally:
            page.site.httpd.start()
        page.wait_live(40)
        page.gone("tw-banner")
        wait_for(lambda: [m["body"] for m in page.stored(number) if m["source"] == "page"] == ["written meanwhile"], 40, "sent once")
        page.gone(".bubble-row.pending")
        page.site.inbound(From=number, Body="after")
        page.bubble("after", 20)

    def test_a_reload_keeps_what_waits(self, page):
        number = new_number()
        page.go("/chat/" + number)
        page.block("*api/send-message*")
        page.write("not out yet")
        page.see(".bubble-row.pending", "not out yet")
        page.block()
        page.go("/chat/" + number)
        wait_for(lambda: [m["body"] for m in page.stored(number)] == ["not out yet"], 30, "sent after the reload")
        page.gone(".bubble-row.pending")
        assert len(page.all(".bubble-row.out")) == 1

    def test_what_waits_is_seen_where_the_rest_cannot_be_had(self, page):
        number = new_number()
        page.go("/chat/" + number)
        page.block("*api/send-message*", "*api/threads*")
        page.write("seen all the same")
        page.see(".bubble-row.pending", "trying again")
        page.go("/chat/" + number)
        page.see(".stream .empty", "could not be loaded")
        page.see(".bubble-row.pending", "seen all the same")
        page.block()
        page.click(".stream .empty .btn")
        page.gone(".bubble-row.pending", 40)
        page.bubble("seen all the same")


class TestPolling:
    def test_takes_over_where_streams_do_not_get_through(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="first")
        with page.before_scripts(NO_STREAMS):
            page.go("/chat/" + number, live=False)
            wait_for(lambda: page.connection() == "polling", 20, "polling")
            page.site.inbound(From=number, Body="by polling")
            page.bubble("by polling", 20)
            page.write("and back")
            page.wait_status("and back", "Delivered", "Read")

    def test_offline_says_what_happens_to_messages(self, page):
        page.go("/chat/" + new_number())
        page.offline(True)
        page.see("tw-banner", "You are offline")
        page.write("later")
        page.see(".bubble-row.pending", "later")
        page.offline(False)
        page.gone("tw-banner", 20)
        page.gone(".bubble-row.pending", 30)


class TestTwoPages:
    def test_an_answer_in_one_is_seen_in_the_other(self, page):
        number = new_number()
        page.site.inbound(From=number, Body="who answers?")
        page.go("/chat/" + number)
        page.bubble("who answers?")
        first = page.driver.current_window_handle
        page.driver.switch_to.new_window("tab")
        try:
            page.go("/chat/" + number)
            page.bubble("who answers?")
            page.write("I do")
            page.bubble("I do")
        finally:
            page.driver.close()
            page.driver.switch_to.window(first)
        page.bubble("I do")
        assert len([t for t in page.texts(".bubble-row") if "I do" in t]) == 1


class TestRemoved:
    def test_a_message_deleted_elsewhere_leaves_the_page(self, page, handsets):
        number = new_number()
        sid = handsets.inbound(number, page.site.number, "to be deleted")
        page.go("/chat/" + number)
        page.bubble("to be deleted")
        assert page.site.delete("/api/messages/" + sid).status_code == 200
        wait_for(lambda: "to be deleted" not in [b.text for b in page.all(".bubble")], 10, "the bubble to go")
