# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What a verified webhook leads to: the answer of its interface, one stored message, statuses that only move forward."""
import itertools
import threading
import xml.etree.ElementTree as xml

import pytest

from client import new_number, new_sid
from waiting import wait_for

EMPTY = {"/twilio/inbound": "application/xml", "/webhook/twilio": "text/xml", "/webhooks/sms/inbound": "application/xml"}
INBOUND = [*EMPTY, "/twilio_webhook", "/api/twilio/webhook/sms"]


def message(site, sid):
    return site.db().one("SELECT * FROM messages WHERE sid = %s", sid)


def count(site, sid):
    return site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sid)


def empty_twiml(answer):
    root = xml.fromstring(answer.content)
    return root.tag == "Response" and len(root) == 0 and not (root.text or "").strip()


class TestAnswers:
    @pytest.mark.parametrize("path", EMPTY)
    def test_an_empty_twiml(self, site, path):
        answer, _ = site.inbound(path=path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == EMPTY[path]
        assert empty_twiml(answer)
        assert int(answer.headers["Content-Length"]) == len(answer.content)

    @pytest.mark.expect_log("TWC1007")
    def test_the_plain_ok_of_old_when_somebody_wants_it(self, make_site):
        site = make_site(mounts=(("/", ("flask-chat", "sms-store")), ("/old", ("flask-chat",), "TwchatPlainOk on")))
        answer, sent = site.inbound(path="/old/twilio/inbound")
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0], answer.text) == (200, "text/plain", "OK")
        assert count(site, sent["MessageSid"]) == 1
        assert empty_twiml(site.webhook("/old/twilio/inbound", site.inbound_params(From=None)))
        assert empty_twiml(site.inbound()[0])
        assert any("TwchatPlainOk on in /old: " in line and ":warn]" in line for line in site.log.lines("TWC1007"))

    def test_sms_store_acknowledges_once(self, site):
        answer, sent = site.inbound(path="/api/twilio/webhook/sms")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == "text/xml"
        assert [m.text for m in xml.fromstring(answer.content)] == ["Message received. Thank you!"]
        again = site.webhook("/api/twilio/webhook/sms", sent)
        assert again.status_code == 200 and empty_twiml(again)

    @pytest.mark.parametrize("text", ["STOP", "stop", " Stop ", "UNSUBSCRIBE", "START", "HELP"])
    def test_sms_store_does_not_acknowledge_keywords(self, site, text):
        assert empty_twiml(site.inbound(path="/api/twilio/webhook/sms", Body=text)[0])

    def test_ai_messaging_does_not_know_the_sender(self, site):
        answer, sent = site.inbound(path="/twilio_webhook")
        assert answer.json() == {"status": "user not found", "from": sent["From"]}
        assert count(site, sent["MessageSid"]) == 1

    def test_json_with_numbers_in_it(self, site):
        sid, sender = new_sid("MM"), new_number()
        answer = site.json_webhook("/twilio_webhook", {
            "MessageSid": sid, "AccountSid": site.account_sid, "From": sender, "To": site.number, "Body": 42, "NumMedia": 1,
            "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/png"})
        assert answer.status_code == 200
        assert site.db().rows("SELECT from_addr, body, num_media FROM messages WHERE sid = %s", sid) == [
            {"from_addr": sender, "body": "42", "num_media": 1}]

    def test_statuses_are_answered_in_each_style(self, site):
        flask = site.status(new_sid(), "sent")
        assert flask.status_code == 200 and flask.json() == {"status": "ok"}
        bot = site.status(new_sid(), "sent", path="/webhooks/sms/status")
        assert bot.status_code in (200, 204) and bot.content == b""
        store = site.status(new_sid(), "sent", path="/api/twilio/webhook/status")
        assert store.status_code == 200 and store.text == "OK"

    def test_what_the_acknowledgement_names_says_nothing_to_the_customer(self, site):
        """Twilio may carry out what an action answers, and would text "OK"."""
        answer, _ = site.inbound(path="/api/twilio/webhook/sms")
        acknowledged = xml.fromstring(answer.content)[0]
        assert acknowledged.get("action") == acknowledged.get("statusCallback")
        path = acknowledged.get("action").removeprefix(site.public_url)
        sid = new_sid()
        said = site.status(sid, "sent", path=path)
        assert (said.status_code, said.headers["Content-Type"].split(";")[0]) == (200, "text/xml")
        assert empty_twiml(said)
        assert message(site, sid)["status"] == "sent"


class TestMissing:
    PARTS = [("From",), ("To",), ("MessageSid", "SmsSid", "SmsMessageSid")]

    @pytest.mark.parametrize("parts", PARTS, ids="+".join)
    @pytest.mark.parametrize("path", INBOUND)
    def test_nothing_is_stored_and_the_journal_has_it(self, site, path, parts):
        mark = new_sid()
        sent = site.inbound_params(Body=mark, **{p: None for p in parts})
        answer = site.webhook(path, sent)
        if path == "/twilio/inbound":
            assert answer.status_code == 200 and empty_twiml(answer)
        else:
            assert answer.status_code == 400
        assert site.db().value("SELECT count(*) FROM messages WHERE body = %s", mark) == 0
        wait_for(lambda: site.db().one("SELECT 1 FROM webhook_journal WHERE verdict = 'invalid' AND raw LIKE %s",
                                       f"%{mark}%"), what="the journal to have the incomplete call")

    def test_sms_store_wants_the_account_too(self, site):
        answer = site.webhook("/api/twilio/webhook/sms", site.inbound_params(AccountSid=None))
        assert (answer.status_code, answer.text) == (400, "Invalid SMS data")

    @pytest.mark.parametrize("name", ["SmsSid", "SmsMessageSid"])
    def test_older_names_of_the_sid_do(self, site, name):
        sid = new_sid()
        sent = site.inbound_params(**{"MessageSid": None, "SmsSid": None, "SmsMessageSid": None, name: sid})
        assert site.webhook("/twilio/inbound", sent).status_code == 200
        assert count(site, sid) == 1

    def test_status_without_sid_or_status(self, site):
        bare = {"AccountSid": site.account_sid}
        answer = site.webhook("/twilio/status", {**bare, "MessageStatus": "sent"})
        assert (answer.status_code, answer.json()) == (400, {"status": "error", "message": "Missing MessageSid"})
        answer = site.webhook("/twilio/status", {**bare, "MessageSid": new_sid()})
        assert (answer.status_code, answer.json()) == (400, {"status": "error", "message": "Missing status"})


class TestStored:
    @pytest.mark.parametrize("path", INBOUND)
    def test_twice_delivered_once_stored(self, site, path):
        sent = site.inbound_params()
        assert [site.webhook(path, sent).status_code for _ in range(3)] == [200] * 3
        assert count(site, sent["MessageSid"]) == 1
        unread = "SELECT unread FROM conversations WHERE peer = %s"
        assert site.db().value(unread, sent["From"]) == 1

    def test_the_same_message_on_two_paths_is_one(self, site):
        sent = site.inbound_params()
        for path in INBOUND:
            assert site.webhook(path, sent).status_code == 200
        assert count(site, sent["MessageSid"]) == 1

    def test_all_media_up_to_num_media(self, site):
        media = {}
        for i in range(12):
            media[f"MediaUrl{i}"] = f"https://api.twilio.com/media/{i}"
            media[f"MediaContentType{i}"] = "image/jpeg"
        sent = site.inbound_params(NumMedia="10", Body="", **media)
        assert site.webhook("/twilio/inbound", sent).status_code == 200
        rows = site.db().rows("SELECT idx, url FROM message_media JOIN messages ON id = message_id"
                              " WHERE sid = %s ORDER BY idx", sent["MessageSid"])
        assert [(r["idx"], r["url"]) for r in rows] == [(i, f"https://api.twilio.com/media/{i}") for i in range(10)]

    @pytest.mark.expect_log("TWC")
    @pytest.mark.parametrize("told", ["3", "99999999999", "-1", "abc", "", "1e3", None])
    def test_num_media_that_lies(self, site, told):
        sent = site.inbound_params(NumMedia=told, MediaUrl0="https://api.twilio.com/media/0",
                                   MediaContentType0="image/png")
        assert site.webhook("/twilio/inbound", sent).status_code == 200
        assert count(site, sent["MessageSid"]) == 1
        kept = site.db().value("SELECT count(*) FROM message_media JOIN messages ON id = message_id WHERE sid = %s",
                               sent["MessageSid"])
        assert kept <= 1
        assert kept == 1 or told != "3"

    def test_whatsapp_tells_more(self, site):
        number = new_number()
        sent = site.inbound_params(From=f"whatsapp:{number}", To="whatsapp:+14155238886", ProfileName="Ana 😀",
                                   WaId=number[1:], ButtonText="Yes", ButtonPayload="yes-1", Latitude="4.60971",
                                   Longitude="-74.08175", Address="Calle 1", Label="Home",
                                   OriginalRepliedMessageSid=new_sid(), MessageType="button")
        assert site.webhook("/webhook/twilio", sent).status_code == 200
        row = message(site, sent["MessageSid"])
        extra = row["extra"]
        assert extra["button_text"] == "Yes"
        assert extra["replied_sid"] == sent["OriginalRepliedMessageSid"]
        assert site.db().value("SELECT profile_name FROM conversations WHERE peer = %s", f"whatsapp:{number}") == "Ana 😀"

    def test_a_plus_that_nobody_escaped(self, site):
        number = new_number()
        for written in (" " + number[1:], number):
            site.inbound(From=written)
        assert site.db().value("SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conv_id"
                               " WHERE c.peer = %s AND m.direction = 'inbound'", number) == 2

    @pytest.mark.parametrize("written", [lambda n: n, lambda n: n[1:], lambda n: f"{n[:3]} {n[3:6]} {n[6:]}", lambda n: "whatsapp:" + n])
    def test_a_number_is_no_name(self, site, written):
        number = new_number()
        site.inbound("/webhook/twilio", From=f"whatsapp:{number}", To="whatsapp:+14155238886", ProfileName=written(number))
        assert site.db().value("SELECT profile_name FROM conversations WHERE peer = %s", f"whatsapp:{number}") is None
        assert "profile_name" not in (site.get(f"/api/threads/whatsapp:{number}/entries").json()["items"][0]["extra"])

    def test_a_number_that_was_kept_as_a_name_is_not_shown(self, site):
        number = new_number()
        site.inbound("/webhook/twilio", From=f"whatsapp:{number}", To="whatsapp:+14155238886", ProfileName="Ana")
        assert site.get(f"/api/threads/whatsapp:{number}").json()["name"] == "Ana"
        site.db().run("UPDATE conversations SET profile_name = address WHERE peer = %s", f"whatsapp:{number}")
        assert site.get(f"/api/threads/whatsapp:{number}").json()["name"] is None

    def test_a_name_once_known_is_not_forgotten(self, site):
        peer = f"whatsapp:{new_number()}"
        for name in ("Ana", "", None, " "):
            site.inbound("/webhook/twilio", From=peer, To="whatsapp:+14155238886", ProfileName=name)
        assert site.db().value("SELECT profile_name FROM conversations WHERE peer = %s", peer) == "Ana"

    def test_an_address_without_a_number(self, site):
        peer = "whatsapp:CO." + new_sid()[2:14]
        sent = site.inbound_params(From=peer, To="whatsapp:+14155238886", ExternalUserId=peer)
        assert site.webhook("/webhook/twilio", sent).status_code == 200
        assert count(site, sent["MessageSid"]) == 1

    def test_sms_and_whatsapp_of_one_number_are_two_conversations(self, site):
        number = new_number()
        site.inbound(From=number, Body="by sms")
        site.inbound(path="/webhook/twilio", From=f"whatsapp:{number}", To="whatsapp:+14155238886", Body="by whatsapp")
        rows = site.db().rows("SELECT peer FROM conversations WHERE address = %s ORDER BY peer", number)
        assert [r["peer"] for r in rows] == [number, f"whatsapp:{number}"]

    def test_one_store_for_all_interfaces(self, site):
        number = new_number()
        for i, path in enumerate(INBOUND):
            site.inbound(path=path, From=number, Body=f"text {i}")
        items = site.get(f"/api/conversations/{number}").json()["items"]
        assert [i["body"] for i in items if i["direction"] == "inbound"] == [f"text {i}" for i in range(5)]
        rows = site.get("/api/twilio/sms/stored", params={"phoneNumber": number, "direction": "inbound"}).json()
        assert rows["count"] == 5


class TestStatuses:
    """Ranks: forward only, whatever the order of arrival."""

    def inbound_echo(self, site):
        """An outbound message with a SID to hang statuses on, as the database has it."""
        return site.db().one(
            "WITH c AS (INSERT INTO conversations (peer, channel, address) VALUES (%s, 'sms', %s) RETURNING id),"
            " m AS (INSERT INTO messages (conv_id, sid, direction, source, from_addr, to_addr, body, status)"
            "       SELECT id, %s, 'outbound', 'api', %s, %s, 'hi', 'queued' FROM c RETURNING id, sid)"
            " INSERT INTO message_sids (sid, message_id) SELECT sid, id FROM m RETURNING sid, message_id",
            number := new_number(), number, new_sid(), site.number, number)

    def settle(self, site, sid, status):
        wait_for(lambda: (message(site, sid) or {}).get("status") == status, what=f"status {status}")

    @pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])), ids="-".join)
    def test_any_order_ends_at_the_furthest(self, site, order):
        sid = self.inbound_echo(site)["sid"]
        for status in order:
            assert site.status(sid, status).status_code == 200
        self.settle(site, sid, "read")

    def test_a_final_status_stays(self, site):
        sid = self.inbound_echo(site)["sid"]
        site.status(sid, "failed", ErrorCode="30003")
        for status in ("queued", "sending", "sent"):
            site.status(sid, status)
        self.settle(site, sid, "failed")
        assert message(site, sid)["error_code"] == 30003

    def test_callbacks_before_the_message_are_applied_later(self, site):
        sid = new_sid()
        assert site.status(sid, "delivered").status_code == 200
        wait_for(lambda: site.db().one("SELECT 1 FROM status_events WHERE sid = %s", sid), what="the event to be kept")

    @pytest.mark.parametrize("status", ["teleported", "", "DELIVERED", "x" * 300, "<script>"])
    def test_an_unknown_status_breaks_nothing(self, site, status):
        sid = self.inbound_echo(site)["sid"]
        answer = site.status(sid, status)
        assert answer.status_code in (200, 400)
        assert message(site, sid)["status"] in ("queued", "delivered")

    def test_the_same_callback_many_times(self, site):
        sid = self.inbound_echo(site)["sid"]
        for _ in range(5):
            assert site.status(sid, "delivered").status_code == 200
        self.settle(site, sid, "delivered")

    @pytest.fixture
    def refetches(self, site):
        """What Twilio was asked, after the fact: refetches(message id)."""
        site.db().run("CREATE TABLE noted AS SELECT * FROM jobs WITH NO DATA;"
                      " CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO noted SELECT NEW.*; RETURN NEW; END$$;"
                      " CREATE TRIGGER note BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION note()")
        yield lambda ident: site.db().value("SELECT count(*) FROM noted WHERE message_id = %s AND kind = 'refetch'", ident)
        site.db().run("DROP TRIGGER note ON jobs; DROP FUNCTION note; DROP TABLE noted")

    def test_two_ends_at_the_same_moment_are_a_question_to_twilio(self, site, refetches):
        row = self.inbound_echo(site)
        answers, other = [], site.db().connect()
        other.autocommit = False
        other.cursor().execute("UPDATE messages SET status = 'delivered' WHERE id = %s", (row["message_id"],))
        late = threading.Thread(target=lambda: answers.append(site.status(row["sid"], "undelivered")))
        late.start()
        try:
            wait_for(lambda: site.db().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                             " AND datname = current_database()"), what="the callback to wait for the other one")
            other.commit()
        finally:
            other.close()
            late.join()
        assert answers[0].status_code == 200 and message(site, row["sid"])["status"] == "delivered"
        assert refetches(row["message_id"]) == 1

    @pytest.mark.parametrize("code", ["abc", "-1", "99999999999999", "", "30003abc"])
    def test_error_codes_that_are_none(self, site, code):
        sid = self.inbound_echo(site)["sid"]
        assert site.status(sid, "failed", ErrorCode=code).status_code == 200
        self.settle(site, sid, "failed")
