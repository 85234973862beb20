# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Whatever Twilio, the network or a process does: what was asked for is sent once."""
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import new_number
from outgoing import make_outbox
from waiting import wait_for


@pytest.fixture(scope="class")
def outbox(make_sandbox, make_site):
    return make_outbox(make_site, make_sandbox())


@pytest.fixture(autouse=True)
def no_faults_left(outbox):
    yield
    outbox.sandbox.clear_faults()


class TestRefused:
    """Not processed, and Twilio says so."""

    def test_429_is_repeated_until_it_works(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_429=3)
        ident = outbox.send(to, "x")
        outbox.wait_sent(ident)
        assert outbox.bodies(to) == ["x"]
        assert [c["status"] for c in outbox.creates(to)] == [429, 429, 429, 201]

    def test_retry_after_is_obeyed(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_429=1, retry_after=3)
        started = time.monotonic()
        outbox.wait_sent(outbox.send(to, "x"))
        assert time.monotonic() - started >= 3

    def test_a_bound_on_requests_at_once_is_found(self, make_site, make_sandbox):
        """And kept to, in each child: the second time few are refused, where all at once would be nearly all."""
        outbox = make_outbox(make_site, make_sandbox(), children=1)
        outbox.sandbox.faults(max_concurrent=3, latency_ms=20)
        for refused_at_most in (1000, 30):
            outbox.park()
            before = len(outbox.sandbox.creates())
            peers = [new_number() for _ in range(60)]
            idents = [outbox.send(p, "x") for p in peers]
            outbox.release()
            outbox.wait_sent(*idents, timeout=60)
            assert all(outbox.bodies(p) == ["x"] for p in peers)
            assert len(outbox.sandbox.creates()) - before - len(peers) <= refused_at_most

    def test_nothing_listens(self, make_site, make_sandbox):
        sandbox = make_sandbox()
        outbox = make_outbox(make_site, sandbox)
        sandbox.stop()
        to = new_number()
        ident = outbox.send(to, "x")
        wait_for(lambda: (outbox.row(ident) or {}).get("attempts", 0) >= 2, 20, "a second attempt")
        assert outbox.row(ident)["state"] in ("queued", "sending") and outbox.message(ident)["status"] == "queued"
        sandbox.start()
        outbox.wait_sent(ident, timeout=30)
        assert outbox.bodies(to) == ["x"]


class TestInDoubt:
    """Nobody knows whether it was processed."""

    def one(self, outbox, times=1, **faults):
        to = new_number()
        outbox.sandbox.faults(**faults)
        idents = [outbox.send(to, "same text") for _ in range(times)]
        outbox.wait_sent(*idents, timeout=40)
        assert outbox.bodies(to) == ["same text"] * times
        sids = {outbox.message(i)["sid"] for i in idents}
        assert sids == {m["sid"] for m in outbox.at_twilio(to)}
        return outbox.creates(to)

    def test_the_list_is_too_long_to_be_read_back(self, outbox):
        """What could not be read may hold it: it is not sent again."""
        to = new_number()
        outbox.sandbox.faults(no_callbacks=True, no_walk=True)
        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(lambda n: outbox.sandbox.api("POST", "/Messages.json", {"To": to, "From": outbox.site.number, "Body": str(n)}),
                                 range(1050)))
        assert {status for status, _ in made} == {201}
        outbox.sandbox.faults(next_500=1)
        ident = outbox.send(to, "x")
        outbox.wait_state(ident, "unknown")
        passed = "SELECT now() - attempted_at > interval '12 seconds' FROM outbox WHERE message_id = %s"     # grace is three
        wait_for(lambda: outbox.db.value(passed, ident), 20, "a few searches")
        assert outbox.row(ident)["state"] == "unknown" and outbox.row(ident)["checks"] == 0
        assert [r["params"]["Body"] for r in outbox.creates(to)].count("x") == 1
        outbox.sandbox.reset()
        outbox.wait_sent(ident, timeout=40)
        assert outbox.bodies(to) == ["x"]

    @pytest.mark.parametrize("fault", ["500_after_accept", "reset_after_accept", "garbage", "no_sid"])
    @pytest.mark.parametrize("callbacks", [True, False])
    def test_it_was(self, outbox, fault, callbacks):
        creates = self.one(outbox, **{f"next_{fault}": 1}, no_callbacks=not callbacks)
        assert len(creates) == 1

    @pytest.mark.parametrize("fault", ["500", "503", "reset_before"])
    def test_it_was_not(self, outbox, fault):
        creates = self.one(outbox, **{f"next_{fault}": 1})
        assert len(creates) == 2

    def test_answered_too_late(self, outbox):
        assert len(self.one(outbox, next_stall=1, stall_ms=4000, no_callbacks=True)) == 1

    def test_silence_and_nothing(self, outbox):
        assert len(self.one(outbox, next_stall_before=1, stall_ms=4000)) == 2

    def test_two_equal_texts_remain_two(self, outbox):
        self.one(outbox, times=2, next_reset_after_accept=1, no_callbacks=True)
        self.one(outbox, times=3, next_500_after_accept=2, no_callbacks=True)

    def test_while_somebody_reads_the_remote_list(self, outbox):
        """What a list shows must not become a message of its own, and stand in the way of finding it."""
        to = new_number()
        outbox.sandbox.faults(next_reset_after_accept=1, no_callbacks=True)
        ident = outbox.send(to, "x")
        while outbox.row(ident):
            assert outbox.site.get("/api/messages/remote?to=" + to[1:]).status_code == 200
        assert outbox.message(ident)["sid"]
        assert outbox.db.value("SELECT count(*) FROM messages WHERE to_addr = %s", to) == 1

    def test_a_kept_connection_that_was_closed(self, outbox):
        """libcurl by itself would send the request a second time."""
        for _ in range(3):
            to = new_number()
            outbox.wait_sent(outbox.send(new_number(), "warms the connection"))
            assert len(self.one(outbox, next_reset_after_accept=1, no_callbacks=True)) == 1

    def test_the_list_cannot_be_read_for_a_while(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_reset_after_accept=1, no_callbacks=True)
        ident = outbox.send(to, "x")
        wait_for(lambda: outbox.bodies(to), 10, "the request")
        outbox.sandbox.faults(rate_500=1, scope="all", no_callbacks=True)
        outbox.wait_state(ident, "unknown")
        checks = time.monotonic() + 5
        wait_for(lambda: time.monotonic() > checks, 10, "some seconds")
        assert outbox.row(ident)["state"] == "unknown" and outbox.row(ident)["checks"] == 0
        outbox.sandbox.faults(rate_500=0)
        outbox.wait_sent(ident, timeout=30)
        assert outbox.bodies(to) == ["x"]

    def test_everything_at_once(self, outbox):
        outbox.sandbox.faults(seed=7, rate_429=0.1, rate_500=0.05, rate_500_after_accept=0.05, rate_reset_before=0.05,
                              rate_reset_after_accept=0.05, rate_no_sid=0.05, callback_shuffle=True)
        peers = [new_number() for _ in range(15)]
        idents = [outbox.send(p, f"{n}") for n in range(4) for p in peers]
        outbox.wait_gone(*idents, timeout=120)
        outbox.sandbox.clear_faults()
        for peer in peers:
            assert outbox.bodies(peer) == [str(n) for n in range(4)]


# AH03490: the children of before hold their places while the sandbox's kept connections are closed.
@pytest.mark.expect_log("exit signal", "AH03490")
class TestOurOwnEnd:
    """Processes die at any line; the database goes away."""

    def sending(self, outbox, count, stop):
        """Send `count` messages while `stop` is made to happen; everything once and in order."""
        peers = [new_number() for _ in range(6)]
        outbox.sandbox.faults(latency_ms=50)
        idents = [outbox.send(p, str(n)) for n in range(count) for p in peers]
        stop()
        outbox.wait_gone(*idents, timeout=90)
        for peer in peers:
            assert outbox.bodies(peer) == [str(n) for n in range(count)]

    def test_children_are_killed(self, outbox):
        def kill():
            for pid in outbox.site.httpd.children():
                os.kill(pid, signal.SIGKILL)
                threading.Event().wait(0.3)
        self.sending(outbox, 8, kill)

    def test_graceful_restart(self, outbox):
        self.sending(outbox, 8, outbox.site.httpd.graceful)

    def test_stop_and_start(self, outbox):
        def again():
            begun = time.monotonic()
            outbox.site.httpd.stop()
            assert time.monotonic() - begun < 8
            outbox.site.httpd.start()
        self.sending(outbox, 8, again)

    def test_stop_does_not_wait_for_twilio(self, outbox):
        to = new_number()
        outbox.sandbox.faults(next_stall=1, stall_ms=60000, no_callbacks=True)      # a callback would settle it
        ident = outbox.send(to, "x")
        wait_for(lambda: outbox.bodies(to), 10, "the request")
        begun = time.monotonic()
        outbox.site.httpd.stop()
        assert time.monotonic() - begun < 6
        assert outbox.row(ident)["state"] == "unknown"
        outbox.site.httpd.start()
        outbox.wait_sent(ident, timeout=30)
        assert outbox.bodies(to) == ["x"]


class TestClaimedAhead:
    """A quarter more than may be under way is claimed, so that no request waits for the database. It must not get stuck there."""

    AT_ONCE, AHEAD, MESSAGES = 8, 2, 20

    @pytest.fixture(scope="class")
    def outbox(self, make_sandbox, make_site):
        return make_outbox(make_site, make_sandbox(), f"TwchatInFlight {self.AT_ONCE}\nTwchatSendTimeout 5s\nTwchatGrace 6s\n", children=1)

    def states(self, outbox):
        return {row["state"]: row["count"] for row in outbox.db.rows("SELECT state, count(*) FROM outbox GROUP BY state")}

    def all_at_once(self, outbox, **faults):
        """Queue them while nothing is sent, then let them go."""
        outbox.sandbox.reset()
        outbox.park()
        peers = [new_number() for _ in range(self.MESSAGES)]
        idents = [outbox.send(p, "x") for p in peers]
        outbox.sandbox.faults(no_callbacks=True, stall_ms=60000, **faults)
        outbox.release()
        return peers, idents

    def each_came_once(self, outbox, peers, idents):
        outbox.sandbox.clear_faults()
        outbox.wait_gone(*idents, timeout=60)
        assert [outbox.bodies(p) for p in peers] == [["x"]] * len(peers)

    def test_a_stop_leaves_it_in_the_queue(self, outbox):
        peers, idents = self.all_at_once(outbox, next_stall=self.AT_ONCE)
        claimed = self.AT_ONCE + self.AHEAD
        wait_for(lambda: self.states(outbox) == {"sending": claimed, "queued": self.MESSAGES - claimed}, 10, "a full sender")
        outbox.site.httpd.stop()
        assert self.states(outbox) == {"unknown": self.AT_ONCE, "queued": self.MESSAGES - self.AT_ONCE}
        assert len(outbox.sandbox.messages()) == self.AT_ONCE
        outbox.site.httpd.start()
        self.each_came_once(outbox, peers, idents)

    def test_a_start_does_not_ask_again_and_again_for_what_has_to_wait(self, outbox):
        outbox.park()
        ident = outbox.send(new_number(), "x")
        outbox.db.run("UPDATE outbox SET not_before = now() + interval '1 hour'")
        outbox.site.httpd.stop()
        outbox.release()
        outbox.site.httpd.start()

        def transactions():
            return outbox.db.value("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        first, end = transactions(), time.monotonic() + 3
        wait_for(lambda: time.monotonic() > end, 10, "some seconds")
        assert transactions() - first < 300
        outbox.db.run("UPDATE outbox SET not_before = NULL")
        outbox.wait_sent(ident)

    def test_a_long_pause_leaves_it_to_others(self, outbox):
        peers, idents = self.all_at_once(outbox, next_429=1, retry_after=4, next_stall=self.AT_ONCE - 1)
        under_way = self.AT_ONCE - 1
        wait_for(lambda: self.states(outbox) == {"sending": under_way, "queued": self.MESSAGES - under_way}, 10, "a sender that pauses")
        assert len(outbox.sandbox.messages()) == under_way
        self.each_came_once(outbox, peers, idents)


class TestWaitsOnTheDesk:
    """Claimed already, and not under way yet when something happens that concerns it."""

    AT_ONCE, AHEAD = 8, 2

    @pytest.fixture(scope="class")
    def outbox(self, make_sandbox, make_site):
        return make_outbox(make_site, make_sandbox(), f"TwchatInFlight {self.AT_ONCE}\nTwchatSendTimeout 20s\nTwchatGrace 60s\n", children=1)

    def full(self, outbox, count, **faults):
        """So many messages, and as many of them under way as may be; by id: whom to."""
        outbox.park()
        peers = {outbox.send(peer, "x"): peer for peer in [new_number() for _ in range(count)]}
        outbox.sandbox.faults(no_callbacks=True, latency_ms=2000, **faults)
        outbox.release()
        wait_for(lambda: outbox.db.value("SELECT count(*) FROM outbox WHERE state = 'sending'") == self.AT_ONCE + self.AHEAD, 10, "a full sender")
        return peers

    def test_its_recipient_says_stop(self, outbox):
        """Who said it while the request was under way gets it, and nobody else does."""
        peers = self.full(outbox, 2 * self.AT_ONCE)
        for peer in peers.values():
            outbox.site.inbound(From=peer, Body="STOP")
        outbox.wait_gone(*peers)
        outbox.sandbox.clear_faults()
        refused = [i for i in peers if outbox.message(i)["error_code"] == 21610]
        assert len(refused) == self.AT_ONCE
        assert [outbox.bodies(peer) for i, peer in peers.items()] == [[] if i in refused else ["x"] for i in peers]
        assert sum(outbox.creates(peers[i]) != [] for i in refused) == 0

    def test_the_look_at_consent_takes_long(self, outbox):
        """It is good for one try, or nothing would leave while the database is slow."""
        peers = [new_number() for _ in range(3)]
        over = threading.Event()

        def hold():
            """Whoever asks waits for the next gap."""
            connection = outbox.db.connect()
            while not over.is_set():
                with connection, connection.cursor() as cursor:
                    cursor.execute("LOCK TABLE consents; SELECT pg_sleep(0.4)")
            connection.close()
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(hold)
            try:
                outbox.wait_sent(*[outbox.send(peer, "x") for peer in peers], timeout=9)
            finally:
                over.set()
            held.result()
        assert [outbox.bodies(peer) for peer in peers] == [["x"]] * len(peers)

    @pytest.mark.expect_log("TWC3003")
    def test_its_sender_is_refused(self, outbox):
        """Those under way fail, and no others."""
        peers = self.full(outbox, 4 * self.AT_ONCE, rate_refuse=1, refuse_code=21606)
        wait_for(lambda: outbox.db.value("SELECT parked_until > now() FROM senders WHERE sender = %s", outbox.site.number), 10, "a sender that rests")
        wait_for(lambda: not outbox.db.value("SELECT count(*) FROM outbox WHERE state <> 'queued'"), 10, "the others to be back in the queue")
        assert outbox.db.value("SELECT count(*) FROM messages WHERE error_code = 21606") == self.AT_ONCE
        outbox.sandbox.clear_faults()
        outbox.release()
        outbox.wait_gone(*peers)
        assert sum(outbox.bodies(peer) == ["x"] for peer in peers.values()) == 3 * self.AT_ONCE


@pytest.mark.expect_log("[dbd:error]", "[dbd:crit]", "AH00484", "TWC")
class TestDatabase:
    @pytest.fixture(scope="class")
    def outbox(self, make_sandbox, make_site, make_postgres):
        return make_outbox(make_site, make_sandbox(), server=make_postgres())

    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_it_goes_and_comes_back(self, outbox, mode):
        peers = [new_number() for _ in range(40)]
        outbox.sandbox.faults(latency_ms=300)
        idents = [outbox.send(p, "x") for p in peers]
        outbox.db.server.stop(mode)
        threading.Event().wait(1.5)
        outbox.db.server.start()
        outbox.wait_gone(*idents, timeout=90)
        assert [outbox.bodies(p) for p in peers] == [["x"]] * len(peers)
