# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""A site: one httpd with mod_twchat, one or more virtual hosts, a database each."""
import base64
import hashlib
import os
import secrets
import subprocess

from client import Client
from httpd import BUILD, SOURCE, Httpd, scratch_dir
from ports import free_port

TWCHATCTL = os.path.join(BUILD, "twchatctl", "twchatctl")
# ./check installs into a stage beside the build; a build without one serves the bare sources.
HTDOCS = next((d for d in (os.path.join(BUILD, "stage/usr/local/share/mod_twchat/htdocs"),
                           os.path.join(SOURCE, "htdocs")) if os.path.isdir(d)))
EVERYTHING = ("flask-chat", "whatsapp-inbox", "appointment-bot", "ai-messaging", "sms-store", "native")
MOUNTS = (("/", EVERYTHING),)
USER = "operator"


def twchatctl(*argv, env=None, stdin=None):
    """Run the command line with nothing but env of Twilio and database settings."""
    base = {k: v for k, v in os.environ.items()
            if not k.startswith(("TWILIO_", "TWCHAT_", "PG")) and k not in ("DATABASE_URL", "PUBLIC_BASE_URL")}
    return subprocess.run([TWCHATCTL, *argv], env={**base, **(env or {})}, input=stdin, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)


def migrate(database):
    done = twchatctl("migrate", env={"DATABASE_URL": database.url})
    if done.returncode != 0:
        raise RuntimeError(f"twchatctl migrate: {done.stdout}{done.stderr}")


class Host(Client):
    """One virtual host. What is not said gets a value that works.

    mounts      ((path, interfaces[, directives]), ...): the <Location> sections
    directives  further lines of the virtual host; they come last and win
    tail        lines behind the mounts: later <Location> sections win over earlier ones
    configured_public_url   False leaves TwchatPublicUrl out
    access      lines that close the mounts; by default Basic authentication
    """

    def __init__(self, mounts=MOUNTS, directives="", name="127.0.0.1", port=None, account_sid=None, tokens=None,
                 database=None, sandbox=None, number="+14155552671", access=None, public_url=None,
                 configured_public_url=True, tail=""):
        self.mounts = mounts
        self.directives = directives
        self.name = name
        self.port = port or free_port()
        self.sandbox = sandbox
        self.account_sid = account_sid or (sandbox.account_sid if sandbox else "AC" + secrets.token_hex(16))
        self.tokens = tokens or [sandbox.auth_token if sandbox else secrets.token_hex(16)]
        self.number = number
        self.access = access
        self.tail = tail
        self.url = f"http://127.0.0.1:{self.port}"
        self.public_url = public_url or self.url
        self._configured_public_url = configured_public_url
        self.auth = (USER, secrets.token_hex(8))
        self.api_key = "twc_" + secrets.token_urlsafe(24)
        self.token_secret = secrets.token_hex(32)
        self._database = database

    def db(self):
        """The host's Database."""
        return self._database

    def ctl(self, *argv, stdin=None, **env):
        """twchatctl for this host's database and account."""
        return twchatctl(*argv, stdin=stdin, env={
            "DATABASE_URL": self._database.url, "TWILIO_ACCOUNT_SID": self.account_sid,
            "TWILIO_AUTH_TOKEN": self.tokens[0], "TWILIO_DEFAULT_FROM": self.number,
            "TWILIO_API_BASE": self.sandbox.url if self.sandbox else "http://127.0.0.1:9",
            "PUBLIC_BASE_URL": self.public_url, **env})

    def prepare(self, directory, server, template):
        """Files and database, before the configuration is written."""
        self._directory = directory
        os.makedirs(directory, exist_ok=True)
        for i, token in enumerate(self.tokens):
            self._secret(f"token{i}", token)
        self._secret("tokens", self.token_secret)
        digest = base64.b64encode(hashlib.sha1(self.auth[1].encode()).digest()).decode()
        with open(os.path.join(directory, "users"), "w") as users:
            users.write(f"{self.auth[0]}:{{SHA}}{digest}\n")
        if self._database is None and server is not None:
            self._database = server.create(template=template)
        if self._database is not None:
            self._database.run("INSERT INTO api_keys (name, prefix, sha256, role) VALUES ('tests', %s, %s, 'super_admin')",
                               self.api_key[:8], hashlib.sha256(self.api_key.encode()).digest())
            # whom Apache's Basic authentication lets in
            self._database.run("INSERT INTO users (username, is_superuser) VALUES (%s, true) ON CONFLICT DO NOTHING",
                               self.auth[0])

    def _secret(self, name, value):
        path = os.path.join(self._directory, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(value + "\n")

    def config(self):
        tokens = " ".join(f'"file:{self._directory}/token{i}"' for i in range(len(self.tokens)))
        lines = [f"<VirtualHost *:{self.port}>", f"ServerName {self.name}"]
        if self._database is not None:
            lines += ["DBDriver pgsql", f'DBDParams "{self._database.conninfo}"', "DBDMin 1", "DBDMax 8"]
        lines += [f"TwchatAccountSid {self.account_sid}", f"TwchatAuthToken {tokens}",
                  f"TwchatDefaultSender {self.number}",
                  f'TwchatHtdocs "{HTDOCS}"',
                  # nothing listens on the discard port, so a test without a sandbox sees a Twilio that is away
                  f"TwchatApiBase {self.sandbox.url if self.sandbox else 'http://127.0.0.1:9'}",
                  f"TwchatPublicUrl {self.public_url}" if self._configured_public_url else "",
                  # Twilio's real rates would make every test wait
                  "TwchatRate longcode-us 1000 longcode 1000 tollfree 1000 service 1000 whatsapp 1000",
                  f"TwchatMediaHosts 127.0.0.1:{self.sandbox.url.rpartition(':')[2]}" if self.sandbox else "",
                  f'TwchatTokenSecret "file:{self._directory}/tokens"', "TwchatPasswordCost 4",
                  # a test asks as fast as it can, for as many people as it likes
                  "TwchatApiRate off", "TwchatRegistration on 1000000",
                  self.directives]
        for mount in self.mounts:
            lines += self._location(*mount)
        return "\n".join([*lines, self.tail, "</VirtualHost>", ""])

    def _location(self, path, interfaces, directives=""):
        access = self.access if self.access is not None else (
            f'AuthType Basic\nAuthName "mod_twchat"\nAuthUserFile "{self._directory}/users"\nRequire valid-user')
        return [f'<Location "{path}">', "SetHandler twchat", "TwchatInterface " + " ".join(interfaces),
                access, directives, "</Location>"]


class Site:
    """One httpd. What is asked of the site itself concerns its first host.

    hosts       its virtual hosts; without them it makes one, from the further arguments
    directives  lines of that one host, or with hosts given, of the whole server
    """

    def __init__(self, server, template, hosts=None, sandbox=None, directives="", modules=(), children=2, threads=16,
                 env=None, **host):
        self.directory = scratch_dir("site")
        self.sandbox = sandbox
        self.hosts = hosts or [Host(sandbox=sandbox, directives=directives, **host)]
        self._server = server
        self._template = template
        for i, one in enumerate(self.hosts):
            one.prepare(os.path.join(self.directory, f"host{i}"), server, template)
        listen = "\n".join(f"Listen 127.0.0.1:{p}" for p in sorted({h.port for h in self.hosts}))
        spool = f'TwchatSpool "{self.directory}/spool"'
        body = "\n".join([listen, spool, directives if hosts else "", *(h.config() for h in self.hosts)])
        self.httpd = Httpd(self.directory, body, ("twchat", *modules), children, threads, env)
        self.log = self.httpd.log
        self._point_numbers_here()

    def __getattr__(self, name):
        if name.startswith("_") or name == "hosts":
            raise AttributeError(name)
        return getattr(self.hosts[0], name)

    def _point_numbers_here(self):
        for host in self.hosts:
            if host.sandbox is not None:
                host.sandbox.configure_number(host.number, host.public_url + "/twilio/inbound",
                                              host.public_url + "/twilio/status")

    def start(self):
        self.httpd.start()
        return self

    def stop(self):
        self.httpd.stop()
        for host in self.hosts:
            if host.db() is not None:
                host.db().close()
