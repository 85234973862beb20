# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The pages as a person sees them: look, wait, type, click."""
import contextlib
import json
import os
import re
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys

from waiting import wait_for

SIZES = {"desk": (1440, 900, False), "tablet": (820, 1180, True), "phone": (390, 844, True)}
# Chromium's own words for an answer of 4xx or 5xx; what the pages make of it is asserted where it matters.
REFUSALS = re.compile(r"Failed to load resource: the server responded with a status of (401|403|404|409|500)")


def start_chrome():
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-US",
                     "--force-prefers-reduced-motion", "--no-proxy-server"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": "en-US,en"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    program = shutil.which("chromedriver") or "/usr/bin/chromedriver"
    driver = webdriver.Chrome(options=options, service=Service(program))
    driver.set_script_timeout(30)
    return driver


class Page:
    def __init__(self, driver, site):
        self.driver = driver
        self.site = site
        self.url = site.url

    # ---- coming and going ---------------------------------------------------

    def sign_in(self, prefix=""):
        """Once per origin: the browser remembers what Basic authentication was told, once it has been asked."""
        user, password = self.site.auth
        self.size("desk")
        self.theme("light")
        self.driver.get(self.url.replace("://", f"://{user}:{password}@") + prefix + "/api/session")
        self.driver.execute_script("localStorage.clear(); sessionStorage.clear()")
        self.driver.get_log("browser")

    def leave(self):
        """Close what holds connections, and whatever was emulated."""
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                                    {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        self.driver.execute_script("window.onbeforeunload = null; try { localStorage.clear() } catch (e) {}")
        self.driver.get("about:blank")

    def go(self, path, live=True):
        self.driver.get(self.url + path)
        wait_for(lambda: self.all("tw-rail .rail-link"), 10, "the page")       # there, if hidden on phones
        if live:
            self.wait_live()
        return self

    def wait_live(self, timeout=15):
        wait_for(lambda: self.connection() in ("live", "polling"), timeout, "a live page")

    def connection(self):
        return self.script("return document.querySelector('tw-connection')?.dataset.state")

    def size(self, name):
        width, height, touch = SIZES[name]
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch})
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})

    def theme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def language(self, code):
        self.script("localStorage.setItem('twchat.lang', arguments[0])", code)

    def block(self, *patterns):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(patterns)})

    def offline(self, on):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                                    {"offline": on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    @contextlib.contextmanager
    def before_scripts(self, text):
        """Pages loaded within find this done before their own scripts run."""
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": text})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    # ---- looking ------------------------------------------------------------------

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def module(self, text, *arguments):
        """Run an async function body; its arguments are `args`."""
        answer = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1], args = Array.from(arguments).slice(0, -1);"
            f"(async () => {{ {text} }})().then(v => done({{ value: v }}), e => done({{ error: String(e) }}));", *arguments)
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def visible(self, selector):
        """Elements that can be seen; what changes while we look is not among them."""
        out = []
        for element in self.all(selector):
            try:
                if element.is_displayed():
                    out.append(element)
            except StaleElementReferenceException:
                pass
        return out

    def see(self, selector, text=None, timeout=10):
        """The first visible element, with this text in it, as soon as there is one."""
        def look():
            try:
                return next((e for e in self.visible(selector) if text is None or text in e.text), None)
            except StaleElementReferenceException:
                return None
        return wait_for(look, timeout, f"{selector} {text or ''}")

    def gone(self, selector, timeout=10):
        wait_for(lambda: not self.visible(selector), timeout, f"no {selector}")

    def texts(self, selector):
        return self.script("return Array.from(document.querySelectorAll(arguments[0]), e => e.innerText)", selector)

    def read(self, selector, text, timeout=10):
        """The whole text of the first element with this text in it. Rows are made anew when they change: see() may be too slow."""
        return wait_for(lambda: next((t for t in self.texts(selector) if text in t), None), timeout, f"{selector} {text}")

    def bubble(self, text, timeout=10):
        """The text of the bubble that has this in it."""
        return self.read(".bubble-row", text, timeout)

    def status_of(self, text):
        """The title of the ticks of the last bubble with this text."""
        return self.script(
            "const rows = [...document.querySelectorAll('.bubble-row.out')].filter(r => r.innerText.includes(arguments[0]));"
            "return rows.length ? rows[rows.length - 1].querySelector('.ticks').title : null", text)

    def wait_status(self, text, *wanted, timeout=20):
        return wait_for(lambda: self.status_of(text) in wanted, timeout, f"{wanted} of {text}")

    # ---- doing ---------------------------------------------------------------------

    def type_in(self, selector, text, clear=False):
        field = self.see(selector)
        if clear:
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(Keys.DELETE)
        field.send_keys(text)
        return field

    def write(self, text):
        """A message in the composer, sent with Enter."""
        self.type_in("tw-thread .composer-text", text).send_keys(Keys.ENTER)

    def click(self, selector, text=None):
        def press():
            try:
                self.see(selector, text).click()
                return True
            except StaleElementReferenceException:
                return False
        wait_for(press, 10, f"{selector} {text or ''} to be pressed")

    def keys(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    # ---- judging -------------------------------------------------------------------

    def complaints(self):
        """What the browser's console has to say: errors, broken policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and not REFUSALS.search(entry["message"])]

    def shot(self, name):
        """A screenshot where TWCHAT_SHOTS says."""
        directory = os.environ.get("TWCHAT_SHOTS")
        if directory:
            os.makedirs(directory, exist_ok=True)
            self.driver.save_screenshot(os.path.join(directory, f"{name}.png"))

    def stored(self, peer):
        """Messages of a peer as the API has them."""
        answer = self.site.get(f"/api/threads/{peer}/entries")
        return json.loads(answer.text)["items"] if answer.status_code == 200 else []
