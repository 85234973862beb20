# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What someone would otherwise run, started for comparison; see peers/."""
import os
import shutil
import signal
import socket
import subprocess
import sys

from rig import BUILD, HERE
from ports import free_port
from waiting import wait_for

SOURCES = os.path.join(HERE, "peers")
MODULES = os.path.join(BUILD, "peers")      # node_modules stays out of the sources
WORKERS = 2 * (os.cpu_count() or 1)
THREADS = 8


class NotAvailable(Exception):
    """This peer cannot be run here, and why."""


class Peer:
    """A process group that serves url."""

    def __init__(self, how, argv, env, log):
        self.how = how
        self.url = env["PUBLIC_BASE_URL"]
        with open(log, "ab") as out:
            self._process = subprocess.Popen(argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                             start_new_session=True)
        try:
            wait_for(lambda: self._answers(log), 30, f"{argv[0]} to listen; see {log}")
        except AssertionError as why:
            self.stop()
            raise NotAvailable(str(why)) from None

    def _answers(self, log):
        if self._process.poll() is not None:
            with open(log, errors="replace") as said:
                raise NotAvailable("it ended: " + " ".join(said.read().split())[-200:])
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", int(self.url.rpartition(":")[2]))) == 0

    def stop(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


def _debian_python(*modules):
    """The interpreter whose modules are Debian's; NotAvailable when one is missing."""
    done = subprocess.run([sys.executable, "-c", "import " + ", ".join(modules)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotAvailable(done.stderr.strip().splitlines()[-1] + "; Debian: python3-flask gunicorn python3-psycopg2 python3-twilio")
    return sys.executable


def _flask(env, log):
    python = _debian_python("flask", "gunicorn", "psycopg2", "twilio")
    argv = [python, "-m", "gunicorn", "--chdir", SOURCES, "-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS),
            "--keep-alive", "60", "-b", "127.0.0.1:" + env["PORT"], "flask_app:app"]
    return Peer(f"{WORKERS} processes of {THREADS} threads", argv, env | {"PEER_THREADS": str(THREADS), "PYTHONDONTWRITEBYTECODE": "1"}, log)


def _install():
    """Express and what it needs into the build directory, once."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotAvailable("node and npm are not installed")
    os.makedirs(MODULES, exist_ok=True)
    wanted = open(os.path.join(SOURCES, "package.json")).read()
    have = os.path.join(MODULES, "installed.json")
    if os.path.exists(have) and open(have).read() == wanted:
        return
    shutil.copy(os.path.join(SOURCES, "package.json"), MODULES)
    try:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev", "--loglevel=error"],
                              cwd=MODULES, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        raise NotAvailable("npm did not end within three minutes") from None
    if done.returncode != 0:
        raise NotAvailable("npm cannot fetch its packages: " + " ".join(done.stderr.split())[:120])
    with open(have, "w") as out:
        out.write(wanted)


def _express(env, log):
    _install()
    # required modules are looked for beside the file itself
    script = shutil.copy(os.path.join(SOURCES, "express_app.js"), MODULES)
    return Peer(f"{os.cpu_count()} processes", ["node", script], env | {"NODE_ENV": "production"}, log)


def start(name, database, token, directory):
    """A running Peer: flask or express."""
    if database.value("SELECT to_regnamespace('peer') IS NULL"):
        with open(os.path.join(SOURCES, "schema.sql")) as schema:
            database.run(schema.read())
    port = free_port()
    env = {"PORT": str(port), "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}", "DATABASE_URL": database.url, "TWILIO_AUTH_TOKEN": token}
    return {"flask": _flask, "express": _express}[name](env, os.path.join(directory, name + ".log"))
