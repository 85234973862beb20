# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Two httpds on one database, a Twilio that fails one request in five, and bad weather: nothing lost, nothing twice.

./check chaos --rounds N --messages M --seed S plays it longer, and again."""
import os
import random
import threading
import time

import psycopg2
import pytest
import requests

import signing
from client import new_number, new_sid
from outgoing import QUICK, Outbox
from server import Host
from waiting import wait_for
from weather import Behind, Proxy, SmallDisk, Weather

SEED = int(os.environ.get("TWCHAT_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
ROUNDS = int(os.environ.get("TWCHAT_ROUNDS", "1"))
MESSAGES = int(os.environ.get("TWCHAT_MESSAGES", "320"))
PATIENCE = 120 + MESSAGES // 10         # seconds for everything to be settled when the weather is good again
PER_PEER = 8
CROWD = 1 + MESSAGES // 1500            # the more messages the more at once, so that a round ends
FAULTS = {"rate_429": 0.05, "rate_500": 0.03, "rate_500_after_accept": 0.04, "rate_reset_before": 0.03,
          "rate_reset_after_accept": 0.03, "rate_stall": 0.02, "stall_ms": 2500, "latency_ms": 20, "callback_shuffle": True,
          "callback_delay_ms": 500}
DIRECTIVES = QUICK + "TwchatChatMode echo\nTwchatAnswers 10000 1min\nTwchatStatementTimeout 2s\n"


STORE = "+14155552672"                  # the number that sms-store answers
OVERTAKES = 8                           # seconds after a full disk in which calls may overtake those that wait in the spool


class Customers:
    """Webhooks, as Twilio sends them: once each, whatever the answer."""

    def __init__(self, servers, count, threads=8 * CROWD):
        self.servers = servers
        self.answered = {}              # SID: (peer, body) of what was answered 200
        self.order = {}                 # (peer, server): [(SID, when it was sent, when answered)] of the same
        self.refused = []               # what got another answer, and when it was sent
        self._left = iter(range(count))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(new_number(),), daemon=True) for _ in range(threads)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def _next(self):
        with self._lock:
            return next(self._left, None)

    def _run(self, peer):
        dice = random.Random(peer)
        pause = threading.Event()
        while (n := self._next()) is not None:
            site, sid, body = dice.choice(self.servers).site, new_sid(), f"in {n}"
            url, sent = site.public_url + "/twilio/inbound", time.time()
            params = site.inbound_params(From=peer, Body=body, sid=sid)
            try:
                answer = requests.post(url, data=params, timeout=30,
                                       headers={"X-Twilio-Signature": signing.sign(url, params, site.tokens[0])})
            except requests.RequestException:
                pause.wait(0.05)        # that server is gone for a moment
                continue
            if answer.status_code == 200:
                self.answered[sid] = (peer, body)
                self.order.setdefault((peer, site.public_url), []).append((sid, sent, time.time()))
            else:
                self.refused.append((sent, answer.status_code, answer.text))


class Shoppers:
    """Write to sms-store through the sandbox, which calls one server, then the other, and does what the answer says."""

    def __init__(self, servers, count):
        self.peers = [new_number() for _ in range(4)]
        self._servers, self._count = servers, count
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        urls = [s.site.public_url + "/api/twilio/webhook/sms" for s in servers]
        servers[0].sandbox.configure_number(STORE, urls[0], SmsFallbackUrl=urls[1])
        self.start = self._thread.start

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure

    def _run(self):
        pause = threading.Event()
        try:
            for n in range(self._count):
                self._servers[0].sandbox.inbound(self.peers[n % len(self.peers)], STORE, f"order {n}")
                pause.wait(0.1 / CROWD)
        except Exception as error:      # told by join()
            self._failure = error


class Program:
    """Sends in order to peers of its own. A request without an answer is repeated with the same key."""

    def __init__(self, servers, peers, dice):
        self.servers, self.peers, self._dice = servers, peers, dice
        self.failure = None
        self._db = servers[0].db.connect
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.start = self._thread.start

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        if self.failure:
            raise self.failure

    def _run(self):
        try:
            for n in range(PER_PEER):
                for peer in self.peers:
                    self._ask(peer, str(n))
        except Exception as error:      # told by join()
            self.failure = error

    def _ask(self, peer, body):
        key = f"{peer}-{body}"

        def attempt():
            site = self._dice.choice(self.servers).site
            try:
                answer = site.post("/api/send-message", json={"to": peer, "body": body}, headers={"Idempotency-Key": key})
                return answer.status_code in (200, 409) and self._queued(key)
            except (OSError, psycopg2.Error):
                return None
        # A key whose request died before it queued anything is free again after a minute.
        wait_for(attempt, 90 + PATIENCE, f"{key} to be queued")

    def _queued(self, key):
        conn = self._db()
        try:
            with conn.cursor() as cursor:
                cursor.execute("SELECT message_id FROM idempotency_keys WHERE key = %s AND message_id IS NOT NULL", (key,))
                return cursor.fetchone()
        finally:
            conn.close()


@pytest.fixture(scope="class")
def server(make_postgres):
    return make_postgres()


@pytest.fixture(scope="class")
def proxies(server):
    made = [Proxy(server.port), Proxy(server.port)]
    yield made
    for proxy in made:
        proxy.end()


@pytest.fixture(scope="class")
def sandbox(make_sandbox):
    return make_sandbox(threads=128)


@pytest.fixture(scope="class")
def gates(sandbox):
    made = [Proxy(sandbox.port), Proxy(sandbox.port)]
    yield made
    for gate in made:
        gate.end()


@pytest.fixture(scope="class")
def sites(make_site, server, sandbox, proxies, gates):
    database = server.create(template="twchat_template")
    directives = [DIRECTIVES + f"TwchatApiBase http://127.0.0.1:{gate.port}\n" for gate in gates]
    first = Host(sandbox=sandbox, directives=directives[0], database=Behind(database, proxies[0]))
    second = Host(sandbox=sandbox, directives=directives[1], database=Behind(database, proxies[1]), account_sid=first.account_sid,
                  tokens=first.tokens, number=first.number)
    return [make_site(server, sandbox=sandbox, hosts=[host], start=False) for host in (first, second)]


@pytest.fixture(scope="class")
def disks(sites):
    """A small disk for each spool, where that is allowed."""
    mounted = [disk for site in sites if (disk := SmallDisk(os.path.join(site.directory, "spool"), "16m")).mounted()]
    yield mounted
    for disk in mounted:
        disk.__exit__()


@pytest.fixture(scope="class")
def servers(sites, disks, sandbox):
    return [Outbox(site.start(), sandbox) for site in sites]


@pytest.mark.expect_log("exit signal Killed", "AH03490", "AH00484", "AH006", "AH02655", "TWC", "dbd:error", "dbd:crit")
class TestChaos:
    @pytest.mark.parametrize("round_", range(ROUNDS))
    def test_nothing_lost_nothing_twice(self, servers, server, proxies, gates, disks, round_):
        seed = SEED + round_
        print(f"TWCHAT_SEED={seed}", flush=True)
        sandbox, db = servers[0].sandbox, servers[0].db
        sandbox.faults(seed=seed, **FAULTS)
        peers = [new_number() for _ in range(MESSAGES // PER_PEER)]
        customers = Customers(servers, MESSAGES)
        shoppers = Shoppers(servers, MESSAGES // 4)
        programs = [Program(servers, peers[i::4 * CROWD], random.Random(seed + i)) for i in range(4 * CROWD)]
        try:
            with Weather(seed, [s.site for s in servers], server, proxies, gates, disks) as weather:
                for one in (customers, shoppers, *programs):
                    one.start()
                wait_for(weather.everything_happened, PATIENCE, "all kinds of weather")
                for one in (customers, shoppers, *programs):
                    one.join()
            print("weather:", " ".join(weather.happened))
            self.settled(servers, db)
        finally:
            sandbox.clear_faults()
        self.check_received(customers, sandbox, db, weather)
        self.check_order(customers, db, weather)
        self.check_acknowledged(shoppers, sandbox, db)
        self.check_sent(servers[0], peers, db)

    def settled(self, servers, db):
        def nothing_left():
            spools = [site.ctl("spool", "status", TWCHAT_SPOOL=site.directory + "/spool").stdout for site in (s.site for s in servers)]
            return (all(" 0 calls, 0 bytes" in spool for spool in spools)
                    and not db.value("SELECT (SELECT count(*) FROM jobs WHERE kind = 'answer') + (SELECT count(*) FROM outbox)"
                                     " + (SELECT count(*) FROM messages WHERE source = 'twiml' AND sid IS NULL)"))
        wait_for(nothing_left, PATIENCE, "spools, jobs and queue to be empty")

    def check_received(self, customers, sandbox, db, weather):
        # With the disk full and the database away there is no safe place.
        assert all(status == 503 and any(begin - 30 < sent < end + OVERTAKES for begin, end in weather.full)
                   for sent, status, _ in customers.refused), customers.refused
        sids = list(customers.answered)
        assert len(sids) >= MESSAGES // 4       # most of the time somebody was there
        stored = db.rows("SELECT sid, body, from_addr FROM messages WHERE direction = 'inbound' AND from_addr = ANY(%s)",
                         list({peer for peer, _ in customers.answered.values()}))
        assert len(stored) == len({row["sid"] for row in stored})
        assert set(sids) <= {row["sid"] for row in stored}
        answers = {}
        for peer in {row["from_addr"] for row in stored}:
            for message in sandbox.messages(To=peer):
                answers.setdefault((peer, message["body"]), []).append(message["sid"])
        wrong = {row["sid"]: answers.get((row["from_addr"], "Echo: " + row["body"])) for row in stored
                 if len(answers.get((row["from_addr"], "Echo: " + row["body"]), ())) != 1}
        assert not wrong, wrong

    def check_order(self, customers, db, weather):
        """What one peer wrote to one server, each after the answer to the one before, was stored in that order."""
        ids = {row["sid"]: row["id"] for row in db.rows("SELECT sid, id FROM messages WHERE sid = ANY(%s)", list(customers.answered))}
        for calls in customers.order.values():
            # Also one that was under way when the disk became full.
            stored = [(ids[sid], sid, sent, answered) for sid, sent, answered in calls
                      if not any(begin < answered and sent < end + OVERTAKES for begin, end in weather.full)]
            wrong = [pair for pair in zip(stored, stored[1:]) if pair[0][0] > pair[1][0]]
            assert not wrong, (wrong, weather.full)

    def check_acknowledged(self, shoppers, sandbox, db):
        """Each order that was stored has one acknowledgement at Twilio, whichever way it went."""
        for peer in shoppers.peers:
            stored = db.value("SELECT count(*) FROM messages WHERE direction = 'inbound' AND from_addr = %s", peer)
            acks = [m["direction"] for m in sandbox.messages(To=peer)]
            assert stored > 0 and len(acks) == stored, (peer, stored, acks)

    def check_sent(self, outbox, peers, db):
        expected = [str(n) for n in range(PER_PEER)]
        wrong = {peer: bodies for peer in peers if (bodies := outbox.bodies(peer)) != expected}
        assert not wrong, wrong
        rows = db.rows("SELECT sid, status FROM messages WHERE to_addr = ANY(%s)", peers)
        assert len(rows) == len({row["sid"] for row in rows} - {None}) == len(peers) * PER_PEER
        # Twilio may have told the last step to a server that was gone, so not every message is known to be delivered.
        assert {row["status"] for row in rows} <= {"queued", "sent", "delivered"}
