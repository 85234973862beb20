# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true, instead of sleeping and hoping."""
import threading
import time


def wait_for(condition, timeout=10, what="the condition"):
    """The first true value of condition(); AssertionError when none came in time."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    delay = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}")
        pause.wait(delay)
        delay = min(delay * 1.5, 0.1)
