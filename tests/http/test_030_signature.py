# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Twilio's signature: what is accepted, what is refused and how, and what the journal keeps of it."""
import http.client
import json
import urllib.parse

import pytest

import signing
from client import new_sid
from waiting import wait_for

INBOUND = ["/twilio/inbound", "/webhook/twilio", "/webhooks/sms/inbound", "/twilio_webhook", "/api/twilio/webhook/sms"]
STATUS = ["/twilio/status", "/webhooks/sms/status", "/api/twilio/webhook/status"]


def stored(site, sid):
    return site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sid)


def raw_post(site, path, headers, body):
    """A POST with exactly these headers, repeated ones included."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    connection.putrequest("POST", path)
    for name, value in [("Content-Length", str(len(body))), *headers]:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_the_documented_vectors():
    """The harness signs as Twilio's documentation says."""
    params = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234",
              "From": "+14158675310", "To": "+18005551212"}
    assert signing.sign("https://example.com/myapp.php?foo=1&bar=2", params, "12345") == "L/OH5YylLD5NRKLltdqwSvS0BnU="


class TestAccepted:
    @pytest.mark.parametrize("path", INBOUND)
    def test_every_inbound_path(self, site, path):
        answer, sent = site.inbound(path=path)
        assert answer.status_code == 200
        assert stored(site, sent["MessageSid"]) == 1

    @pytest.mark.parametrize("path", STATUS)
    def test_every_status_path(self, site, path):
        assert site.status(new_sid(), "delivered", path=path).status_code == 200

    @pytest.mark.parametrize("path", INBOUND)
    def test_get_instead_of_post(self, site, path):
        sent = site.inbound_params(Body="by GET & more")
        assert site.webhook(path, sent, method="GET").status_code == 200
        assert stored(site, sent["MessageSid"]) == 1

    @pytest.mark.parametrize("query", ["?a=b", "?a=b%2Fc&d=%7e", "?a=+&b", "?", "?x=%C3%A9", "?a=1&a=2"])
    def test_the_query_counts_byte_by_byte(self, site, query):
        sent = site.inbound_params()
        assert site.webhook("/twilio/inbound" + query, sent).status_code == 200
        assert stored(site, sent["MessageSid"]) == 1

    @pytest.mark.parametrize("body", ["plain", "with space + plus", "ünïcödé ✓ 😀", "", " padded ", "a\r\nb", "100%", "&=;?"])
    def test_bodies_of_all_kinds(self, site, body):
        sent = site.inbound_params(Body=body)
        assert site.webhook("/twilio/inbound", sent).status_code == 200
        assert site.db().value("SELECT body FROM messages WHERE sid = %s", sent["MessageSid"]) == body

    def test_repeated_parameters_count_once_per_value(self, site):
        sent = list(site.inbound_params().items()) + [("Extra", "b"), ("Extra", "a"), ("Extra", "b")]
        assert site.webhook("/twilio/inbound", sent).status_code == 200

    def test_parameters_nobody_knows_are_signed_too(self, site):
        sent = site.inbound_params(SomethingNew="1", **{"body": "lower case", "Body0": "x", "BodyA": "y"})
        assert site.webhook("/twilio/inbound", sent).status_code == 200

    def test_the_port_may_be_missing_in_what_was_signed(self, site):
        without = "http://127.0.0.1/twilio/inbound"
        assert site.webhook("/twilio/inbound", site.inbound_params(), signed_url=without).status_code == 200

    def test_json_with_body_hash(self, site):
        sent = site.inbound_params()
        assert site.json_webhook("/twilio_webhook", sent).status_code == 200
        assert stored(site, sent["MessageSid"]) == 1


class TestRefused:
    """The answer is the interface's own, nothing is stored, and the journal says why."""

    FORGERIES = [
        ("missing", {"sign": False}),
        ("empty", {"sign": False, "headers": {"X-Twilio-Signature": ""}}),
        ("wrong", {"sign": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}),
        ("other token", {"token": "0" * 32}),
        ("other path", {"signed_url": "http://127.0.0.1/elsewhere"}),
        ("nonsense", {"sign": "not base64 at all"}),
        ("endless", {"sign": "A" * 4000}),
    ]

    @pytest.mark.parametrize("path", INBOUND + STATUS)
    @pytest.mark.parametrize("how", [how for _, how in FORGERIES], ids=[name for name, _ in FORGERIES])
    def test_a_forgery_is_refused(self, site, path, how):
        sent = site.inbound_params(MessageStatus="delivered")
        answer = site.webhook(path, sent, **how)
        assert answer.status_code == 403
        assert stored(site, sent["MessageSid"]) == 0

    def test_each_interface_says_it_in_its_own_way(self, site):
        refused = lambda path: site.webhook(path, site.inbound_params(), sign=False)
        assert refused("/twilio/inbound").text == "Forbidden"
        assert refused("/twilio/inbound").headers["Content-Type"].startswith("text/plain")
        assert refused("/twilio/status").json() == {"status": "forbidden", "message": "Invalid signature"}
        assert refused("/webhooks/sms/inbound").json() == {"detail": "Invalid Twilio signature"}
        assert refused("/webhooks/sms/status").json() == {"detail": "Invalid Twilio signature"}
        assert set(refused("/twilio_webhook").json()) == {"detail"}
        assert refused("/api/twilio/webhook/sms").text == "Forbidden"

    def test_a_truncated_signature(self, site):
        sent = site.inbound_params()
        right = signing.sign(site.public_url + "/twilio/inbound", sent, site.tokens[0])
        for wrong in (right[:-1], right[:10], right + "=", right.swapcase(), "=" * 28, right[::-1]):
            assert site.webhook("/twilio/inbound", sent, sign=wrong).status_code == 403, wrong
        assert stored(site, sent["MessageSid"]) == 0
        assert site.webhook("/twilio/inbound", sent, sign=right).status_code == 200

    def test_a_repeated_header(self, site):
        sent = site.inbound_params()
        right = signing.sign(site.public_url + "/twilio/inbound", sent, site.tokens[0])
        form = ("Content-Type", "application/x-www-form-urlencoded")
        body = signing.encode(sent)
        twice = [form, ("X-Twilio-Signature", right), ("X-Twilio-Signature", right)]
        assert raw_post(site, "/twilio/inbound", twice, body) == 403
        assert raw_post(site, "/twilio/inbound", [form, ("X-Twilio-Signature", right)], body) == 200

    def test_a_changed_parameter(self, site):
        sent = site.inbound_params(Body="pay 10")
        right = signing.sign(site.public_url + "/twilio/inbound", sent, site.tokens[0])
        assert site.webhook("/twilio/inbound", {**sent, "Body": "pay 1000"}, sign=right).status_code == 403
        assert site.webhook("/twilio/inbound", {**sent, "More": "x"}, sign=right).status_code == 403
        assert site.webhook("/twilio/inbound?x=1", sent, sign=right).status_code == 403

    def test_parameters_in_the_query_do_not_stand_in_for_signed_ones(self, site):
        sid = new_sid()
        query = "?" + urllib.parse.urlencode({"MessageSid": sid, "From": "+14155550123", "Body": "smuggled"})
        sent = site.inbound_params(MessageSid=None, SmsSid=None, SmsMessageSid=None)
        site.webhook("/twilio/inbound" + query, sent)
        assert stored(site, sid) == 0

    @pytest.mark.parametrize("change", [
        lambda b: b + b" ", lambda b: b.replace(b"Hello", b"Hullo"), lambda b: b"{}", lambda b: b""])
    def test_json_whose_hash_is_not_the_bodys(self, site, change):
        body = json.dumps(site.inbound_params()).encode()
        path = "/twilio_webhook?bodySHA256=" + signing.body_sha256(body)
        signature = signing.sign(site.public_url + path, None, site.tokens[0])
        answer = site.request("POST", path, keyed=False, data=change(body), headers={
            "Content-Type": "application/json", "X-Twilio-Signature": signature})
        assert answer.status_code == 403

    def test_json_without_a_hash(self, site):
        signature = signing.sign(site.public_url + "/twilio_webhook", None, site.tokens[0])
        answer = site.request("POST", "/twilio_webhook", keyed=False, data=b'{"From":"+14155550123"}', headers={
            "Content-Type": "application/json", "X-Twilio-Signature": signature})
        assert answer.status_code == 403

    def test_the_journal_has_it_with_the_reason(self, site):
        sent = site.inbound_params(Body="journal me")
        site.webhook("/twilio/inbound", sent, sign="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        row = wait_for(lambda: site.db().one(
            "SELECT * FROM webhook_journal WHERE verdict = 'refused' AND raw LIKE %s ORDER BY id DESC LIMIT 1",
            f"%{sent['MessageSid']}%"), what="the journal to have the refused call")
        assert row["interface"] == "flask-chat"
        assert row["method"] == "POST"
        assert row["url"].endswith("/twilio/inbound")
        assert row["reason"]


class TestRotation:
    def test_two_tokens_are_accepted_and_a_third_is_not(self, make_site):
        site = make_site(tokens=["1" * 32, "2" * 32])
        for token, status in (("1" * 32, 200), ("2" * 32, 200), ("3" * 32, 403)):
            assert site.webhook("/twilio/inbound", site.inbound_params(), token=token).status_code == status


class TestReportOnly:
    @pytest.mark.expect_log("TWC1041")
    def test_what_would_be_refused_is_accepted_and_logged(self, make_site):
        site = make_site(directives="TwchatSignature report")
        begin = site.log.end()
        sent = site.inbound_params()
        assert site.webhook("/twilio/inbound", sent, sign=False).status_code == 200
        assert stored(site, sent["MessageSid"]) == 1
        assert any("signature" in line.lower() for line in site.log.text(begin).splitlines() if "TWC" in line)

    @pytest.mark.expect_log("TWC1041")
    def test_per_mount(self, make_site):
        site = make_site(mounts=[("/strict", ("flask-chat",)),
                                 ("/loose", ("flask-chat",), "TwchatSignature report")])
        assert site.webhook("/strict/twilio/inbound", site.inbound_params(), sign=False).status_code == 403
        assert site.webhook("/loose/twilio/inbound", site.inbound_params(), sign=False).status_code == 200


class TestPublicUrl:
    """Behind proxies the signed address is not the one httpd sees."""

    FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.com"}

    def test_the_configured_address_is_what_counts(self, make_site):
        site = make_site(public_url="https://chat.example.com")
        assert site.inbound()[0].status_code == 200
        assert site.webhook("/twilio/inbound", site.inbound_params(),
                            signed_url=site.url + "/twilio/inbound").status_code == 403

    def test_with_and_without_the_port_of_the_scheme(self, make_site):
        site = make_site(public_url="https://chat.example.com")
        for base, status in (("https://chat.example.com:443", 200), ("https://chat.example.com", 200),
                             ("https://chat.example.com:8443", 403), ("http://chat.example.com", 403),
                             ("https://other.example.com", 403)):
            answer = site.webhook("/twilio/inbound", site.inbound_params(), signed_url=base + "/twilio/inbound")
            assert answer.status_code == status, base

    def test_a_configured_prefix(self, make_site):
        site = make_site(public_url="https://example.com/chat")
        assert site.inbound()[0].status_code == 200

    def test_without_one_the_request_says(self, make_site):
        site = make_site(configured_public_url=False)
        assert site.inbound()[0].status_code == 200
        host = {"Host": f"localhost:{site.port}"}
        assert site.webhook("/twilio/inbound", site.inbound_params(), headers=host,
                            signed_url=f"http://localhost:{site.port}/twilio/inbound").status_code == 200

    def test_forwarded_headers_are_believed_from_trusted_proxies_only(self, make_site):
        signed = "https://chat.example.com/twilio/inbound"
        trusting = make_site(configured_public_url=False, directives="TwchatTrustedProxies 127.0.0.0/8")
        assert trusting.webhook("/twilio/inbound", trusting.inbound_params(), headers=self.FORWARDED,
                                signed_url=signed).status_code == 200
        wary = make_site(configured_public_url=False, directives="TwchatTrustedProxies 10.0.0.0/8")
        assert wary.webhook("/twilio/inbound", wary.inbound_params(), headers=self.FORWARDED,
                            signed_url=signed).status_code == 403
        assert wary.webhook("/twilio/inbound", wary.inbound_params(), headers=self.FORWARDED).status_code == 200
