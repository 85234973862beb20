# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Lists and threads of a large database, at their beginning and far from it, beside a file of the same size."""
import os

import requests

from figures import Row
from rig import authorization

NAME = "reads"
CLIENTS = 8
PEER = "+14150000001"                   # with one message in a hundred of all: a long thread

FILL = (
    # Three months, evenly; the long thread is conversation 1.
    "INSERT INTO messages (conv_id, sid, account_sid, direction, source, from_addr, to_addr, body, status, num_segments, created_at,"
    " updated_at)"
    " SELECT CASE WHEN n % 100 = 0 THEN 1 ELSE 1 + (n * 7919) % {conversations} END, 'SM' || md5(n::text), 'AC' || repeat('a', 32),"
    "  CASE WHEN n % 10 < 6 THEN 'inbound' ELSE 'outbound' END, 'twilio', '+1415' || lpad(((n * 7919) % {conversations})::text, 7, '0'),"
    "  '+15005550006', 'Message ' || n || ': is it open today, and until when? The door says otherwise.',"
    "  CASE WHEN n % 10 < 6 THEN 'received' ELSE 'delivered' END, 1, now() - interval '90 days' * (1 - n / {messages}.0),"
    "  now() - interval '90 days' * (1 - n / {messages}.0)"
    " FROM generate_series(1::bigint, {messages}) n",
    "INSERT INTO message_sids (sid, message_id, heard, created_at) SELECT sid, id, true, created_at FROM messages",
    "INSERT INTO contacts (address, first_name, last_name)"
    " SELECT '+1415' || lpad(n::text, 7, '0'), (ARRAY['Ann', 'Bob', 'Eve', 'Jan', 'Zoe'])[1 + n % 5], 'No. ' || md5(n::text)"
    " FROM generate_series(1, {conversations}) n",
    "INSERT INTO conversations (id, peer, channel, address, ours, last_message_id, last_at, last_inbound_at, unread, total)"
    " OVERRIDING SYSTEM VALUE"
    " SELECT conv_id, '+1415' || lpad(conv_id::text, 7, '0'), 'sms', '+1415' || lpad(conv_id::text, 7, '0'), '+15005550006',"
    "  max(id), max(created_at), max(created_at), CASE WHEN conv_id % 20 = 0 THEN 1 ELSE 0 END, count(*) FROM messages GROUP BY conv_id",
    "SELECT setval('conversations_id_seq', (SELECT max(id) FROM conversations))",
    "INSERT INTO daily_counts (day, metric, shard, n)"
    " SELECT (created_at AT TIME ZONE 'UTC')::date, direction, 0, count(*) FROM messages GROUP BY 1, 2",
)

# What is asked for: name, title, and for a page from anywhere what its time is compared with. That is the beginning, asked
# for by ever other names: by the same one it would be given again, not made.
PAGES = (
    ("list", "conversations, the first 50", None),
    ("list anew", "  the same, made anew each time", None),
    ("list deep", "conversations, 50 from anywhere", "list anew"),
    ("thread", "a thread of about ten messages", None),
    ("long thread", "a thread of {long:,} messages, the newest 50", None),
    ("long thread anew", "  the same, made anew each time", None),
    ("long thread deep", "the same thread, 50 from anywhere", "long thread anew"),
    ("entries", "all messages, the newest 50", None),
    ("entries anew", "  the same, made anew each time", None),
    ("entries deep", "all messages, 50 from anywhere", "entries anew"),
    ("stats", "the counters above the pages", None),
)
SEARCHES = (("search number", "search for part of a number", "0123"), ("search rare", "search for a name that one has", None),
            ("search common", "search for a name that a fifth has", "Ann"))


class Section:
    """A site on a database that is filled with SQL."""

    def __init__(self, rig):
        self.rig, self.figures, self.options = rig, rig.figures, rig.options
        self.messages = self.options.messages
        self.conversations = max(self.messages // 10, 10)
        self.paths = {}

    def setup(self):
        self.database = self.rig.database("reads")
        self._fill()
        self.site = self.rig.site(self.rig.host(self.database))
        self._choose_paths()
        self._make_file()
        for name, _, _ in PAGES:
            self._ask(name, seconds=0.5)

    def _fill(self):
        """Rows first, indexes afterwards: what would take minutes takes seconds."""
        tables = ("messages", "message_sids", "conversations")
        indexes = self.database.rows("SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.tablename = ANY(%s)"
                                     " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)", list(tables))
        for index in indexes:
            self.database.run(f'DROP INDEX {index["indexname"]}')
        for statement in FILL:
            self.database.run(statement.format(messages=self.messages, conversations=self.conversations))
        for index in indexes:
            self.database.run(index["indexdef"])
        self.database.run("VACUUM ANALYZE")

    def _column(self, sql, *args):
        return [next(iter(row.values())) for row in self.database.rows(sql, *args)]

    def _choose_paths(self):
        ids = self._column("SELECT 1 + floor(random() * %s)::bigint AS id FROM generate_series(1, 2000)", self.messages)
        of_thread = self._column("SELECT id FROM messages WHERE conv_id = 1 ORDER BY random() LIMIT 2000")
        peers = self._column("SELECT peer FROM conversations WHERE id > 1 ORDER BY random() LIMIT 2000")
        places = self._column("SELECT (extract(epoch FROM last_at) * 1000000)::bigint || '.' || id AS place FROM conversations"
                              " ORDER BY random() LIMIT 2000")
        quoted = PEER.replace("+", "%2B")
        newest = range(self.messages + 1, self.messages + 2001)     # before them comes all there is
        future = [f"{4102444800000000 + n}.1" for n in range(2000)]
        self.paths = {
            "list": ["/api/threads?limit=50"], "list anew": [f"/api/threads?limit=50&before={p}" for p in future],
            "list deep": [f"/api/threads?limit=50&before={p}" for p in places],
            "thread": ["/api/threads/" + p.replace("+", "%2B") + "/entries" for p in peers],
            "long thread": [f"/api/threads/{quoted}/entries"],
            "long thread anew": [f"/api/threads/{quoted}/entries?before={i}" for i in newest],
            "long thread deep": [f"/api/threads/{quoted}/entries?before={i}" for i in of_thread],
            "entries": ["/api/entries"], "entries anew": [f"/api/entries?before={i}" for i in newest],
            "entries deep": [f"/api/entries?before={i}" for i in ids], "stats": ["/api/stats"]}
        rare = self.database.value("SELECT substr(last_name, 5, 12) FROM contacts ORDER BY id OFFSET %s LIMIT 1", self.conversations // 2)
        for name, _, word in SEARCHES:
            self.paths[name] = [f"/api/threads?search={word or rare}"]

    def _make_file(self):
        """The yardstick: what the first list answers, as a file for httpd's own handler."""
        body = requests.get(self.site.url + self.paths["list"][0], auth=self.site.auth, timeout=30).content
        name = os.path.join(self.rig.directory, "hello.txt")
        with open(name, "wb") as out:
            out.write(body)
        self.bytes = len(body)
        self.paths["file"] = ["/hello"]

    def _ask(self, name, clients=CLIENTS, seconds=None):
        listed = os.path.join(self.rig.directory, "paths")
        with open(listed, "w") as out:
            out.write("\n".join(self.paths[name]) + "\n")
        answer = self.rig.load(name, self.site.url + "/", "-c", str(clients), "-p", listed, "-H", authorization(self.site),
                               seconds=seconds)
        self.figures.add(name + " time", clients / answer["rate"] * 1000)

    def round(self):
        each = max(self.options.seconds / 2, 1)
        self._ask("file", seconds=each)
        for name, _, _ in PAGES:
            self._ask(name, seconds=each)
        for name, _, _ in SEARCHES:
            self._ask(name, clients=1, seconds=1)

    def rows(self):
        long = self.database.value("SELECT total FROM conversations WHERE id = 1")
        for name, title, first in PAGES:
            title = title.format(long=long)
            self.figures.rows.append(Row(title, name, against="file", yardstick=f"httpd's own handler, a file of {self.bytes / 1000:.1f} kB",
                                         bar="10,000/s"))
            self.figures.rows.append(Row(f"  its p99, {CLIENTS} clients", name + " p99", unit="ms", bar="below 10 ms"))
            if first:
                self.figures.rows.append(Row("  its mean time", name + " time", unit="ms", against=first + " time",
                                             yardstick="the beginning, made anew", bar="at most 1.5"))
        for name, title, _ in SEARCHES:
            self.figures.rows.append(Row(title + ", p99, 1 client", name + " p99", unit="ms",
                                         bar="50 ms" if "common" in name else "10 ms"))
        self.figures.rows.append(Row(f"yardstick: file of {self.bytes / 1000:.1f} kB", "file"))
        self.figures.facts.append(f"Reads: {self.messages:,} messages in {self.conversations:,} conversations, {CLIENTS} clients.")

    def teardown(self):
        if hasattr(self, "site"):
            self.site.stop()
