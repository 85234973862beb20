# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What `httpd -t` accepts and refuses, what start-up says, and hosts side by side."""
import os
import re

import pytest

from client import new_number
from httpd import SOURCE, Httpd, scratch_dir
from server import HTDOCS, Host
from waiting import wait_for

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "env:TWCHAT_TEST_TOKEN"
ENV = {"TWCHAT_TEST_TOKEN": "0123456789abcdef0123456789abcdef"}


def check(body, modules=("twchat",), user=None, **options):
    """`httpd -t` over a configuration, as a user: status, output, and the number of body's first line."""
    httpd = Httpd(scratch_dir("conf"), body, modules, env=ENV, **options)
    with open(httpd.config, errors="surrogateescape") as written:
        first = written.read().split(body)[0].count("\n") + 1
    status, said = httpd.configtest(user)
    return status, said, first


DATABASE = 'DBDriver pgsql\nDBDParams "host=127.0.0.1 dbname=nobody connect_timeout=5"\n'
MOUNT = DATABASE + '<Location "/">\nSetHandler twchat\nTwchatInterface flask-chat\nRequire all granted\n</Location>\n'

NONSENSE = [
    ("TwchatAccountSid AC123", "AC and 32"),
    (f"TwchatAccountSid {ACCOUNT} {ACCOUNT}", "takes 1"),
    ("TwchatAuthToken", "takes"),
    ("TwchatAuthToken env:A env:B env:C", "takes 1 or 2 values"),
    ('TwchatAuthToken ""', "empty"),
    ("TwchatAuthToken env:", "env"),
    ("TwchatAuthToken file:", "file"),
    ("TwchatApiKey SK123 env:A", "SK and 32"),
    ("TwchatApiBase ftp://example.com", "URL"),
    ("TwchatApiBase nonsense", "URL"),
    ('TwchatDefaultSender "not a sender at all"', "sender"),
    ("TwchatDefaultSender whatsapp:+14155552671", "sender"),
    ("TwchatWhatsappSender +14155552671", "whatsapp:"),
    ("TwchatMessagingService XX", "MG and 32"),
    ("TwchatPublicUrl https://chat.example.com/?a=b", "query"),
    ("TwchatPublicUrl https://user@chat.example.com", "user"),
    ("TwchatPublicUrl https://chat.example.com:99999", "port"),
    ("TwchatPublicUrl https://chat.example.com:0", "port"),
    ("TwchatPublicUrl https://chat.example.com:", "port"),
    ("TwchatPublicUrl https://chat.example.com:4x3", "URL"),
    ('TwchatPublicUrl "https://chat example.com"', "URL"),
    ('TwchatPublicUrl "https://chat.example.com/a b"', "URL"),
    ("TwchatApiBase https://:8080", "URL"),
    ("TwchatTrustedProxies 300.1.2.3", "address"),
    ('TwchatTrustedProxies ""', "address"),
    ("TwchatTrustedProxies 10.0.0.0/64", "address"),
    ("TwchatMediaHosts https://media.example.com/", "host"),
    ("TwchatMediaHosts media.example.com:port", "host"),
    ("TwchatMediaHosts :443", "host"),
    ("TwchatMediaHosts media.example.com:70000", "host"),
    ("TwchatChatMode loud", "off|echo|keywords"),
    ('TwchatAutoReplyPattern "("', "regular expression"),
    (f'TwchatAckText "{"x" * 1601}"', "1601 characters"),
    ('TwchatAckText "Dzi\udceakujemy"', "UTF-8"),
    ('TwchatBusinessName "Szko\udcb3a"', "UTF-8"),
    ("TwchatConfirmKeywords perhaps", "off|on"),
    ("TwchatConfirmKeywords on +1", "no sender"),
    ("TwchatConfirmKeywords on ACME", "no sender"),
    ("TwchatConfirmKeywords off MG123", "no sender"),
    ("TwchatAnswers 10", "takes 2"),
    ("TwchatAnswers many 10min", "many"),
    ("TwchatAnswers 10 soon", "soon"),
    ("TwchatSenders 0", "between 1 and 8"),
    ("TwchatSenders 9", "between 1 and 8"),
    ("TwchatSenders 99999999999999999999", "between 1 and 8"),
    ("TwchatInFlight -1", "between"),
    ("TwchatRate longcode", "pairs"),
    ("TwchatRate banana 3", "banana"),
    ("TwchatRate longcode fast", "fast"),
    ("TwchatRate longcode nan", "nan"),
    ("TwchatSendTimeout 0s", "time"),
    ("TwchatSendTimeout -5s", "time"),
    ("TwchatGrace tomorrow", "tomorrow"),
    ("TwchatListMax 0", "between"),
    ("TwchatBodyLimit 1", "between"),
    ("TwchatBodyLimit 1X", "1X"),
    ("TwchatBodyLimit 9999999999G", "between"),
    ("TwchatBodyLimit -1K", "between"),
    ("TwchatJournalKeep 5s", "time"),
    ("TwchatJournalKeep 99999999999999999999d", "time"),
    ("TwchatJournalKeep 999999999999999d", "time"),
    ("TwchatJournalKeep -1d", "time"),
    ('TwchatHtdocs ""', "path"),
    ('TwchatSpool ""', "path"),
    ('TwchatLog ""', "path"),
    ('TwchatLog "|"', "program"),
    ("TwchatStatements 0", "between"),
    ("TwchatStatementTimeout 2h", "time"),
    ("TwchatAutoMigrate yes", "off|on"),
    ("TwchatSignature maybe", "on|report|off"),
    ("TwchatPlainOk maybe", "off|on"),
    ("TwchatInterface flask-chat", "not allowed"),
    ("TwchatNonsense on", "Invalid command"),
]

MISPLACED = [
    ('<Location "/x">', "TwchatInterface banana", "banana"),
    ('<Location "/x">', "TwchatInterface sms-store sms-store", "twice"),
    ('<Location "/x">', "TwchatInterface", "takes 1"),
    ('<Location "/x">\nTwchatInterface flask-chat', "TwchatInterface sms-store", "once"),
    ('<Location "/x">\n<If "true">', "TwchatInterface flask-chat", "<Location"),
    ('<Location "/x">', "TwchatOpen maybe", "off|on"),
    ('<Location "/x">', f"TwchatAccountSid {ACCOUNT}", "not allowed"),
    ('<LocationMatch "^/x">', "TwchatInterface flask-chat", "<Location"),
    ('<Location ~ "/x">', "TwchatInterface flask-chat", "<Location"),
    ('<Directory "/tmp">', "TwchatInterface flask-chat", "<Location"),
]


MISSING_SECRETS = [
    ("TwchatAuthToken file:/nonexistent/token", "cannot open /nonexistent/token: No such file"),
    ("TwchatAuthToken file:/dev/null", "the first line of /dev/null is empty"),
    ("TwchatAuthToken file:/etc", "cannot read /etc"),
    ("TwchatAuthToken env:TWCHAT_TEST_TOKEN env:NOPE", "the environment has no NOPE"),
    ("TwchatAuthToken exec:/nonexistent/program", "cannot run /nonexistent/program: No such file"),
    ("TwchatTokenSecret file:/nonexistent/secret", "cannot open /nonexistent/secret: No such file"),
    (f"TwchatApiKey SK{'0' * 32} env:NOPE", "the environment has no NOPE"),
]


class TestConfigtest:
    @pytest.mark.parametrize("line,reason", NONSENSE, ids=[line for line, _ in NONSENSE])
    def test_nonsense_is_refused_with_file_and_line(self, line, reason):
        status, said, first = check(f"Listen 127.0.0.1:1\n{line}\n")
        assert status != 0
        assert re.search(rf"line {first + 1} of .*httpd\.conf", said), said
        assert reason in said

    @pytest.mark.parametrize("section,line,reason", MISPLACED, ids=[f"{s} {d}" for s, d, _ in MISPLACED])
    def test_nonsense_inside_sections(self, section, line, reason):
        opened = re.findall(r"^<(\w+)", section, re.M)
        closing = "".join(f"</{name}>\n" for name in reversed(opened))
        status, said, first = check(f"Listen 127.0.0.1:1\n{section}\n{line}\n{closing}")
        assert status != 0
        assert re.search(rf"line {first + 2 + section.count(chr(10))} of .*httpd\.conf", said), said
        assert reason in said

    def test_the_sample_switched_on_is_accepted(self):
        with open(os.path.join(SOURCE, "conf", "twchat.conf")) as sample:
            lines = [line[1:] if re.match(r"#( {4})?[A-Z</]", line) else line for line in sample]
        assert sum("Twchat" in line and not line.startswith("#") for line in lines) > 30
        written = re.sub(r"file:/etc/apache2/\S+", TOKEN, "".join(lines))
        status, said, _ = check(f"Listen 127.0.0.1:1\n<VirtualHost *:1>\n{written}\n</VirtualHost>\n")
        assert status == 0, said
        assert "Syntax OK" in said

    def test_an_account_without_token_is_refused(self):
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatAccountSid {ACCOUNT}\n{MOUNT}")
        assert status != 0
        assert "TwchatAuthToken" in said

    @pytest.mark.parametrize("lines,at", [("TwchatSendTimeout 20s\nTwchatGrace 20s", 1), ("TwchatGrace 10s", 0), ("TwchatSendTimeout 300s", 0),
                                          ("TwchatGrace 200s\nTwchatSendTimeout 201s", 1)])
    def test_a_grace_that_ends_before_the_request_is_refused(self, lines, at):
        status, said, first = check(f"Listen 127.0.0.1:1\n{lines}\nTwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\n{MOUNT}")
        assert status != 0
        assert re.search(rf"TWC1018: line {first + 1 + at} of .*httpd\.conf: TwchatGrace .* TwchatSendTimeout", said), said

    def test_a_grace_that_outlives_the_request_is_accepted(self):
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatGrace 301s\nTwchatSendTimeout 300s\nTwchatAccountSid {ACCOUNT}\n"
                                f"TwchatAuthToken {TOKEN}\n{MOUNT}")
        assert status == 0, said

    def test_a_token_without_account_is_refused(self):
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatAuthToken {TOKEN}\n{MOUNT}")
        assert status != 0
        assert "TwchatAccountSid" in said

    def test_collisions_are_told_and_accepted(self):
        mount = MOUNT.replace("flask-chat", "appointment-bot flask-chat")
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\n{mount}")
        assert status == 0, said
        assert re.search(r"TWC1001:.*/api/health.*appointment-bot.*flask-chat", said)

    def test_a_disjoint_mount_tells_no_collision(self):
        mount = MOUNT.replace("flask-chat", "flask-chat sms-store")
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\n{mount}")
        assert status == 0, said
        assert "TWC1001" not in said

    @pytest.mark.parametrize("line,reason", MISSING_SECRETS, ids=[line for line, _ in MISSING_SECRETS])
    def test_a_secret_that_is_not_there_is_refused_with_file_and_line(self, line, reason):
        status, said, first = check(f"Listen 127.0.0.1:1\n{line}\nTwchatAccountSid {ACCOUNT}\n{MOUNT}"
                                    + ("" if "AuthToken" in line else f"TwchatAuthToken {TOKEN}\n"))
        assert status != 0
        assert re.search(rf"TWC1009: {line.split()[0]}: {reason}.* \(line {first + 1} of .*httpd\.conf\)", said), said
        assert "env:TWCHAT_TEST_TOKEN" not in said and ENV["TWCHAT_TEST_TOKEN"] not in said

    def test_the_place_of_an_inherited_secret_is_told(self):
        status, said, first = check(f"Listen 127.0.0.1:1\nTwchatAuthToken env:NOPE\nTwchatAccountSid {ACCOUNT}\n"
                                    f"<VirtualHost *:1>\n{MOUNT}</VirtualHost>\n")
        assert status != 0
        assert re.search(rf"TWC1009: .*NOPE \(line {first + 1} of", said), said

    def test_a_program_that_gives_a_secret_is_not_run(self, tmp_path):
        status, said, _ = check(f'Listen 127.0.0.1:1\nTwchatAuthToken "exec:/usr/bin/touch {tmp_path}/ran"\n'
                                f"TwchatAccountSid {ACCOUNT}\n{MOUNT}")
        assert status == 0, said
        assert not os.path.exists(tmp_path / "ran")

    @pytest.mark.skipif(os.geteuid() != 0, reason="takes root, who may read everything, and somebody else")
    def test_a_secret_of_roots_is_no_error_for_somebody_else(self):
        directory = scratch_dir("secret")
        secret = os.path.join(directory, "token")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write("a secret\n")
        status, said, first = check(f"Listen 127.0.0.1:1\nTwchatAuthToken file:{secret}\nTwchatAccountSid {ACCOUNT}\n{MOUNT}",
                                    user="nobody")
        assert status == 0, said
        assert re.search(rf"TWC1008: TwchatAuthToken file:{secret}: cannot be read by this user.*line {first + 1} of", said), said

    def test_a_handler_without_interface_is_refused_with_file_and_line(self):
        status, said, first = check('Listen 127.0.0.1:1\n<VirtualHost *:1>\n<Location "/chat">\n  SetHandler twchat\n'
                                    "  Require all granted\n</Location>\n</VirtualHost>\n")
        assert status != 0
        assert re.search(rf"TWC1017: .*TwchatInterface.*line {first + 3} of .*httpd\.conf", said), said

    @pytest.mark.parametrize("sections", [
        '<Location "/">\nTwchatInterface native\n</Location>\n<Location "/chat">\nSetHandler twchat\n</Location>\n',
        'SetHandler twchat\n<Location "/chat">\nTwchatInterface native\n</Location>\n',
        '<Location "/">\nSetHandler twchat\n</Location>\n<Location "/chat/">\nTwchatInterface native\n</Location>\n'])
    def test_a_handler_may_stand_elsewhere(self, sections):
        status, said, _ = check(f"Listen 127.0.0.1:1\n<VirtualHost *:1>\n{DATABASE}{sections}</VirtualHost>\n")
        assert status == 0, said

    @pytest.mark.parametrize("given,missing", [("", "DBDriver pgsql"), ("DBDriver pgsql\n", "DBDParams")])
    def test_a_host_without_database_is_refused(self, given, missing):
        mount = MOUNT.replace(DATABASE, given)
        status, said, first = check(f"Listen 127.0.0.1:1\n<VirtualHost *:1>\nServerName one.test\n{mount}</VirtualHost>\n")
        assert status != 0
        assert re.search(rf"TWC1012: one\.test: TwchatInterface needs {missing}.*line {first + 5 + bool(given)} of", said), said

    def test_what_hosts_share_needs_no_database_of_its_own(self):
        shared = MOUNT.replace(DATABASE, "")
        status, said, _ = check(f"Listen 127.0.0.1:1\n{shared}<VirtualHost *:1>\n{DATABASE}</VirtualHost>\n")
        assert status == 0, said
        assert ":warn]" in next(line for line in said.splitlines() if "TWC1012" in line)

    def test_pages_that_are_not_there_are_warned_about(self):
        status, said, first = check(f"Listen 127.0.0.1:1\nTwchatHtdocs /nope\n{MOUNT}")
        assert status == 0, said
        assert re.search(rf":warn\].*TWC1013: .*/nope/index\.html.*line {first + 1} of", said), said
        status, said, _ = check(f'Listen 127.0.0.1:1\nTwchatHtdocs "{HTDOCS}"\n{MOUNT}')
        assert "TWC1013" not in said

    def test_without_mod_dbd_it_says_what_is_missing(self, monkeypatch):
        monkeypatch.setattr("httpd.MODULES", tuple(m for m in __import__("httpd").MODULES if m != "dbd"))
        mount = MOUNT.replace(DATABASE, "")
        status, said, _ = check(f"Listen 127.0.0.1:1\nTwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\n{mount}")
        assert status != 0
        assert "mod_dbd" in said and "TWC1012" not in said


class TestStart:
    @pytest.mark.expect_log("TWC1009", "AH00016", "AH00020")
    def test_a_secret_that_cannot_be_read_ends_the_start(self, make_site):
        site = make_site(start=False, directives="TwchatAuthToken file:/nonexistent/token")
        with pytest.raises(RuntimeError) as ended:
            site.start()
        assert "/nonexistent/token" in str(ended.value)

    @pytest.mark.expect_log("TWC1006", "AH00016", "AH00020")
    def test_a_program_without_an_answer_ends_the_start(self, make_site):
        site = make_site(start=False, directives="TwchatAuthToken exec:/bin/true")
        with pytest.raises(RuntimeError) as ended:
            site.start()
        assert "/bin/true printed is empty" in str(ended.value)

    @pytest.mark.expect_log("TWC1007")
    def test_signatures_off_is_warned_about(self, make_site):
        site = make_site(directives="TwchatSignature off")
        assert any("TwchatSignature off" in line and ":warn]" in line for line in site.log.lines("TWC1007"))
        assert site.inbound()[0].status_code == 200
        assert site.webhook("/twilio/inbound", site.inbound_params(), sign=False).status_code == 200

    @pytest.mark.expect_log("TWC1005")
    def test_an_inline_secret_works_with_a_warning_that_does_not_show_it(self, make_site):
        token = "feedfacefeedfacefeedfacefeedface"
        site = make_site(tokens=[token], directives=f"TwchatAuthToken {token}")
        warned = site.log.lines("TWC1005")
        assert warned and not any(token in line for line in warned)
        assert site.inbound()[0].status_code == 200

    def test_secrets_from_environment_and_program(self, make_site):
        tokens = [ENV["TWCHAT_TEST_TOKEN"], "11112222333344445555666677778888"]
        site = make_site(tokens=tokens, env=ENV,
                         directives=f'TwchatAuthToken {TOKEN} "exec:/bin/echo {tokens[1]}"')
        for token in tokens:
            assert site.webhook("/twilio/inbound", site.inbound_params(), token=token).status_code == 200
        assert site.webhook("/twilio/inbound", site.inbound_params(), token="0" * 32).status_code == 403


class TestGraceful:
    def test_a_changed_configuration_holds_from_then_on(self, make_site):
        """The secret is read anew, a host is added; the counters of the new generation have room for it."""
        site = make_site(hosts=[Host(name="one.test")])
        one, old, new = site.hosts[0], site.hosts[0].tokens[0], "0123456789abcdef" * 2
        assert one.webhook("/twilio/inbound", one.inbound_params()).status_code == 200
        two = Host(name="two.test", port=one.port, database=one.db(), tokens=[old])
        two.prepare(os.path.join(site.directory, "host1"), None, None)
        with open(os.path.join(site.directory, "host0", "token0"), "w") as token:
            token.write(new + "\n")
        with open(site.httpd.config, "a") as config:
            config.write(two.config())
        site.httpd.graceful()
        assert one.webhook("/twilio/inbound", one.inbound_params(), token=new).status_code == 200
        assert one.webhook("/twilio/inbound", one.inbound_params(), token=old).status_code == 403
        named = {"Host": f"two.test:{one.port}"}
        assert two.get("/api/messages", headers=named).status_code == 200


    def test_a_restart_that_would_end_it_is_refused(self, make_site):
        """`httpd -k graceful` looks before it tells the server that runs."""
        site = make_site()
        os.rename(os.path.join(site.directory, "host0", "token0"), os.path.join(site.directory, "host0", "moved"))
        status, said = site.httpd.command("-k", "graceful")
        assert status != 0
        assert "TWC1009" in said and "host0/token0" in said
        assert site.inbound()[0].status_code == 200


class TestTwoHosts:
    """Two accounts and two databases in one httpd: nothing of one is visible in the other."""

    @pytest.fixture(scope="class")
    def pair(self, make_site):
        site = make_site(hosts=[Host(name="one.test"), Host(name="two.test", number="+14155552672")])
        return site.hosts

    def test_a_message_is_stored_with_its_host_only(self, pair):
        one, two = pair
        sender = new_number()
        answer, sent = one.inbound(From=sender, Body="for one only")
        assert answer.status_code == 200
        count = "SELECT count(*) FROM messages WHERE sid = %s"
        assert one.db().value(count, sent["MessageSid"]) == 1
        assert two.db().value(count, sent["MessageSid"]) == 0
        assert [i["body"] for i in one.get(f"/api/conversations/{sender}").json()["items"]
                if i["direction"] == "inbound"] == ["for one only"]
        assert two.get(f"/api/conversations/{sender}").json() == {"participant": sender, "items": [], "count": 0}

    def test_a_signature_of_the_other_account_is_refused(self, pair):
        one, two = pair
        for host, other in ((one, two), (two, one)):
            sent = host.inbound_params()
            assert host.webhook("/twilio/inbound", sent, token=other.tokens[0]).status_code == 403
            assert host.db().value("SELECT count(*) FROM messages WHERE sid = %s", sent["MessageSid"]) == 0

    def test_the_account_must_be_the_hosts_own(self, pair):
        one, two = pair
        sent = one.inbound_params(AccountSid=two.account_sid)
        assert one.webhook("/twilio/inbound", sent).status_code == 403

    def test_a_key_of_the_other_host_is_refused(self, pair):
        one, two = pair
        assert one.get("/api/messages").status_code == 200
        assert two.get("/api/messages", headers={"X-API-Key": one.api_key}).status_code == 401

    def test_hosts_on_one_address_are_told_apart_by_name(self, make_site):
        first = Host(name="first.test")
        second = Host(name="second.test", port=first.port)
        make_site(hosts=[first, second])
        for host, other in ((first, second), (second, first)):
            ours, theirs = {"Host": f"{host.name}:{host.port}"}, {"Host": f"{other.name}:{host.port}"}
            assert host.get("/api/messages", headers=ours).status_code == 200
            assert host.get("/api/messages", headers=theirs).status_code == 401

    def test_many_hosts_open_side_by_side(self, make_site, postgres, template):
        """Each host's work starts on a thread of its own, while the child starts its workers."""
        database = postgres.create(template=template)
        hosts = [Host(name=f"host{i}.test", database=database) for i in range(24)]
        site = make_site(hosts=hosts, children=1)
        for _ in range(3):
            for host in hosts:
                answer, _ = host.inbound()
                assert answer.status_code == 200
            site.httpd.graceful()

    def test_credentials_are_inherited_together(self):
        """A host with an account of its own does not take another account's token for it."""
        whole = f"TwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\n{MOUNT}"
        host = "<VirtualHost *:1>\n{}\n</VirtualHost>\n"
        other = "AC" + "fedcba9876543210" * 2
        status, said, _ = check(f"Listen 127.0.0.1:1\n{whole}" + host.format(f"TwchatAccountSid {other}"))
        assert status != 0 and "TWC1002" in said
        for fine in (f"TwchatAccountSid {other}\nTwchatAuthToken {TOKEN}", f"TwchatAccountSid {ACCOUNT}",
                     f"TwchatAuthToken {TOKEN}", "ServerName x.test"):
            status, said, _ = check(f"Listen 127.0.0.1:1\n{whole}" + host.format(fine))
            assert status == 0, said

    def test_a_senders_number_stays_with_its_account(self, make_site, make_sandbox):
        sandbox = make_sandbox()
        key = f"TwchatApiKey SK{'0' * 32} env:TWCHAT_TEST_TOKEN\n"
        site = make_site(hosts=[Host(name="one.test", sandbox=sandbox)], env=ENV, directives=(
            f"{key}TwchatAccountSid {ACCOUNT}\nTwchatAuthToken {TOKEN}\nTwchatMessagingService MG{'0' * 32}\n"
            "TwchatDefaultSender +15005550009"))
        answer = site.post("/api/send-message", json={"to": new_number(), "body": "by the account of the host"})
        assert answer.status_code == 200 and answer.json()["sid"], answer.text

    def test_what_all_hosts_share_holds_with_each_database(self, make_site, make_sandbox, postgres, template):
        """Hosts without directives of ours share what the server says, but each has its own database."""
        sandbox, servers_own = make_sandbox(), postgres.create(template=template)
        hosts = [Bare(name=name, sandbox=sandbox, access="Require all granted") for name in ("one.test", "two.test")]
        make_site(hosts=hosts, env={"TWCHAT_TEST_TOKEN": sandbox.auth_token}, directives=(
            f"TwchatAccountSid {sandbox.account_sid}\nTwchatAuthToken {TOKEN}\nTwchatApiBase {sandbox.url}\n"
            f'DBDriver pgsql\nDBDParams "{servers_own.conninfo}"\n'
            f"TwchatRate longcode-us 200\nTwchatSendWait 0s\nTwchatDefaultSender {hosts[0].number}\n"
            f'TwchatHtdocs "{HTDOCS}"\n' + MOUNT.replace(DATABASE, "")))
        for host in hosts:
            for i in range(20):
                assert host.post("/api/send-message", json={"to": new_number(), "body": str(i)}).status_code == 200
            wait_for(lambda: host.db().value("SELECT count(*) FROM messages WHERE sid IS NOT NULL") == 20, 10,
                     f"{host.name} to send at the rate of the server")


    def test_hosts_of_one_name_share_no_spool(self, make_site):
        """Told apart by their addresses alone: what waits for one database must not end in the other."""
        first = At("127.0.0.1")
        second = At("127.0.0.2", port=first.port)
        site = make_site(hosts=[first, second], directives=f"Listen 127.0.0.2:{first.port}")
        assert len(os.listdir(os.path.join(site.directory, "spool"))) == 2
        sent = second.inbound_params()
        assert second.webhook("/twilio/inbound", sent).status_code == 200
        assert second.db().value("SELECT count(*) FROM messages WHERE sid = %s", sent["MessageSid"]) == 1
        assert first.db().value("SELECT count(*) FROM messages WHERE sid = %s", sent["MessageSid"]) == 0


class At(Host):
    """A virtual host of one address."""

    def __init__(self, address, **more):
        super().__init__(**more)
        self.address = address
        self.url = self.public_url = f"http://{address}:{self.port}"

    def config(self):
        return super().config().replace("<VirtualHost *:", f"<VirtualHost {self.address}:")


class Bare(Host):
    """A virtual host that says nothing but its name and its database."""

    def config(self):
        return (f"<VirtualHost *:{self.port}>\nServerName {self.name}\nDBDriver pgsql\n"
                f'DBDParams "{self._database.conninfo}"\nDBDMin 1\nDBDMax 8\n</VirtualHost>\n')


class TestBesideFiles:
    """A web server that was there before: the files of its DocumentRoot do not get in the way of a mount at the root."""

    @pytest.fixture(scope="class")
    def site(self, make_site):
        one = make_site(start=False, modules=("dir", "autoindex", "alias"))
        root = one.httpd.directory              # the DocumentRoot
        for name in ("index.html", "inbox/index.html", "api/stats", "twilio/inbound"):
            os.makedirs(os.path.dirname(f"{root}/{name}"), exist_ok=True)
            with open(f"{root}/{name}", "w") as out:
                out.write("the file\n")
        with open(f"{root}/.htaccess", "w") as out:
            out.write("Nonsense\n")
        return one.start()

    @pytest.mark.parametrize("path", ["/", "/inbox", "/settings"])
    def test_pages(self, site, path):
        answer = site.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200 and "<!doctype html>" in answer.text.lower()

    def test_api_and_webhooks(self, site):
        assert site.get("/api/stats").json()["total"] == 0
        assert site.get("/", headers={"Accept": "application/json"}).json()["docs"]
        answer, _ = site.inbound()
        assert answer.status_code == 200 and "<Response" in answer.text

    def test_a_directory_is_no_redirect(self, site):
        assert site.get("/api").status_code == 404
        assert site.post("/api/stats/").status_code == 405
