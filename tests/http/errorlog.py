# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What httpd's error log may hold after a class of tests, and what it may not."""
import os
import re

_LINE = re.compile(r"^\[[^]]+\] \[(?P<module>[^:\]]*):(?P<level>\w+)\] ")
_SEVERE = {"emerg", "alert", "crit", "error"}
# A stop that is not graceful closes the workers' sockets under them; who had just answered says this.
_HARMLESS = ("AH03093",)
_CRASH = re.compile(r"exit signal|Sanitizer|runtime error:|Assertion|double free|corrupted")


class ErrorLog:
    def __init__(self, path):
        self.path = path
        self._checked = 0

    def text(self, start=0):
        if not os.path.exists(self.path):
            return ""
        with open(self.path, errors="replace") as log:
            log.seek(start)
            return log.read()

    def end(self):
        return os.path.getsize(self.path) if os.path.exists(self.path) else 0

    def lines(self, needle, start=0):
        """Lines that contain needle, a tag for example."""
        return [line for line in self.text(start).splitlines() if needle in line]

    def unexpected(self, expected):
        """Lines since the last call that no test announced by a tag or another piece of text."""
        start, self._checked = self._checked, self.end()
        return [line for line in self.text(start).splitlines()
                if _is_bad(line) and not any(e in line for e in expected)]


def _is_bad(line):
    if _CRASH.search(line):
        return True
    found = _LINE.match(line)
    if not found or any(tag in line for tag in _HARMLESS):
        return False
    if found["level"] in _SEVERE:
        return True
    return found["level"] == "warn" and "TWC" in line
