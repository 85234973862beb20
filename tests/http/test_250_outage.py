# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The database away under load, for seconds here and for minutes by ./check outage --seconds N --clients C: every webhook is
answered 200, reads say 503 and when to come back, and afterwards everything is in the database once, in order, answered once."""
import concurrent.futures
import glob
import os
import threading
import time

import pytest
import requests

import signing
from client import new_number, new_sid
from outgoing import QUICK
from waiting import wait_for

SECONDS = float(os.environ.get("TWCHAT_OUTAGE_SECONDS", "4"))
CLIENTS = int(os.environ.get("TWCHAT_OUTAGE_CLIENTS", "8"))
AROUND = 3                              # seconds of load before and after
PEERS = 6                               # of each client
ANSWERED = 40                           # webhooks that get an automatic reply: sending is another matter, with a speed of its own
PATIENCE = 60 + SECONDS


class Callers:
    """Twilio, calling over a few connections at once. Each client has peers of its own and waits for one answer before the next call."""

    def __init__(self, site):
        self.site = site
        self.taken = {}                 # peer: SIDs that were answered 200, in their order
        self.wrong, self.times = [], []
        self._ended = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)

    def start(self):
        self._running = [self._pool.submit(self._call, [new_number() for _ in range(PEERS)]) for _ in range(CLIENTS)]

    def end(self):
        self._ended.set()
        for one in self._running:
            one.result()
        self._pool.shutdown()

    def _call(self, peers):
        url = self.site.public_url + "/twilio/inbound"
        with requests.Session() as session:
            session.trust_env = False
            n = 0
            while not self._ended.is_set():
                peer, sid = peers[n % PEERS], new_sid()
                params = self.site.inbound_params(From=peer, Body=str(n), sid=sid)
                began = time.monotonic()
                answer = session.post(url, data=params, timeout=60,
                                      headers={"X-Twilio-Signature": signing.sign(url, params, self.site.tokens[0])})
                self.times.append(time.monotonic() - began)
                if answer.status_code == 200:
                    self.taken.setdefault(peer, []).append(sid)
                else:
                    self.wrong.append((answer.status_code, answer.text))
                n += 1


def waiting_in_spool(site):
    said = site.ctl("spool", "status", TWCHAT_SPOOL=site.directory + "/spool").stdout
    return next(line.strip() for line in said.splitlines() if " bytes" in line)


def look_around(site):
    """What a person and a program are told meanwhile."""
    read = site.get("/api/messages")
    assert read.status_code == 503 and int(read.headers["Retry-After"]) >= 1, read.text
    assert site.get("/api/health", keyed=False).status_code == 503


@pytest.mark.expect_log("TWC", "dbd:error", "dbd:crit")
class TestOutage:
    @pytest.mark.parametrize("how", ["fast", "immediate"])
    def test_a_database_that_goes_under_load(self, make_site, make_postgres, how):
        """fast: somebody stops it; immediate: it is killed and recovers from its log."""
        server = make_postgres()
        site = make_site(server, directives="TwchatChatMode off\n", children=2, threads=64)
        callers = Callers(site)
        callers.start()
        time.sleep(AROUND)
        before = len(callers.times)
        server.stop(how)
        away = time.monotonic()
        wait_for(lambda: site.get("/api/messages").status_code == 503, 10, "reads to be refused")
        while time.monotonic() - away < SECONDS:
            look_around(site)
            time.sleep(min(1, SECONDS / 4))
        waited = waiting_in_spool(site)
        server.start()
        back = time.monotonic()
        wait_for(lambda: not glob.glob(site.directory + "/spool/*/*.spool"), PATIENCE, "the spool to be drained")
        drained = time.monotonic() - back
        time.sleep(AROUND)
        callers.end()
        self.tell(callers, how, before, waited, drained)
        self.check(site, callers)

    def tell(self, callers, how, before, waited, drained):
        times = sorted(callers.times)
        print(f"\n{how}: {len(times):,} webhooks, {before:,} of them before, {len(callers.wrong)} not answered 200; p99 {times[len(times) * 99 // 100] * 1000:.0f} ms,"
              f" longest {times[-1] * 1000:.0f} ms\n{waited}\ndrained {drained:.1f} s after the database was back, load going on")

    def check(self, site, callers):
        assert callers.wrong == []
        wanted = sum(len(sids) for sids in callers.taken.values())
        wait_for(lambda: site.db().value("SELECT count(*) FROM messages") >= wanted, PATIENCE, "every message to be stored")
        rows = site.db().rows("SELECT from_addr, array_agg(sid ORDER BY created_at, id) AS sids FROM messages GROUP BY 1")
        assert {row["from_addr"]: row["sids"] for row in rows} == callers.taken

    def test_automatic_replies_go_out_once(self, make_site, make_sandbox, make_postgres):
        server, sandbox = make_postgres(), make_sandbox()
        site = make_site(server, sandbox=sandbox, directives=QUICK + "TwchatChatMode echo\nTwchatAnswers 10000 1min\n")
        peers = [new_number() for _ in range(ANSWERED)]
        for peer in peers[:ANSWERED // 4]:
            assert site.inbound(From=peer, Body="hello")[0].status_code == 200
        server.stop("immediate")
        for peer in peers[ANSWERED // 4:]:
            assert site.inbound(From=peer, Body="hello")[0].status_code == 200
        server.start()
        wait_for(lambda: all(sandbox.messages(To=peer) for peer in peers), PATIENCE, "an answer for each")
        wait_for(lambda: not site.db().value("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM outbox)"), PATIENCE, "nothing left to do")
        assert {peer: [m["body"] for m in sandbox.messages(To=peer)] for peer in peers} == {peer: ["Echo: hello"] for peer in peers}
