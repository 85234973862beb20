# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the tests' own, and a door to its databases.

Servers refuse to run as root, so a test run by root gives the server's files
to an unprivileged account. Connections are by TCP on a free loopback port.
"""
import glob
import os
import pwd
import shutil
import subprocess

import psycopg2
import psycopg2.extras

from ports import free_port

SUPERUSER = "twchat"


def _bindir():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"),
                   key=lambda p: int(p.split("/")[4])) or [shutil.which("initdb")]
    if not found[-1]:
        raise RuntimeError("PostgreSQL's server programs are not installed")
    return os.path.dirname(found[-1])


def unprivileged():
    """Keyword arguments for subprocess that drop root, and the account's ids."""
    if os.geteuid() != 0:
        return {}, None
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return ({"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []},
                (account.pw_uid, account.pw_gid))
    raise RuntimeError("neither the account postgres nor nobody exists")


class Database:
    """One database: autocommit statements, rows as dicts."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.url = server.url(name)
        self.conninfo = server.conninfo(name)
        self._conn = None

    def connect(self):
        """A new psycopg2 connection of the caller's own, in autocommit."""
        conn = psycopg2.connect(self.url)
        conn.autocommit = True
        return conn

    def _cursor(self):
        if self._conn is None or self._conn.closed:
            self._conn = self.connect()
        return self._conn.cursor(cursor_factory=psycopg2.extras.RealDictCursor)

    def _execute(self, sql, args):
        # The server may have been restarted by a test since the last statement.
        cursor = self._cursor()
        try:
            cursor.execute(sql, args or None)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self._conn = None
            cursor = self._cursor()
            cursor.execute(sql, args or None)
        return cursor

    def rows(self, sql, *args):
        return [dict(r) for r in self._execute(sql, args).fetchall()]

    def one(self, sql, *args):
        """The first row, or None."""
        rows = self.rows(sql, *args)
        return rows[0] if rows else None

    def value(self, sql, *args):
        """The first column of the first row, or None."""
        row = self.one(sql, *args)
        return next(iter(row.values())) if row else None

    def run(self, sql, *args):
        """Execute; the number of rows affected."""
        return self._execute(sql, args).rowcount

    def close(self):
        if self._conn is not None:
            self._conn.close()
            self._conn = None


class Postgres:
    """One server: `with Postgres(dir) as pg`, or start() and stop()."""

    def __init__(self, directory):
        self.directory = directory
        self.data = os.path.join(directory, "data")
        self.log = os.path.join(directory, "postgres.log")
        self.port = free_port()
        self._drop, self._owner = unprivileged()
        self._bin = _bindir()
        self._count = 0

    def url(self, name):
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def conninfo(self, name):
        return (f"host=127.0.0.1 port={self.port} dbname={name} user={SUPERUSER}"
                " connect_timeout=5")

    def _tool(self, *argv):
        done = subprocess.run([os.path.join(self._bin, argv[0]), *argv[1:]], cwd=self.directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, **self._drop)
        if done.returncode != 0:
            tail = open(self.log).read()[-2000:] if os.path.exists(self.log) else ""
            raise RuntimeError(f"{argv[0]}: {done.stdout}\n{tail}")

    def initialise(self):
        os.makedirs(self.directory, exist_ok=True)
        if self._owner:
            os.chown(self.directory, *self._owner)
        self._tool("initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                   "--locale=C.UTF-8", "--no-sync")
        # Crashes of the server are part of the tests, crashes of the machine are not.
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write(f"\nfsync = off\nlisten_addresses = '127.0.0.1'\nport = {self.port}\n"
                       f"unix_socket_directories = ''\nmax_connections = 200\n"
                       "log_min_error_statement = error\nlog_line_prefix = '%m [%p] %d '\n")

    def start(self):
        if not os.path.exists(self.data):
            self.initialise()
        self._tool("pg_ctl", "-D", self.data, "-l", self.log, "-s", "-w", "start")

    def stop(self, mode="fast"):
        """mode: fast, or immediate to leave without a checkpoint, as in a crash."""
        self._tool("pg_ctl", "-D", self.data, "-m", mode, "-s", "-w", "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def running(self):
        return subprocess.run([os.path.join(self._bin, "pg_ctl"), "-D", self.data, "status"],
                              cwd=self.directory, capture_output=True, check=False,
                              **self._drop).returncode == 0

    def create(self, name=None, template="template1"):
        """A new database, copied from template."""
        self._count += 1
        name = name or f"tenant_{self._count}"
        admin = Database(self, "postgres")
        admin.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        admin.close()
        return Database(self, name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.running():
            self.stop("immediate")
        if not os.environ.get("TWCHAT_KEEP"):
            shutil.rmtree(self.data, ignore_errors=True)
