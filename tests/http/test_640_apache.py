# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Apache's own authentication and ours, side by side."""
import os
import re
import subprocess

import pytest
import requests
import urllib3

from httpd import SOURCE, Httpd, scratch_dir
from people import PASSWORD, Browser, bearer, register
from server import MOUNTS


def files(path, access):
    """A directory of plain files below path, closed by these lines."""
    directory = scratch_dir("files")
    with open(os.path.join(directory, "index.html"), "w") as out:
        out.write("plain file")
    return f'Alias "{path}" "{directory}"\n<Location "{path}">\nSetHandler none\n{access}\n</Location>\n'


class TestTrustUser:
    """Who Apache let in, by its own file of passwords."""

    def test_map(self, make_site):
        site = make_site()
        assert site.get("/api/session", keyed=False, auth=site.auth).json()["role"] == "super_admin"
        site.db().run("UPDATE users SET is_superuser = false WHERE username = %s", site.auth[0])
        assert site.get("/api/session", keyed=False, auth=site.auth).json()["role"] == "none"
        assert site.get("/api/stats", keyed=False, auth=site.auth).status_code == 403
        site.db().run("UPDATE users SET is_active = false WHERE username = %s", site.auth[0])
        assert "disabled" in site.get("/api/session", keyed=False, auth=site.auth).text
        site.db().run("UPDATE users SET username = 'renamed', is_active = true WHERE username = %s", site.auth[0])
        answer = site.get("/api/stats", keyed=False, auth=site.auth)
        assert answer.status_code == 403 and "nobody has made an account for you here" in answer.text
        site.db().run("UPDATE users SET email = %s, email_confirmed = true WHERE username = 'renamed'", site.auth[0])     # found by address
        assert site.get("/api/session", keyed=False, auth=site.auth).json()["user"] == "renamed"

    def test_create(self, make_site):
        site = make_site(mounts=((*MOUNTS[0], "TwchatTrustUser create agent"),))
        site.db().run("DELETE FROM users")
        for _ in range(3):
            got = site.get("/api/session", keyed=False, auth=site.auth).json()
            assert (got["user"], got["role"]) == (site.auth[0], "agent")
        row = site.db().rows("SELECT * FROM users")
        assert len(row) == 1 and row[0]["origin"] == "apache" and row[0]["password_hash"] is None
        assert site.db().value("SELECT action FROM audit_events ORDER BY id DESC LIMIT 1") == "user.created"

    @pytest.mark.parametrize("trust", ["map", "create agent"])
    def test_a_name_that_somebody_registered_is_not_theirs(self, make_site, trust):
        """Nobody waits behind a colleague's name for their first visit."""
        site = make_site(mounts=((*MOUNTS[0], "TwchatTrustUser " + trust),))
        site.db().run("DELETE FROM users")
        squatter = register(site, site.auth[0])
        answer = site.get("/api/session", keyed=False, auth=site.auth)
        assert answer.status_code == 403 and "nobody has made an account" in answer.text
        squatter.give("viewer")                 # an administrator knows who that is
        assert site.get("/api/session", keyed=False, auth=site.auth).json()["role"] == "viewer"

    def test_off(self, make_site):
        site = make_site(mounts=((*MOUNTS[0], "TwchatTrustUser off"),))
        assert site.get("/api/stats", keyed=False, auth=site.auth).status_code == 401
        assert site.get("/api/stats").status_code == 200

    def test_ours_wins(self, site):
        """A token beside nothing of Apache's; a bad one is refused though Apache would let them in."""
        person = register(site).give("viewer")
        assert site.get("/api/session", keyed=False, headers=bearer(person.access)).json()["user"] == person.username
        both = requests.Request("GET", site.url + "/api/session", auth=site.auth).prepare().headers["Authorization"]
        assert site.get("/api/session", keyed=False, headers={"Authorization": both, "X-API-Key": "wrong"}).status_code == 401


@pytest.mark.expect_log("AH01630", "AH01631")
class TestRequireRole:
    ACCESS = "AuthType twchat\nAuthName x\nRequire twchat-role agent"

    @pytest.fixture(scope="class")
    def roles(self, make_site):
        return make_site(access="Require all granted", modules=("alias", "dir"), tail=files("/handbook", self.ACCESS) + files(
            "/reports", "AuthType Basic\nAuthName x\nAuthBasicProvider twchat\nRequire twchat-role admin") + files(
            "/either", "<RequireAny>\nRequire ip 10.9.8.7\nRequire twchat-role viewer\n</RequireAny>\nAuthType twchat\nAuthName x"))

    def test_by_every_credential(self, roles):
        agent, viewer = register(roles).give("agent"), register(roles).give("viewer")
        assert roles.get("/handbook/", keyed=False).status_code == 401
        assert roles.get("/handbook/", keyed=False, headers=bearer(agent.access)).text == "plain file"
        assert roles.get("/handbook/", keyed=False, headers=bearer(viewer.access)).status_code in (401, 403)
        assert Browser(roles, agent.username)("GET", "/handbook/").status_code == 200
        assert roles.get("/handbook/").status_code == 200
        assert roles.get("/handbook/", keyed=False, auth=(agent.username, PASSWORD)).status_code == 200
        assert roles.get("/handbook/", keyed=False, headers={"X-API-Key": "wrong"}).status_code == 401
        assert roles.get("/either/", keyed=False, headers=bearer(viewer.access)).status_code == 200
        assert roles.get("/either/", keyed=False).status_code == 401

    @pytest.mark.expect_log("AH01617", "AH01618", "auth_basic:error")
    def test_basic_by_our_accounts(self, roles):
        admin, agent = register(roles).give("admin"), register(roles).give("agent")
        assert roles.get("/reports/", keyed=False).headers["WWW-Authenticate"].startswith("Basic")
        assert roles.get("/reports/", keyed=False, auth=(admin.username, PASSWORD)).status_code == 200
        assert roles.get("/reports/", keyed=False, auth=(admin.username, "wrong")).status_code == 401
        assert roles.get("/reports/", keyed=False, auth=("nobody", PASSWORD)).status_code == 401
        assert roles.get("/reports/", keyed=False, auth=(agent.username, PASSWORD)).status_code in (401, 403)
        roles.db().run("UPDATE users SET is_active = false WHERE id = %s", admin.id)
        assert roles.get("/reports/", keyed=False, auth=(admin.username, PASSWORD)).status_code == 401

    def test_nonsense_is_refused_at_start(self):
        for line in ("Require twchat-role king", "Require twchat-role", "Require twchat-role admin viewer"):
            httpd = Httpd(scratch_dir("conf"), f'Listen 127.0.0.1:1\n<Location "/x">\n{line}\n</Location>', ("twchat",))
            status, said = httpd.configtest()
            assert status != 0 and "twchat-role" in said, said


class TestOpenNetwork:
    def test_by_address(self, make_site):
        site = make_site(access="Require ip 127.0.0.1\nTwchatOpen on")
        got = site.get("/api/session", keyed=False).json()
        assert (got["user"], got["role"], got["account"]) == ("open", "admin", False)
        assert site.get("/api/users", keyed=False).status_code == 403


class TestRemoteIp:
    def test_attempts_count_by_the_real_address(self, make_site):
        """Behind a proxy that is trusted, one guesser does not lock everybody out."""
        site = make_site(access="Require all granted", modules=("remoteip",),
                         directives="RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1")
        person = register(site)

        def sign_in(password, address):
            return site.post("/api/signin", keyed=False, headers={"X-Forwarded-For": address}, json={"username": person.username, "password": password})
        for i in range(30):
            site.post("/api/signin", keyed=False, headers={"X-Forwarded-For": "203.0.113.9"}, json={"username": f"guess{i}", "password": "x"})
        assert sign_in(PASSWORD, "203.0.113.9").status_code == 429
        answer = sign_in(PASSWORD, "198.51.100.7")
        assert answer.status_code == 200
        assert site.db().value("SELECT ip_address FROM signins ORDER BY id DESC LIMIT 1") == "198.51.100.7"

    def test_nobody_else_is_believed(self, make_site):
        site = make_site(access="Require all granted")
        person = register(site)
        site.post("/api/signin", keyed=False, headers={"X-Forwarded-For": "198.51.100.7"}, json={"username": person.username, "password": PASSWORD})
        assert site.db().value("SELECT ip_address FROM signins ORDER BY id DESC LIMIT 1") == "127.0.0.1"


class TestForm:
    @pytest.mark.expect_log("auth_form:error", "AH01")
    def test_a_form_before_our_accounts(self, make_site):
        """mod_auth_form signs in against our accounts, keeps its own session, and we map its user."""
        form = ('AuthType form\nAuthName x\nAuthFormProvider twchat\nSession On\nSessionCookieName s path=/\n'
                'SessionCryptoPassphrase secret\n')
        site = make_site(access=form + "Require valid-user", modules=("request", "session", "session_cookie", "session_crypto", "auth_form"),
                         directives=f'<Location "/dologin">\nSetHandler form-login-handler\n{form}</Location>\n')
        person = register(site).give("viewer")
        assert site.get("/api/session", keyed=False).status_code == 401
        with requests.Session() as browser:
            wrong = browser.post(site.url + "/dologin", data={"httpd_username": person.username, "httpd_password": "no"})
            assert wrong.status_code == 401
            browser.post(site.url + "/dologin", data={"httpd_username": person.username, "httpd_password": PASSWORD}, allow_redirects=False)
            got = browser.get(site.url + "/api/session")
            assert (got.status_code, got.json()["user"], got.json()["role"]) == (200, person.username, "viewer"), got.text


@pytest.mark.expect_log("AH01882", "AH01906", "AH01909", "AH02292", "ssl:warn", "AH02039", "ssl:error")
class TestCertificates:
    def test_the_common_name_is_the_account(self, make_site):
        directory = scratch_dir("certs")

        def openssl(*argv):
            subprocess.run(["openssl", *argv], cwd=directory, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", "ca.key", "-out", "ca.pem")
        for name in ("certified", "unknown"):
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.pem")
        site = make_site(modules=("socache_shmcb", "ssl"), access="SSLUserName SSL_CLIENT_S_DN_CN\nRequire all granted", directives=(
            f'SSLEngine on\nSSLCertificateFile "{directory}/ca.pem"\nSSLCertificateKeyFile "{directory}/ca.key"\n'
            f'SSLVerifyClient optional\nSSLCACertificateFile "{directory}/ca.pem"'))
        site.db().run("INSERT INTO users (username) VALUES ('certified')")
        site.db().run("INSERT INTO user_roles SELECT u.id, r.id FROM users u, roles r WHERE u.username = 'certified' AND r.name = 'agent'")
        url = site.url.replace("http:", "https:") + "/api/session"
        urllib3.disable_warnings()

        def ask(name=None):
            cert = (f"{directory}/{name}.pem", f"{directory}/{name}.key") if name else None
            return requests.get(url, cert=cert, verify=False, timeout=30)
        got = ask("certified")
        assert (got.status_code, got.json().get("user"), got.json().get("role")) == (200, "certified", "agent"), got.text
        assert ask("unknown").status_code == 403
        assert ask().status_code == 401


class TestSamples:
    @pytest.mark.parametrize("name", sorted(os.listdir(os.path.join(SOURCE, "conf", "auth"))))
    def test_each_sample_names_what_exists(self, name):
        with open(os.path.join(SOURCE, "conf", "auth", name)) as sample:
            text = sample.read()
        assert text.startswith("# ") and "# Needs:" in text
        table = open(os.path.join(SOURCE, "mod_twchat", "glue", "directive.c")).read()
        for directive in set(re.findall(r"^\s*(Twchat\w+)", text, re.M)):
            assert f'ROW("{directive}"' in table
