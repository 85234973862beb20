# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What someone would otherwise send with: Twilio's Python library and a pool of threads.

It stores nothing. Run by ./bench against the sandbox; prints one JSON line.
"""
import json
import os
import resource
import sys
import threading
import time

from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

THREADS = 16


def send(until, first, counts):
    # a client each: the library keeps one connection per session alive
    client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"],
                    http_client=TwilioHttpClient(pool_connections=True))
    client.api.base_url = os.environ["TWILIO_API_BASE"]
    n = first
    while time.monotonic() < until:
        try:
            client.messages.create(to=f"+1415{n % 10000000:07d}", from_=os.environ["TWILIO_DEFAULT_FROM"], body="Is it open today")
            counts[0] += 1
        except (TwilioException, OSError):
            counts[1] += 1
        n += 1


def main():
    seconds = float(sys.argv[1])
    start = time.monotonic()
    counts = [[0, 0] for _ in range(THREADS)]
    threads = [threading.Thread(target=send, args=(start + seconds, 3000000 + i * 100000, counts[i])) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = resource.getrusage(resource.RUSAGE_SELF)
    done, failed = sum(c[0] for c in counts), sum(c[1] for c in counts)
    took = time.monotonic() - start
    print(json.dumps({"sent": done, "failed": failed, "rate": done / took,
                      "cpu_us": (used.ru_utime + used.ru_stime) * 1e6 / max(done, 1)}))


if __name__ == "__main__":
    main()
