# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Bad weather: processes killed or frozen, the database stopped, frozen or cut off, Twilio cut off, disks full, in an
order that a seed decides."""
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from ports import free_port


class Proxy:
    """A TCP connection to a port that can stall or break; listens on .port."""

    def __init__(self, target):
        self.port = free_port()
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._cut = False
        self._ended = False
        self._pairs = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = None if self._cut else socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            far.settimeout(None)        # the five seconds were for connecting
            pair = (near, far)
            for end in pair:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:            # from here on somebody may cut it
                self._pairs.add(pair)
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(source, sink, pair), daemon=True).start()

    def _pump(self, source, sink, pair):
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        self._close(pair)

    def _close(self, pair):
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def stall(self):
        self._flowing.clear()

    def cut(self):
        self._cut = True
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close(pair)

    def mend(self):
        self._cut = False
        self._flowing.set()

    def end(self):
        self._listener.close()
        self.cut()
        self._flowing.set()


class Behind:
    """A Database that httpd reaches through a proxy; the tests go straight to it."""

    def __init__(self, database, proxy):
        self._database = database
        self.conninfo = database.conninfo.replace(f"port={database.server.port} ", f"port={proxy.port} ")

    def __getattr__(self, name):
        return getattr(self._database, name)


class SmallDisk:
    """with SmallDisk(directory, "512k"): so much room is mounted there; skips where that is not allowed."""

    def __init__(self, directory, size):
        self.directory = directory
        self._size = size
        self._ballast = os.path.join(directory, "ballast")

    def mounted(self):
        os.makedirs(self.directory)
        return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self._size},mode=755", "twchat-test", self.directory],
                              check=False, capture_output=True).returncode == 0

    def __enter__(self):
        if not self.mounted():
            pytest.skip("a small file system cannot be mounted here")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.directory], check=True)

    def fill(self):
        with open(self._ballast, "ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 4096)
            except OSError:
                pass

    def clear(self):
        if os.path.exists(self._ballast):
            os.remove(self._ballast)


class Weather:
    """with Weather(...): one thing after another happens. Afterwards all is well again, and .happened says what was.

    proxies     to the database
    gates       Proxy objects to the sandbox
    disks       SmallDisk objects that hold the spools; none where they cannot be mounted
    """

    def __init__(self, seed, sites, server, proxies, gates=(), disks=()):
        self.happened = []
        self.full = []                  # (from, to): when a disk was full
        self._dice = random.Random(seed)
        self._sites, self._server, self._proxies, self._gates, self._disks = sites, server, proxies, gates, disks
        self._kinds = [self._kill_child, self._kill_child, self._kill_all, self._graceful, self._crash_database,
                       self._freeze_database, self._end_sessions, self._stall, self._cut, self._freeze_child, self._freeze_child_for_long,
                       *([self._cut_twilio] if gates else []), *([self._fill_disk] if disks else [])]
        self._thaws = []
        self._due = []
        self._stop = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)
        for thaw in self._thaws:        # what is frozen for long stays so
            thaw.join()
        for proxy in (*self._proxies, *self._gates):
            proxy.mend()
        for disk in self._disks:
            disk.clear()
        for site in self._sites:
            if not site.httpd.running():
                site.httpd.start()
        if self._failure:
            raise self._failure

    def everything_happened(self):
        return len(self.happened) >= len(self._kinds) or self._failure

    def _run(self):
        try:
            while not self._stop.wait(self._dice.uniform(0.2, 1.2)):
                if not self._due:
                    self._due = self._dice.sample(self._kinds, len(self._kinds))
                happens = self._due.pop()
                happens()
                self.happened.append(happens.__name__.strip("_"))
        except Exception as error:      # told by the thread that waits for us
            self._failure = error

    def _while(self, low, high):
        time.sleep(self._dice.uniform(low, high))

    # ---- what happens ----

    def _kill_child(self):
        pids = self._dice.choice(self._sites).httpd.children()
        for pid in self._dice.sample(pids, min(len(pids), self._dice.choice((1, 1, 2)))):
            os.kill(pid, signal.SIGKILL)

    def _freeze(self, seconds):
        """A child stops in the middle of whatever it does, and goes on as if nothing had been."""
        pids = self._dice.choice(self._sites).httpd.children()[:1]     # none, where they were just killed
        self._signal(pids, signal.SIGSTOP)
        self._thaws.append(threading.Timer(seconds, self._signal, (pids, signal.SIGCONT)))
        self._thaws[-1].start()

    def _freeze_child(self):
        self._freeze(self._dice.uniform(0.5, 4))

    def _freeze_child_for_long(self):
        """Longer than its claims on messages and on the spool last; other things happen meanwhile."""
        self._freeze(self._dice.uniform(31, 34))

    def _fill_disk(self):
        """Mostly that shows only while the database is away, too."""
        disk, proxy = self._dice.choice(list(zip(self._disks, self._proxies)))
        begin = time.time()
        disk.fill()
        if self._dice.random() < 0.7:
            proxy.cut()
        self._while(0.5, 4)
        disk.clear()
        proxy.mend()
        self.full.append((begin, time.time()))

    def _cut_twilio(self):
        gate = self._dice.choice(self._gates)
        gate.cut()
        self._while(0, 4)
        gate.mend()

    def _kill_all(self):
        httpd = self._dice.choice(self._sites).httpd
        os.killpg(httpd.process.pid, signal.SIGKILL)
        httpd.process.wait(10)
        self._while(0, 1)
        httpd.start()

    def _graceful(self):
        self._dice.choice(self._sites).httpd.graceful()

    def _crash_database(self):
        self._server.stop("immediate")
        self._while(0, 3)
        self._server.start()

    def _freeze_database(self):
        with open(os.path.join(self._server.data, "postmaster.pid")) as lines:
            master = int(lines.readline())
        listed = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=False)
        pids = [master, *map(int, listed.stdout.split())]
        self._signal(pids, signal.SIGSTOP)
        self._while(0.5, 4)
        self._signal(pids, signal.SIGCONT)

    def _signal(self, pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass                    # a session that has ended meanwhile

    def _end_sessions(self):
        with self._sites[0].db().connect() as conn, conn.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                           " WHERE datname = current_database() AND pid <> pg_backend_pid()")
        conn.close()

    def _stall(self):
        proxy = self._dice.choice(self._proxies)
        proxy.stall()
        self._while(0.5, 6)
        proxy.mend()

    def _cut(self):
        proxy = self._dice.choice(self._proxies)
        proxy.cut()
        self._while(0, 4)
        proxy.mend()
