# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""From the queue to Twilio: what is sent, in which order, at which pace, and when."""
import datetime
import time

import pytest

from client import new_number, new_sid
from outgoing import make_outbox
from waiting import wait_for


@pytest.fixture(scope="class")
def outbox(make_sandbox, make_site):
    return make_outbox(make_site, make_sandbox(), "TwchatRate shortcode 3\n")


@pytest.mark.expect_log("TWC1031: POST /api/send-message: not_configured", "TWC3003")
class TestSending:
    def test_a_message_reaches_the_handset_and_is_followed(self, outbox):
        to = new_number()
        ident = outbox.send(to, "Zażółć 🙂 & more")
        message = outbox.wait_sent(ident)
        assert outbox.bodies(to) == ["Zażółć 🙂 & more"]
        assert message["from_addr"] == outbox.site.number and message["account_sid"] == outbox.site.account_sid
        outbox.wait_status(ident, "delivered")
        sids = outbox.db.rows("SELECT sid FROM message_sids WHERE message_id = %s", ident)
        assert [s["sid"] for s in sids] == [message["sid"]]

    def test_what_the_request_says(self, outbox):
        to = new_number()
        ident = outbox.send(to, "two pictures", media_urls=["https://example.com/a.png", "https://example.com/b.png?x=1&y=2"])
        outbox.wait_sent(ident)
        params = outbox.creates(to)[0]["params"]
        assert params["MediaUrl"] == ["https://example.com/a.png", "https://example.com/b.png?x=1&y=2"]
        assert params["From"] == outbox.site.number and params["Body"] == "two pictures"
        uuid = outbox.db.value("SELECT twchat_uuid(%s)::text", ident)
        assert params["StatusCallback"] == f"{outbox.site.public_url}/twilio/status?m={uuid}#rc=3&rp=all"

    def test_the_conversation_keeps_up(self, outbox):
        to = new_number()
        first, second = outbox.send(to, "one"), outbox.send(to, "two")
        conv = outbox.db.one("SELECT * FROM conversations WHERE peer = %s", to)
        assert (conv["last_message_id"], conv["total"], conv["unread"]) == (second, 2, 0)
        outbox.wait_sent(first, second)

    def test_whatsapp_needs_a_whatsapp_sender(self, outbox):
        to = "whatsapp:" + new_number()
        answer = outbox.site.post("/api/send-message", json={"to": to, "body": "x"})
        assert answer.status_code == 500 and "sender" in answer.json()["error"].lower()
        answer = outbox.site.post("/api/send-message", json={"to": to, "body": "x", "from": outbox.site.number})
        assert answer.status_code == 400
        outbox.sandbox.inbound(to, outbox.sandbox.whatsapp, "hello")
        ident = outbox.send(to, "x", **{"from": outbox.sandbox.whatsapp})
        assert outbox.wait_sent(ident)["from_addr"] == outbox.sandbox.whatsapp

    def test_a_service_picks_the_sender(self, outbox):
        ident = outbox.send(new_number(), "x", messaging_service_sid="MG" + "7" * 32)
        outbox.wait_gone(ident)
        message = outbox.message(ident)
        assert message["status"] == "failed" and message["error_code"] == 21701 and message["error_message"]

    def test_twilio_refuses(self, outbox):
        ident = outbox.send("+15005550001", "x")
        outbox.wait_gone(ident)
        message = outbox.message(ident)
        assert (message["status"], message["error_code"], message["sid"]) == ("failed", 21211, None)
        assert outbox.db.value("SELECT sum(n) FROM daily_counts WHERE metric = 'failed'") >= 1

    def test_an_early_callback_is_applied(self, outbox):
        """It knows its message by SID only, and comes before we know that SID."""
        sid, to = new_sid(), new_number()
        assert outbox.site.status(sid, "delivered").status_code == 200
        ident = outbox.send(to, "x")
        outbox.wait_sent(ident)
        outbox.db.run("INSERT INTO message_sids (sid, message_id) VALUES (%s, %s)", sid, ident)
        outbox.wait_status(ident, "delivered", timeout=15)
        wait_for(lambda: outbox.db.value("SELECT message_id FROM status_events WHERE sid = %s", sid) == ident, 15,
                 "the callback to find its message")


class TestOrder:
    @pytest.mark.parametrize("fault", [{}, {"rate_429": 0.4}, {"latency_jitter_ms": 60}, {"rate_reset_before": 0.15}])
    def test_per_peer_whatever_happens(self, outbox, fault):
        outbox.sandbox.faults(seed=1, **fault) if fault else None
        peers = [new_number() for _ in range(3)]
        idents = [outbox.send(p, f"{n}") for n in range(8) for p in peers]
        outbox.wait_gone(*idents, timeout=60)
        outbox.sandbox.clear_faults()
        for peer in peers:
            assert outbox.bodies(peer) == [str(n) for n in range(8)]

    def test_replies_before_people_before_bulk(self, outbox):
        """The queue is filled while nothing can be sent."""
        outbox.park()
        peers = [new_number() for _ in range(9)]
        idents = [outbox.send(p, "x") for p in peers]
        for n, ident in enumerate(idents):
            outbox.db.run("UPDATE outbox SET priority = %s WHERE message_id = %s", (5, 1, 0)[n % 3], ident)
        # one at a time, so that the order shows
        outbox.db.run("UPDATE senders SET tokens = 1, kind = 'shortcode'")
        outbox.release()
        outbox.wait_sent(*idents, timeout=30)
        outbox.db.run("UPDATE senders SET kind = 'longcode-us'")
        sent = [c["params"]["To"] for c in outbox.sandbox.creates() if c["params"]["To"] in peers]
        assert [(5, 1, 0)[peers.index(p) % 3] for p in sent] == [0] * 3 + [1] * 3 + [5] * 3


class TestRates:
    @pytest.fixture(scope="class")
    def outbox(self, make_sandbox, make_site):
        return make_outbox(make_site, make_sandbox(), "TwchatRate longcode-us 10\n", children=2)

    def test_segments_per_second_over_two_children(self, outbox):
        start = time.monotonic()
        idents = [outbox.send(new_number(), "x") for _ in range(40)]
        outbox.wait_sent(*idents, timeout=30)
        took = time.monotonic() - start
        # 10 at once from a full bucket, the rest at 10 a second
        assert 2.5 <= took <= 6, took

    def test_a_long_text_costs_its_segments(self, outbox):
        outbox.db.run("UPDATE senders SET tokens = 10, refilled_at = now()")
        start = time.monotonic()
        idents = [outbox.send(new_number(), "x" * 1200) for _ in range(4)]       # 8 segments each
        outbox.wait_sent(*idents, timeout=30)
        assert 1.9 <= time.monotonic() - start <= 5


class TestScheduled:
    def test_at_its_time_and_not_before(self, outbox):
        to = new_number()
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
        ident = outbox.send(to, "later", send_at=at.isoformat())
        assert outbox.message(ident)["status"] == "scheduled" and outbox.row(ident)["state"] == "scheduled"
        other = outbox.send(to, "now")
        outbox.wait_sent(other)
        assert outbox.bodies(to) == ["now"]
        outbox.wait_sent(ident)
        assert datetime.datetime.now(datetime.timezone.utc) >= at
        assert outbox.bodies(to) == ["now", "later"]

    def test_years_ahead_and_canceled(self, outbox):
        to = new_number()
        ident = outbox.send(to, "x", send_at="2031-01-01T00:00:00Z")
        answer = outbox.site.post(f"/api/outbox/{ident}/cancel")
        assert answer.status_code == 200 and answer.json()["status"] == "canceled"
        assert outbox.row(ident) is None and outbox.message(ident)["status"] == "canceled"
        assert outbox.site.post(f"/api/outbox/{ident}/cancel").status_code == 409
        assert outbox.site.post("/api/outbox/999999999/cancel").status_code == 404

    @pytest.mark.parametrize("when", ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"])
    def test_times_that_cannot_be(self, outbox, when):
        answer = outbox.site.post("/api/send-message", json={"to": new_number(), "body": "x", "send_at": when})
        assert answer.status_code == 400


class TestAgain:
    def test_only_what_failed(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_refuse=1, refuse_code=21614)
        ident = outbox.send(to, "once more", media_urls=["https://example.com/a.png"])
        outbox.wait_gone(ident)
        assert outbox.message(ident)["status"] == "failed"
        answer = outbox.site.post(f"/api/outbox/{ident}/retry")
        assert answer.status_code == 200
        second = answer.json()["id"]
        assert second != ident
        outbox.wait_sent(second)
        assert outbox.bodies(to) == ["once more"] and outbox.creates(to)[1]["params"]["MediaUrl"] == "https://example.com/a.png"
        outbox.wait_status(second, "delivered")
        assert outbox.site.post(f"/api/outbox/{second}/retry").status_code == 409


class TestConsent:
    def test_refused_at_once(self, outbox):
        to = new_number()
        outbox.db.run("INSERT INTO consent_events (sender, peer, state, source) VALUES (%s, %s, 'opted_out', 'operator')",
                      outbox.site.number, to)
        outbox.db.run("INSERT INTO consents VALUES (%s, %s, 'opted_out', 1)", to, outbox.site.number)
        answer = outbox.site.post("/api/send-message", json={"to": to, "body": "x"})
        assert answer.status_code == 500
        assert outbox.db.one("SELECT status, error_code FROM messages WHERE to_addr = %s", to) == {"status": "failed", "error_code": 21610}
        assert outbox.db.value("SELECT count(*) FROM outbox") == 0

    def test_checked_again_before_the_request(self, outbox):
        to = new_number()
        outbox.park()
        ident = outbox.send(to, "x")
        outbox.db.run("INSERT INTO consents VALUES (%s, '*', 'opted_out', 1)", to)
        outbox.release()
        outbox.wait_gone(ident)
        message = outbox.message(ident)
        assert (message["status"], message["error_code"], message["sid"]) == ("failed", 21610, None)
        assert outbox.creates(to) == []

    def test_twilio_knows_of_a_stop_that_we_missed(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_refuse=1, refuse_code=21610)
        ident = outbox.send(to, "x")
        outbox.wait_gone(ident)
        assert outbox.message(ident)["error_code"] == 21610
        events = outbox.db.rows("SELECT * FROM consent_events WHERE peer = %s", to)
        assert [(e["sender"], e["state"], e["source"], e["message_id"]) for e in events] == [
            (outbox.site.number, "opted_out", "error-21610", ident)]
        assert outbox.db.value("SELECT opt_in_status FROM contacts WHERE address = %s", to) == "opted_out"
        assert outbox.site.post("/api/send-message", json={"to": to, "body": "y"}).status_code == 500
        assert len(outbox.creates(to)) == 1


@pytest.mark.expect_log("TWC2511", "TWC3003")
class TestNothingIsHeard:
    """Messages on their way of which nothing more was heard."""

    @pytest.fixture
    def silent(self, outbox):
        """Twilio takes messages, and calls nobody back."""
        outbox.sandbox.faults(no_callbacks=True)
        yield outbox
        outbox.sandbox.clear_faults()

    @staticmethod
    def age(outbox, *idents):
        """As if they had been asked for 13 hours ago."""
        outbox.db.run("UPDATE messages SET created_at = created_at - interval '13 hours' WHERE id = ANY(%s)", list(idents))
        outbox.db.run("UPDATE sweeps SET done_at = now() - interval '1 day', done_id = 0, run_at = now()")

    @staticmethod
    def stuck(outbox, ident):
        return [(m["why"], m["reason"]) for m in outbox.site.get("/api/outbox/stuck").json()["items"] if m["id"] == ident]

    def test_twilio_is_asked_once_for_what_it_did_not_tell(self, silent):
        idents = [silent.send(new_number(), "quiet") for _ in range(3)]
        for m in silent.wait_sent(*idents):
            wait_for(lambda: silent.sandbox.message(m["sid"])["status"] == "delivered", what="delivery at Twilio")
        self.age(silent, *idents)
        for ident in idents:
            silent.wait_status(ident, "delivered", timeout=40)
        wait_for(lambda: not silent.db.value("SELECT count(*) FROM jobs WHERE kind = 'follow'"), what="the jobs to be done")
        silent.db.run("UPDATE sweeps SET run_at = now()")
        wait_for(lambda: silent.db.value("SELECT run_at > now() FROM sweeps"), 20, "another sweep")
        assert not silent.db.value("SELECT count(*) FROM jobs WHERE kind = 'follow'")

    def test_what_twilio_does_not_finish_is_shown(self, silent):
        silent.sandbox.faults(no_callbacks=True, no_walk=True)
        ident = silent.send(new_number(), "stays")
        message = silent.wait_sent(ident)
        self.age(silent, ident)
        wait_for(lambda: self.stuck(silent, ident), 40, "the message to be shown as stuck")
        assert self.stuck(silent, ident) == [("twilio", "Twilio took it and has not finished with it.")]
        wait_for(lambda: silent.site.get("/api/stats").json()["stuck"] == 1, what="it to be counted")
        assert silent.db.value("SELECT run_at > now() + interval '11 hours' FROM jobs WHERE message_id = %s", ident)
        silent.site.status(message["sid"], "delivered")
        assert self.stuck(silent, ident) == []
        wait_for(lambda: silent.site.get("/api/stats").json()["stuck"] == 0, what="it to be counted no more")

    def test_sent_may_be_the_last_word(self, silent):
        silent.sandbox.faults(no_callbacks=True, final="sent")
        ident = silent.send(new_number(), "no receipts there")
        message = silent.wait_sent(ident)
        wait_for(lambda: silent.sandbox.message(message["sid"])["status"] == "sent", what="it to be sent at Twilio")
        self.age(silent, ident)
        silent.wait_status(ident, "sent", timeout=40)
        wait_for(lambda: not silent.db.value("SELECT count(*) FROM jobs WHERE message_id = %s", ident), what="the job to be done")
        assert self.stuck(silent, ident) == []

    def test_what_is_scheduled_is_followed_from_its_time_on(self, outbox):
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=35)
        ident = outbox.send(new_number(), "later", send_at=when.isoformat())
        self.age(outbox, ident)
        due = wait_for(lambda: outbox.db.value("SELECT run_at FROM jobs WHERE message_id = %s", ident), 20, "the job")
        assert due - when > datetime.timedelta(hours=11)
        assert self.stuck(outbox, ident) == []

    def test_a_sender_that_rests(self, outbox):
        outbox.park()
        outbox.db.run("UPDATE senders SET parked_reason = 'Twilio does not accept our credentials.'")
        try:
            ident = outbox.send(new_number(), "waits")
            assert self.stuck(outbox, ident) == []
            outbox.db.run("UPDATE outbox SET due_at = now() - interval '20 minutes' WHERE message_id = %s", ident)
            assert self.stuck(outbox, ident) == [("sender", "Twilio does not accept our credentials.")]
        finally:
            outbox.release()
        outbox.wait_sent(ident)
        assert self.stuck(outbox, ident) == []

    def test_an_outcome_that_cannot_be_found_out(self, outbox):
        outbox.park()
        ident = outbox.send(new_number(), "lost")
        outbox.db.run("UPDATE outbox SET state = 'unknown', attempts = 1, attempted_at = now() - interval '20 minutes',"
                      " lease_until = now() + interval '1 day', last_error = 'Twilio did not answer.' WHERE message_id = %s", ident)
        assert self.stuck(outbox, ident) == [("unknown", "Twilio did not answer.")]
        outbox.db.run("UPDATE outbox SET lease_until = now() WHERE message_id = %s", ident)
        outbox.release()
        outbox.wait_sent(ident)
        assert self.stuck(outbox, ident) == [] and len(outbox.bodies(outbox.message(ident)["to_addr"])) == 1
