# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Messages out: from the outbox to the sandbox and back into the database, beside Twilio's Python library."""
import json
import os
import subprocess
import sys
import time

from figures import Row
from rig import HERE, TOKEN, cpu_seconds
from waiting import wait_for
from sandbox_server import Sandbox

NAME = "outbound"
LATENCY_MS = 100
IN_FLIGHT = 500
PER_SECOND = IN_FLIGHT * 1000 // LATENCY_MS
LIBRARY = "peers/twilio_send.py"
BULK = 5                                # priority of what may wait
SENDERS = ["+14155552671", "+14155552672", "+14155552673", "+14155552674"]  # so that the rate of one is no bound

ROWS = (
    Row(f"outbox to sandbox to recorded, {LATENCY_MS} ms latency, {IN_FLIGHT} in flight", "send slow", against="bound",
        yardstick="in flight ÷ latency", bar="0.9"),
    Row("the same, against Twilio's Python library", "send slow", against="library slow",
        yardstick="16 threads, storing nothing", bar="10"),
    Row("outbox to sandbox to recorded, no latency", "send fast", against="library fast",
        yardstick="Twilio's Python library, 16 threads, storing nothing", bar="10"),
    Row("processor time of the module per message sent", "send cpu", unit="µs", against="library cpu",
        yardstick="that library's own", bar="at most 40 µs"),
    Row("webhooks while that many messages leave as bulk", "ingest sending", against="ingest alone",
        yardstick="webhooks alone, same site", bar="0.6"),
    Row("yardstick: Twilio's Python library, with that latency", "library slow"),
    Row("yardstick: Twilio's Python library, no latency", "library fast"),
)

# Conversations of their own, so that each message may go at once; what the API's statement writes, for many.
FILL = """
WITH given AS MATERIALIZED (
  SELECT nextval('messages_id_seq') AS id, '+1628' || lpad(((%(first)s + n) %% 10000000)::text, 7, '0') AS peer,
         (%(senders)s)[1 + n %% array_length(%(senders)s, 1)] AS sender
    FROM generate_series(1, %(count)s) n
), con AS (
  INSERT INTO contacts (address) SELECT peer FROM given ON CONFLICT (address) DO NOTHING
), conv AS (
  INSERT INTO conversations AS c (peer, channel, address, last_message_id, last_at, total)
  SELECT peer, 'sms', peer, id, now(), 1 FROM given
  ON CONFLICT (peer) DO UPDATE SET last_message_id = EXCLUDED.last_message_id, last_at = EXCLUDED.last_at, total = c.total + 1
  RETURNING c.id, c.peer
), message AS (
  INSERT INTO messages (id, conv_id, account_sid, direction, source, from_addr, to_addr, body, status, num_segments)
  SELECT g.id, v.id, %(account)s, 'outbound', 'cli', g.sender, g.peer, 'Is it open today', 'queued', 1
    FROM given g JOIN conv v USING (peer)
)
INSERT INTO outbox (message_id, conv_id, sender, priority, segments, due_at)
SELECT g.id, v.id, g.sender, %(priority)s, 1, now() FROM given g JOIN conv v USING (peer)
"""
PARK = """
INSERT INTO senders (sender, kind, parked_until) SELECT s, 'longcode-us', 'infinity' FROM unnest(%s) s
ON CONFLICT (sender) DO UPDATE SET parked_until = EXCLUDED.parked_until
"""


class Section:
    """A site of its own with a sandbox of its own."""

    def __init__(self, rig):
        self.rig, self.figures, self.options = rig, rig.figures, rig.options
        self.first = 0

    def setup(self):
        # A request that waits holds a thread there; a walk would measure the callbacks as well.
        self.sandbox = Sandbox(threads=IN_FLIGHT + 140, numbers=SENDERS, keep=100000, log=10).start()
        self.database = self.rig.database("outbound")
        host = self.rig.host(self.database, sandbox=self.sandbox, tokens=[self.sandbox.auth_token, TOKEN],
                             account_sid=self.sandbox.account_sid,
                             directives=f"TwchatSendWait 0s\nTwchatRate longcode-us 10000\nTwchatInFlight {IN_FLIGHT}\n")
        self.site = self.rig.site(host, sandbox=self.sandbox)
        self._send("warm-up", 2000, 0)

    def _fill(self, count, priority=1):
        """A queue that waits until _wake()."""
        self.database.run(PARK, SENDERS)
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(FILL, {"first": self.first, "count": count, "account": self.sandbox.account_sid,
                                  "senders": SENDERS, "priority": priority})
        connection.close()
        self.first += count

    def _wake(self):
        """Let it go; a message by the API wakes the sender."""
        self.database.run("UPDATE senders SET parked_until = NULL")
        answer = self.site.post("/api/send-message", json={"to": "+16280000000", "body": "go"})
        if answer.status_code != 200:
            raise RuntimeError(f"/api/send-message: {answer.status_code} {answer.text}")

    def _left(self):
        return self.database.value("SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT 1) q")

    def _send(self, name, count, latency_ms):
        """One sample of messages a second; the processor time per message in µs."""
        self.sandbox.reset()
        self.sandbox.faults(latency_ms=latency_ms, no_walk=True, no_callbacks=True)
        self._fill(count)
        child = self.site.httpd.children()[0]
        cpu, start = cpu_seconds(child), time.monotonic()
        self._wake()
        wait_for(lambda: not self._left(), 120, "the outbox to be empty")
        took, cpu = time.monotonic() - start, cpu_seconds(child) - cpu
        self.figures.add(name, count / took, f"{count:,} messages")
        wrong = self.database.value("SELECT count(*) FROM messages WHERE direction = 'outbound' AND sid IS NULL")
        if wrong:
            self.figures.error(f"{name}: {wrong} messages were not sent")
        return cpu * 1e6 / count

    def _library(self, name, latency_ms):
        self.sandbox.reset()
        self.sandbox.faults(latency_ms=latency_ms, no_walk=True, no_callbacks=True)
        env = {"TWILIO_ACCOUNT_SID": self.sandbox.account_sid, "TWILIO_AUTH_TOKEN": self.sandbox.auth_token,
               "TWILIO_DEFAULT_FROM": self.site.number, "TWILIO_API_BASE": self.sandbox.url}
        done = subprocess.run([sys.executable, os.path.join(HERE, LIBRARY), str(self.options.seconds)], env=env, capture_output=True,
                              text=True, timeout=self.options.seconds + 60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{LIBRARY}: {done.stderr[-500:]}")
        answer = json.loads(done.stdout)
        if answer["failed"]:
            self.figures.error(f"{name}: {answer['failed']} messages failed")
        self.figures.add(name, answer["rate"])
        return answer["cpu_us"]

    def _webhooks(self, name):
        self.rig.load(name, self.site.url + "/twilio/inbound", "-c", "32", "-a", self.sandbox.account_sid)

    def _webhooks_while_sending(self):
        self.sandbox.faults(latency_ms=LATENCY_MS, no_walk=True, no_callbacks=True)
        self._fill(2 * PER_SECOND * self.options.seconds, BULK)
        before = self._queued()
        self._wake()
        start = time.monotonic()
        self._webhooks("ingest sending")
        self.figures.add("sent beside", (before - self._queued()) / (time.monotonic() - start))
        self.figures.notes["ingest sending"] += f", {self.figures.samples['sent beside'][-1]:,.0f} messages a second left meanwhile"
        wait_for(lambda: not self._left(), 120, "the outbox to be empty")

    def _queued(self):
        return self.database.value("SELECT count(*) FROM outbox")

    def round(self):
        seconds = self.options.seconds
        self._send("send slow", PER_SECOND * seconds, LATENCY_MS)
        self.figures.add("bound", PER_SECOND)
        self._library("library slow", LATENCY_MS)
        self.figures.add("send cpu", self._send("send fast", PER_SECOND * seconds, 0))
        self.figures.add("library cpu", self._library("library fast", 0))
        self._webhooks("ingest alone")
        self._webhooks_while_sending()

    def rows(self):
        self.figures.rows += ROWS

    def teardown(self):
        if hasattr(self, "site"):
            self.site.stop()
        if hasattr(self, "sandbox"):
            self.sandbox.stop()
