# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What ./bench measures: each row beside its yardstick, in interleaved rounds of one run.

Server, database and client share the machine, so only the ratios mean something, and only
within one run. Medians over the rounds are printed; nothing here decides a test.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "http"))

from httpd import BUILD, scratch_dir            # noqa: E402
from postgres import Postgres                   # noqa: E402
from server import MOUNTS, Host, Site, migrate  # noqa: E402

LOAD = os.path.join(BUILD, "tests", "bench", "load")
STATEMENT = os.path.join(BUILD, "tests", "bench", "statement")
RAW = ("ToCountry=US&ToState=CA&SmsMessageSid=SM0123456789abcdef0123456789abcdef&NumMedia=0&ToCity=SAN+FRANCISCO&FromZip=94107"
       "&SmsSid=SM0123456789abcdef0123456789abcdef&FromState=CA&SmsStatus=received&FromCity=SAN+FRANCISCO&Body=Is+it+open+today+7"
       "&FromCountry=US&To=%2B15005550006&ToZip=94105&NumSegments=1&MessageSid=SM0123456789abcdef0123456789abcdef"
       "&AccountSid=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&From=%2B14151234567&ApiVersion=2010-04-01")
EXTRA = '{"from_city":"SAN FRANCISCO","from_state":"CA","from_zip":"94107","from_country":"US"}'


class Durable(Postgres):
    """As initdb leaves it: every commit on disk."""

    def initialise(self):
        super().initialise()
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write("fsync = on\nautovacuum = on\n")


def pgbench_script():
    """The module's own ingest statement, one row at a time, with values as Twilio sends them."""
    sql = subprocess.run([STATEMENT, "twc_ingest_messages"], capture_output=True, text=True, check=True).stdout
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


class Bench:
    def __init__(self, seconds, rounds):
        self.seconds = seconds
        self.rounds = rounds
        self.rates = {}
        self.details = {}
        self.directory = scratch_dir("bench")

    def setup(self):
        self.postgres = Durable(os.path.join(self.directory, "pg"))
        self.postgres.start()
        self.database = self.postgres.create("bench", "template0")
        migrate(self.database)
        hello = os.path.join(self.directory, "hello.txt")
        with open(hello, "w") as out:
            out.write("hello\n")
        os.chmod(hello, 0o644)
        os.chmod(self.directory, 0o755)
        # Behind the mount, so that it wins: a file of httpd's own, without anybody to ask.
        beside = (f'Alias /hello "{hello}"\n<Directory "{self.directory}">\nRequire all granted\n</Directory>\n')
        host = Host(database=self.database, tokens=["12345"], account_sid="AC" + "a" * 32,
                    directives="TwchatChatMode off\n" + beside,
                    mounts=(*MOUNTS, ("/hello", ("native",), "SetHandler default-handler\nAuthType None\nRequire all granted")))
        self.site = Site(self.postgres, None, hosts=[host], children=1, threads=64,
                         directives="KeepAliveTimeout 60\nMaxKeepAliveRequests 0\n")
        self.site.start()
        self.script = os.path.join(self.directory, "ingest.pgbench")
        with open(self.script, "w") as out:
            out.write(pgbench_script())

    def teardown(self):
        self.site.stop()
        self.postgres.__exit__()

    def note(self, name, rate, detail=""):
        self.rates.setdefault(name, []).append(rate)
        self.details[name] = detail

    def load(self, name, path, *options, expect="200"):
        done = subprocess.run([LOAD, "-s", str(self.seconds), "-t", "12345", *options, self.site.url + path],
                              capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        wrong = {k: v for k, v in answer["codes"].items() if k != expect}
        self.note(name, answer["rate"], f"p50 {answer['p50_ms']} ms, p99 {answer['p99_ms']} ms"
                  + (f", unexpected answers {wrong}" if wrong else ""))

    def pgbench(self, name, clients):
        done = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(self.seconds),
                               "-f", self.script, self.database.url], capture_output=True, text=True, check=False)
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if not found:
            raise RuntimeError(done.stdout + done.stderr)
        self.note(name, float(found.group(1)), f"{clients} clients")

    def round(self):
        self.pgbench("pgbench", 16)
        self.load("ingest", "/twilio/inbound", "-c", "32")
        self.load("hot", "/twilio/inbound", "-c", "32", "-f", "%2B14150000000")
        self.load("forged", "/twilio/inbound", "-c", "32", "-x", expect="403")
        self.load("hello", "/hello", "-c", "32", "-g")

    def run(self):
        self.load("warm-up", "/twilio/inbound", "-c", "32")
        self.rates.pop("warm-up")
        for i in range(self.rounds):
            self.round()
            print(f"round {i + 1} of {self.rounds} done", file=sys.stderr)

    def row(self, title, name, yardstick, against, bar):
        ratio = statistics.median(a / b for a, b in zip(self.rates[name], self.rates[against]))
        print(f"{title:<44} {statistics.median(self.rates[name]):>9,.0f}/s   {ratio:>5.2f} x {yardstick:<38} bar {bar:<5} {self.details[name]}")

    def report(self):
        stored = self.database.value("SELECT count(*) FROM messages")
        counted = self.database.value("SELECT sum(n) FROM daily_counts WHERE metric = 'inbound'")
        print(f"{'row':<44} {'median':>11}   ratio to its yardstick, median of {self.rounds} interleaved rounds of {self.seconds} s")
        self.row("signed inbound webhooks, durable, 32 clients", "ingest", "pgbench, same statement, 16 clients", "pgbench", "0.80")
        self.row("one hot conversation, 32 clients", "hot", "the row above", "ingest", "0.50")
        self.row("forged webhooks rejected, 32 clients", "forged", "a static file of six bytes", "hello", "0.85")
        print(f"{'yardstick: pgbench':<44} {statistics.median(self.rates['pgbench']):>9,.0f}/s")
        print(f"{'yardstick: static file':<44} {statistics.median(self.rates['hello']):>9,.0f}/s")
        print(f"stored {stored:,} messages, counted {counted:,}")


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    options = parser.parse_args()
    bench = Bench(options.seconds, options.rounds)
    bench.setup()
    try:
        bench.run()
        bench.report()
    finally:
        bench.teardown()


if __name__ == "__main__":
    main()
