# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Webhooks in: the same statement in pgbench, refused ones beside a file, other people's applications."""
import http.client
import json
import os
import re
import subprocess
import threading

import peers
from figures import Row
from rig import TOKEN, cpu_seconds, files_for, program, resident_mb
from waiting import wait_for

NAME = "inbound"
IDLE_PAGES = 5000
WATCHING = 10
SIGNING_IN = 50
PATH = "/twilio/inbound"
RAW = ("ToCountry=US&ToState=CA&SmsMessageSid=SM0123456789abcdef0123456789abcdef&NumMedia=0&ToCity=SAN+FRANCISCO&FromZip=94107"
       "&SmsSid=SM0123456789abcdef0123456789abcdef&FromState=CA&SmsStatus=received&FromCity=SAN+FRANCISCO&Body=Is+it+open+today+7"
       "&FromCountry=US&To=%2B15005550006&ToZip=94105&NumSegments=1&MessageSid=SM0123456789abcdef0123456789abcdef"
       "&AccountSid=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&From=%2B14151234567&ApiVersion=2010-04-01")
EXTRA = '{"from_city":"SAN FRANCISCO","from_state":"CA","from_zip":"94107","from_country":"US"}'

ROWS = (
    Row("signed inbound webhooks, durable, 32 clients", "ingest", against="pgbench",
        yardstick="pgbench, the same statement, 16 clients", bar="1.0 (0.8 at first)"),
    Row("the same, {idle:,} idle live pages open", "ingest idle pages", against="ingest", yardstick="the first row", bar="0.9"),
    Row(f"the same, {WATCHING} live pages that are told of every message", "ingest watched", against="ingest",
        yardstick="the first row"),
    Row(f"the same, while {SIGNING_IN} people sign in again and again", "ingest signing in", against="ingest", yardstick="the first row", bar="0.8"),
    Row("one hot conversation, 32 clients", "hot", against="ingest", yardstick="the first row", bar="0.5"),
    Row("forged webhooks refused, 32 clients", "forged", against="hello", yardstick="httpd's own handler, a file of six bytes", bar="0.85"),
    Row("processor time of the module per webhook", "ingest cpu", unit="µs"),
    Row("yardstick: pgbench", "pgbench"),
    Row("yardstick: file of six bytes", "hello"),
)
PEERS = (("flask", "Flask, gunicorn, psycopg2, Twilio's validator"), ("express", "Express, pg, Twilio's validateRequest"))


def pgbench_script():
    """The module's own ingest statement, one row at a time, with values as Twilio sends them."""
    sql = program("statement", "twc_ingest_messages")
    sid = "'SM' || lpad(to_hex(:r::bigint), 16, '0') || lpad(to_hex(:s::bigint), 16, '0')"
    peer = "'+1415' || lpad(:p::text, 7, '0')"
    values = {1: "now()", 2: "'flask-chat'", 3: "'POST'", 4: "'http://127.0.0.1:8080/twilio/inbound'", 5: "'127.0.0.1'",
              6: "'application/x-www-form-urlencoded'", 7: f"'{RAW}'", 8: "NULL", 9: sid,
              10: "'ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", 11: "NULL", 12: peer, 13: "'sms'", 14: peer, 15: "'+15005550006'",
              16: "'Is it open today 7'", 17: "NULL", 18: "NULL", 19: f"'{EXTRA}'", 20: "0", 21: "NULL", 22: "false"}
    plain = {23: "'10 minutes'", 24: "10", 25: "''", 26: "1"}

    def value(match):
        n = int(match.group(1))
        return plain[n] if n in plain else f"ARRAY[{values[n]}]"
    sql = re.sub(r"\$(\d+)", value, sql.strip())
    return (r"\set r random(1, 4611686018427387904)" "\n" r"\set s random(1, 4611686018427387904)" "\n"
            r"\set p random(0, 9999999)" "\n" + sql + ";\n")


class Crowd:
    """People who sign in with name and password as fast as they are let, each from an address of their own."""

    def __init__(self, site, count):
        self.site, self.count = site, count
        self.ended, self.let_in, self.refused = threading.Event(), [0] * count, []

    def register(self):
        for i in range(self.count):
            self._post(i, "/auth/register", {"email": f"crowd{i}@example.com"}, 201)

    def _post(self, i, path, more, wanted):
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60, source_address=(f"127.0.2.{i + 1}", 0))
        body = json.dumps({"username": f"crowd{i}", "password": "a fine one 9", **more})
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status == 503:        # too many at once: come again in a moment
            self.ended.wait(float(answer.getheader("Retry-After")))
        elif answer.status != wanted:
            self.refused.append(answer.status)
        return answer.status == wanted

    def _sign_in(self, i):
        while not self.ended.is_set():
            self.let_in[i] += self._post(i, "/auth/login", {}, 200)     # a place of one's own: they count at the same time

    def __enter__(self):
        self.threads = [threading.Thread(target=self._sign_in, args=(i,)) for i in range(self.count)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def child(site):
    """Process id of a site's one child."""
    return site.httpd.children()[0]


class Section:
    """The module's site, the same once more for what live pages cost, and the peers on the same database.

    What idle pages leave behind in memory must not blur what webhooks leave, so they have an httpd of their own; in it
    a second, quiet tenant whose pages are told nothing.
    """

    def __init__(self, rig):
        self.rig, self.figures, self.options = rig, rig.figures, rig.options
        self.peers = {}
        self.webhooks = self.expected = 0
        self.opened = []

    def setup(self):
        self.database = self.rig.database("inbound")
        # what people have: bcrypt at its default cost
        self.site = self.rig.site(self.rig.host(self.database, "TwchatPasswordCost 10\n"))
        self.crowd = Crowd(self.site, SIGNING_IN)
        self.crowd.register()
        self.watched = self.rig.host(self.database)
        self.quiet = self.rig.host(self.rig.database("quiet"))
        self.paged = self.rig.site(self.watched, self.quiet)
        self.script = os.path.join(self.rig.directory, "ingest.pgbench")
        with open(self.script, "w") as out:
            out.write(pgbench_script())
        for name, title in PEERS:
            try:
                self.peers[name] = peers.start(name, self.database, TOKEN, self.rig.directory)
            except peers.NotAvailable as why:
                self.figures.missing.append((f"against {title}", str(why)))
        self.idle = files_for(IDLE_PAGES)
        self._webhooks("warm-up paged", self.paged, min(self.options.seconds, 2))
        self._webhooks("warm-up", self.site, min(self.options.seconds, 4))
        self.webhooks = 0
        self.first_mb = resident_mb(child(self.site))

    def _webhooks(self, name, site, seconds=None, *options, expect="200"):
        answer = self.rig.load(name, site.url + PATH, "-c", "32", *options, expect=expect, seconds=seconds)
        self.expected += answer["codes"].get("200", 0)
        if site is self.site:
            self.webhooks += answer["requests"]
        return answer

    def _pgbench(self, name, clients):
        done = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(self.options.seconds),
                               "-f", self.script, self.database.url], capture_output=True, text=True, check=False)
        found = re.search(r"processed: (\d+).*tps = ([\d.]+)", done.stdout, re.S)
        if not found:
            raise RuntimeError(done.stdout + done.stderr)
        self.expected += int(found.group(1))
        self.figures.add(name, float(found.group(2)))

    def _ingest(self):
        pid = child(self.site)
        before = cpu_seconds(pid)
        answer = self._webhooks("ingest", self.site)
        self.figures.add("ingest cpu", (cpu_seconds(pid) - before) * 1e6 / answer["requests"])

    def _crowded(self):
        with self.crowd:
            self._webhooks("ingest signing in", self.site)
        if self.crowd.refused:
            self.figures.error(f"signing in: answers that were not 200: {sorted(set(self.crowd.refused))}")
        self.crowd.ended.clear()

    def _pages(self):
        pid = child(self.paged)
        before = resident_mb(pid)
        with self.rig.open_pages(self.quiet, self.idle) as opened:
            self.opened.append(opened)
            if len(self.opened) == 1:   # afterwards the child keeps what they took, for the next ones
                self.figures.add("memory per page", (resident_mb(pid) - before) * 1024 / opened)
            self._webhooks("ingest idle pages", self.paged)
        with self.rig.open_pages(self.watched, WATCHING):
            self._webhooks("ingest watched", self.paged)

    def round(self):
        self._pgbench("pgbench", 16)
        self._ingest()
        self._crowded()
        for name, peer in self.peers.items():
            self.rig.load(name, peer.url + "/inbound", "-c", "32")
        self._webhooks("hot", self.site, None, "-f", "%2B14150000000")
        self._pages()
        self._webhooks("forged", self.site, None, "-x", expect="403")
        self.rig.load("hello", self.site.url + "/hello", "-c", "32", "-g")

    def rows(self):
        for row in ROWS:
            row.title = row.title.format(idle=min(self.opened))
            self.figures.rows.append(row)
        for name, title in PEERS:
            if name in self.peers:
                self.figures.rows.append(Row(f"the first row, against {title}", "ingest", against=name, yardstick=self.peers[name].how))
                self.figures.rows.append(Row(f"yardstick: {title}", name))
        self.figures.facts.append(f"Signing in: {sum(self.crowd.let_in):,} people were let in meanwhile.")
        self.figures.add("memory", resident_mb(child(self.site)), f"{self.first_mb:.1f} MB before")
        self.figures.rows.append(Row(f"memory of a child after {self.webhooks:,} webhooks", "memory", unit="MB", bar="flat, at most 40"))
        self.figures.rows.append(Row("memory of a child per idle page", "memory per page", unit="kB"))
        self._count()

    def _stored(self):
        return self.database.value("SELECT count(*) FROM messages")

    def _count(self):
        """What was answered 200 is stored once; what went by the spool may come a little later."""
        try:
            wait_for(lambda: self._stored() >= self.expected, 30, "every message to be stored")
        except AssertionError:
            pass
        stored, counted = self._stored(), self.database.value("SELECT sum(n) FROM daily_counts WHERE metric = 'inbound'")
        if not stored == counted == self.expected:
            self.figures.error(f"inbound: {self.expected:,} messages were taken, {stored:,} are stored, {counted:,} were counted")
        self.figures.facts.append(f"Inbound: {self.expected:,} messages were taken, as many are stored.")

    def teardown(self):
        for server in (*self.peers.values(), getattr(self, "paged", None), getattr(self, "site", None)):
            if server is not None:
                server.stop()
