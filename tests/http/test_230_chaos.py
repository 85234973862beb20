# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Two servers on one database, a Twilio that fails one request in five, and processes that are killed: every message once, in order."""
import os
import random
import signal
import threading

import pytest

from client import new_number
from outgoing import QUICK, Outbox, make_outbox
from server import Host
from waiting import wait_for

SEED = int(os.environ.get("TWCHAT_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
FAULTS = {"rate_429": 0.05, "rate_500": 0.03, "rate_500_after_accept": 0.04, "rate_reset_before": 0.03,
          "rate_reset_after_accept": 0.03, "rate_stall": 0.02, "stall_ms": 2500, "latency_ms": 20, "callback_shuffle": True,
          "callback_delay_ms": 500}


def second_server(make_site, first, sandbox):
    host = Host(sandbox=sandbox, directives=QUICK, database=first.db, account_sid=first.site.account_sid, tokens=first.site.tokens,
                number=first.site.number)
    return Outbox(make_site(sandbox=sandbox, hosts=[host]), sandbox)


@pytest.mark.expect_log("exit signal", "AH03490")
class TestChaos:
    @pytest.fixture(scope="class")
    def servers(self, make_site, make_sandbox):
        sandbox = make_sandbox(threads=128)
        first = make_outbox(make_site, sandbox)
        return first, second_server(make_site, first, sandbox)

    @pytest.mark.parametrize("round_", range(int(os.environ.get("TWCHAT_ROUNDS", "1"))))
    def test_once_and_in_order(self, servers, round_):
        print(f"TWCHAT_SEED={SEED}")
        dice = random.Random(SEED + round_)
        outbox = servers[0]
        outbox.sandbox.faults(seed=SEED + round_, **FAULTS)
        peers = [new_number() for _ in range(40)]
        idents, killed = [], []
        stop = threading.Event()

        def kill():
            while not stop.wait(dice.uniform(0.2, 1)):
                pids = dice.choice(servers).site.httpd.children()
                for pid in dice.sample(pids, min(len(pids), dice.choice((1, 1, 2)))):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for n in range(8):
                for peer in peers:
                    idents.append(self.ask(servers, dice, peer, str(n)))
            wait_for(lambda: len(killed) >= 8, 30, "eight processes to be killed")
        finally:
            stop.set()
            killer.join()
        try:
            outbox.wait_gone(*idents, timeout=150)
        finally:
            outbox.sandbox.clear_faults()
        wrong = {peer: outbox.bodies(peer) for peer in peers if outbox.bodies(peer) != [str(n) for n in range(8)]}
        assert not wrong, wrong
        assert outbox.db.value("SELECT count(*) FROM messages WHERE id = ANY(%s) AND sid IS NULL", idents) == 0
        assert outbox.db.value("SELECT count(DISTINCT sid) FROM messages WHERE id = ANY(%s)", idents) == len(idents)
        wait_for(lambda: not outbox.db.value("SELECT count(*) FROM messages WHERE id = ANY(%s) AND status <> 'delivered'", idents), 20,
                 "all to be delivered")

    def ask(self, servers, dice, peer, body):
        """The id of the message. A request that is killed is repeated with the same key, until it is answered or known to be queued."""
        key = f"{peer}-{body}"
        site, db = dice.choice(servers).site, servers[0].db

        def queued():
            return db.value("SELECT message_id FROM idempotency_keys WHERE key = %s", key)

        def attempt():
            try:
                answer = site.post("/api/send-message", json={"to": peer, "body": body}, headers={"Idempotency-Key": key})
            except OSError:
                return None
            return answer.status_code in (200, 409) and queued()
        # a key whose request died before it queued anything is free again after a minute
        return wait_for(attempt, 90, f"{key} to be queued")
