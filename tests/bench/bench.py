# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Measure mod_twchat, each figure beside a yardstick from the same run.

Servers, databases and clients share this machine, so only the ratios mean something, and only
within one run. Everything is measured in rounds, one measurement after the other, and what is
printed is the median over the rounds; a ratio is the median of the ratios within each round, and
p50 and p99 below a row are the last round's.
Each section has databases and servers of its own, which go when it ends.

sections and their yardsticks:
  inbound   signed webhooks, durable (fsync on), from 32 kept-alive clients; the yardstick is
            pgbench with 16 clients running the module's own statement, one message at a time.
            The same with 5,000 live pages open in a quiet tenant of the same child, and with ten that are told
            of every message. One conversation that gets everything. Forged signatures beside
            httpd's own handler with a file of six bytes. Memory of the child at the end.
            Beside it what one would otherwise run, on the same database: Flask under gunicorn,
            and Express (tests/bench/peers); they store less, with fewer indexes.
  outbound  a filled outbox to the sandbox and its results back into the database, with 100 ms
            latency and 500 in flight, and with none; the yardsticks are in flight over latency, and
            Twilio's Python library with 16 threads, which stores nothing. Webhooks meanwhile.
            No status callbacks come back.
  reads     conversation lists, threads, counters and searches of --messages messages, 8 clients;
            the yardstick is httpd's own handler with a file of the size of the first list.
  live      from a webhook's first byte until each of 1,000 open pages has been told of it.

Nothing here decides a test: the exit status is 0 unless something did not work, such as an
answer that was not 200, a message not stored, or an event that did not arrive.
"""
import argparse
import sys
import time

import inbound
import live
import outbound
import reads
from figures import Figures
from rig import Rig

SECTIONS = (inbound, outbound, reads, live)


def parse():
    names = [section.NAME for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", metavar="SECTION,...", default=",".join(names), help="only these sections (default: all)")
    parser.add_argument("--rounds", type=int, help="rounds (default 3)")
    parser.add_argument("--seconds", type=int, help="length of each measurement (default 4)")
    parser.add_argument("--messages", type=int, help="size of the database that is read (default 1,000,000)")
    parser.add_argument("--quick", action="store_true", help="one round of one second, 100,000 messages: does everything work?")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/performance.md")
    parser.add_argument("--json", metavar="FILE", help="write every sample as well")
    options = parser.parse_args()
    usual = (1, 1, 100000) if options.quick else (3, 4, 1000000)
    for name, value in zip(("rounds", "seconds", "messages"), usual):
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.rounds < 1 or not 1 <= options.seconds <= 60 or not 1000 <= options.messages <= 100000000:
        parser.error("--rounds begins at 1, --seconds is 1 to 60, --messages 1,000 to 100,000,000")
    wanted = options.rows.split(",")
    if unknown := set(wanted) - set(names):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    options.sections = [section for section in SECTIONS if section.NAME in wanted]
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(module, rig):
    """One section, from its servers to its rows."""
    section = module.Section(rig)
    start = time.monotonic()
    try:
        say(f"{module.NAME}: setting up")
        known = set(rig.figures.samples)
        section.setup()
        for name in set(rig.figures.samples) - known:   # warming up is no round
            del rig.figures.samples[name]
        for i in range(rig.options.rounds):
            section.round()
            say(f"{module.NAME}: round {i + 1} of {rig.options.rounds} done, {time.monotonic() - start:.0f} s")
        section.rows()
    finally:
        section.teardown()


def main():
    options = parse()
    figures = Figures()
    rig = Rig(options, figures)
    rig.start()
    try:
        for module in options.sections:
            measure(module, rig)
    finally:
        rig.stop()
    print(figures.markdown() if options.markdown else figures.text())
    if options.json:
        figures.write_json(options.json, {k: v for k, v in vars(options).items() if k != "sections"})
    for error in figures.errors:
        say("error: " + error)
    return 1 if figures.errors else 0


if __name__ == "__main__":
    sys.exit(main())
