# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The sandbox calls: signed by Twilio's rule, retried and answered as Twilio does."""
import base64
import datetime
import itertools

import pytest

from receiver import EMPTY, Receiver
from sandbox_server import NUMBER, SERVICE, WHATSAPP, Sandbox
from waiting import wait_for

SECOND = "+14155550002"
TOLLFREE = "+18005550100"
PIXEL = base64.b64encode(b"\x89PNG not really").decode()
_numbers = itertools.count(15005570000)


def new_number():
    return f"+{next(_numbers)}"


def twiml(inside):
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'


@pytest.fixture(scope="module")
def sandbox():
    advanced = "MG" + "0" * 31 + "2"
    directives = (f"TwchatSandboxNumber {SECOND}\nTwchatSandboxNumber {TOLLFREE}\nTwchatSandboxNumber +14155550003\n"
                  f"TwchatSandboxNumber +14155550004\nTwchatSandboxService {SERVICE} {SECOND} +14155550003\n"
                  f"TwchatSandboxService {advanced} +14155550004 advanced-opt-out")
    with Sandbox(directives=directives) as one:
        yield one


@pytest.fixture
def receiver(sandbox):
    one = Receiver(sandbox.auth_token)
    for number in (NUMBER, SECOND, TOLLFREE, WHATSAPP, "+14155550004"):
        sandbox.configure_number(number, one.url + "/in", SmsMethod="POST", SmsFallbackUrl="")
    yield one
    one.close()
    sandbox.clear_faults()


def send(sandbox, to, url, from_=NUMBER, **params):
    status, body = sandbox.api("POST", "/Messages.json", {"To": to, "From": from_, "Body": "x",
                                                          "StatusCallback": url, **params})
    assert status == 201, body
    return body["sid"]


class TestStatusCallbacks:
    def test_sent_then_delivered(self, sandbox, receiver):
        to = new_number()
        sid = send(sandbox, to, receiver.url + "/status?m=42&x=%C3%A9")
        calls = receiver.wait("/status", 2, MessageSid=sid)
        assert all(c.valid for c in calls)
        by_status = {c.params["MessageStatus"]: c for c in calls}   # the two may overtake each other on the way
        assert set(by_status) == {"sent", "delivered"}
        one = by_status["delivered"]
        assert one.query == {"m": "42", "x": "é"} and one.method == "POST"
        assert one.params["To"] == to and one.params["From"] == NUMBER and one.params["SmsSid"] == sid
        assert one.params["AccountSid"] == sandbox.account_sid and len(one.params["RawDlrDoneDate"]) == 10
        assert one.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert one.headers["user-agent"] == "TwilioProxy/1.1" and one.headers["i-twilio-idempotency-token"]
        assert "expect" not in one.headers and "body" not in {k.lower() for k in one.params}

    def test_service_tells_queued(self, sandbox, receiver):
        status, body = sandbox.api("POST", "/Messages.json", {
            "To": new_number(), "MessagingServiceSid": SERVICE, "Body": "x", "StatusCallback": receiver.url + "/status"})
        calls = receiver.wait("/status", 3, MessageSid=body["sid"])
        assert {c.params["MessageStatus"] for c in calls} == {"queued", "sent", "delivered"}
        assert all(c.params["MessagingServiceSid"] == SERVICE for c in calls)

    @pytest.mark.parametrize("final,code,seen", [("undelivered", 30003, ["sent", "undelivered"]),
                                                 ("failed", 30007, ["failed"])])
    def test_failures(self, sandbox, receiver, final, code, seen):
        sandbox.faults(final=final, error_code=code)
        sid = send(sandbox, new_number(), receiver.url + "/status")
        sandbox.clear_faults()
        calls = receiver.wait("/status", len(seen), MessageSid=sid)
        assert sorted(c.params["MessageStatus"] for c in calls) == sorted(seen)
        assert [c.params["ErrorCode"] for c in calls if c.params["MessageStatus"] == final] == [str(code)]
        assert sandbox.message(sid)["error_code"] == code

    def test_read_receipt(self, sandbox, receiver):
        chat = "whatsapp:+573001110000"
        sid = send(sandbox, chat, receiver.url + "/status", WHATSAPP)
        receiver.wait("/status", 2, MessageSid=sid)
        assert sandbox.read(chat) == 1
        read = receiver.wait("/status", 1, MessageSid=sid, MessageStatus="read")[0]
        assert read.valid and read.params["EventType"] == "READ"
        assert read.params["ChannelToAddress"] == "+57300111XXXX" and read.params["ChannelPrefix"] == "whatsapp"

    def test_duplicates(self, sandbox, receiver):
        sandbox.faults(next_callback_duplicate=1)
        sid = send(sandbox, new_number(), receiver.url + "/status")
        calls = receiver.wait("/status", 3, MessageSid=sid)
        assert sorted(c.params["MessageStatus"] for c in calls) == ["delivered", "sent", "sent"]

    def test_none(self, sandbox, receiver):
        sandbox.faults(no_callbacks=True)
        silent = send(sandbox, new_number(), receiver.url + "/status")
        sandbox.wait_status(silent, "delivered")
        assert receiver.to("/status", MessageSid=silent) == []

    def test_shuffled_and_late(self, sandbox, receiver):
        sandbox.faults(callback_shuffle=True, callback_delay_ms=400, seed=7)
        sids = [send(sandbox, new_number(), receiver.url + "/status") for _ in range(20)]
        wait_for(lambda: len(receiver.to("/status")) == 40, 10, "40 callbacks")
        orders = {tuple(c.params["MessageStatus"] for c in receiver.to("/status", MessageSid=sid)) for sid in sids}
        assert orders == {("sent", "delivered"), ("delivered", "sent")}

    def test_canceled(self, sandbox, receiver):
        status, body = sandbox.api("POST", "/Messages.json", {
            "To": new_number(), "MessagingServiceSid": SERVICE, "Body": "x", "StatusCallback": receiver.url + "/status",
            "ScheduleType": "fixed", "SendAt": "2099-01-01T00:00:00Z"})
        assert status == 400                                # more than 35 days ahead
        at = datetime.datetime.utcnow() + datetime.timedelta(days=1)
        _, body = sandbox.api("POST", "/Messages.json", {
            "To": new_number(), "MessagingServiceSid": SERVICE, "Body": "x", "StatusCallback": receiver.url + "/status",
            "ScheduleType": "fixed", "SendAt": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
        sandbox.api("POST", f"/Messages/{body['sid']}.json", {"Status": "canceled"})
        assert receiver.wait("/status", 1, MessageSid=body["sid"])[0].params["MessageStatus"] == "canceled"

    def test_userinfo_becomes_basic(self, sandbox, receiver):
        sid = send(sandbox, new_number(), receiver.url.replace("://", "://user:pa%20ss@") + "/status")
        call = receiver.wait("/status", 1, MessageSid=sid)[0]
        assert call.valid
        assert base64.b64decode(call.headers["authorization"].split()[1]) == b"user:pa ss"


class TestInbound:
    def test_parameters(self, sandbox, receiver):
        sid = sandbox.inbound("+15005571234", body="żółw & <b> 👋 = %20 +")
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert call.valid and call.method == "POST"
        assert call.params["Body"] == "żółw & <b> 👋 = %20 +"
        assert {k: call.params[k] for k in ("From", "To", "NumMedia", "SmsStatus", "ApiVersion", "AccountSid")} == {
            "From": "+15005571234", "To": NUMBER, "NumMedia": "0", "SmsStatus": "received", "ApiVersion": "2010-04-01",
            "AccountSid": sandbox.account_sid}
        assert call.params["SmsSid"] == call.params["SmsMessageSid"] == sid and "FromCity" in call.params
        assert sandbox.message(sid)["direction"] == "inbound"

    def test_get(self, sandbox, receiver):
        sandbox.configure_number(NUMBER, receiver.url + "/in?site=1", SmsMethod="GET")
        sid = sandbox.inbound("+15005571234", body="by GET ż")
        call = wait_for(lambda: [c for c in receiver.calls if c.query.get("MessageSid") == sid], 5, "the call")[0]
        assert call.method == "GET" and call.valid and call.query["site"] == "1" and call.query["Body"] == "by GET ż"

    def test_whatsapp(self, sandbox, receiver):
        sid = sandbox.inbound("whatsapp:+573001234567", body="Hola", ProfileName="Carmen 🌸")
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert call.valid and call.params["From"] == "whatsapp:+573001234567" and call.params["To"] == WHATSAPP
        assert (call.params["ProfileName"], call.params["WaId"], call.params["MessageType"]) == (
            "Carmen 🌸", "573001234567", "text")
        assert call.params["ReferralNumMedia"] == "0" and "FromCity" not in call.params

    @pytest.mark.parametrize("extra,kind", [
        ({"ButtonText": "Yes", "ButtonPayload": "y1"}, "button"),
        ({"ListId": "1", "ListTitle": "Soup"}, "interactive"),
        ({"Latitude": "4.6", "Longitude": "-74.1", "Label": "Home"}, "location")])
    def test_whatsapp_kinds(self, sandbox, receiver, extra, kind):
        sid = sandbox.inbound("whatsapp:+573001234567", **extra)
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert call.params["MessageType"] == kind and {k: call.params[k] for k in extra} == extra

    def test_user_without_a_number(self, sandbox, receiver):
        sid = sandbox.inbound("whatsapp:CO.4fG9x", body="hi", ExternalUserId="whatsapp:CO.4fG9x")
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert call.params["From"] == "whatsapp:CO.4fG9x" and "WaId" not in call.params

    def test_pictures(self, sandbox, receiver):
        sid = sandbox.inbound("+15005571234", body="look", Media=[{"ContentType": "image/png", "Data": PIXEL}])
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert sid.startswith("MM") and call.params["NumMedia"] == "1" and call.params["MediaContentType0"] == "image/png"
        path = call.params["MediaUrl0"].partition(sandbox.account_sid)[2]
        status, body = sandbox.api("GET", path)
        assert (status, body) == (200, b"\x89PNG not really".decode(errors="replace"))

    def test_foreign_links_are_passed_on(self, sandbox, receiver):
        sid = sandbox.inbound("+15005571234", MediaUrl="http://169.254.169.254/latest", MediaContentType="image/gif")
        call = receiver.wait("/in", MessageSid=sid)[0]
        assert call.params["MediaUrl0"] == "http://169.254.169.254/latest"

    def test_same_sid_again(self, sandbox, receiver):
        sid = sandbox.inbound("+15005571234", body="once")
        assert sandbox.inbound("+15005571234", body="once", MessageSid=sid) == sid
        receiver.wait("/in", 2, MessageSid=sid)
        assert len([m for m in sandbox.handset("+15005571234") if m["sid"] == sid]) == 1

    def test_a_sid_stays_with_its_message(self, sandbox):
        """One that was sent, to be seen by nobody's webhook, and one that somebody else wrote."""
        sent = send(sandbox, new_number(), "http://127.0.0.1:9/none")
        made = sandbox.api("POST", "/Messages.json", {"To": new_number(), "MessagingServiceSid": SERVICE, "Body": "x"})[1]
        other = sandbox.inbound(new_number(), body="mine")
        for sid in (sent, made["sid"], other):
            with pytest.raises(RuntimeError, match="another message"):
                sandbox.inbound("+15005571234", body="hello", MessageSid=sid)
        assert sandbox.message(other)["body"] == "mine"

    @pytest.mark.parametrize("fields", [{"From": ""}, {"To": "+19990000000"}, {"From": "whatsapp:+573001234567"},
                                        {"MessageSid": "nonsense"}])
    def test_nonsense_is_refused(self, sandbox, fields):
        with pytest.raises(RuntimeError, match="400"):
            sandbox.call("POST", "/sandbox/inbound", {"From": "+15005571234", "To": NUMBER, **fields})


class TestAnswers:
    def replies(self, sandbox, number, count):
        found = sandbox.wait_handset(number, lambda m: len([x for x in m if x["direction"] != "inbound"]) >= count)
        return [x for x in found if x["direction"] != "inbound"]

    def test_message_becomes_reply(self, sandbox, receiver):
        receiver.answer("/in", twiml(f'<Message statusCallback="/cb?m=7">Hi &amp; bye <!-- no --></Message>'))
        number = new_number()
        sandbox.inbound(number, body="hello")
        reply = self.replies(sandbox, number, 1)[0]
        assert (reply["body"], reply["direction"], reply["from"]) == ("Hi & bye", "outbound-reply", NUMBER)
        calls = receiver.wait("/cb", 2, MessageSid=reply["sid"])
        assert all(c.valid and c.query == {"m": "7"} for c in calls)
        assert sandbox.message(reply["sid"])["direction"] == "outbound-reply"

    def test_several_with_pictures(self, sandbox, receiver):
        receiver.answer("/in", twiml("<Message><Body>one</Body><Media>/a.png</Media></Message><Sms>two</Sms>"
                                     f'<Message to="+15005579999">three</Message>'))
        receiver.answer("/a.png", b"png", content_type="image/png")
        number = new_number()
        sandbox.inbound(number, body="hello")
        replies = self.replies(sandbox, number, 2)
        assert [r["body"] for r in replies] == ["one", "two"] and replies[0]["media"][0]["type"] == "image/png"
        assert self.replies(sandbox, "+15005579999", 1)[0]["body"] == "three"

    def test_plain_text_is_sent_back(self, sandbox, receiver):
        receiver.answer("/in", "OK", content_type="text/plain")
        number = new_number()
        sandbox.inbound(number, body="hello")
        assert self.replies(sandbox, number, 1)[0]["body"] == "OK"

    def test_redirect(self, sandbox, receiver):
        receiver.answer("/in", twiml('<Message>first</Message><Redirect>/next?x=1</Redirect><Message>never</Message>'))
        receiver.answer("/next", twiml("<Message>second</Message>"))
        number = new_number()
        sid = sandbox.inbound(number, body="hello")
        assert [r["body"] for r in self.replies(sandbox, number, 2)] == ["first", "second"]
        call = receiver.wait("/next", MessageSid=sid)[0]
        assert call.valid and call.params["Body"] == "hello"

    def test_at_most_ten(self, sandbox, receiver):
        receiver.answer("/in", twiml("".join(f"<Message>{i}</Message>" for i in range(12))))
        number = new_number()
        sid = sandbox.inbound(number, body="hello")
        assert sandbox.wait_webhook(sid, "alert")["error_code"] == 14109
        assert len(self.replies(sandbox, number, 10)) == 10

    def test_loop_guard(self, sandbox, receiver):
        receiver.answer("/in", twiml("".join(f"<Message>{i}</Message>" for i in range(10))))
        number = new_number()
        for i in range(3):
            sandbox.inbound(number, body="again")
            self.replies(sandbox, number, 10 * (i + 1))     # the answer is read after the call is over
        sid = sandbox.inbound(number, body="too much")
        assert sandbox.wait_webhook(sid, "alert")["error_code"] == 14107
        assert len(self.replies(sandbox, number, 30)) == 30

    @pytest.mark.parametrize("body,content_type,code", [
        ("<Response><Message>x</Response>", "text/xml", 12100), (" <?xml version='1.0'?><Response/>", "text/xml", 12100),
        ("<response/>", "text/xml", 12102), (twiml("<Dial>x</Dial>"), "application/xml; charset=utf-8", 14110),
        (twiml("<Message><Play/></Message>"), "text/xml", 12200), ('{"ok":true}', "application/json", 12300),
        ("OK", None, 12300), (twiml("<!-- " + "x" * 70000 + " -->"), "text/xml", 11750),
        ('<!DOCTYPE r [<!ENTITY a "xx">]><Response><Message>&a;</Message></Response>', "text/xml", 12100)],
        ids=["unclosed", "late declaration", "case", "verb", "child", "json", "untyped", "large", "entities"])
    def test_bad_answers_go_to_the_fallback(self, sandbox, receiver, body, content_type, code):
        receiver.answer("/in", body, content_type=content_type)
        receiver.answer("/fallback", twiml("<Message>sorry</Message>"))
        sandbox.configure_number(NUMBER, receiver.url + "/in", SmsFallbackUrl=receiver.url + "/fallback")
        number = new_number()
        sid = sandbox.inbound(number, body="hello")
        call = receiver.wait("/fallback", MessageSid=sid)[0]
        assert call.valid and call.params["ErrorCode"] == str(code) and call.params["ErrorUrl"] == receiver.url + "/in"
        assert self.replies(sandbox, number, 1)[0]["body"] == "sorry"

    @pytest.mark.parametrize("status,body", [(204, ""), (200, ""), (200, EMPTY)])
    def test_no_answer_is_fine(self, sandbox, receiver, status, body):
        receiver.answer("/in", body, status=status)
        sid = sandbox.inbound(new_number(), body="hello")
        assert sandbox.wait_webhook(sid)["error_code"] is None
        assert sandbox.webhooks(sid=sid, kind="alert") == []


class TestRetries:
    def test_errors_are_not_retried(self, sandbox, receiver):
        receiver.answer("/in", "no", status=500, content_type="text/html")
        receiver.answer("/fallback", "", status=204)
        sandbox.configure_number(NUMBER, receiver.url + "/in", SmsFallbackUrl=receiver.url + "/fallback")
        sid = sandbox.inbound(new_number(), body="hello")
        assert receiver.wait("/fallback", MessageSid=sid)[0].params["ErrorCode"] == "11200"
        assert len(receiver.to("/in", MessageSid=sid)) == 1

    @pytest.mark.parametrize("fragment,tries", [("rc=2&rp=5xx", 3), ("rc=2&rp=all", 3), ("rc=2&rp=4xx", 1),
                                                ("rc=0&rp=all", 1), ("rp=4xx,5xx", 2), ("rc=99&rp=5xx", 2)])
    def test_overrides(self, sandbox, receiver, fragment, tries):
        receiver.answer("/status", "", status=503)
        sid = send(sandbox, new_number(), f"{receiver.url}/status#{fragment}")
        sandbox.wait_status(sid, "delivered")
        calls = wait_for(lambda: len(receiver.to("/status", MessageSid=sid, MessageStatus="delivered")) >= tries
                         and receiver.to("/status", MessageSid=sid, MessageStatus="delivered"), 5, "all tries")
        assert len({c.headers["i-twilio-idempotency-token"] for c in calls}) == 1
        assert all(c.valid and "#" not in c.path for c in calls)
        entries = wait_for(lambda: [e for e in sandbox.webhooks(sid=sid, kind="status")
                                    if e["params"]["MessageStatus"] == "delivered"][tries - 1:], 5, "the journal")
        assert [e["attempt"] for e in entries] == [tries]

    def test_recovers_at_the_second_try(self, sandbox, receiver):
        receiver.answer("/in", twiml("<Message>late</Message>"))
        receiver.answer("/in", "", status=500, times=1)
        sandbox.configure_number(NUMBER, receiver.url + "/in#rc=1&rp=5xx")
        number = new_number()
        sandbox.inbound(number, body="hello")
        sandbox.wait_handset(number, lambda m: any(x["body"] == "late" for x in m))

    def test_connection_failures_are_retried_once(self, sandbox, receiver):
        sandbox.configure_number(NUMBER, "http://127.0.0.1:9/in", SmsFallbackUrl=receiver.url + "/fallback")
        sid = sandbox.inbound(new_number(), body="hello")
        assert receiver.wait("/fallback", MessageSid=sid)[0].params["ErrorCode"] == "11205"
        assert [e["attempt"] for e in sandbox.webhooks(sid=sid, kind="inbound")] == [1, 2]

    def test_silence_times_out(self, sandbox, receiver):
        receiver.answer("/in", twiml("<Message>too late</Message>"), delay=1.5)
        sandbox.configure_number(NUMBER, receiver.url + "/in#rt=200", SmsFallbackUrl=receiver.url + "/fallback")
        number = new_number()
        sid = sandbox.inbound(number, body="hello")
        call = receiver.wait("/fallback", MessageSid=sid)[0]
        assert call.params["ErrorCode"] == "11205"
        assert call.time - receiver.to("/in", MessageSid=sid)[0].time < 1.2

    def test_total_time(self, sandbox, receiver):
        receiver.answer("/status", "", delay=1.5)
        sid = send(sandbox, new_number(), receiver.url + "/status#tt=300&rc=5&rp=all")
        entry = sandbox.wait_webhook(sid, "status")
        assert entry["error_code"] == 11205 and 250 < entry["took_ms"] < 1200

    def test_hang_up(self, sandbox, receiver):
        receiver.answer("/in", status=0)
        sid = sandbox.inbound(new_number(), body="hello")
        assert sandbox.wait_webhook(sid)["error_code"] == 11205


class TestOptOut:
    @pytest.mark.parametrize("word", ["STOP", "stop", " Unsubscribe\n", "OPTOUT"])
    def test_stop_blocks_until_start(self, sandbox, receiver, word):
        number = new_number()
        sid = sandbox.inbound(number, body=word)
        assert "OptOutType" not in receiver.wait("/in", MessageSid=sid)[0].params
        assert "unsubscribed" in sandbox.handset(number)[-1]["body"] and sandbox.handset(number)[-1]["carrier"]
        assert sandbox.messages(To=number) == []            # the confirmation stands in no list
        status, body = sandbox.api("POST", "/Messages.json", {"To": number, "From": NUMBER, "Body": "x"})
        assert (status, body["code"]) == (400, 21610)
        assert sandbox.api("POST", "/Messages.json", {"To": number, "From": SECOND, "Body": "x"})[0] == 201
        sandbox.inbound(number, body="start")
        assert sandbox.api("POST", "/Messages.json", {"To": number, "From": NUMBER, "Body": "x"})[0] == 201

    def test_only_the_single_word(self, sandbox, receiver):
        number = new_number()
        sandbox.inbound(number, body="stop please")
        assert sandbox.api("POST", "/Messages.json", {"To": number, "From": NUMBER, "Body": "x"})[0] == 201

    def test_help_and_yes(self, sandbox, receiver):
        number = new_number()
        sandbox.inbound(number, body="HELP")
        assert sandbox.handset(number)[-1]["body"].startswith("Reply STOP")
        sandbox.inbound(number, body="YES")
        assert sandbox.handset(number)[-1]["direction"] == "inbound"

    def test_covers_the_service(self, sandbox, receiver):
        number = new_number()
        sandbox.inbound(number, to=SECOND, body="STOP")
        status, body = sandbox.api("POST", "/Messages.json", {"To": number, "From": "+14155550003", "Body": "x"})
        assert (status, body["code"]) == (400, 21610)
        status, body = sandbox.api("POST", "/Messages.json", {"To": number, "MessagingServiceSid": SERVICE, "Body": "x"})
        assert (status, body["code"]) == (400, 21610)

    def test_tollfree(self, sandbox, receiver):
        number = new_number()
        sandbox.inbound(number, to=TOLLFREE, body="STOP")
        sid = send(sandbox, number, receiver.url + "/status", TOLLFREE)
        sandbox.wait_status(sid, "failed")
        assert sandbox.message(sid)["error_code"] == 30004
        sandbox.inbound(number, to=TOLLFREE, body="YES")
        sandbox.wait_status(send(sandbox, number, receiver.url + "/status", TOLLFREE), "failed")

    def test_advanced(self, sandbox, receiver):
        number = new_number()
        sid = sandbox.inbound(number, to="+14155550004", body="STOP")
        assert receiver.wait("/in", MessageSid=sid)[0].params["OptOutType"] == "STOP"
        made = send(sandbox, number, receiver.url + "/status", "+14155550004")
        call = receiver.wait("/status", 1, MessageSid=made)[0]
        assert (call.params["MessageStatus"], call.params["ErrorCode"]) == ("failed", "21610")

    def test_whatsapp_is_left_alone(self, sandbox, receiver):
        sandbox.inbound("whatsapp:+573009990000", body="STOP")
        assert sandbox.api("POST", "/Messages.json", {"To": "whatsapp:+573009990000", "From": WHATSAPP, "Body": "x"})[0] == 201


class TestWindow:
    def test_only_within_a_day(self, sandbox, receiver):
        sandbox.faults(whatsapp_window=True)
        stranger, writer = "whatsapp:+573001119999", "whatsapp:+573001119998"
        sandbox.inbound(writer, body="hola")
        sid = send(sandbox, stranger, receiver.url + "/status", WHATSAPP)
        call = receiver.wait("/status", 1, MessageSid=sid)[0]
        assert (call.params["MessageStatus"], call.params["ErrorCode"]) == ("failed", "63016")
        sandbox.wait_status(send(sandbox, writer, receiver.url + "/status", WHATSAPP), "delivered")
        template = send(sandbox, stranger, receiver.url + "/status", WHATSAPP, ContentSid="HX" + "1" * 32)
        sandbox.wait_status(template, "delivered")
