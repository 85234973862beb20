# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""twchatctl doctor: what it finds, what it advises, what --fix changes and what it leaves alone."""
import pytest

from server import twchatctl

OTHER = "+14155559999"
PUBLIC = "http://127.0.0.1:9"


@pytest.fixture(scope="class")
def twilio(make_sandbox):
    return make_sandbox()


@pytest.fixture
def doctor(postgres, template, twilio):
    database = postgres.create(template=template)

    def call(*argv, **env):
        return twchatctl("doctor", *argv, env={k: v for k, v in {
            "DATABASE_URL": database.url, "TWILIO_ACCOUNT_SID": twilio.account_sid, "TWILIO_AUTH_TOKEN": twilio.auth_token,
            "TWILIO_DEFAULT_FROM": twilio.number, "TWILIO_API_BASE": twilio.url, "PUBLIC_BASE_URL": PUBLIC, **env}.items() if v})
    call.database = database
    yield call
    database.close()


def line(done, what):
    """The findings of one kind: ["ok ...", ...]."""
    return [" ".join(li.split()) for li in done.stdout.splitlines() if li[6:].startswith(what)]


class TestDoctor:
    def test_all_is_well(self, doctor, twilio):
        for path in ("/twilio/inbound", "/webhook/twilio", "/api/twilio/webhook/sms", "/twilio/inbound?x=1", "/twilio/inbound#rc=2"):
            twilio.configure_number(twilio.number, PUBLIC + path)
            done = doctor()
            assert done.returncode == 0, done.stdout
            assert line(done, "webhook")[0].startswith("ok ")
        assert line(done, "credentials") == ["ok credentials right, and the account is active"]
        assert len(line(done, "clock")) == 2 and all(li.startswith("ok ") for li in line(done, "clock"))

    def test_what_it_cannot_see_is_not_called_well(self, doctor, twilio):
        """Messaging services and WhatsApp senders keep their webhooks where this program does not look."""
        done = doctor(TWILIO_MESSAGING_SERVICE_SID="MG" + "1" * 32, TWILIO_WHATSAPP_FROM=twilio.whatsapp)
        told = [li for li in line(done, "webhook") if "setting of its own" in li]
        assert len(told) == 2 and all(li.startswith("look ") for li in told), done.stdout

    def test_wrong_credentials(self, doctor):
        done = doctor(TWILIO_AUTH_TOKEN="0" * 32)
        assert done.returncode == 1
        assert line(done, "credentials")[0].startswith("FAIL ")
        assert "0" * 32 not in done.stdout

    def test_nothing_is_set(self):
        done = twchatctl("doctor", env={"TWILIO_API_BASE": "http://127.0.0.1:9"})
        assert done.returncode == 1
        for what in ("database", "twilio", "credentials", "sender", "public URL"):
            assert line(done, what)[0].startswith("FAIL "), what

    def test_database_away(self, doctor):
        done = doctor(DATABASE_URL="postgresql://somebody:hunter2@127.0.0.1:9/x")
        assert "refused" in line(done, "database")[0] and "hunter2" not in done.stdout
        assert line(done, "credentials")[0].startswith("ok ")

    def test_old_schema(self, doctor, postgres):
        empty = postgres.create(template="template0")
        done = doctor(DATABASE_URL=empty.url)
        assert line(done, "schema")[0].startswith("FAIL ") and "twchatctl migrate" in done.stdout

    def test_number_of_somebody_else(self, doctor):
        done = doctor(TWILIO_DEFAULT_FROM="+14155550000")
        assert line(done, "sender") == ["FAIL sender +14155550000 is not a number of this account"]

    @pytest.mark.parametrize("url,words", [("http://a_b.example.com", "underscore"), ("nonsense", "no URL"),
                                           ("https://user@example.com", "user"), ("https://example.com/?x=1", "query")])
    def test_public_url(self, doctor, url, words):
        done = doctor(PUBLIC_BASE_URL=url)
        assert done.returncode == 1 and words in line(done, "public URL")[0]

    @pytest.mark.parametrize("url,words", [("http://chat.example.com", "https"), ("https://192.168.1.5", "only this network"),
                                           ("https://localhost:8443", "only this network"), ("https://172.20.0.1", "only this network")])
    def test_public_url_for_twilio_itself(self, doctor, url, words):
        # a name that resolves nowhere: nothing is asked of the real one
        done = doctor(PUBLIC_BASE_URL=url, TWILIO_API_BASE="http://api.twilio.com.invalid", TWILIO_ACCOUNT_SID=None)
        assert words in line(done, "public URL")[0]

    def test_fix_touches_only_the_sender(self, doctor, twilio):
        twilio.configure_number(twilio.number, "https://old.example.com/sms")
        twilio.configure_number(OTHER, "https://other.example.com/sms")
        done = doctor()
        assert done.returncode == 1
        assert line(done, "webhook")[0] == f"FAIL webhook {twilio.number} calls https://old.example.com/sms"
        assert "--fix" in done.stdout
        done = doctor("--fix")
        assert done.returncode == 0, done.stdout
        assert f"fixed webhook {twilio.number} now calls {PUBLIC}/twilio/inbound" in line(done, "webhook")
        urls = {n["phone_number"]: n["sms_url"] for n in self.numbers(twilio)}
        assert urls[twilio.number] == PUBLIC + "/twilio/inbound"
        assert urls[OTHER] == "https://other.example.com/sms"
        assert doctor().returncode == 0

    def numbers(self, twilio):
        import requests
        return requests.get(f"{twilio.url}/2010-04-01/Accounts/{twilio.account_sid}/IncomingPhoneNumbers.json",
                            auth=(twilio.account_sid, twilio.auth_token), timeout=20).json()["incoming_phone_numbers"]

    def test_stuck_messages_are_pointed_out(self, doctor):
        doctor.database.run("INSERT INTO messages (conv_id, sid, direction, source, to_addr, status, stuck_at)"
                            " VALUES (1, 'SMstuck', 'outbound', 'api', '+14155550100', 'queued', now())")
        done = doctor()
        doctor.database.run("DELETE FROM messages WHERE sid = 'SMstuck'")
        assert "Twilio took it and has not finished with it." in done.stdout

    def test_refused_webhooks_are_pointed_out(self, doctor):
        doctor.database.run("INSERT INTO webhook_journal (kind, interface, verdict, reason) VALUES ('message', 'flask-chat', 'refused',"
                            " 'signature mismatch')")
        done = doctor()
        assert line(done, "journal")[0].startswith("warn ") and "signature mismatch" in done.stdout
        assert done.returncode == 0


class TestBesideAServer:
    def test_a_site_that_works(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox())
        done = site.ctl("doctor")
        assert done.returncode == 0, done.stdout
        assert line(done, "site") == [f"ok site {site.url}/api/health says that all is well"]
        assert done.stdout.endswith("All is well.\n")
