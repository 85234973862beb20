# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Twilio's own Python library, unchanged, against the sandbox."""
import base64
import datetime
import itertools
import json
import re
import urllib.error
import urllib.request

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

import openapi
from receiver import Receiver
from sandbox_server import NUMBER, SERVICE, WHATSAPP

PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TEMPLATE = "HX" + "0" * 31 + "1"
_numbers = itertools.count(15005560000)


def new_number():
    return f"+{next(_numbers)}"


def client_of(sandbox, user=None, password=None):
    client = Client(user or sandbox.account_sid, password or sandbox.auth_token, sandbox.account_sid)
    client.api.base_url = sandbox.url
    return client


@pytest.fixture(scope="module")
def sandbox():
    from sandbox_server import Sandbox
    directives = (f"TwchatSandboxService {SERVICE} {NUMBER} {WHATSAPP}\n"
                  f'TwchatSandboxContent {TEMPLATE} "Hello {{{{1}}}}, your code is {{{{code}}}}."\n'
                  "TwchatSandboxNumber ACME\nTwchatSandboxNumber 12345\nTwchatSandboxNumber +18005550100")
    with Sandbox(directives=directives) as one:
        yield one


@pytest.fixture(scope="module")
def client(sandbox):
    return client_of(sandbox)


@pytest.fixture
def receiver(sandbox):
    one = Receiver(sandbox.auth_token)
    yield one
    one.close()


def refused(call, *args, **kwargs):
    with pytest.raises(TwilioRestException) as caught:
        call(*args, **kwargs)
    return caught.value.status, caught.value.code


class TestMessages:
    def test_create_answers_like_twilio(self, client, sandbox):
        to = new_number()
        made = client.messages.create(to=to, from_=NUMBER, body="Grüße aus Łódź 👋")
        assert re.fullmatch("SM[0-9a-f]{32}", made.sid)
        assert (made.status, made.direction, made.to, made.from_) == ("queued", "outbound-api", to, NUMBER)
        assert made.body == "Grüße aus Łódź 👋"
        assert (made.num_segments, made.num_media, made.error_code, made.price) == ("1", "0", None, None)
        assert made.date_sent is None and made.date_created.tzinfo is not None
        assert made.account_sid == sandbox.account_sid and made.messaging_service_sid is None

    def test_walks_to_delivered(self, client, sandbox):
        made = client.messages.create(to=new_number(), from_=NUMBER, body="walk")
        sandbox.wait_status(made.sid, "delivered")
        assert client.messages(made.sid).fetch().date_sent is not None

    def test_fetch_update_delete(self, client, sandbox):
        made = client.messages.create(to=new_number(), from_=NUMBER, body="secret")
        sandbox.wait_status(made.sid, "delivered")
        assert client.messages(made.sid).fetch().body == "secret"
        assert client.messages(made.sid).update(body="").body == ""
        assert client.messages(made.sid).delete() is True
        assert refused(client.messages(made.sid).fetch) == (404, 20404)

    def test_too_early_to_redact_or_delete(self, client, sandbox):
        sandbox.faults(no_walk=True)
        try:
            made = client.messages.create(to=new_number(), from_=NUMBER, body="busy")
        finally:
            sandbox.clear_faults()
        assert refused(client.messages(made.sid).update, body="") == (409, 20009)
        assert refused(client.messages(made.sid).delete) == (409, 20009)
        assert refused(client.messages(made.sid).update, body="new words") == (400, 30400)
        assert refused(client.messages(made.sid).update, status="canceled") == (409, 30409)

    def test_segments(self, client):
        made = client.messages.create(to=new_number(), from_=NUMBER, body="x" * 161)
        assert made.num_segments == "2"

    def test_service_picks_a_sender(self, client, sandbox):
        made = client.messages.create(to=new_number(), messaging_service_sid=SERVICE, body="pool")
        assert (made.status, made.from_, made.num_segments) == ("accepted", None, "0")
        sandbox.wait_status(made.sid, "delivered")
        assert client.messages(made.sid).fetch().from_ == NUMBER
        chat = client.messages.create(to="whatsapp:+573001234567", messaging_service_sid=SERVICE, body="pool")
        sandbox.wait_status(chat.sid, "delivered")
        assert client.messages(chat.sid).fetch().from_ == WHATSAPP

    def test_scheduled_and_canceled(self, client):
        at = datetime.datetime.utcnow() + datetime.timedelta(hours=1)
        made = client.messages.create(to=new_number(), messaging_service_sid=SERVICE, body="later",
                                      schedule_type="fixed", send_at=at)
        assert made.status == "scheduled"
        assert client.messages(made.sid).update(status="canceled").status == "canceled"
        assert refused(client.messages(made.sid).update, status="canceled") == (409, 30409)

    def test_content_template(self, sandbox):
        # Debian's library is older than templates.
        status, made = sandbox.api("POST", "/Messages.json", {
            "To": "whatsapp:+573001234567", "From": WHATSAPP, "ContentSid": TEMPLATE,
            "ContentVariables": json.dumps({"1": "Ana", "code": "4711"})})
        assert (status, made["body"]) == (201, "Hello Ana, your code is 4711.")

    @pytest.mark.parametrize("code,params", [
        (21654, {"ContentVariables": "{}"}), (21655, {"ContentSid": "HX" + "f" * 32}),
        (21656, {"ContentSid": TEMPLATE, "ContentVariables": "{]"}),
        (21656, {"ContentSid": TEMPLATE, "ContentVariables": '{"1":null}'})])
    def test_wrong_templates(self, sandbox, code, params):
        status, body = sandbox.api("POST", "/Messages.json", {"To": "+15005561111", "From": NUMBER, **params})
        assert (status, body["code"]) == (400, code)

    def test_feedback(self, client):
        made = client.messages.create(to=new_number(), from_=NUMBER, body="x")
        assert client.messages(made.sid).feedback.create(outcome="confirmed").outcome == "confirmed"

    def test_alphanumeric_and_short_code_senders(self, client):
        assert client.messages.create(to="+48600000001", from_="ACME", body="x").from_ == "ACME"
        assert refused(client.messages.create, to=new_number(), from_="ACME", body="x") == (400, 21612)
        assert client.messages.create(to=new_number(), from_="12345", body="x").from_ == "12345"


REFUSALS = [
    (21604, dict(from_=NUMBER, body="x", to="")),
    (21211, dict(from_=NUMBER, body="x", to="+123abc")),
    (21265, dict(from_=NUMBER, body="x", to="12345")),
    (21266, dict(from_=NUMBER, body="x", to=NUMBER)),
    (21603, dict(to="+15005561111", body="x")),
    (21212, dict(to="+15005561111", body="x", from_="+1-")),
    (21606, dict(to="+15005561111", body="x", from_="+19995550000")),
    (63007, dict(to="whatsapp:+15005561111", body="x", from_="whatsapp:+19995550000")),
    (21910, dict(to="whatsapp:+15005561111", body="x", from_=NUMBER)),
    (21602, dict(to="+15005561111", from_=NUMBER)),
    (21617, dict(to="+15005561111", from_=NUMBER, body="x" * 1601)),
    (21617, dict(to="+15005561111", from_=NUMBER, body="😀" * 801)),
    (21623, dict(to="+15005561111", from_=NUMBER, media_url=[f"https://example.com/{i}.jpg" for i in range(11)])),
    (21620, dict(to="+15005561111", from_=NUMBER, media_url=["not a url"])),
    (21609, dict(to="+15005561111", from_=NUMBER, body="x", status_callback="http://under_score.example/x")),
    (21609, dict(to="+15005561111", from_=NUMBER, body="x", status_callback="/relative")),
    (21624, dict(to="+15005561111", from_=NUMBER, body="x", validity_period=36001)),
    (21624, dict(to="+15005561111", from_=NUMBER, body="x", validity_period=0)),
    (35118, dict(to="+15005561111", from_=NUMBER, body="x", schedule_type="fixed", send_at="2030-01-01T00:00:00Z")),
    (35111, dict(to="+15005561111", messaging_service_sid=SERVICE, body="x", schedule_type="fixed")),
    (35114, dict(to="+15005561111", messaging_service_sid=SERVICE, body="x", schedule_type="fixed",
                 send_at="2020-01-01T00:00:00Z")),
    (21701, dict(to="+15005561111", messaging_service_sid="MG" + "f" * 32, body="x")),
    (21712, dict(to="+15005561111", messaging_service_sid=SERVICE, from_="+18005550100", body="x")),
    # Twilio's test numbers
    (21212, dict(to="+15005561111", from_="+15005550001", body="x")),
    (21606, dict(to="+15005561111", from_="+15005550007", body="x")),
    (21606, dict(to="+15005561111", from_="+15005550000", body="x")),
    (21211, dict(to="+15005550001", from_="+15005550006", body="x")),
    (21612, dict(to="+15005550002", from_="+15005550006", body="x")),
    (21408, dict(to="+15005550003", from_="+15005550006", body="x")),
    (21610, dict(to="+15005550004", from_="+15005550006", body="x")),
    (21614, dict(to="+15005550009", from_="+15005550006", body="x")),
]


class TestRefusals:
    @pytest.mark.parametrize("code,params", REFUSALS, ids=[f"{c}-{i}" for i, (c, _) in enumerate(REFUSALS)])
    def test_refused(self, client, code, params):
        assert refused(client.messages.create, **params) == (400, code)

    def test_full_queue_is_told_at_once(self, client):
        assert refused(client.messages.create, to=new_number(), from_="+15005550008", body="x") == (429, 21611)

    def test_magic_sender_sends_nothing(self, client, sandbox, receiver):
        made = client.messages.create(to=new_number(), from_="+15005550006", body="x",
                                      status_callback=receiver.url + "/status")
        other = client.messages.create(to=new_number(), from_=NUMBER, body="x", status_callback=receiver.url + "/status")
        receiver.wait("/status", MessageSid=other.sid, MessageStatus="delivered")
        assert receiver.to("/status", MessageSid=made.sid) == []
        assert client.messages(made.sid).fetch().status == "queued"

    def test_error_body(self, sandbox):
        status, body = sandbox.api("POST", "/Messages.json", {"From": NUMBER, "Body": "x"})
        assert (status, body) == (400, {"code": 21604, "message": "A 'To' phone number is required.", "status": 400,
                                        "more_info": "https://www.twilio.com/docs/errors/21604"})

    def test_json_bodies_are_not_read(self, sandbox):
        request = urllib.request.Request(
            f"{sandbox.url}/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json",
            b'{"To":"+15005561111"}', {"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(
                f"{sandbox.account_sid}:{sandbox.auth_token}".encode()).decode()})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert json.load(caught.value)["code"] == 21604


class TestList:
    @pytest.fixture(scope="class")
    def made(self, client):
        to = new_number()
        return to, [client.messages.create(to=to, from_=NUMBER, body=str(i)).sid for i in range(25)]

    def test_pages_newest_first(self, client, made):
        to, sids = made
        assert [m.sid for m in client.messages.list(to=to, page_size=10)] == sids[::-1]
        assert [m.sid for m in client.messages.list(to=to, limit=3)] == sids[::-1][:3]

    def test_pages_forth_and_back(self, client, made):
        to, sids = made
        first = client.messages.page(to=to, page_size=10)
        assert first.previous_page_url is None
        second = first.next_page()
        third = second.next_page()
        assert [m.sid for m in third] == sids[:5][::-1]
        assert third.next_page_url is None
        back = client.messages.page(to=to, page_size=10).next_page().previous_page()
        assert [m.sid for m in back] == sids[::-1][:10]

    def test_envelope(self, sandbox, made):
        _, body = sandbox.api("GET", f"/Messages.json?To=%2B{made[0][1:]}&PageSize=10")
        assert set(body) == {"messages", "page", "page_size", "start", "end", "uri", "first_page_uri", "next_page_uri",
                             "previous_page_uri"}
        assert (body["page"], body["page_size"], body["start"], body["end"]) == (0, 10, 0, 9)
        assert re.search(r"[?&]PageToken=PA", body["next_page_uri"]) and body["next_page_uri"].startswith("/2010-04-01/")

    def test_filters(self, client, sandbox, made):
        to, sids = made
        for sid in sids:
            sandbox.wait_status(sid, "delivered")
        now = datetime.datetime.utcnow()
        hour = datetime.timedelta(hours=1)
        assert len(client.messages.list(to=to, from_=NUMBER)) == 25
        assert client.messages.list(to=to, from_="+18005550100") == []
        assert len(client.messages.list(to=to, date_sent=now.date())) == 25
        assert len(client.messages.list(to=to, date_sent_after=now - hour)) == 25
        assert client.messages.list(to=to, date_sent_after=now + hour) == []
        assert client.messages.list(to=to, date_sent_before=now - hour) == []
        assert len(client.messages.list(to=to, date_sent_before=now + hour, date_sent_after=now - hour)) == 25

    def test_gone_messages_leave_no_hole(self, client, sandbox, made):
        to, sids = made
        sandbox.wait_status(sids[12], "delivered")
        client.messages(sids[12]).delete()
        assert [m.sid for m in client.messages.list(to=to, page_size=5)] == (sids[:12] + sids[13:])[::-1]

    @pytest.mark.parametrize("query,code", [("PageSize=1001", 20007), ("PageSize=0", 20007), ("PageSize=abc", 20007),
                                            ("PageToken=garbage", 21481), ("PageToken=PAxyz", 21481),
                                            ("DateSent=yesterday", 20001)])
    def test_bad_queries(self, sandbox, query, code):
        status, body = sandbox.api("GET", "/Messages.json?" + query)
        assert (status, body["code"]) == (400, code)


class TestMedia:
    def test_pictures_are_fetched_and_served(self, client, sandbox, receiver):
        receiver.answer("/cat.png", PICTURE, content_type="image/png")
        made = client.messages.create(to=new_number(), from_=NUMBER, media_url=[receiver.url + "/cat.png"] * 2)
        assert made.sid.startswith("MM") and made.num_media == "2"
        receiver.wait("/cat.png", 2)
        assert receiver.calls[-1].headers.get("x-twilio-signature") is None
        found = client.messages(made.sid).media.list()
        assert [m.content_type for m in found] == ["image/png"] * 2
        assert client.messages(made.sid).media(found[0].sid).fetch().parent_sid == made.sid
        assert self._bytes(sandbox, found[0]) == ("image/png", PICTURE)
        assert client.messages(made.sid).media(found[0].sid).delete() is True
        assert [m.sid for m in client.messages(made.sid).media.list()] == [found[1].sid]
        assert refused(client.messages(made.sid).media(found[0].sid).fetch) == (404, 20404)

    def _bytes(self, sandbox, media, auth=True):
        request = urllib.request.Request(sandbox.url + media.uri.replace(".json", ""))
        if auth:
            token = base64.b64encode(f"{sandbox.account_sid}:{sandbox.auth_token}".encode()).decode()
            request.add_header("Authorization", "Basic " + token)
        from waiting import wait_for

        def fetched():
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.headers["Content-Type"], answer.read()
            except urllib.error.HTTPError as error:
                if error.code == 401:
                    raise
        return wait_for(fetched, 5, "the picture")

    def test_bytes_need_credentials(self, client, sandbox, receiver):
        receiver.answer("/cat.png", PICTURE, content_type="image/png")
        made = client.messages.create(to=new_number(), from_=NUMBER, media_url=[receiver.url + "/cat.png"])
        media = client.messages(made.sid).media.list()[0]
        with pytest.raises(urllib.error.HTTPError) as caught:
            self._bytes(sandbox, media, auth=False)
        assert caught.value.code == 401

    def test_strict_media_fails_the_message(self, client, sandbox, receiver):
        receiver.answer("/gone.png", "", status=404)
        sandbox.faults(strict_media=True, no_walk=True)
        try:
            made = client.messages.create(to=new_number(), from_=NUMBER, media_url=[receiver.url + "/gone.png"])
            sandbox.wait_status(made.sid, "failed")
        finally:
            sandbox.clear_faults()
        assert client.messages(made.sid).fetch().error_code == 63019

    def test_redirect_and_not_ready(self, client, sandbox, receiver):
        receiver.answer("/cat.png", PICTURE, content_type="image/png")
        made = client.messages.create(to=new_number(), from_=NUMBER, media_url=[receiver.url + "/cat.png"])
        media = client.messages(made.sid).media.list()[0]
        assert self._bytes(sandbox, media)[1] == PICTURE
        sandbox.faults(media_redirect=True, next_media_404=1)
        try:
            status, _ = sandbox.api("GET", f"/Messages/{made.sid}/Media/{media.sid}")
            assert status == 404
            assert self._bytes(sandbox, media)[1] == PICTURE
        finally:
            sandbox.clear_faults()


class TestAccount:
    def test_account_and_balance(self, client, sandbox):
        account = client.api.accounts(sandbox.account_sid).fetch()
        assert (account.status, account.type, account.sid) == ("active", "Full", sandbox.account_sid)
        balance = client.api.accounts(sandbox.account_sid).balance.fetch()
        assert float(balance.balance) > 0 and balance.currency == "USD"

    def test_numbers(self, client):
        numbers = client.incoming_phone_numbers.list()
        assert {n.phone_number for n in numbers} == {NUMBER, "+18005550100"}
        one = client.incoming_phone_numbers.list(phone_number=NUMBER)[0]
        assert re.fullmatch("PN[0-9a-f]{32}", one.sid)
        client.incoming_phone_numbers(one.sid).update(
            sms_url="https://chat.example.com/twilio/inbound", sms_method="GET",
            sms_fallback_url="https://b.example.com/x", status_callback="https://chat.example.com/twilio/status")
        again = client.incoming_phone_numbers(one.sid).fetch()
        assert (again.sms_url, again.sms_method) == ("https://chat.example.com/twilio/inbound", "GET")
        assert again.status_callback == "https://chat.example.com/twilio/status"
        assert refused(client.incoming_phone_numbers(one.sid).update, sms_url="nonsense")[0] == 400
        client.incoming_phone_numbers(one.sid).update(sms_url="", sms_method="POST", sms_fallback_url="")

    def test_api_key(self, sandbox):
        keyed = client_of(sandbox, *sandbox.api_key)
        assert keyed.messages.create(to=new_number(), from_=NUMBER, body="x").sid

    def test_wrong_credentials(self, sandbox):
        assert refused(client_of(sandbox, password="wrong").messages("SM" + "0" * 32).fetch) == (401, 20003)
        assert refused(client_of(sandbox, user="AC" + "0" * 32).messages("SM" + "0" * 32).fetch) == (401, 20003)
        status, body = sandbox.api("GET", "/Messages.json", auth=("", ""))
        assert (status, body["code"]) == (401, 20003)

    def test_unknown_and_wrong_method(self, sandbox):
        assert sandbox.api("GET", "/Nothing.json")[1]["code"] == 20404
        status, body = sandbox.api("GET", "/Messages/SM" + "0" * 32 + ".json")
        assert (status, body["code"]) == (404, 20404) and "was not found" in body["message"]
        status, body = sandbox.api("DELETE", "/Messages.json")
        assert (status, body["code"]) == (405, 20004)

    def test_headers(self, client, sandbox):
        answer = client.request("GET", f"{sandbox.url}/2010-04-01/Accounts/{sandbox.account_sid}/Balance.json")
        assert answer.status_code == 200
        request = urllib.request.Request(f"{sandbox.url}/2010-04-01/Accounts.json")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert re.fullmatch("RQ[0-9a-f]{32}", caught.value.headers["Twilio-Request-Id"])
        assert int(caught.value.headers["Twilio-Concurrent-Requests"]) >= 1


class TestAgainstTheSpecification:
    """Answers have every field that Twilio's own description names."""

    SCHEMAS = {"/Messages/{sid}.json": "api.v2010.account.message", "/Balance.json": "api.v2010.account.balance"}

    @pytest.fixture(scope="class")
    def schemas(self):
        return openapi.load()["components"]["schemas"]

    def test_fields(self, client, sandbox, schemas):
        sid = client.messages.create(to=new_number(), from_=NUMBER, body="x").sid
        for path, name in self.SCHEMAS.items():
            _, body = sandbox.api("GET", path.replace("{sid}", sid))
            assert set(body) == set(schemas[name]["properties"])
