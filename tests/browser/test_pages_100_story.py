# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The whole way: a handset writes, the page shows it without reloading, the automatic answer is on the handset and
its ticks are in the page; what is typed here reaches the handset and walks to delivered."""
import pytest

from client import new_number
from page import Page


@pytest.fixture(scope="class")
def answering(make_site, sandbox):
    """A site whose bot answers."""
    return make_site(sandbox=sandbox)


class TestStory:
    def test_there_and_back(self, answering, chrome, sandbox):
        page, handset = Page(chrome, answering), new_number()
        page.sign_in()
        try:
            page.go("/inbox")
            sandbox.inbound(handset, answering.number, "Hello, is anybody there?")
            page.read("a.thread", "Hello, is anybody there?", 15)
            page.click("a.thread", f"{handset[:2]} {handset[2:5]}")
            page.bubble("Echo: Hello, is anybody there?", 15)
            sandbox.wait_handset(handset, lambda messages: any("Echo: Hello" in str(m) for m in messages))
            page.wait_status("Echo: Hello", "Delivered", "Read")
            page.write("Yes, I am 🙂")
            sandbox.wait_handset(handset, lambda messages: any("Yes, I am 🙂" in str(m) for m in messages))
            page.wait_status("Yes, I am 🙂", "Delivered", "Read")
            page.gone(".thread .pill")      # whoever answers has read
            page.shot("story")
            assert not page.complaints()
        finally:
            page.leave()
