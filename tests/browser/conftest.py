# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Fixtures of the browser tests: those of the HTTP tests, and

    site     the run's site, its bot silent so that only people write here
    handsets the sandbox whose handsets write to that site
    chrome   one headless Chromium for the run
    page     it, signed in to `site`, as a Page with a desk-sized window; see page.py
"""
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.realpath(__file__))
HTTP = os.path.join(HERE, "..", "http")
sys.path[:0] = [HERE, HTTP]

# tests/http/conftest.py under another name: pytest knows one "conftest" at a time
_spec = importlib.util.spec_from_file_location("http_conftest", os.path.join(HTTP, "conftest.py"))
_http = importlib.util.module_from_spec(_spec)
sys.modules["http_conftest"] = _http
_spec.loader.exec_module(_http)
globals().update({name: value for name, value in vars(_http).items() if not name.startswith("__")})

from page import Page, start_chrome  # noqa: E402  (after the path is set)
from server import Host, Site  # noqa: E402

QUIET = "TwchatChatMode off\nTwchatWhatsappSender whatsapp:+14155238886"


@pytest.fixture(scope="session")
def site(postgres, template, sandbox):
    one = Site(postgres, template, hosts=[Host(sandbox=sandbox, directives=QUIET)], sandbox=sandbox)
    _http._watch.add(one.log)
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture
def handsets(site, sandbox):
    """The sandbox, with its numbers pointed at `site`: another site of the run may have taken them."""
    for number in (sandbox.number, sandbox.whatsapp):
        sandbox.configure_number(number, site.public_url + "/twilio/inbound", site.public_url + "/twilio/status")
    return sandbox


@pytest.fixture(scope="session")
def chrome():
    driver = start_chrome()
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page(chrome, site):
    one = Page(chrome, site)
    one.sign_in()
    yield one
    one.leave()
