# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""From a webhook's first byte until every open page has been told."""
import json

from figures import Row
from rig import ACCOUNT, TOKEN, authorization, files_for, program

NAME = "live"
PAGES = 1000
RATE = 20                               # webhooks a second: so many times PAGES events


class Section:
    """A site of its own; the pages and the webhooks come from one process of ours."""

    def __init__(self, rig):
        self.rig, self.figures, self.options = rig, rig.figures, rig.options
        self.opened = PAGES

    def setup(self):
        self.site = self.rig.site(self.rig.host(self.rig.database("live")))
        self._measure(2)

    def _measure(self, seconds):
        out = program("pages", "-n", str(files_for(PAGES)), "-s", str(seconds), "-r", str(RATE), "-t", TOKEN, "-a", ACCOUNT,
                      "-H", authorization(self.site), self.site.url + "/api/events", self.site.url + "/twilio/inbound")
        return json.loads(out.splitlines()[-1])

    def round(self):
        answer = self._measure(self.options.seconds)
        if answer["missing"] or answer["lost"]:
            self.figures.error(f"live: {answer['missing']} events did not arrive, {answer['lost']} pages were lost")
        self.opened = min(self.opened, answer["open"])
        self.figures.add("visible", answer["p99_ms"], f"p50 {answer['p50_ms']:.3g} ms, longest {answer['max_ms']:.3g} ms,"
                         f" {answer['told']:,} events")

    def rows(self):
        self.figures.rows.append(Row(f"inbound to visible, p99, {self.opened:,} open pages, {RATE} webhooks a second", "visible",
                                     unit="ms", bar="at most 100 ms"))

    def teardown(self):
        if hasattr(self, "site"):
            self.site.stop()
