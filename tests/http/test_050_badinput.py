# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Input nobody should send: each gets a clear answer, and afterwards everything still works."""
import base64
import json
import random
import socket

import pytest

import signing
from client import new_number, new_sid
from waiting import wait_for

SEND = "/api/send-message"


@pytest.fixture(autouse=True)
def still_alive(site):
    yield
    assert site.get("/api/health", keyed=False).status_code == 200


def signed_raw(site, path, body, pairs):
    """A form whose bytes are ours: body as written, signed over the pairs it means."""
    signature = signing.sign(site.public_url + path, pairs, site.tokens[0])
    return site.request("POST", path, keyed=False, data=body, headers={
        "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature})


class TestForms:
    def base(self, site):
        return [(k.encode(), v.encode()) for k, v in site.inbound_params(Body=None).items()]

    def body_of(self, site, pairs):
        sid = dict(pairs)[b"MessageSid"].decode()
        return site.db().value("SELECT body FROM messages WHERE sid = %s", sid)

    @pytest.mark.parametrize("value,kept", [
        (b"a\xff\xfeb", "a\ufffd\ufffdb"), (b"\xc0\xaf", None), (b"\xed\xa0\x80", None), (b"\xf5\x80\x80\x80", None),
        (b"nul\x00nul", "nulnul"), (b"\xf0\x9f\x98", None), (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        (b"'; DROP TABLE messages; --", "'; DROP TABLE messages; --"), (b"{}%s%n", "{}%s%n"), (b"\\u0000", "\\u0000"),
        (b"\x1b[31m\x07", None)])
    def test_bytes_of_all_kinds(self, site, value, kept):
        pairs = [*self.base(site), (b"Body", value)]
        assert site.webhook("/twilio/inbound", pairs).status_code == 200
        body = self.body_of(site, pairs)
        assert body is not None
        assert kept is None or body == kept
        assert "\x00" not in body

    @pytest.mark.parametrize("written,means", [
        (b"%", b"%"), (b"%zz", b"%zz"), (b"a%2", b"a%2"), (b"%%41", b"%A"), (b"100%25", b"100%"), (b"a+b%20c", b"a b c")])
    def test_percent_garbage_is_text(self, site, written, means):
        pairs = self.base(site)
        body = signing.encode(pairs) + b"&Body=" + written
        answer = signed_raw(site, "/twilio/inbound", body, [*pairs, (b"Body", means)])
        assert answer.status_code in (200, 400, 403)
        if answer.status_code == 200:
            assert self.body_of(site, pairs) == means.decode()

    @pytest.mark.parametrize("tail", [b"&&&", b"&=", b"&=x", b"&novalue", b"&a=b=c"])
    def test_separators_in_odd_places(self, site, tail):
        pairs = self.base(site)
        means = {b"&&&": [], b"&=": [(b"", b"")], b"&=x": [(b"", b"x")], b"&novalue": [(b"novalue", b"")],
                 b"&a=b=c": [(b"a", b"b=c")]}[tail]
        answer = signed_raw(site, "/twilio/inbound", signing.encode(pairs) + tail, [*pairs, *means])
        assert answer.status_code in (200, 403)

    def test_five_hundred_parameters(self, site):
        pairs = [*self.base(site), *((f"P{i}".encode(), b"x" * 20) for i in range(500))]
        answer = site.webhook("/twilio/inbound", pairs)
        assert answer.status_code in (200, 400, 413)

    def test_duplicate_parameters(self, site):
        first, second = new_number(), new_number()
        pairs = [p for p in self.base(site) if p[0] != b"From"]
        pairs += [(b"From", first.encode()), (b"From", second.encode())]
        assert site.webhook("/twilio/inbound", pairs).status_code in (200, 400)

    def test_a_long_body_is_kept(self, site):
        pairs = [*self.base(site), (b"Body", ("ä" * 20000).encode())]
        assert site.webhook("/twilio/inbound", pairs).status_code == 200
        assert self.body_of(site, pairs) == "ä" * 20000

    # Noise, because what repeats itself is small where PostgreSQL keeps it.
    NOISE = base64.b64encode(random.Random(1).randbytes(40000)).decode()

    @pytest.mark.parametrize("name", ["From", "To", "MessageSid"])
    def test_an_address_without_end_is_none(self, site, name):
        sent = site.inbound_params(**{name: self.NOISE})
        assert "<Response></Response>" in site.webhook("/twilio/inbound", sent).text
        answer = site.webhook("/webhooks/sms/inbound", sent)
        assert answer.status_code == 400 and answer.json() == {"detail": f"Parameter {name} has more than "
                                                               f"{64 if name == 'MessageSid' else 100} bytes."}
        assert site.db().value("SELECT count(*) FROM messages WHERE sid = %s OR from_addr = %s", sent["MessageSid"], sent["From"]) == 0
        wait_for(lambda: site.db().value("SELECT count(*) FROM webhook_journal WHERE verdict = 'invalid' AND reason LIKE %s",
                                         f"Parameter {name} has more%") == 2, what="both in the journal")

    @pytest.mark.parametrize("name", ["ProfileName", "MessagingServiceSid", "MediaUrl0", "ButtonText"])
    def test_other_values_without_end(self, site, name):
        """STOP, because that writes the service into the index of consents."""
        sent = site.inbound_params(**{"NumMedia": "1", "Body": "STOP", name: self.NOISE})
        assert site.webhook("/twilio/inbound", sent).status_code == 200
        wait_for(lambda: site.db().value("SELECT state FROM consents WHERE peer = %s", sent["From"]), what="the word to count")

    def test_a_name_without_end_is_no_parameter_of_twilios(self, site):
        sent = {**site.inbound_params(), "Body" + "x" * 200: "hidden"}
        assert site.webhook("/twilio/inbound", sent).status_code == 403

    @pytest.mark.parametrize("path", ["/twilio/inbound", "/twilio/status", "/api/twilio/webhook/sms", "/twilio_webhook"])
    def test_ten_megabytes(self, site, path):
        before = self.too_large(site, path)
        answer = site.webhook(path, site.inbound_params(Body="x" * 10_000_000))
        assert answer.status_code == 413
        wait_for(lambda: self.too_large(site, path) == before + 1, what="the journal to have it")

    def too_large(self, site, path):
        return site.db().value("SELECT count(*) FROM webhook_journal WHERE verdict = 'refused' AND url = %s AND reason LIKE"
                               " 'The request body is larger%%'", site.public_url + path)

    def test_ten_megabytes_in_chunks(self, site):
        def chunks():
            for _ in range(160):
                yield b"x" * 65536
        answer = site.request("POST", "/twilio/inbound", keyed=False, data=chunks(),
                              headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 413

    def test_a_body_shorter_than_it_says(self, site):
        with socket.create_connection(("127.0.0.1", site.port), 10) as s:
            s.sendall(b"POST /twilio/inbound HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                      b"Content-Type: application/x-www-form-urlencoded\r\n\r\nFrom=")
            s.shutdown(socket.SHUT_WR)
            assert b" 200 " not in s.recv(4096).split(b"\r\n")[0]

    @pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", "", "application/xml"])
    def test_other_content_types_are_not_believed(self, site, content_type):
        sent = site.inbound_params()
        signature = signing.sign(site.public_url + "/twilio/inbound", sent, site.tokens[0])
        answer = site.request("POST", "/twilio/inbound", keyed=False, data=signing.encode(sent), headers={
            "Content-Type": content_type, "X-Twilio-Signature": signature})
        assert answer.status_code in (400, 403, 415)


class TestJson:
    NOT_OBJECTS = [b"", b"null", b"1", b'"x"', b"[]", b"{", b'{"to":}', b"{'to':'x'}", b"\xff\xfe", b"{}{}", b"nonsense"]

    @pytest.mark.parametrize("body", NOT_OBJECTS)
    def test_flask_chat_takes_it_for_nothing(self, site, body):
        answer = site.post(SEND, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert answer.json() == {"error": "Field 'to' is required."}

    @pytest.mark.parametrize("body", NOT_OBJECTS)
    def test_sms_store_refuses_it(self, site, body):
        answer = site.post("/api/twilio/sms/send", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert set(answer.json()) == {"error"}

    @pytest.mark.parametrize("path, status", [("/twilio_webhook", 422), ("/webhooks/sms/inbound", 422), ("/webhook/twilio", 400)])
    @pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"From":"+14155550100","From":"x"}', b"[" * 10000])
    def test_webhooks_say_that_it_is_none(self, site, path, status, body):
        answer = site.json_webhook(path, body)
        why = "'From' occurs twice" if body.count(b"From") == 2 else "JSON object"
        assert answer.status_code == status and why in (answer.json().get("detail") or answer.json()["error"])

    @pytest.mark.parametrize("nested", [b'{"to":' * 10000 + b"1" + b"}" * 10000, b"[" * 10000 + b"]" * 10000,
                                        b'{"to":"+14155550100","body":' + b"[" * 10000 + b"]" * 10000 + b"}"])
    def test_nested_ten_thousand_deep(self, site, nested):
        assert site.post(SEND, data=nested, headers={"Content-Type": "application/json"}).status_code == 400

    @pytest.mark.parametrize("document", [
        {"to": 5}, {"to": []}, {"to": {}}, {"to": True}, {"to": None, "body": "x"},
        {"to": "+14155550100", "body": {}}, {"to": "+14155550100", "body": []},
        {"to": "+14155550100", "media_urls": 5}, {"to": "+14155550100", "media_urls": [1, {}]},
        {"to": "", "body": "x"}, {"to": "   ", "body": "x"}, {"to": "hello", "body": "x"}, {"to": "+", "body": "x"},
        {"to": "+1" + "4" * 200, "body": "x"}, {"to": "\u0000", "body": "x"}])
    def test_wrong_types_and_values(self, site, document):
        answer = site.post(SEND, json=document)
        assert answer.status_code in (400, 500)
        assert answer.json()["error"]

    @pytest.mark.parametrize("written, means", [("cut \\ud83d", "cut \ufffd"), ("\\ude00 \\ud83d\\ude00", "\ufffd 😀")])
    def test_lone_surrogates_are_replaced(self, site, written, means):
        number = new_number()
        body = '{"to":"%s","body":"%s"}' % (number, written)
        assert site.post(SEND, data=body, headers={"Content-Type": "application/json"}).status_code == 200
        assert site.get(f"/api/conversations/{number}").json()["items"][0]["body"] == means

    def test_a_byte_order_mark_is_no_part_of_it(self, site):
        body = b"\xef\xbb\xbf" + json.dumps({"to": new_number(), "body": "x"}).encode()
        for path in (SEND, "/api/twilio/sms/send"):
            assert site.post(path, data=body, headers={"Content-Type": "application/json"}).status_code == 200

    @pytest.mark.parametrize("path,field", [(SEND, "error"), ("/api/twilio/sms/send", "error"), ("/api/signin", "detail")])
    @pytest.mark.parametrize("body,named", [
        ('{"to":"+14155550100","body":"1","body":"2"}', "The key 'body' occurs twice"),
        ('{"to":"+14155550100","body":"x","messaging_service_sid":"a", "messaging_service_sid" :null}',
         "The key 'messaging_service_sid' occurs twice"),
        ('{"body":{"a\\"b":1,"a\\"b":2}}', "The key 'a\\\"b' occurs twice"), ('{"":1,"":2}', "A key occurs twice"),
        ('{"%s":1,"%s":2}' % ("ż" * 50, "ż" * 50), f"The key '{'ż' * 40}' occurs twice")])
    def test_duplicate_keys(self, site, path, field, body, named):
        """Which of the two counts is anybody's guess, so neither does; not even where what is no JSON counts as {}."""
        answer = site.post(path, data=body.encode(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert named in answer.json()[field]

    def test_duplicate_keys_are_a_validation_error_for_ai_messaging(self, site):
        answer = site.post("/auth/login", data=b'{"username":"a","username":"b"}', headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert "The key 'username' occurs twice" in answer.json()["detail"][0]["msg"]

    def test_duplicate_keys_in_a_webhook(self, site):
        body = json.dumps(site.inbound_params()).replace("{", '{"Body": "first", ', 1)
        answer = site.json_webhook("/api/twilio/webhook/sms", body.encode())
        assert answer.status_code == 400
        wait_for(lambda: site.db().one("SELECT 1 FROM webhook_journal WHERE verdict = 'invalid' AND reason LIKE %s",
                                       "The key 'Body' occurs twice%"), what="the journal to tell why")

    def test_ten_megabytes(self, site):
        body = json.dumps({"to": "+14155550100", "body": "x" * 10_000_000})
        assert site.post(SEND, data=body, headers={"Content-Type": "application/json"}).status_code == 413

    @pytest.mark.parametrize("length", [1601, 5000])
    def test_too_long_a_text_is_refused_with_the_count(self, site, length):
        answer = site.post(SEND, json={"to": "+14155550100", "body": "x" * length})
        assert answer.status_code == 400
        assert str(length) in answer.json()["error"]


class TestLimits:
    @pytest.mark.parametrize("limit", ["-1", "0", "1e9", "abc", "", "99999999999999999999", "1;2", "%00", "+5", "0x10"])
    @pytest.mark.parametrize("path", ["/api/messages", "/api/conversations", "/api/conversations/%2B14155550100",
                                      "/api/twilio/sms/stored", "/api/entries", "/api/threads"])
    def test_limits_are_clamped_or_ignored(self, site, path, limit):
        answer = site.get(f"{path}?limit={limit}")
        assert answer.status_code == 200
        assert answer.json()

    @pytest.mark.parametrize("query", ["?direction=sideways", "?limit=5&limit=6", "?&&&=", "?" + "a=b&" * 1000,
                                       "?direction=%ff", "?before=abc", "?before=-1", "?before=99999999999999999999"])
    def test_queries_of_all_kinds(self, site, query):
        for path in ("/api/messages", "/api/entries", "/api/threads"):
            assert site.get(path + query).status_code in (200, 400)

    @pytest.mark.parametrize("spelling", ["+{n}", "{n}", "%2B{n}", "+{a}%20-%20{b}", "%2B{a}-{b}", "({a})%20{b}", "%20+{n}%20",
                                          "+{a}%20{b}", "sms:+{n}", "%2B{n}/"])
    def test_numbers_in_every_spelling(self, site, spelling):
        number = new_number()
        site.inbound(From=number, Body="find me")
        path = spelling.format(n=number[1:], a=number[1:5], b=number[5:])
        answer = site.get("/api/conversations/" + path)
        assert answer.status_code == 200
        if not spelling.startswith("sms:"):
            assert [i["body"] for i in answer.json()["items"] if i["direction"] == "inbound"] == ["find me"]

    @pytest.mark.parametrize("sid", ["nope", "SM" + "0" * 32, "SM%2F..", "%00", "x" * 3000, "SM'%20OR%20'1'='1"])
    def test_sids_that_are_none(self, site, sid):
        assert site.get(f"/api/messages/{sid}").status_code in (400, 404)
        assert site.get(f"/api/twilio/sms/stored/{sid}").status_code in (400, 404)


class TestText:
    def test_markup_comes_back_as_text(self, site):
        number = new_number()
        text = "<script>alert('x')</script><img src=x onerror=alert(1)>&amp;\"'"
        site.inbound(From=number, Body=text)
        answer = site.get(f"/api/conversations/{number}")
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers.get("X-Content-Type-Options") == "nosniff"
        assert answer.json()["items"][0]["body"] == text

    def test_pages_carry_a_policy_without_inline_code(self, site):
        answer = site.get("/", auth=site.auth, headers={"Accept": "text/html"})
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy and "unsafe-eval" not in policy

    def test_errors_tell_nothing_of_the_inside(self, site):
        sid = new_sid()
        for path in (f"/api/messages/{sid}", "/nothing", "/api/twilio/sms/stored/00000000-0000-8000-a000-000000000000"):
            text = site.get(path).text
            for word in ("SELECT", "postgres", "/tmp/", "twchat_", site.tokens[0]):
                assert word not in text
