# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""People with accounts: made by twchatctl's way into the database, signed in over HTTP."""
import base64
import hashlib
import hmac
import itertools
import json
import struct
import time

_numbers = itertools.count(1)
PASSWORD = "correct horse 7"


def new_name(prefix="user"):
    return f"{prefix}{next(_numbers)}"


def bearer(token):
    return {"Authorization": "Bearer " + token}


class Person:
    """An account of ai-messaging; `as_me(method, path)` calls with its access token."""

    def __init__(self, site, answer, password):
        self.site, self.password = site, password
        self.id, self.username = answer["user"]["id"], answer["user"]["username"]
        self.access, self.refresh = answer["access_token"], answer["refresh_token"]

    def __call__(self, method, path, **options):
        return self.site.request(method, path, keyed=False, headers={**bearer(self.access), **options.pop("headers", {})}, **options)

    def give(self, role):
        """viewer, agent, admin or super_admin."""
        self.site.db().run("UPDATE users SET is_superuser = %s WHERE id = %s", role == "super_admin", self.id)
        self.site.db().run("DELETE FROM user_roles WHERE user_id = %s", self.id)
        self.site.db().run("INSERT INTO user_roles SELECT %s, id FROM roles WHERE name = %s", self.id, role)
        return self


def register(site, username=None, password=PASSWORD, **fields):
    username = username or new_name()
    answer = site.post("/auth/register", keyed=False, json={"username": username, "email": username.partition("@")[0] + "@example.com",
                                                            "password": password, **fields})
    assert answer.status_code == 201, answer.text
    return Person(site, answer.json(), password)


def login(site, username, password=PASSWORD, **fields):
    return site.post("/auth/login", keyed=False, json={"username": username, "password": password, **fields})


class Browser:
    """Signed in by cookie; changes carry the CSRF token unless told otherwise."""

    def __init__(self, site, username, password=PASSWORD, **fields):
        self.site = site
        self.answer = site.post("/api/signin", keyed=False, json={"username": username, "password": password, **fields})
        self.cookies = {name: value for name, value in self.answer.cookies.items()}

    def __call__(self, method, path, csrf=True, **options):
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **options.pop("headers", {})}
        if csrf and "admin_csrf" in self.cookies:
            headers.setdefault("X-CSRF-Token", self.cookies["admin_csrf"])
        return self.site.request(method, path, keyed=False, headers=headers, **options)


# ---- tokens as an attacker would make them ---------------------------------------------

def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def forge(claims, secret, alg="HS256", header=None):
    head = _part(json.dumps(header or {"alg": alg, "typ": "JWT"}).encode())
    body = _part(json.dumps(claims).encode())
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(alg)
    signature = _part(hmac.new(secret.encode(), f"{head}.{body}".encode(), digest).digest()) if digest else ""
    return f"{head}.{body}.{signature}"


# ---- authenticator apps -------------------------------------------------------------------

def code_of(secret, step=0):
    """The code of the present step, or of one beside it."""
    counter = struct.pack(">Q", int(time.time()) // 30 + step)
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def enroll(browser, password=PASSWORD):
    """Set up a second factor: its secret, the recovery codes, the code that was used up."""
    got = browser("POST", "/api/account/factor", json={"password": password}).json()
    assert got["url"].startswith("otpauth://totp/") and "secret=" + got["secret"] in got["url"]
    used = code_of(got["secret"])
    answer = browser("POST", "/api/account/factor/confirm", json={"code": used})
    assert answer.status_code == 200, answer.text
    return got["secret"], answer.json()["recovery_codes"], used
