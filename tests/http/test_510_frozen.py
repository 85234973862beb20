# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""A process is frozen in the middle of its work, and wakes up when the world has gone on without it."""
import os
import signal
import threading

import pytest

from client import new_number
from outgoing import Outbox, QUICK
from server import Host
from test_170_events import Stream
from waiting import wait_for
from weather import Behind, Proxy

CLAIM = b"CROSS JOIN LATERAL (SELECT f.message_id FROM outbox f"


def stands_still(pid):
    def state(task):
        with open(f"/proc/{pid}/task/{task}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    return all(state(task) == "T" for task in os.listdir(f"/proc/{pid}/task"))


class Tripwire(Proxy):
    """Freezes a child before it hears that its claim is committed, when is_time(); counts claims."""

    def __init__(self, target):
        super().__init__(target)
        self.child = None
        self.is_time = lambda: False
        self.claims = 0
        self._claiming = set()

    def _pump(self, source, sink, pair):
        super()._pump(Wire(self, source, pair), sink, pair)

    def asks(self, data, pair):
        self._claiming.discard(pair)
        if CLAIM in data:
            self._claiming.add(pair)
            self.claims += 1

    def answers(self, pair):
        if pair in self._claiming and self.child and self.is_time():
            os.kill(self.child, signal.SIGSTOP)
            wait_for(lambda: stands_still(self.child), 10, "all its threads to stand still")
            self.child = None


class Wire:
    """One direction of a connection, with somebody listening."""

    def __init__(self, proxy, source, pair):
        self._proxy, self._source, self._pair = proxy, source, pair

    def recv(self, size):
        data = self._source.recv(size)
        if self._source is self._pair[0]:
            self._proxy.asks(data, self._pair)
        else:
            self._proxy.answers(self._pair)
        return data


class Mute(Proxy):
    """Swallows the first LISTEN and all that follows on its connection: a server that has just been frozen."""

    muted = None

    def _pump(self, source, sink, pair):
        super()._pump(source, Gate(self, sink, pair), pair)

    def lets_through(self, data, pair):
        if b"LISTEN " in data and self.muted is None:
            self.muted = pair
        return self.muted is not pair


class Gate:
    def __init__(self, proxy, sink, pair):
        self._proxy, self._sink, self._pair = proxy, sink, pair

    def sendall(self, data):
        if self._proxy.lets_through(data, self._pair):
            self._sink.sendall(data)


class TestListen:
    def test_live_pages_do_not_wait_for_it_nor_does_a_restart(self, make_site, postgres):
        mute = Mute(postgres.port)
        host = Host(directives="TwchatChatMode off\n", database=Behind(postgres.create(template="twchat_template"), mute))
        site = make_site(hosts=[host], children=1)
        wait_for(lambda: mute.muted, 10, "a LISTEN")
        stream = Stream(site).ready()
        sender = new_number()
        site.inbound(From=sender)
        stream.wait("message", lambda d: d["peer"] == sender)
        old = site.httpd.children()
        site.httpd.graceful()
        wait_for(lambda: not set(old) & set(site.httpd.children()), 30, "the old child to end")
        assert "did not end in time" not in site.log.text(0)
        site.httpd.stop()
        mute.end()


class Frozen:
    """with Frozen(server): all processes of this PostgreSQL stand still."""

    def __init__(self, server):
        with open(os.path.join(server.data, "postmaster.pid")) as lines:
            self._master = int(lines.readline())

    def _signal(self, number):
        with open(f"/proc/{self._master}/task/{self._master}/children") as listed:
            pids = [self._master, *map(int, listed.read().split())]
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass                    # a session that has ended meanwhile

    def __enter__(self):
        self._signal(signal.SIGSTOP)

    def __exit__(self, *_):
        self._signal(signal.SIGCONT)


@pytest.mark.expect_log("TWC", "AH006", "dbd:error", "dbd:crit", "AH03490")
class TestStop:
    """Requests and threads wait for a database that is frozen; httpd's parent kills what takes nine seconds to end."""

    @pytest.fixture
    def server(self, make_postgres):
        return make_postgres()

    @pytest.fixture
    def site(self, make_site, make_sandbox, server):
        sandbox = make_sandbox()
        return make_site(server, hosts=[Host(sandbox=sandbox, directives=QUICK)], children=1)

    def readers(self, site):
        """Requests that wait for a statement."""
        def read():
            try:
                site.get("/api/messages", timeout=30)
            except OSError:
                pass                    # httpd cuts what is under way when it is stopped
        for _ in range(4):
            threading.Thread(target=read, daemon=True).start()
        wait_for(lambda: sum(row[3] == "01" for row in connections(site.port)) >= 4, 10, "the requests")

    def ended_well(self, site, since):
        told = site.log.text(since)
        assert "SIGKILL" not in told and "did not end in time" not in told and "still waiting" not in told

    def test_stop(self, site, server):
        site.get("/api/messages")
        since = site.log.end()
        with Frozen(server):
            self.readers(site)
            site.httpd.stop()
        self.ended_well(site, since)

    def test_graceful_restart(self, site, server):
        site.get("/api/messages")
        since, old = site.log.end(), site.httpd.children()
        with Frozen(server):
            self.readers(site)
            site.httpd.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: not set(old) & set(site.httpd.children()), 30, "the old child to end")
        self.ended_well(site, since)


def connections(port):
    with open("/proc/net/tcp") as table:
        return [row for row in map(str.split, list(table)[1:]) if row[1].endswith(f":{port:04X}")]


@pytest.mark.expect_log("TWC2602", "TWC2603", "TWC3001")     # what the child was in the middle of comes too late
class TestSender:
    def test_what_it_holds_is_sent_by_another_one_and_not_again(self, make_site, make_sandbox, postgres):
        sandbox = make_sandbox()
        wire = Tripwire(postgres.port)
        database = postgres.create(template="twchat_template")
        first, second = (Host(sandbox=sandbox, account_sid=sandbox.account_sid, directives=QUICK, database=one)
                         for one in (Behind(database, wire), database))
        outbox = Outbox(make_site(sandbox=sandbox, hosts=[first], children=1), sandbox)
        other = make_site(sandbox=sandbox, hosts=[second], start=False)
        outbox.wait_sent(outbox.send(new_number(), "all is well"))
        peer = new_number()
        outbox.park()                   # or the child is frozen with our own request in its hands
        ident = outbox.send(peer, "once")
        wire.is_time = lambda: database.value("SELECT count(*) FROM outbox WHERE state = 'sending'") > 0
        wire.child = frozen = outbox.site.httpd.children()[0]
        outbox.release()
        try:
            wait_for(lambda: wire.child is None, 20, "the child to be frozen")
            assert outbox.bodies(peer) == []
            other.start()
            outbox.wait_sent(ident, timeout=60)
        finally:
            os.kill(frozen, signal.SIGCONT)
        seen = wire.claims
        wait_for(lambda: wire.claims >= seen + 2, 20, "the child to go on")
        assert outbox.bodies(peer) == ["once"]
        outbox.site.httpd.stop()
        wire.end()
