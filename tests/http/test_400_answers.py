# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What a customer gets back: automatic reply, bots, reserved words, and silence where it is due."""
import pytest

from client import new_number, new_sid
from outgoing import QUICK
from sandbox_server import WHATSAPP
from server import Host
from waiting import wait_for


def start(make_site, sandbox, directives):
    return make_site(sandbox=sandbox, hosts=[Host(sandbox=sandbox, directives=QUICK + directives)])


def idle(site):
    """Every job is done and the queue is empty."""
    wait_for(lambda: not site.db().value("SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM outbox)"), 20,
             "all jobs to be done")


def bodies(sandbox, peer):
    """What the peer's handset got, oldest first."""
    return [m["body"] for m in reversed(sandbox.messages(To=peer)) if m["direction"] == "outbound-api"]


def text(site, sandbox, body, peer=None, expect=1, **params):
    """A customer writes through flask-chat's webhook; the answers."""
    peer = peer or new_number()
    answer, _ = site.inbound(Body=body, From=peer, **params)
    assert answer.status_code == 200
    idle(site)
    got = bodies(sandbox, peer)
    assert len(got) == expect, got
    return got


class TestEcho:
    @pytest.fixture(scope="class")
    def echo(self, make_site, sandbox):
        return start(make_site, sandbox, "TwchatChatMode echo\n")

    def test_the_text_comes_back(self, echo, sandbox):
        peer = new_number()
        assert text(echo, sandbox, "Zażółć <b>gęślą</b> 👍", peer) == ["Echo: Zażółć <b>gęślą</b> 👍"]
        row = echo.db().one("SELECT * FROM messages WHERE to_addr = %s", peer)
        assert (row["direction"], row["source"], row["from_addr"]) == ("outbound", "bot", echo.number)
        assert row["sid"] and row["reply_to"]

    def test_a_blank_text_gets_a_short_acknowledgement(self, echo, sandbox):
        assert len(text(echo, sandbox, "  ")[0]) > 5

    def test_the_longest_text_still_fits(self, echo, sandbox):
        assert text(echo, sandbox, "x" * 1599) == ["Echo: " + "x" * 1594]
        assert text(echo, sandbox, "x" + "😀" * 799) == ["Echo: x" + "😀" * 796]
        assert text(echo, sandbox, "ż" * 1594) == ["Echo: " + "ż" * 1594]

    def test_a_duplicate_is_answered_once(self, echo, sandbox):
        peer, sid = new_number(), new_sid()
        for _ in range(3):
            answer, _sent = echo.inbound(Body="hi", From=peer, sid=sid)
            assert answer.status_code == 200
        idle(echo)
        assert bodies(sandbox, peer) == ["Echo: hi"]

    @pytest.mark.parametrize("sender", ["12345", "ACME", "anonymous", "+1234"])
    def test_no_answer_to_what_is_no_phone(self, echo, sandbox, sender):
        text(echo, sandbox, "hi", sender, expect=0)

    def test_no_answer_to_ourselves(self, echo, sandbox):
        before = len(bodies(sandbox, echo.number))
        echo.inbound(Body="hi", From=echo.number)
        idle(echo)
        assert len(bodies(sandbox, echo.number)) == before

    @pytest.mark.expect_log("TWC2403")
    def test_two_machines_do_not_talk_for_ever(self, echo, sandbox, expect_log):
        expect_log("TWC2403")
        peer = new_number()
        for i in range(14):
            echo.inbound(Body=f"auto {i}", From=peer)
        idle(echo)
        assert len(bodies(sandbox, peer)) == 10
        thread = echo.get(f"/api/threads/{peer}").json()
        assert thread["loop_guard"] is True
        echo.post(f"/api/threads/{peer}/read")
        assert echo.get(f"/api/threads/{peer}").json()["loop_guard"] is False

    def test_the_other_interfaces_do_not_echo(self, echo, sandbox):
        for path in ("/webhook/twilio", "/webhooks/sms/inbound", "/twilio_webhook"):
            peer = new_number()
            answer, _ = echo.inbound(path, Body="hi", From=peer)
            assert answer.status_code == 200
            idle(echo)
            assert bodies(sandbox, peer) == []


    def test_an_answer_whose_message_was_deleted_holds_nobody_up(self, echo, sandbox):
        _, sent = echo.inbound("/webhook/twilio")
        ident = echo.db().value("SELECT message_id FROM message_sids WHERE sid = %s", sent["MessageSid"])
        echo.db().run("WITH gone AS (DELETE FROM messages WHERE id = %s RETURNING id)"
                      " INSERT INTO jobs (kind, message_id, arg) SELECT 'answer', id, 'flask-chat' FROM gone", ident)
        assert text(echo, sandbox, "hi") == ["Echo: hi"]

    def test_the_words_count_without_the_row_of_settings(self, echo):
        peer = new_number()
        echo.db().run("DELETE FROM auto_reply_config")
        try:
            echo.inbound(Body="STOP", From=peer)
            idle(echo)
        finally:
            echo.db().run("INSERT INTO auto_reply_config (id) VALUES (1)")
        assert echo.db().value("SELECT state FROM consents WHERE peer = %s", peer) == "opted_out"


class TestAutoReply:
    @pytest.fixture(scope="class")
    def auto(self, make_site, sandbox):
        return start(make_site, sandbox, 'TwchatChatMode echo\nTwchatBusinessName "Swim School"\n')

    def test_the_documented_update_takes_effect_at_once(self, auto, sandbox):
        auto.db().run("UPDATE auto_reply_config SET enabled = 1, message = 'Dziękujemy!' WHERE id = 1")
        assert text(auto, sandbox, "hi") == ["Dziękujemy!"]
        auto.db().run("UPDATE auto_reply_config SET enabled = 0 WHERE id = 1")
        assert text(auto, sandbox, "hi") == ["Echo: hi"]

    def test_the_page_setting_is_the_same(self, auto, sandbox):
        assert auto.post("/api/auto-reply/config", json={"enabled": True, "message": "Back on Monday"}).status_code == 200
        assert text(auto, sandbox, "hi") == ["Back on Monday"]
        auto.post("/api/auto-reply/config", json={"enabled": False, "message": "Back on Monday"})


class TestOffWithAutoReply:
    def test_only_the_automatic_reply_answers(self, make_site, sandbox):
        site = start(make_site, sandbox, "TwchatChatMode off\n")
        text(site, sandbox, "hi", expect=0)
        site.db().run("UPDATE auto_reply_config SET enabled = 1, message = 'On' WHERE id = 1")
        assert text(site, sandbox, "hi") == ["On"]


class TestStricterPattern:
    def test_only_matching_senders_are_answered(self, make_site, sandbox):
        site = start(make_site, sandbox, "TwchatChatMode echo\nTwchatAutoReplyPattern ^\\+48[0-9]{9}$\n")
        text(site, sandbox, "hi", expect=0)
        assert text(site, sandbox, "hi", "+48123456789") == ["Echo: hi"]


class TestKeywords:
    @pytest.fixture(scope="class")
    def keywords(self, make_site, sandbox):
        return start(make_site, sandbox, f"TwchatChatMode keywords\nTwchatWhatsappSender {WHATSAPP}\n")

    def test_commands(self, keywords, sandbox):
        assert "START" in text(keywords, sandbox, " help ")[0]
        assert "HELP" in text(keywords, sandbox, "Start")[0]
        assert "HELP" in text(keywords, sandbox, "what?")[0]

    def test_where_the_bot_is_silent_the_reserved_words_are_answered(self, keywords, sandbox):
        peer = "whatsapp:" + new_number()
        keywords.inbound("/webhook/twilio", Body="START", From=peer, To=WHATSAPP)
        idle(keywords)
        assert "subscribed" in bodies(sandbox, peer)[0]
        keywords.db().run("UPDATE conversations SET stop_bot = true WHERE peer = %s", peer)
        assert "Reply STOP" in text(keywords, sandbox, "HELP", peer, To=WHATSAPP, expect=2)[1]


class TestConsent:
    @pytest.fixture(scope="class")
    def site(self, make_site, sandbox):
        return start(make_site, sandbox, 'TwchatChatMode echo\nTwchatBusinessName "Swim School"\n'
                                         f"TwchatWhatsappSender {WHATSAPP}\n")

    def state(self, site, peer):
        return site.db().value("SELECT state FROM consents WHERE peer = %s AND sender = %s", peer, site.number)

    @pytest.mark.parametrize("word", ["STOP", "stop ", "StopAll", "unsubscribe", "END", "quit", "REVOKE", "OPTOUT"])
    def test_stop_words_close_the_pair_silently_on_a_long_code(self, site, sandbox, word):
        peer = new_number()
        text(site, sandbox, word, peer, expect=0)
        assert self.state(site, peer) == "opted_out"
        refused = site.post("/api/send-message", json={"to": peer, "body": "hello"})
        assert refused.status_code == 500 and refused.json()["code"] == 21610
        assert bodies(sandbox, peer) == []

    def test_stop_counts_from_its_answer_on_whatever_is_still_to_be_done(self, site, sandbox):
        """Nothing goes out after the 200, and be a thousand answers to others in the queue before the confirmation."""
        site.db().run("CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS"
                      " $$BEGIN NEW.run_at := now() + interval '1 hour'; RETURN NEW; END$$")
        site.db().run("CREATE TRIGGER hold BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION hold()")
        try:
            for ours in (site.number, WHATSAPP):
                peer = ("whatsapp:" if ours == WHATSAPP else "") + new_number()
                answer, _ = site.inbound(Body="STOP", From=peer, To=ours)
                assert answer.status_code == 200
                refused = site.post("/api/send-message", json={"to": peer, "body": "too late"})
                assert (refused.status_code, refused.json()["code"]) == (500, 21610)
        finally:
            site.db().run("DROP TRIGGER hold ON jobs")
            site.db().run("DROP FUNCTION hold()")
            site.db().run("UPDATE jobs SET run_at = now()")
        idle(site)
        assert [b for b in bodies(sandbox, peer) if "too late" in b] == []

    @pytest.mark.parametrize("body", ["please stop", "STOP IT", "stopp", "end of month"])
    def test_sentences_are_no_stop_words(self, site, sandbox, body):
        peer = new_number()
        assert text(site, sandbox, body, peer) == [f"Echo: {body}"]
        assert self.state(site, peer) is None

    def test_start_opens_it_again_and_the_history_stays(self, site, sandbox):
        peer = new_number()
        for word in ("STOP", "hello?", "START"):
            text(site, sandbox, word, peer, expect=0)
        assert self.state(site, peer) == "opted_in"
        assert text(site, sandbox, "hi", peer) == ["Echo: hi"]
        events = site.db().rows("SELECT state, source, evidence FROM consent_events WHERE peer = %s ORDER BY id", peer)
        assert [(e["state"], e["source"], e["evidence"]) for e in events] == [
            ("opted_out", "keyword", "STOP"), ("opted_in", "keyword", "START")]

    def test_the_history_cannot_be_changed(self, site):
        with pytest.raises(Exception, match="append-only"):
            site.db().run("UPDATE consent_events SET state = 'opted_in'")

    def test_whatsapp_gets_the_confirmation(self, site, sandbox):
        peer = "whatsapp:" + new_number()
        got = text(site, sandbox, "STOP", peer, To=WHATSAPP)
        assert "START" in got[0]
        got = text(site, sandbox, "START", peer, To=WHATSAPP, expect=2)
        assert "Swim School" in got[1] and "STOP" in got[1]
        assert "STOP" in text(site, sandbox, "HELP", peer, To=WHATSAPP, expect=3)[2]

    def test_opt_out_type_means_twilio_has_answered(self, site, sandbox):
        peer = "whatsapp:" + new_number()
        text(site, sandbox, "Arrêt", peer, To=WHATSAPP, OptOutType="STOP", expect=0)
        assert site.db().value("SELECT state FROM consents WHERE peer = %s", peer) == "opted_out"

    def test_stop_through_any_interface(self, site, sandbox):
        for path in ("/webhook/twilio", "/webhooks/sms/inbound", "/twilio_webhook", "/api/twilio/webhook/sms"):
            peer = new_number()
            answer, _ = site.inbound(path, Body="STOP", From=peer)
            assert answer.status_code == 200 and "<Message" not in answer.text
            idle(site)
            assert self.state(site, peer) == "opted_out"

    def test_a_service_is_closed_with_its_number(self, site, sandbox):
        peer, service = new_number(), "MG" + "a" * 32
        text(site, sandbox, "STOP", peer, MessagingServiceSid=service, expect=0)
        assert site.db().value("SELECT state FROM consents WHERE peer = %s AND sender = %s", peer, service) == "opted_out"


class TestConfirmations:
    def test_each_sender_as_it_is_told(self, make_site, sandbox):
        other = "+14155552672"
        host = Host(sandbox=sandbox, directives=QUICK + f"TwchatConfirmKeywords off {WHATSAPP}\nTwchatWhatsappSender {WHATSAPP}\n")
        site = make_site(sandbox=sandbox, hosts=[host], directives=f"TwchatConfirmKeywords on {host.number}\n")
        peer = new_number()
        assert "START" in text(site, sandbox, "STOP", peer)[0]
        text(site, sandbox, "STOP", To=other, expect=0)
        text(site, sandbox, "STOP", "whatsapp:" + peer, To=WHATSAPP, expect=0)


class TestService:
    @pytest.mark.expect_log("TWC3003")  # the sandbox has no such service
    def test_what_was_told_a_number_counts_for_the_service_that_sends(self, make_site, sandbox):
        """Twilio names the service only where its own webhook settings are used."""
        site = start(make_site, sandbox, f"TwchatMessagingService {'MG' + 'b' * 32}\n")
        peer = new_number()
        text(site, sandbox, "STOP", peer, expect=0)
        refused = site.post("/api/send-message", json={"to": peer, "body": "hello"})
        assert refused.status_code == 500 and refused.json()["code"] == 21610
        text(site, sandbox, "START", peer, expect=0)
        assert site.post("/api/send-message", json={"to": peer, "body": "hello"}).status_code == 200


class TestAcknowledgement:
    @pytest.fixture(scope="class")
    def site(self, make_site, sandbox):
        return start(make_site, sandbox, 'TwchatAckText "Got it & thanks"\nTwchatAnswers 2 600s\n')

    def ack(self, site, peer, **params):
        answer, _ = site.inbound("/api/twilio/webhook/sms", From=peer, **params)
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/xml")
        return "Got it &amp; thanks" in answer.text

    def test_at_most_once_per_message_and_limited_per_peer(self, site):
        peer, sid = new_number(), new_sid()
        assert self.ack(site, peer, sid=sid)
        assert not self.ack(site, peer, sid=sid)
        assert self.ack(site, peer)
        assert not self.ack(site, peer)

    def test_it_is_kept_as_an_outgoing_message(self, site):
        peer = new_number()
        self.ack(site, peer)
        row = site.db().one("SELECT m.* FROM messages m WHERE to_addr = %s", peer)
        assert (row["body"], row["source"], row["direction"]) == ("Got it & thanks", "twiml", "outbound")
        sid = new_sid()
        assert site.status(sid, "delivered", path=f"/api/twilio/webhook/status?r={row['reply_to']}").status_code == 200
        assert site.db().one("SELECT sid, status FROM messages WHERE id = %s", row["id"]) == {"sid": sid, "status": "delivered"}
