# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The sandbox's own page: a customer's telephone in the browser."""
import base64
import json

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from receiver import Receiver
from sandbox_server import NUMBER, WHATSAPP, Sandbox
from waiting import wait_for

ALICE, CARMEN = "+14155550101", "+573001234567"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def twiml(text):
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{text}</Message></Response>'


@pytest.fixture(scope="module")
def sandbox():
    directives = (f'TwchatSandboxHandset {ALICE} "Alice Johnson"\n'
                  f'TwchatSandboxHandset whatsapp:{CARMEN} "Carmen Rodríguez"')
    with Sandbox(directives=directives) as one:
        yield one


@pytest.fixture
def receiver(sandbox):
    one = Receiver(sandbox.auth_token)
    one.answer("/in", twiml("Thank you!"))
    for number in (NUMBER, WHATSAPP):
        sandbox.configure_number(number, one.url + "/in")
    yield one
    one.close()
    sandbox.clear_faults()


class Handsets:
    """The page, as a person uses it."""

    def __init__(self, driver, sandbox):
        self.driver = driver
        self.size(1440, 900)
        driver.get_log("browser")
        driver.get("about:blank")
        driver.get(sandbox.url + "/sandbox/")
        wait_for(lambda: self.text("#live") == "live", 10, "the page to be live")

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800})

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector).strip()

    def click(self, selector):
        def clicked():
            try:
                self.driver.find_element(By.CSS_SELECTOR, selector).click()
                return True
            except (NoSuchElementException, StaleElementReferenceException):
                return False            # the page makes its list anew when something comes
        wait_for(clicked, 5, selector)

    def open(self, number):
        self.click(f'[data-number="{number}"]')

    def write(self, text):
        self.driver.find_element(By.ID, "words").send_keys(text, Keys.ENTER)

    def bubbles(self):
        return self.js("""return [...document.querySelectorAll(".bubble")].map((b) => [b.className.includes("out") ? "out" : "in",
            b.querySelector(".words")?.innerText ?? "", b.querySelector(".meta title")?.textContent ?? ""])""")

    def wait_bubble(self, *bubble):
        return wait_for(lambda: list(bubble) in self.bubbles(), 10, f"{bubble} among {self.bubbles()}")

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def handsets(chrome, sandbox, receiver):
    page = Handsets(chrome, sandbox)
    yield page
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    complaints = page.complaints()
    chrome.get("about:blank")
    assert complaints == []


class TestHandsets:
    def test_text_and_answer(self, handsets, receiver, sandbox):
        handsets.open(ALICE)
        handsets.write("Are you open on Sunday?")
        handsets.wait_bubble("out", "Are you open on Sunday?", "taken by the application")
        handsets.wait_bubble("in", "Thank you!", "delivered")
        assert receiver.to("/in")[-1].params["Body"] == "Are you open on Sunday?"
        assert "Alice Johnson" in handsets.text(".owner") and "Thank you!" in handsets.text("#people")

    def test_message_from_the_system_arrives(self, handsets, sandbox):
        handsets.open(ALICE)
        sandbox.api("POST", "/Messages.json", {"To": ALICE, "From": NUMBER, "Body": "<b>Not bold</b> 👋"})
        handsets.wait_bubble("in", "<b>Not bold</b> 👋", "delivered")
        sandbox.api("POST", "/Messages.json", {"To": f"whatsapp:{CARMEN}", "From": WHATSAPP, "Body": "Hola"})
        wait_for(lambda: "1" in handsets.text(f'[data-number="{CARMEN}"] .unread'), 5, "an unread mark")

    def test_whatsapp_is_read_when_seen(self, handsets, sandbox):
        handsets.open(CARMEN)
        handsets.write("¿Siguen abiertos?")
        handsets.wait_bubble("in", "Thank you!", "read")
        assert sandbox.messages(To=f"whatsapp:{CARMEN}")[0]["status"] == "read"
        assert "whatsapp" in handsets.js("return document.querySelector('.phone').className")

    def test_the_other_app(self, handsets, receiver):
        handsets.open(ALICE)
        handsets.click(".dock-app.whatsapp")
        handsets.write("now by WhatsApp")
        handsets.wait_bubble("out", "now by WhatsApp", "taken by the application")
        assert receiver.to("/in", Body="now by WhatsApp")[0].params["From"] == f"whatsapp:{ALICE}"
        assert receiver.to("/in", Body="now by WhatsApp")[0].params["ProfileName"] == "Alice Johnson"

    def test_picture(self, handsets, receiver, tmp_path):
        (tmp_path / "cat.png").write_bytes(PIXEL)
        handsets.open(ALICE)
        handsets.click(".dock-app.sms")
        handsets.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(tmp_path / "cat.png"))
        wait_for(lambda: handsets.js("return document.querySelectorAll('.waiting').length") == 1, 5, "the picture")
        handsets.write("look")
        handsets.wait_bubble("out", "look", "taken by the application")
        assert receiver.to("/in", Body="look")[0].params["MediaContentType0"] == "image/png"
        wait_for(lambda: handsets.js("return [...document.querySelectorAll('.picture img')].at(-1)?.naturalWidth"), 5, "it")

    def test_stop(self, handsets, sandbox):
        handsets.open(ALICE)
        handsets.click(".dock-app.sms")
        handsets.js("[...document.querySelectorAll('.quick button')].find((b) => b.innerText === 'STOP').click()")
        wait_for(lambda: any("unsubscribed" in b[1] for b in handsets.bubbles()), 5, "the carrier's words")
        handsets.js("[...document.querySelectorAll('.quick button')].find((b) => b.innerText === 'START').click()")
        wait_for(lambda: any("re-subscribed" in b[1] for b in handsets.bubbles()), 5, "the carrier's words")

    def test_what_went_wrong_is_said(self, handsets, sandbox, receiver):
        receiver.answer("/in", "no", status=500)
        handsets.open(ALICE)
        handsets.click(".dock-app.sms")
        handsets.write("anybody?")
        handsets.wait_bubble("out", "anybody?", "the webhook failed")
        assert "11200" in handsets.text(".reason.out")
        handsets.js("[...document.querySelectorAll('.bubble.failed')].at(-1).click()")
        wait_for(lambda: "500" in handsets.text("#panel-message .hook"), 5, "the webhook")
        sandbox.faults(final="undelivered", error_code=30003)
        sandbox.api("POST", "/Messages.json", {"To": ALICE, "From": NUMBER, "Body": "lost"})
        handsets.wait_bubble("in", "lost", "undelivered")

    def test_faults(self, handsets, sandbox):
        handsets.click("#tab-faults")
        handsets.click("#panel-faults .switch input")
        wait_for(lambda: sandbox.faults()["no_callbacks"], 5, "the switch")
        wait_for(lambda: handsets.js("return !document.getElementById('faults-on').hidden"), 5, "the mark")
        handsets.click("#panel-faults .panel-head button")
        wait_for(lambda: not sandbox.faults()["no_callbacks"], 5, "the switch")

    def test_new_handset(self, handsets, sandbox):
        handsets.click("#add")
        form = handsets.driver.find_element(By.CSS_SELECTOR, "#new-handset")
        form.find_element(By.NAME, "number").send_keys("nonsense", Keys.ENTER)
        wait_for(lambda: "+15550123" in handsets.text(".form-error"), 5, "the reason")
        form.find_element(By.NAME, "number").clear()
        form.find_element(By.NAME, "number").send_keys("+48 601 234 567")
        form.find_element(By.NAME, "name").send_keys("Łukasz", Keys.ENTER)
        wait_for(lambda: "Łukasz" in handsets.text(".owner"), 5, "the handset")
        assert "+48601234567" in json.dumps(sandbox.call("GET", "/sandbox/handsets"))
        assert handsets.complaints() and True       # the browser tells of the 400 it was answered with

    def test_on_a_phone(self, handsets):
        handsets.size(390, 844)
        handsets.driver.refresh()
        wait_for(lambda: handsets.text("#live") == "live", 10, "the page")
        assert handsets.js("return getComputedStyle(document.querySelector('.people')).display") != "none"
        handsets.open(ALICE)
        assert handsets.js("return getComputedStyle(document.querySelector('.people')).display") == "none"
        assert handsets.js("return document.documentElement.scrollWidth") <= 390
        handsets.write("from a phone")
        handsets.wait_bubble("out", "from a phone", "taken by the application")
        handsets.click(".back")
        assert handsets.js("return getComputedStyle(document.querySelector('.stage')).display") == "none"

    def test_connection_lost_and_back(self, handsets, sandbox):
        handsets.driver.execute_cdp_cmd("Network.enable", {})
        handsets.open(ALICE)
        handsets.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/sandbox/events*", "*/sandbox/handsets"]})
        sandbox.inbound(ALICE, body="to end the waiting request")
        wait_for(lambda: "retrying" in handsets.text("#live"), 10, "the word")
        handsets.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        wait_for(lambda: handsets.text("#live") == "live", 20, "the page to be live again")
        handsets.complaints()
