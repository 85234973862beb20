# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What was measured, and the three ways of printing it: for people, for docs/performance.md, for programs."""
import json
import os
import statistics
from dataclasses import dataclass


@dataclass
class Row:
    """One line of the table: the median of a measure, beside the median of its ratios to a yardstick.

    measure     name of the samples
    unit        printed behind the figure: "/s", "ms", "MB" ...
    against     name of the yardstick's samples, taken in the same rounds; None: the bar is for the figure itself
    yardstick   what that is, in words
    bar         what is asked of the ratio, or of the figure
    """
    title: str
    measure: str
    unit: str = "/s"
    against: str = None
    yardstick: str = ""
    bar: str = ""


def number(value):
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 10 else f"{value:.2f}"


class Figures:
    """Samples by name, and the rows made of them."""

    def __init__(self):
        self.samples = {}
        self.notes = {}
        self.rows = []
        self.missing = []           # (title, why): rows that could not be measured here
        self.errors = []            # what did not work, so that its figures mean nothing
        self.facts = []             # sentences below the table

    def add(self, name, value, note=""):
        self.samples.setdefault(name, []).append(value)
        if note:
            self.notes[name] = note

    def error(self, text):
        if text not in self.errors:
            self.errors.append(text)

    def ratio(self, row):
        if row.against is None:
            return None
        pairs = list(zip(self.samples[row.measure], self.samples[row.against]))
        return statistics.median(a / b for a, b in pairs if b)

    def measured(self):
        """Each row with its figure and ratio; rows without samples are told as missing."""
        for row in self.rows:
            if row.measure in self.samples and (row.against is None or row.against in self.samples):
                yield row, statistics.median(self.samples[row.measure]), self.ratio(row)

    # ---- for people ----

    def _cells(self):
        told = set()
        for row, value, ratio in self.measured():
            note = "" if row.measure in told else self.notes.get(row.measure, "")
            told.add(row.measure)
            yield (row.title, f"{number(value)} {row.unit}".replace(" /", "/"),
                   f"{ratio:.2f} x" if ratio is not None else "", row.yardstick, row.bar, note)

    def text(self):
        lines = []
        for title, value, ratio, yardstick, bar, note in self._cells():
            lines.append(f"{title.strip():<72} {value:>11}  {ratio:>8} {yardstick}".rstrip() + (f"  (bar: {bar})" if bar else ""))
            if note:
                lines.append("    " + note)
        lines += [f"{title:<72}   not available: {why}" for title, why in self.missing]
        return "\n".join([*lines, *self.facts])

    def markdown(self):
        lines = ["| what | measured | ratio | yardstick, same run | bar |", "|---|---|---|---|---|"]
        for title, value, ratio, yardstick, bar, note in self._cells():
            lines.append(f"| {title}{f' ({note})' if note else ''} | {value} | {ratio.replace(' x', ' ×')} | {yardstick} | {bar} |")
        lines += [f"| {title} | not available: {why} | | | |" for title, why in self.missing]
        return "\n".join([*lines, "", *self.facts])

    def write_json(self, path, options):
        with open(path, "w") as out:
            json.dump({"options": options, "cores": os.cpu_count(), "samples": self.samples, "notes": self.notes,
                       "rows": [{**vars(row), "median": value, "ratio": ratio} for row, value, ratio in self.measured()],
                       "not_available": dict(self.missing), "errors": self.errors, "facts": self.facts}, out, indent=1)
            out.write("\n")
