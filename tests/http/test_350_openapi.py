# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Every kind of request we make of Twilio, held against Twilio's own description of its API."""
import urllib.parse

import pytest

import openapi
from client import new_number
from outgoing import QUICK
from sandbox_server import NUMBER, SERVICE, WHATSAPP
from server import Host, twchatctl
from waiting import wait_for

PICTURE = "https://www.example.com/a%20picture.png?size=1&x=%2B"


@pytest.fixture(scope="class")
def description():
    return openapi.Description(openapi.load())


@pytest.fixture(scope="class")
def twilio(make_sandbox):
    return make_sandbox(directives=f"TwchatSandboxService {SERVICE} {NUMBER}\n")


@pytest.fixture(scope="class")
def site(make_site, twilio):
    return make_site(sandbox=twilio, hosts=[Host(sandbox=twilio, directives=QUICK + f"TwchatWhatsappSender {WHATSAPP}\n")])


def refused(description, made):
    """What Twilio's description has against requests of the sandbox's journal."""
    forms = [[(k, v) for k, given in (r["params"] or {}).items() for v in (given if isinstance(given, list) else [given])] for r in made]
    return [why for r, form in zip(made, forms) if (why := description.refuse(r["method"], r["url"], form))]


def doctor(site, twilio, *argv):
    return twchatctl("doctor", *argv, env={
        "DATABASE_URL": site.db().url, "TWILIO_ACCOUNT_SID": twilio.account_sid, "TWILIO_AUTH_TOKEN": twilio.auth_token,
        "TWILIO_DEFAULT_FROM": twilio.number, "TWILIO_API_BASE": twilio.url, "PUBLIC_BASE_URL": "http://127.0.0.1:9"})


def send(site, twilio, **fields):
    """One message that Twilio has got; its SID."""
    answer = site.post("/api/send-message", json=fields)
    assert answer.status_code == 200, answer.text
    row = "SELECT sid FROM messages WHERE to_addr = %s ORDER BY id DESC LIMIT 1"
    return wait_for(lambda: site.db().value(row, fields["to"]), 10, "the message to be sent")


class TestOurRequests:
    def test_each_is_one_that_twilio_describes(self, site, twilio, description):
        sid = send(site, twilio, to=new_number(), body="Zażółć & <b>?=#%+ 👍\nsecond line")
        send(site, twilio, to=new_number(), body="", media_urls=[PICTURE, PICTURE])
        send(site, twilio, to=new_number(), body="by a service", messaging_service_sid=SERVICE)
        send(site, twilio, to="whatsapp:" + new_number(), content_sid="HX" + "a" * 32, content_variables={"1": "Ann & Bob"})
        assert site.get("/api/messages/remote", params={"to": new_number(), "from": NUMBER, "date_sent_after": "2026-01-02T03:04:05",
                                                        "date_sent_before": "2027-01-01", "limit": 30}).status_code == 200
        assert site.get("/api/messages/remote", params={"date_sent": "2026-01-02T03:04:05"}).status_code == 200
        assert site.get("/api/twilio/messages?limit=5").status_code == 200
        assert site.get("/api/twilio/status").json()["configured"] is True
        assert site.get(f"/api/messages/{sid}").status_code == 200
        assert site.post(f"/api/messages/{sid}/redact").status_code == 200
        assert site.delete(f"/api/messages/{sid}").status_code == 200
        doctor(site, twilio, "--fix")
        made = [r for r in twilio.requests() if "/Accounts" in r["url"]]
        kinds = {description.operation(r["method"], urllib.parse.urlsplit(r["url"]).path)[0] for r in made}
        assert len(kinds - {None}) >= 6, kinds
        assert refused(description, made) == []

    def test_the_search_for_an_unknown_outcome_too(self, site, twilio, description):
        """A request that was cut off behind its last byte is looked for in Twilio's list."""
        after = max((r["id"] for r in twilio.requests()), default=0)
        twilio.faults(next_reset_after_accept=1, no_callbacks=True)
        send(site, twilio, to=new_number(), body="did it arrive?")
        made = twilio.requests(after=after)
        assert any(r["method"] == "GET" for r in made)
        assert refused(description, made) == []


class TestTheDescription:
    """The test above refuses what it must."""

    @pytest.mark.parametrize("method, path, form", [
        ("POST", "/Messages.json", [("Body", "no recipient")]),
        ("POST", "/Messages.json", [("To", "+14155550123"), ("Bodie", "x")]),
        ("POST", "/Messages.json", [("To", "+14155550123"), ("MessagingServiceSid", "MG1")]),
        ("GET", "/Messages.json?PageSize=many", []), ("GET", "/Messages.json?To=%2B1415&Order=asc", []),
        ("GET", "/Messages.json?DateSent%3E=yesterday", []), ("PUT", "/Messages.json", []), ("GET", "/Nothing.json", []),
    ])
    def test_what_is_wrong_is_refused(self, description, method, path, form):
        assert description.refuse(method, "/2010-04-01/Accounts/AC1" + path, form)
