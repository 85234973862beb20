# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What is measured and what measures: servers of this run, the load client, other people's processes."""
import contextlib
import json
import os
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "http"))

from httpd import BUILD, scratch_dir            # noqa: E402
from postgres import Postgres                   # noqa: E402
from server import MOUNTS, Host, Site, migrate  # noqa: E402

PROGRAMS = os.path.join(BUILD, "tests", "bench")
ACCOUNT = "AC" + "a" * 32
TOKEN = "12345"
THREADS = 64


class Durable(Postgres):
    """As initdb leaves it: every commit on disk."""

    def initialise(self):
        super().initialise()
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write("fsync = on\nautovacuum = on\n")


def program(name, *argv, timeout=300):
    """What one of our measuring programs prints."""
    done = subprocess.run([os.path.join(PROGRAMS, name), *argv], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def cpu_seconds(*pids):
    """Processor time that processes have used, their threads included."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def authorization(host):
    """What a program of an operator sends with each request."""
    return "X-API-Key: " + host.api_key


def files_for(wanted):
    """How many of as many descriptors this process and its children may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, hard - 500 if hard != resource.RLIM_INFINITY else wanted)


class Rig:
    """The servers of a run: one PostgreSQL, and an httpd per section that asks for one."""

    def __init__(self, options, figures):
        self.options = options
        self.figures = figures
        self.directory = scratch_dir("bench")
        self.postgres = Durable(os.path.join(self.directory, "pg"))
        self._hello = os.path.join(self.directory, "hello.txt")

    def start(self):
        files_for(20000)
        self.postgres.start()
        with open(self._hello, "w") as out:
            out.write("hello\n")
        os.chmod(self._hello, 0o644)

    def stop(self):
        self.postgres.__exit__()

    def database(self, name):
        database = self.postgres.create(name, "template0")
        migrate(database)
        return database

    def host(self, database, directives="", **more):
        """A virtual host; /hello in it is a file of httpd's own, with nobody to ask."""
        beside = f'Alias /hello "{self._hello}"\n<Directory "{self.directory}">\nRequire all granted\n</Directory>\n'
        more = {"tokens": [TOKEN], "account_sid": ACCOUNT} | more
        return Host(database=database, directives="TwchatChatMode off\n" + beside + directives,
                    mounts=(*MOUNTS, ("/hello", ("native",), "SetHandler default-handler\nAuthType None\nRequire all granted")),
                    **more)

    def site(self, *hosts, sandbox=None):
        """One httpd of one child."""
        site = Site(self.postgres, None, hosts=list(hosts), sandbox=sandbox, children=1, threads=THREADS,
                    directives="KeepAliveTimeout 60\nMaxKeepAliveRequests 0\n")
        return site.start()

    def load(self, name, url, *options, expect="200", seconds=None):
        """Run the load client; its rate becomes a sample, answers that were not expected an error."""
        answer = json.loads(program("load", "-s", str(seconds or self.options.seconds), "-t", TOKEN, "-a", ACCOUNT, *options, url))
        wrong = {code: n for code, n in answer["codes"].items() if code != expect}
        if wrong:
            self.figures.error(f"{name}: answers that were not {expect}: {wrong}")
        again = f", {answer['resent']} sent again" if answer["resent"] else ""
        self.figures.add(name, answer["rate"], f"p50 {answer['p50_ms']:.3g} ms, p99 {answer['p99_ms']:.3g} ms{again}")
        self.figures.add(name + " p99", answer["p99_ms"])
        return answer

    @contextlib.contextmanager
    def open_pages(self, host, count):
        """Live pages that just are there; how many are."""
        with subprocess.Popen([os.path.join(PROGRAMS, "pages"), "-n", str(count), "-s", "280", "-H", authorization(host),
                               host.url + "/api/events"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pages:
            try:
                opened = pages.stdout.readline().split()
                if not opened:
                    raise RuntimeError("no live pages could be opened")
                yield int(opened[1])
            finally:
                pages.stdin.close()
                pages.wait(30)
