# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""flask-chat: every route, field, clamp and error of its contract."""
import re
import threading
import time

import pytest

from client import new_number, new_sid
from waiting import wait_for

ITEM = {"id", "sid", "direction", "to_number", "from_number", "body", "status", "error", "created_at", "updated_at"}
REMOTE = {"sid", "status", "direction", "from", "to", "body", "num_media", "num_segments", "error_code",
          "error_message", "messaging_service_sid", "price", "price_unit", "date_created", "date_updated", "date_sent"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
SID = re.compile(r"(SM|MM)[0-9a-f]{32}$")


def send(site, **fields):
    headers = {"Idempotency-Key": fields.pop("key")} if "key" in fields else {}
    return site.post("/api/send-message", json=fields, headers=headers)


def count(site, peer):
    return site.db().value("SELECT count(*) FROM messages WHERE to_addr = %s", peer)


class TestSend:
    def test_sid_and_status(self, site):
        to = new_number()
        answer = send(site, to=to, body="Zażółć gęślą jaźń 😀")
        assert answer.status_code == 200
        assert set(answer.json()) == {"sid", "status"}
        assert SID.match(answer.json()["sid"])
        assert answer.json()["status"] in ("queued", "accepted", "sending", "sent", "delivered")
        there = site.sandbox.message(answer.json()["sid"])
        assert (there["to"], there["body"]) == (to, "Zażółć gęślą jaźń 😀")

    def test_the_status_walks_to_delivered(self, site):
        sid = send(site, to=new_number(), body="walk").json()["sid"]
        wait_for(lambda: site.db().value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered", 10,
                 "the message to be delivered")

    @pytest.mark.parametrize("spelling", ["{n}", "1415{t}", "+1 (415) {t}", "+1-415-{t}", "+1.415.{t}", " {n} "])
    def test_numbers_in_every_spelling(self, site, spelling):
        number = new_number()
        answer = send(site, to=spelling.format(n=number, t=number[5:]), body="x")
        assert answer.status_code == 200, answer.text
        assert site.sandbox.message(answer.json()["sid"])["to"] == number

    @pytest.mark.parametrize("fields", [{}, {"to": ""}, {"to": None}, {"to": "  "}, {"body": "x"}])
    def test_to_is_required(self, site, fields):
        answer = send(site, **fields)
        assert answer.status_code == 400
        assert answer.json() == {"error": "Field 'to' is required."}

    @pytest.mark.parametrize("fields", [{}, {"body": ""}, {"body": None}, {"media_urls": []}, {"media_urls": ""},
                                        {"content_variables": {"1": "x"}}])
    def test_something_to_send_is_required(self, site, fields):
        answer = send(site, to=new_number(), **fields)
        assert answer.status_code == 400
        assert answer.json() == {"error": "Provide at least one of: 'body', 'content_sid', or 'media_urls'."}

    @pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain", None])
    def test_any_content_type(self, site, content_type):
        answer = site.post("/api/send-message", data=b'{"to":"+14155550111","body":"typed"}',
                           headers={"Content-Type": content_type} if content_type else {})
        assert answer.status_code == 200

    def test_numbers_that_came_as_numbers(self, site):
        to = new_number()
        assert send(site, to=int(to[1:]), body=4200000000).status_code == 200
        assert site.db().rows("SELECT to_addr, body FROM messages WHERE to_addr = %s", to) == [{"to_addr": to, "body": "4200000000"}]

    @pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"[1,2]", b'"text"', b"null", b'{"to":', b"\xff\xfe"])
    def test_what_is_no_object_counts_as_empty(self, site, body):
        answer = site.post("/api/send-message", data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert answer.json() == {"error": "Field 'to' is required."}

    def test_media_as_string_and_as_array(self, site):
        for urls, number in (("https://example.com/a.png", 1), (["https://example.com/a.png", "https://example.com/b.png"], 2)):
            answer = send(site, to=new_number(), body="pictures", media_urls=urls)
            assert answer.status_code == 200, answer.text
            assert site.sandbox.message(answer.json()["sid"])["num_media"] == str(number)

    @pytest.mark.parametrize("variables", ["", " ", {}, None])
    def test_no_variables_need_no_template(self, site, variables):
        assert send(site, to=new_number(), body="x", content_variables=variables).status_code == 200

    def test_media_alone(self, site):
        assert send(site, to=new_number(), media_urls="https://example.com/a.png").status_code == 200

    @pytest.mark.parametrize("urls", [["https://example.com/%d" % i for i in range(11)], [1], {"a": 1}, "ftp://x/y", "nonsense"])
    def test_media_that_are_none(self, site, urls):
        answer = send(site, to=new_number(), body="x", media_urls=urls)
        assert answer.status_code == 400 and answer.json()["error"]

    @pytest.mark.parametrize("variables", [{"1": "Ada"}, '{"1":"Ada"}'])
    def test_templates(self, site, variables):
        answer = send(site, to=new_number(), content_sid="HX" + "0" * 32, content_variables=variables)
        assert answer.status_code == 200, answer.text

    @pytest.mark.parametrize("variables", [[1], True])
    def test_variables_that_are_none(self, site, variables):
        answer = send(site, to=new_number(), content_sid="HX" + "0" * 32, content_variables=variables)
        assert (answer.status_code, answer.json()) == (
            400, {"error": "Field 'content_variables' must be an object, or a string that holds one."})

    @pytest.mark.parametrize("body,units", [("x" * 1601, 1601), ("😀" * 801, 1602)])
    def test_too_long_is_refused_with_the_count(self, site, body, units):
        to = new_number()
        answer = send(site, to=to, body=body)
        assert answer.status_code == 400
        assert str(units) in answer.json()["error"].replace(",", "")
        assert count(site, to) == 0
        assert send(site, to=to, body=body[:-1]).status_code == 200

    def test_twilio_refuses(self, site):
        answer = send(site, to="+15005550001", body="magic")
        assert answer.status_code == 500
        assert answer.json()["error"] and answer.json()["code"] == 21211
        row = site.db().one("SELECT status, error_code, sid FROM messages WHERE to_addr = '+15005550001' ORDER BY id DESC")
        assert (row["status"], row["error_code"], row["sid"]) == ("failed", 21211, None)
        item = site.get("/api/messages?limit=1").json()["items"][0]
        assert item["status"] == "failed" and item["error"]

    def test_an_opted_out_peer(self, site):
        peer = new_number()
        site.inbound(From=peer, Body="STOP")
        wait_for(lambda: site.db().value("SELECT state FROM consents WHERE peer = %s", peer) == "opted_out",
                 what="the opt-out")
        answer = send(site, to=peer, body="psst")
        assert answer.status_code == 500
        assert answer.json()["code"] == 21610 and answer.json()["error"]
        assert not [c for c in site.sandbox.creates() if c["params"].get("To") == peer]
        item = site.get("/api/messages?limit=1").json()["items"][0]
        assert (item["to_number"], item["body"], item["status"], item["sid"]) == (peer, "psst", "failed", None)
        assert item["error"] == answer.json()["error"]
        assert site.db().value("SELECT count(*) FROM outbox WHERE message_id = %s", item["id"]) == 0
        site.inbound(From=peer, Body="START")
        wait_for(lambda: send(site, to=peer, body="welcome back").status_code == 200, what="the peer to be open again")

    def test_a_refused_send_is_one_failed_message_per_key(self, site):
        peer, key = new_number(), new_sid("k")
        site.inbound(From=peer, Body="STOP")
        wait_for(lambda: site.db().value("SELECT state FROM consents WHERE peer = %s", peer), what="the opt-out")
        first, again = (send(site, key=key, to=peer, body="psst", send_at="2030-01-01T09:00:00Z") for _ in "ab")
        assert first.status_code == again.status_code == 500 and first.json() == again.json()
        assert again.headers["Idempotent-Replayed"] == "true"
        assert count(site, peer) == 1

    def test_at_a_later_time(self, site):
        answer = send(site, to=new_number(), body="later", send_at="2030-01-01T09:00:00Z")
        assert answer.status_code == 200
        assert answer.json()["status"] == "scheduled" and answer.json()["sid"] is None
        assert isinstance(answer.json()["id"], int)
        assert send(site, to=new_number(), body="x", send_at="tomorrow").status_code == 400


class TestSlowTwilio:
    """The answer waits for Twilio within a bound; then it says queued, and the queue goes on."""

    @pytest.fixture(scope="class")
    def slow(self, make_site, make_sandbox):
        sandbox = make_sandbox()
        site = make_site(sandbox=sandbox, directives="TwchatSendWait 1s")
        return site

    def test_queued_and_our_id(self, slow):
        slow.sandbox.faults(latency_ms=3000, no_callbacks=True)    # a callback would bring the SID
        try:
            answer = send(slow, to=new_number(), body="slow")
            assert answer.status_code == 200
            assert answer.json()["sid"] is None and answer.json()["status"] in ("queued", "sending")
            wait_for(lambda: slow.db().value("SELECT sid FROM messages WHERE id = %s", answer.json()["id"]), 15,
                     "the queue to go on")
        finally:
            slow.sandbox.clear_faults()


@pytest.mark.expect_log("[dbd:error]", "TWC")
class TestDatabaseLost:
    """What was queued is not answered with "try again", which would make a second message."""

    @pytest.mark.parametrize("path, wanted", [("/api/send-message", {"sid", "status", "id"}),
                                              ("/api/twilio/sms/send", {"sid", "status", "to", "from", "id"})])
    def test_while_the_answer_is_awaited(self, make_site, make_sandbox, make_postgres, path, wanted):
        server, answers, to, key = make_postgres(), [], new_number(), new_sid("key-")
        site = make_site(server, sandbox=make_sandbox(), directives="TwchatSendWait 4s")
        site.sandbox.faults(latency_ms=3000, no_callbacks=True)

        def post():
            answers.append(site.post(path, json={"to": to, "body": "x"}, headers={"Idempotency-Key": key}))
        asked = threading.Thread(target=post)
        asked.start()
        wait_for(lambda: site.db().value("SELECT count(*) FROM outbox WHERE state = 'sending'"), what="the request to be under way")
        server.stop("immediate")
        asked.join()
        assert answers[0].status_code == 200, answers[0].text
        assert set(answers[0].json()) == wanted
        assert answers[0].json()["sid"] is None and answers[0].json()["status"] == "queued"
        server.start()
        wait_for(lambda: site.db().value("SELECT sid FROM messages WHERE to_addr = %s", to), 60, "the SID")
        post()
        assert answers[1].status_code == 200 and answers[1].json()["sid"]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert count(site, to) == 1


    def test_what_twilio_told_cannot_be_kept(self, make_site, make_sandbox, make_postgres):
        server = make_postgres()
        site = make_site(server, sandbox=make_sandbox())
        sid = send(site, to=new_number(), body="x").json()["sid"]
        wait_for(lambda: site.sandbox.message(sid)["status"] == "delivered", what="delivery")
        server.stop()
        calls = [("GET", "/api/messages/remote"), ("GET", f"/api/messages/{sid}"), ("GET", "/api/twilio/messages"),
                 ("GET", f"/api/twilio/messages/{sid}"), ("POST", f"/api/messages/{sid}/redact"), ("DELETE", f"/api/messages/{sid}")]
        for method, path in calls:
            answer = site.request(method, path, auth=site.auth)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.headers["Retry-After"] and set(answer.json()) == {"error"}
        assert site.delete(f"/api/messages/{sid}", auth=site.auth).status_code == 503       # now Twilio has it no more
        server.start()
        answers = []
        wait_for(lambda: answers.append(site.delete(f"/api/messages/{sid}")) or answers[-1].status_code != 503, 20, "the database")
        assert answers[-1].json() == {"sid": sid, "deleted": True}


class TestIdempotency:
    def test_the_same_key_never_makes_a_second_message(self, site):
        to, key = new_number(), new_sid("key-")
        first = send(site, to=to, body="once", key=key)
        again = send(site, to=to, body="once", key=key)
        assert first.status_code == again.status_code == 200
        assert first.json() == again.json()
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert count(site, to) == 1

    def test_another_body_is_refused(self, site):
        to, key = new_number(), new_sid("key-")
        assert send(site, to=to, body="once", key=key).status_code == 200
        assert send(site, to=to, body="twice", key=key).status_code == 422
        assert count(site, to) == 1

    def test_a_failure_is_repeated_too(self, site):
        key = new_sid("key-")
        first = send(site, to="+15005550009", body="fails", key=key)
        again = send(site, to="+15005550009", body="fails", key=key)
        assert first.status_code == again.status_code == 500
        assert first.json() == again.json()
        assert count(site, "+15005550009") == 1

    def test_a_refusal_keeps_nothing(self, site):
        to, key = new_number(), new_sid("key-")
        assert send(site, to=to, key=key).status_code == 400
        assert send(site, to=to, body="now complete", key=key).status_code == 200

    def test_while_the_first_runs(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox())
        to, key, codes = new_number(), new_sid("key-"), []
        site.sandbox.faults(latency_ms=4000)
        first = threading.Thread(target=lambda: codes.append(send(site, to=to, body="x", key=key).status_code))
        first.start()
        wait_for(lambda: count(site, to) == 1, what="the first to be queued")
        assert send(site, to=to, body="x", key=key).status_code == 409
        first.join()
        site.sandbox.clear_faults()
        assert codes == [200] and count(site, to) == 1

    def test_many_at_once_send_one(self, site):
        to, key, codes = new_number(), new_sid("key-"), []
        threads = [threading.Thread(target=lambda: codes.append(send(site, to=to, body="x", key=key).status_code))
                   for _ in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert set(codes) <= {200, 409} and 200 in codes
        assert count(site, to) == 1

    def test_keys_of_other_paths_are_others(self, site):
        to, key = new_number(), new_sid("key-")
        send(site, to=to, body="x", key=key)
        assert site.post("/api/twilio/sms/send", json={"to": to, "body": "x"},
                         headers={"Idempotency-Key": key}).status_code == 200
        assert count(site, to) == 2

    @pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
    def test_keys_that_are_none(self, site, key):
        answer = site.post("/api/send-message", json={"to": new_number(), "body": "x"},
                           headers={"Idempotency-Key": key.encode("latin-1")})
        assert answer.status_code == 400


class TestLists:
    @pytest.fixture(scope="class")
    def peer(self, site):
        """A peer with three messages in and one out."""
        number = new_number()
        site.db().run("UPDATE auto_reply_config SET enabled = 0")
        for text in ("first", "second", "third"):
            site.inbound(From=number, Body=text)
        wait_for(lambda: site.db().value(
            "SELECT count(*) FROM messages WHERE to_addr = %s AND status = 'delivered'", number) == 3, 15, "the echoes")
        return number

    def test_messages(self, site, peer):
        answer = site.get("/api/messages").json()
        assert set(answer) == {"items", "count"} and answer["count"] == len(answer["items"]) <= 50
        for item in answer["items"]:
            assert set(item) == ITEM
            assert isinstance(item["id"], int) and item["direction"] in ("inbound", "outbound")
            assert TIME.match(item["created_at"]) and TIME.match(item["updated_at"])
        times = [i["created_at"] for i in answer["items"]]
        assert times == sorted(times, reverse=True)

    @pytest.mark.parametrize("limit,most", [("1", 1), ("0", 1), ("-5", 1), ("abc", 50), ("", 50), ("1e9", 50),
                                            ("999999", 500), ("99999999999999999999", 500)])
    def test_limits(self, site, peer, limit, most):
        got = site.get(f"/api/messages?limit={limit}").json()
        assert got["count"] == len(got["items"]) <= most

    def test_direction(self, site, peer):
        for direction in ("inbound", "outbound"):
            got = site.get(f"/api/messages?direction={direction}").json()["items"]
            assert got and {i["direction"] for i in got} == {direction}
        both = site.get("/api/messages?direction=sideways&limit=500").json()["items"]
        assert {i["direction"] for i in both} == {"inbound", "outbound"}

    def test_conversations(self, site, peer):
        got = site.get("/api/conversations").json()
        assert set(got) == {"items", "count"} and got["count"] == len(got["items"])
        entry = next(i for i in got["items"] if i["participant"] == peer)
        assert set(entry) == {"participant", "last_body", "last_direction", "last_status", "last_error",
                              "last_created_at", "last_updated_at", "total_messages"}
        assert entry["total_messages"] == 6 and TIME.match(entry["last_created_at"])
        names = [i["participant"] for i in got["items"]]
        assert len(names) == len(set(names))

    def test_a_conversation_oldest_first(self, site, peer):
        got = site.get(f"/api/conversations/{peer}").json()
        assert set(got) == {"participant", "items", "count"}
        assert got["participant"] == peer and got["count"] == 6
        assert [i["body"] for i in got["items"] if i["direction"] == "inbound"] == ["first", "second", "third"]
        newest = site.get(f"/api/conversations/{peer}?limit=1").json()["items"]
        assert newest == got["items"][-1:]

    @pytest.mark.parametrize("spelling", ["{}", "%2B{d}", "{d}", "+1%20415%20{t}", "(1415){t}", "+1-415-{t}"])
    def test_spellings_of_the_participant(self, site, peer, spelling):
        path = spelling.format(peer, d=peer[1:], t=peer[5:])
        assert site.get(f"/api/conversations/{path}").json()["count"] == 6

    def test_a_peer_nobody_knows(self, site):
        number = new_number()
        assert site.get(f"/api/conversations/{number}").json() == {"participant": number, "items": [], "count": 0}
        assert site.get("/api/conversations/nobody").json() == {"participant": "nobody", "items": [], "count": 0}

    def test_a_blank_participant(self, site):
        answer = site.get("/api/conversations/%20")
        assert answer.status_code == 400
        assert answer.json() == {"error": "Participant is required."}

    def test_stats(self, site, peer):
        got = site.get("/api/messages/stats").json()
        assert set(got) == {"total", "inbound", "outbound", "latest"}
        assert got["total"] == got["inbound"] + got["outbound"] > 0
        assert set(got["latest"]) == ITEM

    def test_an_empty_site(self, make_site):
        site = make_site()
        assert site.get("/api/messages").json() == {"items": [], "count": 0}
        assert site.get("/api/conversations").json() == {"items": [], "count": 0}
        assert site.get("/api/messages/stats").json() == {"total": 0, "inbound": 0, "outbound": 0, "latest": None}


class TestRemote:
    @pytest.fixture(scope="class")
    def sent(self, site):
        to = new_number()
        return to, [send(site, to=to, body=f"remote {i}").json()["sid"] for i in range(3)]

    def test_list(self, site, sent):
        to, sids = sent
        got = site.get("/api/messages/remote", params={"to": to}).json()
        assert set(got) == {"items", "count"} and got["count"] == 3
        assert {i["sid"] for i in got["items"]} == set(sids)
        for item in got["items"]:
            assert set(item) == REMOTE
            assert isinstance(item["num_media"], str) and isinstance(item["num_segments"], str)
            assert item["direction"] == "outbound-api"
            assert TIME.match(item["date_created"])

    def test_filters_and_limits(self, site, sent):
        to, _ = sent
        remote = lambda **f: site.get("/api/messages/remote", params={"to": to, **f}).json()["count"]
        assert remote(limit=2) == 2
        assert remote(limit=0) == 1 and remote(limit=-3) == 1 and remote(limit="many") == 3
        assert remote(date_sent_after="2099-01-01") == 0
        assert remote(date_sent_before="2001-01-01") == 0
        assert remote(date_sent_after="2001-01-01T00:00:00Z") == 3
        assert remote(date_sent="nonsense") == 3
        assert site.get("/api/messages/remote", params={"from": new_number()}).json()["count"] == 0

    def test_an_address_nobody_can_have(self, site, sent):
        assert site.get("/api/messages/remote?to=%28%29").json() == {"items": [], "count": 0}

    def test_what_was_seen_is_stored(self, site):
        status, made = site.sandbox.api("POST", "/Messages.json", {"To": new_number(), "From": site.number,
                                                                   "Body": "behind our back"})
        assert status == 201
        sid = made["sid"]
        assert site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sid) == 0
        assert sid in {i["sid"] for i in site.get("/api/messages/remote?limit=100").json()["items"]}
        assert site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sid) == 1

    def test_fetch(self, site, sent):
        got = site.get(f"/api/messages/{sent[1][0]}").json()
        assert set(got) == {"item"} and set(got["item"]) == REMOTE
        assert got["item"]["body"] == "remote 0" and got["item"]["error_code"] is None

    @pytest.mark.parametrize("sid", ["SM" + "0" * 32, "nonsense", "SM..", "SM%2F..%2F", "%3Cscript%3E"])
    def test_fetch_what_is_not_there(self, site, sid):
        answer = site.get(f"/api/messages/{sid}")
        assert answer.status_code == 404
        if "%2F" not in sid:        # that one httpd itself refuses: AllowEncodedSlashes
            assert set(answer.json()) == {"error"}

    def test_redact(self, site):
        sid = send(site, to=new_number(), body="secret").json()["sid"]
        wait_for(lambda: site.sandbox.message(sid)["status"] == "delivered", what="delivery")
        answer = site.post(f"/api/messages/{sid}/redact")
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"sid", "body", "status"}
        assert (answer.json()["sid"], answer.json()["body"]) == (sid, "")
        assert site.sandbox.message(sid)["body"] == ""
        assert site.db().value("SELECT body FROM messages WHERE sid = %s", sid) == ""

    def test_redact_what_twilio_no_longer_has(self, site):
        """Who wants a text away gets it away here as well; DELETE does the same."""
        sid = send(site, to=new_number(), body="secret").json()["sid"]
        wait_for(lambda: site.db().value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered", what="delivery")
        assert site.sandbox.api("DELETE", f"/Messages/{sid}.json")[0] == 204
        answer = site.post(f"/api/messages/{sid}/redact")
        assert (answer.status_code, answer.json()) == (200, {"sid": sid, "body": "", "status": "delivered"})
        assert site.db().value("SELECT body FROM messages WHERE sid = %s", sid) == ""

    def test_delete(self, site):
        sid = send(site, to=new_number(), body="away").json()["sid"]
        wait_for(lambda: site.sandbox.message(sid)["status"] == "delivered", what="delivery")
        answer = site.delete(f"/api/messages/{sid}")
        assert (answer.status_code, answer.json()) == (200, {"sid": sid, "deleted": True})
        assert site.db().value("SELECT count(*) FROM messages WHERE sid = %s", sid) == 0
        assert site.get(f"/api/messages/{sid}").status_code == 404
        assert site.delete(f"/api/messages/{sid}").status_code == 400

    def test_unknown_sids(self, site):
        for answer in (site.post(f"/api/messages/SM{'0' * 32}/redact"), site.delete(f"/api/messages/SM{'0' * 32}"),
                       site.delete("/api/messages/nonsense")):
            assert answer.status_code == 400
            assert set(answer.json()) >= {"error"}

    def test_twilio_away(self, make_site):
        site = make_site()          # nothing listens where its Twilio should be
        assert site.get("/api/messages/remote").status_code == 500
        assert set(site.get("/api/messages/remote").json()) == {"error"}
        assert site.get(f"/api/messages/SM{'0' * 32}").status_code == 404
        assert site.get("/api/messages").status_code == 200


class TestAutoReply:
    @pytest.fixture(autouse=True)
    def off_again(self, site):
        yield
        site.db().run("UPDATE auto_reply_config SET enabled = 0, message = '' WHERE id = 1")

    def config(self, site, **fields):
        return site.post("/api/auto-reply/config", json=fields)

    def test_set_and_get(self, site):
        for enabled, message in ((True, "We are away. 🏖"), (False, "We are away. 🏖"), (False, "")):
            answer = self.config(site, enabled=enabled, message=message)
            assert answer.status_code == 200
            assert answer.json() == {"enabled": enabled, "message": message}
            assert site.get("/api/auto-reply/config").json() == {"enabled": enabled, "message": message}

    def test_refusals(self, site):
        for fields in ({"enabled": True, "message": ""}, {"enabled": True, "message": "  "},
                       {"enabled": True, "message": "x" * 641}, {"enabled": False, "message": "é" * 641},
                       {"enabled": "yes", "message": "x"}, {"enabled": True, "message": ["x"]}):
            answer = self.config(site, **fields)
            assert answer.status_code == 400 and set(answer.json()) == {"error"}, fields
        assert self.config(site, enabled=True, message="é" * 640).status_code == 200

    def test_the_documented_sql_takes_effect_at_once(self, site):
        site.db().run("UPDATE auto_reply_config SET enabled = 1, message = 'Dziękujemy za wiadomość.' WHERE id = 1")
        assert site.get("/api/auto-reply/config").json() == {"enabled": True, "message": "Dziękujemy za wiadomość."}
        peer = new_number()
        site.inbound(From=peer, Body="hello")
        reply = wait_for(lambda: site.db().one("SELECT * FROM messages WHERE to_addr = %s AND sid IS NOT NULL", peer), 10,
                         "the automatic reply")
        assert reply["body"] == "Dziękujemy za wiadomość." and reply["from_addr"] == site.number

    def test_the_bot_answers_while_it_is_off(self, site):
        peer = new_number()
        site.inbound(From=peer, Body="hello")
        reply = wait_for(lambda: site.db().one("SELECT * FROM messages WHERE to_addr = %s AND sid IS NOT NULL", peer), 10,
                         "the echo")
        assert reply["body"] == "Echo: hello"

    def test_one_reply_per_sid(self, site):
        peer, sid = new_number(), new_sid()
        for _ in range(3):
            site.inbound(From=peer, Body="hello", sid=sid)
        wait_for(lambda: count(site, peer) == 1, what="the reply")
        time.sleep(0.5)             # what must not come cannot be waited for
        assert count(site, peer) == 1


class TestRest:
    def test_health(self, site):
        got = site.get("/api/health", keyed=False).json()
        assert got["status"] == "ok" and got["message"] and got["env"]

    def test_pages(self, site):
        for path in ("/", f"/chat/{new_number()}", "/chat/%2B14155550123", "/chat/whatsapp:+573001234567"):
            answer = site.get(path, headers={"Accept": "text/html"})
            assert answer.status_code == 200, path
            assert answer.headers["Content-Type"].startswith("text/html")
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]

    def test_assets(self, site):
        answer = site.get("/assets/js/api.js")
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/javascript")
        again = site.get("/assets/js/api.js", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304 and not again.content
        for path in ("/assets", "/assets/", "/assets/js", "/assets/js/", "/assets/js/none.js", "/assets/.hidden"):
            assert site.get(path).status_code == 404, path
