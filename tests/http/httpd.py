# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""A real httpd with a generated configuration, in a directory of its own."""
import atexit
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

from errorlog import ErrorLog
from waiting import wait_for

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.realpath(os.environ.get("TWCHAT_BUILD", os.path.join(SOURCE, "build")))

# What the configurations need, in an order that loads; then what else Debian's httpd has by default, because it must not be
# in the way.
MODULES = ("mpm_event", "authn_core", "authz_core", "authn_file", "authz_user", "authz_host",
           "auth_basic", "alias", "headers", "env", "setenvif", "dir", "reqtimeout", "status", "dbd",
           "access_compat", "autoindex", "deflate", "filter", "mime", "negotiation")


def _apxs(name):
    apxs = os.environ.get("APXS") or shutil.which("apxs") or shutil.which("apxs2") or "/usr/bin/apxs"
    return subprocess.run([apxs, "-q", name], capture_output=True, text=True, check=True).stdout.strip()


PROGRAM = os.path.join(_apxs("SBINDIR"), _apxs("PROGNAME"))
UNDER = shlex.split(os.environ.get("TWCHAT_UNDER", ""))     # a program that runs httpd: valgrind with its options
LIBEXEC = _apxs("LIBEXECDIR")
STATIC = {"mpm_event" if name == "event" else name for name in re.findall(
    r"^\s+(?:mod_)?(\w+)\.c$", subprocess.run([PROGRAM, "-l"], capture_output=True, text=True, check=True).stdout, re.M)}


def built_module(name):
    """The module as the build left it."""
    return os.path.join(BUILD, ".libs", f"mod_{name}.so")


def load_lines(modules):
    """LoadModule lines: modules of ours from the build, others from httpd."""
    out = []
    for name in modules:
        if name in STATIC:
            continue
        path = built_module(name) if name.startswith("twchat") else os.path.join(LIBEXEC, f"mod_{name}.so")
        out.append(f'LoadModule {name}_module "{path}"')
    return "\n".join(out)


_scratch = None


def scratch_dir(name):
    """A directory that httpd's children can enter; not pytest's, which is private to its owner.

    All of a run lie in one, which goes when the program ends unless scratch_keep() was called."""
    global _scratch
    if _scratch is None:
        _scratch = tempfile.mkdtemp(prefix="twc-", dir="/tmp")
        os.chmod(_scratch, 0o755)
        atexit.register(_scratch_remove, os.getpid())
    path = tempfile.mkdtemp(prefix=f"{name}-", dir=_scratch)
    os.chmod(path, 0o755)
    return path


def scratch_keep():
    """Leave them for whoever wants to read the logs; the directory, or None when there is none."""
    atexit.unregister(_scratch_remove)
    return _scratch


def _scratch_remove(owner):
    if os.getpid() == owner and not os.environ.get("TWCHAT_KEEP"):
        shutil.rmtree(_scratch, ignore_errors=True)


def _user_lines():
    if os.geteuid() != 0:
        return ""
    for name in ("www-data", "apache", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return f"User #{account.pw_uid}\nGroup #{account.pw_gid}\n"
    raise RuntimeError("no account for httpd's children")


def _runtime(name):
    return subprocess.run(["gcc", f"-print-file-name={name}.so"], capture_output=True, text=True, check=True).stdout.strip()


def _environment(extra):
    """TWCHAT_SANITIZERS: what the build has in it, "thread" or else address and undefined."""
    env = dict(os.environ, **(extra or {}))
    sanitizers = os.environ.get("TWCHAT_SANITIZERS")
    if sanitizers == "thread":
        env.update(LD_PRELOAD=_runtime("libtsan"))
    elif sanitizers:
        # Leaks are APR's business: pools live until exit, and httpd's children do not unwind them.
        env.update(LD_PRELOAD=_runtime("libasan"), ASAN_OPTIONS="detect_leaks=0:abort_on_error=1",
                   UBSAN_OPTIONS="print_stacktrace=1")
    return env


class Httpd:
    """start(), stop(), graceful(); log is its ErrorLog."""

    def __init__(self, directory, body, modules=(), children=2, threads=16, env=None):
        self.directory = directory
        self.config = os.path.join(directory, "httpd.conf")
        self.log = ErrorLog(os.path.join(directory, "error_log"))
        self.process = None
        self._env = env
        os.makedirs(directory, exist_ok=True)
        with open(self.config, "w", errors="surrogateescape") as out:  # a test may want a file that is no UTF-8
            out.write(self._preamble(modules, children, threads) + body)

    def _preamble(self, modules, children, threads):
        extra = [m for m in modules if m not in MODULES]
        return f"""\
ServerRoot "{self.directory}"
PidFile "{self.directory}/httpd.pid"
DefaultRuntimeDir "{self.directory}"
ErrorLog "{self.log.path}"
LogLevel info
{load_lines((*MODULES, *extra))}
{_user_lines()}ServerName 127.0.0.1
StartServers {children}
ServerLimit {max(children, 2) if children > 1 else 1}
ThreadsPerChild {threads}
ThreadLimit {max(threads, 64)}
MaxRequestWorkers {children * threads}
MinSpareThreads 1
MaxSpareThreads {children * threads}
TypesConfig /dev/null
AddOutputFilterByType DEFLATE text/html text/plain text/xml text/css application/javascript application/xml application/json
DocumentRoot "{self.directory}"
<Directory />
    AllowOverride None
    Require all denied
</Directory>
"""

    def configtest(self, user=None):
        """`httpd -t`: exit status and what it said."""
        return self.command("-t", user=user)

    def command(self, *options, user=None):
        """httpd called with options, by root or somebody else: exit status and what it said."""
        done = subprocess.run([PROGRAM, *options, "-f", self.config], stdout=subprocess.PIPE, timeout=30, user=user,
                              stderr=subprocess.STDOUT, text=True, check=False, env=_environment(self._env))
        return done.returncode, done.stdout

    def start(self):
        begin = self.log.end()
        with open(os.path.join(self.directory, "stderr"), "ab") as stderr:
            self.process = subprocess.Popen([*UNDER, PROGRAM, "-f", self.config, "-DFOREGROUND"], stdin=subprocess.DEVNULL,
                                            stdout=stderr, stderr=stderr, env=_environment(self._env),
                                            start_new_session=True)
        self._wait_for_generation(begin)

    def _wait_for_generation(self, begin):
        def resumed():
            if self.process.poll() is not None:
                raise RuntimeError(f"httpd ended with {self.process.returncode}:\n{self._last_words(begin)}")
            return "resuming normal operations" in self.log.text(begin)
        wait_for(resumed, 30, f"httpd in {self.directory} to come up")

    def _last_words(self, begin):
        with open(os.path.join(self.directory, "stderr"), errors="replace") as stderr:
            return stderr.read()[-2000:] + self.log.text(begin)[-4000:]

    def running(self):
        return self.process is not None and self.process.poll() is None

    def _closing(self):
        """Connections to its ports that one side has ended and a child still holds."""
        with open(self.config) as config:
            ports = {f"{int(port):04X}" for port in re.findall(r"^Listen (?:\S+:)?(\d+)", config.read(), re.M)}
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table][1:]
        return [row for row in rows if row[1].rpartition(":")[2] in ports
                and row[3] not in ("01", "0A") and row[9] != "0"]

    def _settle(self):
        """httpd shuts the sockets of busy workers down when it ends, and crashes where one has just freed its own
        (seen without any module of ours, once in 600 stops right after a request). So let them finish first."""
        try:
            wait_for(lambda: not self._closing(), 0.5)
        except AssertionError:
            pass                        # a stream that was given up, say: nobody works on that

    def stop(self, graceful=False):
        if not self.running():
            return
        self._settle()
        self.process.send_signal(signal.SIGWINCH if graceful else signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            raise

    def graceful(self):
        """Restart gracefully; returns when the new generation serves."""
        begin = self.log.end()
        self.process.send_signal(signal.SIGUSR1)
        self._wait_for_generation(begin)

    def children(self):
        """Process ids of the children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as listed:
            return [int(pid) for pid in listed.read().split()]
