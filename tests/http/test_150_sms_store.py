# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""sms-store: every route, field, clamp and error of its contract, at its home and mounted elsewhere."""
import re
import uuid

import pytest

from client import new_number, new_sid
from outgoing import QUICK, Outbox
from server import Host
from waiting import wait_for
from weather import Behind, Proxy

BASE = "/api/twilio"
STORED = {"id", "messageSid", "accountSid", "from", "to", "body", "direction", "status", "numMedia", "mediaUrls",
          "processed", "chatId", "responseMessageSid", "errorCode", "errorMessage", "createdAt", "processedAt"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
SID = re.compile(r"(SM|MM)[0-9a-f]{32}$")


def receive(site, **params):
    """Receive a message through sms-store's webhook; its row as the interface shows it."""
    answer, sent = site.inbound(path=BASE + "/webhook/sms", **params)
    assert answer.status_code == 200
    rows = site.get(BASE + "/sms/stored", params={"phoneNumber": sent["From"], "direction": "inbound"}).json()["messages"]
    return next(r for r in rows if r["messageSid"] == sent["MessageSid"])


class TestStatus:
    def test_configured(self, site):
        got = site.get(BASE + "/status").json()
        assert set(got) == {"configured", "phoneNumber", "balance", "currency"}
        assert got["configured"] is True and got["phoneNumber"] == site.number
        assert isinstance(got["balance"], str) and float(got["balance"]) >= 0 and got["currency"] == "USD"

    def test_the_balance_is_asked_for_once_a_minute(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox(), children=1)
        for _ in range(5):
            assert site.get(BASE + "/status").status_code == 200
        assert len([r for r in site.sandbox.requests() if "Balance" in r["url"]]) == 1

    def test_twilio_away(self, make_site):
        answer = make_site().get(BASE + "/status")
        assert answer.status_code == 500 and set(answer.json()) == {"error"}


class TestSend:
    def test_sms(self, site):
        to = new_number()
        answer = site.post(BASE + "/sms/send", json={"to": to, "body": "stored"})
        assert answer.status_code == 200
        assert set(answer.json()) == {"sid", "status", "to", "from"}
        assert SID.match(answer.json()["sid"])
        assert (answer.json()["to"], answer.json()["from"]) == (to, site.number)
        row = next(r for r in site.get(BASE + "/sms/stored", params={"phoneNumber": to}).json()["messages"])
        assert row["direction"] == "outbound" and row["messageSid"] == answer.json()["sid"] and row["body"] == "stored"

    def test_mms(self, site):
        answer = site.post(BASE + "/mms/send", json={"to": new_number(), "body": "look",
                                                     "mediaUrl": "https://example.com/cat.png"})
        assert answer.status_code == 200
        assert site.sandbox.message(answer.json()["sid"])["num_media"] == "1"

    @pytest.mark.parametrize("fields", [{}, {"to": "+14155550100"}, {"body": "x"}, {"to": "", "body": "x"},
                                        {"to": "+14155550100", "body": ""}, {"to": None, "body": None}])
    def test_missing_fields(self, site, fields):
        answer = site.post(BASE + "/sms/send", json=fields)
        assert (answer.status_code, answer.json()) == (400, {"error": "Missing 'to' or 'body' field"})
        answer = site.post(BASE + "/mms/send", json={**fields, "mediaUrl": "https://example.com/cat.png"})
        assert (answer.status_code, answer.json()) == (400, {"error": "Missing 'to', 'body', or 'mediaUrl' field"})

    def test_mms_without_media(self, site):
        answer = site.post(BASE + "/mms/send", json={"to": "+14155550100", "body": "x"})
        assert (answer.status_code, answer.json()) == (400, {"error": "Missing 'to', 'body', or 'mediaUrl' field"})

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"to":"a","to":"b"}'])
    def test_malformed_json(self, site, body):
        answer = site.post(BASE + "/sms/send", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and set(answer.json()) == {"error"}

    def test_twilio_refuses(self, site):
        answer = site.post(BASE + "/sms/send", json={"to": "+15005550009", "body": "x"})
        assert answer.status_code == 500
        assert answer.json()["code"] == 21614 and answer.json()["error"]
        row = site.get(BASE + "/sms/stored", params={"phoneNumber": "+15005550009"}).json()["messages"][0]
        assert row["status"] == "failed" and row["errorCode"] == 21614 and row["errorMessage"]

    def test_an_opted_out_peer(self, site):
        peer = new_number()
        site.inbound(path=BASE + "/webhook/sms", From=peer, Body="stop ")
        wait_for(lambda: site.db().value("SELECT state FROM consents WHERE peer = %s", peer), what="the opt-out")
        answer = site.post(BASE + "/sms/send", json={"to": peer, "body": "x"})
        assert answer.status_code == 500
        assert set(answer.json()) == {"error", "code"} and answer.json()["code"] == 21610
        row = site.get(BASE + "/sms/stored", params={"phoneNumber": peer, "direction": "outbound"}).json()["messages"][0]
        assert (row["body"], row["status"], row["errorCode"], row["messageSid"]) == ("x", "failed", 21610, None)
        assert row["errorMessage"] == answer.json()["error"]

    def test_idempotency(self, site):
        to, headers = new_number(), {"Idempotency-Key": new_sid("k")}
        first, again = (site.post(BASE + "/sms/send", json={"to": to, "body": "x"}, headers=headers) for _ in "ab")
        assert first.json() == again.json() and again.headers["Idempotent-Replayed"] == "true"
        assert site.post(BASE + "/sms/send", json={"to": to, "body": "y"}, headers=headers).status_code == 422

    def test_while_twilio_is_slow(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox(), directives="TwchatSendWait 200ms")
        site.sandbox.faults(latency_ms=1500, no_callbacks=True)
        got = site.post(BASE + "/sms/send", json={"to": new_number(), "body": "x"}).json()
        assert got["sid"] is None and got["status"] in ("queued", "sending")
        stored = site.get(f"{BASE}/sms/stored/{got['id']}").json()
        assert stored["id"] == got["id"] and stored["body"] == "x"
        wait_for(lambda: site.get(f"{BASE}/sms/stored/{got['id']}").json()["messageSid"], 10, "the queue to go on")


class TestRemote:
    def test_list_and_fetch(self, site):
        sid = site.post(BASE + "/sms/send", json={"to": new_number(), "body": "remote"}).json()["sid"]
        got = site.get(BASE + "/messages").json()
        assert isinstance(got, list) and len(got) <= 20
        for item in got:
            assert set(item) == {"sid", "from", "to", "body", "status", "direction", "dateSent"}
        one = site.get(f"{BASE}/messages/{sid}").json()
        assert set(one) == {"sid", "from", "to", "body", "status", "direction", "dateSent", "errorCode", "errorMessage"}
        assert one["body"] == "remote" and one["errorCode"] is None
        wait_for(lambda: TIME.match(site.get(f"{BASE}/messages/{sid}").json()["dateSent"] or ""), what="dateSent")

    @pytest.mark.parametrize("limit,most", [("1", 1), ("0", 1), ("-1", 1), ("x", 20), ("", 20), ("1e9", 20)])
    def test_limits(self, site, limit, most):
        assert len(site.get(f"{BASE}/messages?limit={limit}").json()) <= most

    @pytest.mark.parametrize("sid", ["SM" + "0" * 32, "nonsense"])
    def test_not_there(self, site, sid):
        answer = site.get(f"{BASE}/messages/{sid}")
        assert answer.status_code == 404 and set(answer.json()) == {"error"}


class TestStored:
    def test_the_shape(self, site):
        row = receive(site, Body="a <b> & ü 😀")
        assert set(row) == STORED
        assert str(uuid.UUID(row["id"])) == row["id"]
        assert (row["direction"], row["status"], row["processed"]) == ("inbound", "received", False)
        assert row["body"] == "a <b> & ü 😀" and row["accountSid"] == site.account_sid
        assert row["numMedia"] == 0 and row["mediaUrls"] in (None, [])
        assert row["processedAt"] is None and row["errorCode"] is None and row["chatId"] is None
        assert TIME.match(row["createdAt"])
        assert site.get(f"{BASE}/sms/stored/{row['id']}").json() == row

    def test_media(self, site):
        urls = [f"https://api.twilio.com/2010-04-01/Accounts/{site.account_sid}/Messages/MM{'1' * 32}/Media/ME{i:032x}"
                for i in range(2)]
        row = receive(site, NumMedia="2", MediaUrl0=urls[0], MediaContentType0="image/png", MediaUrl1=urls[1],
                      MediaContentType1="image/jpeg")
        assert row["numMedia"] == 2 and row["mediaUrls"] == urls

    def test_filters(self, site):
        peer = new_number()
        rows = [receive(site, From=peer, Body=str(i)) for i in range(3)]
        stored = lambda **f: site.get(BASE + "/sms/stored", params={"phoneNumber": peer, **f}).json()
        assert site.post(f"{BASE}/sms/stored/{rows[1]['id']}/mark-processed").status_code == 200
        inbound = stored(direction="inbound")
        assert inbound["count"] == 3 == len(inbound["messages"])
        assert [m["body"] for m in inbound["messages"]] == ["2", "1", "0"]
        assert stored(direction="inbound", processed="true")["count"] == 1
        assert stored(direction="inbound", processed="false")["count"] == 2
        assert stored(direction="inbound", processed="perhaps")["count"] == 3
        assert stored(direction="sideways")["count"] >= 3
        assert stored(direction="inbound", limit="1")["count"] == 1
        assert stored(direction="inbound", limit="x")["count"] == 3

    @pytest.mark.parametrize("spelling", ["{n}", "{d}", "%2B{d}", "(1415)%20{t}", "1-415-{t}"])
    def test_spellings_of_the_number(self, site, spelling):
        peer = new_number()
        receive(site, From=peer)
        text = spelling.format(n=peer, d=peer[1:], t=peer[5:])
        got = site.get(f"{BASE}/sms/stored?direction=inbound&phoneNumber={text}").json()
        assert got["count"] == 1, text

    def test_a_recipient_is_found_too(self, site):
        to = new_number()
        site.post(BASE + "/sms/send", json={"to": to, "body": "x"})
        assert site.get(BASE + "/sms/stored", params={"phoneNumber": to}).json()["count"] == 1

    def test_nobodys_number(self, site):
        assert site.get(BASE + "/sms/stored", params={"phoneNumber": new_number()}).json() == {"messages": [], "count": 0}
        assert site.get(BASE + "/sms/stored?phoneNumber=%01%02").json() == {"messages": [], "count": 0}

    @pytest.mark.parametrize("id", ["nonsense", "1", "00000000-0000-0000-0000-000000000000", "%27%20OR%201=1", "..%2F.."])
    def test_ids_nobody_has(self, site, id):
        for answer in (site.get(f"{BASE}/sms/stored/{id}"), site.post(f"{BASE}/sms/stored/{id}/mark-processed")):
            assert answer.status_code == 404
            if "%2F" not in id:
                assert answer.json() == {"error": "SMS message not found"}


class TestProcessed:
    def mark(self, site, row, **options):
        answer = site.post(f"{BASE}/sms/stored/{row['id']}/mark-processed", **options)
        assert answer.status_code == 200
        assert answer.json() == {"success": True, "message": "SMS marked as processed"}
        return site.get(f"{BASE}/sms/stored/{row['id']}").json()

    def test_without_a_body(self, site):
        row = self.mark(site, receive(site))
        assert row["processed"] is True and TIME.match(row["processedAt"])
        assert row["chatId"] is None and row["responseMessageSid"] is None

    def test_links_are_stored_and_stay(self, site):
        row = receive(site)
        got = self.mark(site, row, json={"chatId": "chat-1", "responseMessageSid": "SM1"})
        assert (got["chatId"], got["responseMessageSid"]) == ("chat-1", "SM1")
        again = self.mark(site, row)
        assert (again["chatId"], again["responseMessageSid"]) == ("chat-1", "SM1")

    def test_an_empty_object(self, site):
        assert self.mark(site, receive(site), json={})["processed"] is True

    def test_a_body_that_is_no_json(self, site):
        row = receive(site)
        answer = site.post(f"{BASE}/sms/stored/{row['id']}/mark-processed", data=b"{", headers={
            "Content-Type": "application/json"})
        assert answer.status_code == 400 and set(answer.json()) == {"error"}


class TestAcknowledgement:
    def test_its_status_comes_back(self, site):
        """The TwiML answer is a message of its own; its callback carries the inbound message's id."""
        peer = new_number()
        answer, sent = site.inbound(path=BASE + "/webhook/sms", From=peer, Body="ack me")
        callback = re.search(r'statusCallback="([^"]+)"', answer.text)
        assert callback and callback[1].startswith(site.public_url + BASE + "/webhook/status?r=")
        assert 'action="' in answer.text
        path = callback[1][len(site.public_url):].split("#")[0].replace("&amp;", "&")
        ack = new_sid()
        assert "<Response></Response>" in site.status(ack, "delivered", path=path).text
        row = wait_for(lambda: site.db().one("SELECT * FROM messages WHERE sid = %s", ack), what="the acknowledgement")
        assert row["direction"] == "outbound" and row["to_addr"] == peer and row["status"] == "delivered"

    def test_its_text_can_be_changed_or_left_out(self, make_site):
        site = make_site(directives='TwchatAckText "Dziękujemy & do zobaczenia"')
        answer, _ = site.inbound(path=BASE + "/webhook/sms")
        assert "Dziękujemy &amp; do zobaczenia" in answer.content.decode()
        silent = make_site(directives='TwchatAckText ""')
        answer, _ = silent.inbound(path=BASE + "/webhook/sms")
        assert answer.status_code == 200 and "<Message" not in answer.text

    def test_a_peer_gets_only_so_many(self, make_site):
        site = make_site(directives="TwchatAnswers 3 10min")
        peer, acks = new_number(), 0
        for _ in range(6):
            acks += "<Message" in site.inbound(path=BASE + "/webhook/sms", From=peer)[0].text
        assert acks == 3
        assert site.db().value("SELECT loop_guard_at IS NOT NULL FROM conversations WHERE peer = %s", peer)


class Swallow(Proxy):
    """Closes the connection instead of passing on the answer to the statement that holds `marker`; with cut_after all connections."""

    marker, cut_after = None, False
    _victim = None

    def _pump(self, source, sink, pair):
        try:
            while data := source.recv(65536):
                if source is pair[1] and self._victim is pair:
                    if self.cut_after:
                        self.cut()
                    break
                if source is pair[0] and self.marker and self.marker in data:
                    self.marker, self._victim = None, pair
                sink.sendall(data)
        except OSError:
            pass
        self._close(pair)


class TestLostAnswers:
    """An acknowledgement is a row in the database before it is an answer, and what lies between the two may fail."""

    @pytest.fixture(scope="class")
    def proxy(self, postgres):
        proxy = Swallow(postgres.port)
        yield proxy
        proxy.end()

    @pytest.fixture(scope="class")
    def outbox(self, make_site, make_sandbox, postgres, proxy):
        sandbox = make_sandbox()
        host = Host(sandbox=sandbox, directives=QUICK, database=Behind(postgres.create(template="twchat_template"), proxy))
        outbox = Outbox(make_site(sandbox=sandbox, hosts=[host], children=1), sandbox)
        for _ in range(3):              # its connections are made, and the statement is prepared
            assert "<Message" in outbox.site.inbound(path=BASE + "/webhook/sms")[0].text
        return outbox

    def acks(self, outbox, peer):
        return [m["direction"] for m in outbox.sandbox.messages(To=peer)]

    def settled(self, outbox, peer, direction):
        row = wait_for(lambda: outbox.db.one("SELECT * FROM messages WHERE source = 'twiml' AND to_addr = %s AND sid IS NOT NULL", peer),
                       60, "the acknowledgement to have a SID")
        assert self.acks(outbox, peer) == [direction] and outbox.sandbox.message(row["sid"])
        assert outbox.db.value("SELECT count(*) FROM messages WHERE direction = 'outbound' AND to_addr = %s", peer) == 1

    def test_the_statement_committed_and_its_result_got_lost(self, outbox, proxy):
        proxy.marker = b"swallow me"
        answer, _ = outbox.site.inbound(path=BASE + "/webhook/sms", Body="swallow me")
        assert answer.status_code == 200 and answer.text.count("<Message") == 1
        assert proxy.marker is None

    @pytest.mark.expect_log("AH006", "AH02655", "TWC", "dbd:error", "dbd:crit")
    def test_it_committed_and_the_call_went_to_the_spool(self, outbox, proxy):
        peer = new_number()
        proxy.marker, proxy.cut_after = b"spool me", True
        try:
            answer, _ = outbox.site.inbound(path=BASE + "/webhook/sms", From=peer, Body="spool me")
        finally:
            proxy.mend()
        assert answer.status_code == 200 and "<Message" not in answer.text
        self.settled(outbox, peer, "outbound-api")

    def test_the_answer_never_came_to_twilio(self, outbox):
        peer, sid = new_number(), new_sid()
        assert "<Message" in outbox.site.inbound(path=BASE + "/webhook/sms", From=peer, sid=sid)[0].text
        # Twilio calls the fallback URL: nobody here knows that the first answer did not come.
        assert "<Message" not in outbox.site.inbound(path=BASE + "/webhook/sms", From=peer, sid=sid)[0].text
        self.settled(outbox, peer, "outbound-api")

    def test_it_came_and_nothing_more_was_heard_of_it(self, outbox):
        peer = new_number()
        outbox.sandbox.configure_number(outbox.site.number, outbox.site.public_url + BASE + "/webhook/sms")
        outbox.sandbox.faults(no_callbacks=True)
        outbox.sandbox.inbound(peer, outbox.site.number, "hello")
        wait_for(lambda: self.acks(outbox, peer), 10, "Twilio to send the acknowledgement")
        self.settled(outbox, peer, "outbound-reply")


class TestVoice:
    def test_calls_are_not_served(self, site):
        for answer in (site.post(BASE + "/call", json={"to": "+14155550100", "message": "x"}), site.get(BASE + "/calls")):
            assert answer.status_code == 501 and set(answer.json()) == {"error"}

    @pytest.mark.parametrize("fields", [{}, {"to": "+14155550100"}, {"message": "x"}])
    def test_missing_fields(self, site, fields):
        answer = site.post(BASE + "/call", json=fields)
        assert (answer.status_code, answer.json()) == (400, {"error": "Missing 'to' or 'message' field"})

    def test_a_call_is_told_and_ended(self, site):
        params = {"CallSid": new_sid("CA"), "From": new_number(), "To": site.number, "CallStatus": "ringing",
                  "AccountSid": site.account_sid}
        answer = site.webhook(BASE + "/webhook/voice", params)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/xml")
        assert "<Say" in answer.text and "<Hangup" in answer.text
        assert site.webhook(BASE + "/webhook/voice", params, sign=False).status_code == 403

    def test_a_calls_status_is_taken(self, site):
        params = {"CallSid": new_sid("CA"), "CallStatus": "completed", "AccountSid": site.account_sid}
        answer = site.webhook(BASE + "/webhook/status", params)
        assert (answer.status_code, answer.text) == (200, "OK")


class TestMountedElsewhere:
    def test_alone_it_serves_everything_relative_to_its_mount(self, make_site):
        site = make_site(mounts=[("/store", ("sms-store",))])
        answer, sent = site.inbound(path="/store/webhook/sms")
        assert answer.status_code == 200
        assert f"{site.public_url}/store/webhook/status?r=" in answer.text
        assert site.get("/store/sms/stored").json()["count"] >= 1
        assert site.get("/store/api/twilio/sms/stored").json()["count"] >= 1


class TestView:
    def test_the_documented_table_can_be_queried(self, site):
        row = receive(site, Body="for the view")
        got = site.db().one("SELECT * FROM sms_messages WHERE message_sid = %s", row["messageSid"])
        assert list(got) == ["id", "message_sid", "account_sid", "from", "to", "body", "direction", "status", "num_media",
                             "media_urls", "processed", "chat_id", "response_message_sid", "error_code", "error_message",
                             "created_at", "processed_at"]
        assert got["id"] == row["id"] and got["body"] == "for the view"
