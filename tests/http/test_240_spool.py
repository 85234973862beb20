# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The database is away, and Twilio's calls are answered as usual: nothing is lost, doubled or out of order."""
import fcntl
import glob
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from client import new_number, new_sid
from outgoing import QUICK
from server import Host
from test_500_restarts import Traffic, stored_once
from waiting import wait_for
from weather import SmallDisk

OFF = "TwchatChatMode off\n"
PATHS = {"/twilio/inbound": ("application/xml", b"<Response"), "/webhook/twilio": ("text/xml", b"<Response"),
         "/webhooks/sms/inbound": ("application/xml", b"<Response"), "/twilio_webhook": ("application/json", b"{"),
         "/api/twilio/webhook/sms": ("text/xml", b"<Response")}
STATUS_PATHS = ("/twilio/status", "/webhooks/sms/status", "/api/twilio/webhook/status")

# Everything that httpd and the threads say about a database that is away.
pytestmark = pytest.mark.expect_log("AH006", "AH02655", "TWC", "dbd:error", "dbd:crit")


def spool_dir(site):
    """The directory of its first host."""
    return glob.glob(os.path.join(site.directory, "spool", "*"))[0]


def segments(site):
    return glob.glob(os.path.join(site.directory, "spool", "*", "*.spool"))


def aside(site):
    """What is kept because something in it is damaged."""
    return glob.glob(os.path.join(spool_dir(site), "damaged-*"))


def fill(site):
    """Calls until the spool takes no more; the SIDs it took."""
    accepted = []
    for _ in range(2000):
        answer, sent = site.inbound(Body="x" * 1600)
        if answer.status_code != 200:
            break
        accepted.append(sent["MessageSid"])
    assert answer.status_code == 503
    assert len(accepted) > 50
    return accepted


def drained(site):
    wait_for(lambda: not segments(site), 30, "the spool to be empty")


def ctl(site, *argv):
    return site.ctl("spool", *argv, TWCHAT_SPOOL=os.path.join(site.directory, "spool"))


class Away:
    """with Away(server): no database."""

    def __init__(self, server, mode="fast"):
        self.server, self.mode = server, mode

    def __enter__(self):
        self.server.stop(self.mode)

    def __exit__(self, *_):
        if not self.server.running():
            self.server.start()


@pytest.fixture(scope="class")
def server(make_postgres):
    return make_postgres()


class TestAway:
    @pytest.fixture(scope="class")
    def site(self, make_site, server):
        return make_site(server, hosts=[Host(directives=OFF)])

    def test_every_interface_answers_as_usual_and_everything_is_stored_once(self, site, server):
        peer, sids = new_number(), []
        with Away(server):
            for i, (path, (kind, begin)) in enumerate(PATHS.items()):
                answer, sent = site.inbound(path, From=peer, Body=f"message {i}")
                assert answer.status_code == 200, path
                assert answer.headers["Content-Type"].startswith(kind) and begin in answer.content
                sids.append(sent["MessageSid"])
            assert site.get("/api/messages").status_code == 503      # what needs the database says so
            assert segments(site)
        drained(site)
        rows = site.db().rows("SELECT sid, body FROM messages WHERE from_addr = %s ORDER BY created_at, id", peer)
        assert [r["sid"] for r in rows] == sids
        assert [r["body"] for r in rows] == [f"message {i}" for i in range(len(sids))]
        verdicts = site.db().rows("SELECT verdict FROM webhook_journal WHERE sid = ANY(%s)", sids)
        assert [v["verdict"] for v in verdicts] == ["accepted"] * len(sids)

    def test_everything_that_came_with_it_is_kept(self, site, server):
        body = "Zażółć %41 + & 👍 <script>\x07"
        with Away(server):
            answer, sent = site.inbound(Body=body, From="whatsapp:" + new_number(), ProfileName="Ann ✨", NumMedia="1",
                                        MediaUrl0="https://api.twilio.com/m/1", MediaContentType0="image/png", ButtonText="x")
            assert answer.status_code == 200
        drained(site)
        row = site.db().one("SELECT m.*, c.profile_name, a.url FROM messages m JOIN conversations c ON c.id = m.conv_id"
                            " JOIN message_media a ON a.message_id = m.id WHERE m.sid = %s", sent["MessageSid"])
        assert (row["body"], row["profile_name"], row["url"]) == (body, "Ann ✨", "https://api.twilio.com/m/1")
        assert row["extra"]["button_text"] == "x"

    @pytest.mark.parametrize("body, kept", [(r"half an emoji \ud83d", "half an emoji \ufffd"), (r"a\u0000b", "ab")])
    def test_json_is_read_again_as_it_was_read_first(self, site, server, body, kept):
        sid = new_sid()
        document = '\ufeff{"from": "%s", "to": "%s", "message_sid": "%s", "body": "%s"}' % (new_number(), site.number, sid, body)
        with Away(server):
            assert site.json_webhook("/twilio_webhook", document.encode()).status_code == 200
        drained(site)
        assert site.db().value("SELECT body FROM messages WHERE sid = %s", sid) == kept

    def test_the_time_is_when_it_came(self, site, server):
        with Away(server):
            _, sent = site.inbound()
            ctl(site, "status")
        began = site.db().value("SELECT now()")
        drained(site)
        assert site.db().value("SELECT created_at FROM messages WHERE sid = %s", sent["MessageSid"]) < began

    def test_a_call_that_comes_twice_is_stored_once(self, site, server):
        sid = new_sid()
        with Away(server):
            assert {site.inbound(sid=sid)[0].status_code for _ in range(3)} == {200}
        assert site.inbound(sid=sid)[0].status_code == 200
        drained(site)
        assert stored_once(site, [sid])

    def test_statuses(self, site, server):
        for path in STATUS_PATHS:
            sid = new_sid()
            site.db().run("WITH m AS (INSERT INTO messages (conv_id, sid, direction, source, status)"
                          " VALUES (1, %s, 'outbound', 'api', 'sent') RETURNING id, sid)"
                          " INSERT INTO message_sids (sid, message_id) SELECT sid, id FROM m", sid)
            with Away(server):
                assert site.status(sid, "delivered", path).status_code == 200
                assert site.status(sid, "sent", path).status_code == 200
            drained(site)
            assert site.db().value("SELECT status FROM messages WHERE sid = %s", sid) == "delivered"

    def test_stop_and_start_keep_their_order(self, site, server):
        peer = new_number()
        with Away(server):
            site.inbound(From=peer, Body="STOP")
            site.inbound(From=peer, Body="START")
            site.inbound(From=peer, Body="STOP")
        assert site.inbound(From=peer, Body="START")[0].status_code == 200      # does not overtake the others
        drained(site)
        wait_for(lambda: not site.db().value("SELECT count(*) FROM jobs WHERE kind = 'answer'"), 20, "the words to be honoured")
        rows = site.db().rows("SELECT body FROM messages WHERE from_addr = %s ORDER BY created_at, id", peer)
        assert [r["body"] for r in rows] == ["STOP", "START", "STOP", "START"]
        history = site.db().rows("SELECT state FROM consent_events WHERE peer = %s ORDER BY id", peer)
        assert [h["state"] for h in history] == ["opted_out", "opted_in"] * 2

    def test_forged_calls_are_refused_and_not_kept(self, site, server):
        with Away(server):
            before = ctl(site, "status").stdout
            assert site.webhook("/twilio/inbound", site.inbound_params(), sign="x" * 27 + "=").status_code == 403
            assert site.inbound(From=None)[0].content.startswith(b"<?xml")
            assert ctl(site, "status").stdout == before

    def test_the_files_are_private(self, site, server):
        with Away(server):
            site.inbound()
            assert os.stat(spool_dir(site)).st_mode & 0o777 == 0o700
            assert os.stat(segments(site)[0]).st_mode & 0o077 == 0
        drained(site)


class TestAnswers:
    @pytest.fixture(scope="class")
    def site(self, make_site, server, sandbox):
        return make_site(server, sandbox=sandbox, hosts=[Host(sandbox=sandbox, directives=QUICK + "TwchatChatMode echo\n")])

    def answers(self, sandbox, peer):
        return [m["body"] for m in sandbox.messages(To=peer)]

    def test_the_bot_answers_once(self, site, server, sandbox):
        peer, sid = new_number(), new_sid()
        with Away(server):
            for _ in range(2):
                site.inbound(From=peer, Body="hello", sid=sid)
        wait_for(lambda: self.answers(sandbox, peer), 30, "the answer")
        wait_for(lambda: not site.db().value("SELECT count(*) FROM jobs"), 20, "the jobs")
        assert self.answers(sandbox, peer) == ["Echo: hello"]

    def test_the_acknowledgement_becomes_a_message(self, site, server, sandbox):
        peer = new_number()
        with Away(server):
            answer, _ = site.inbound("/api/twilio/webhook/sms", From=peer, Body="hello")
            assert b"<Message" not in answer.content
        wait_for(lambda: self.answers(sandbox, peer), 30, "the acknowledgement")
        assert self.answers(sandbox, peer) == ["Message received. Thank you!"]


class TestTraffic:
    @pytest.fixture(scope="class")
    def site(self, make_site, server):
        return make_site(server, hosts=[Host(directives=OFF)])

    def test_restarts_under_load_are_not_noticed(self, site, server):
        with Traffic(site) as traffic:
            for mode in ("fast", "immediate"):
                server.stop(mode)
                traffic.grown(200)
                server.start()
                traffic.grown(200)
        assert traffic.others() == []
        drained(site)
        assert stored_once(site, traffic.accepted())

    def test_killed_children_lose_nothing_that_was_answered(self, site, server):
        with Traffic(site) as traffic:
            with Away(server):
                traffic.grown(100)
                for pid in site.httpd.children():
                    os.kill(pid, signal.SIGKILL)
                traffic.grown(200)
            traffic.grown(100)
        drained(site)
        assert stored_once(site, traffic.accepted())

    def test_it_survives_a_restart_of_httpd(self, site, server):
        with Away(server):
            first = site.inbound()[1]["MessageSid"]
            site.httpd.stop()
            site.httpd.start()
            answer, sent = site.inbound()           # before this child has ever seen the database
            assert answer.status_code == 200
        drained(site)
        assert stored_once(site, [first, sent["MessageSid"]])

    def test_a_frozen_database(self, site, server):
        with open(os.path.join(server.data, "postmaster.pid")) as lines:
            master = int(lines.readline())
        pids = [master, *map(int, subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True,
                                                 check=True).stdout.split())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        site.hosts[0].timeout = 15      # Twilio's patience
        try:
            with Traffic(site, threads=12) as traffic:     # fewer than one child has workers: httpd would end idle connections
                traffic.grown(200)
        finally:
            del site.hosts[0].timeout
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert traffic.others() == []
        drained(site)
        assert stored_once(site, traffic.accepted())


class TestTrouble:
    def test_a_full_spool_refuses_and_keeps_what_it_has(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF + "TwchatSpoolLimit 1M\n")])
        with Away(server):
            accepted = fill(site)
            assert int(site.inbound(Body="x" * 1600)[0].headers["Retry-After"]) > 0
            assert site.log.lines("TWC2601")
        drained(site)
        assert stored_once(site, accepted)
        assert site.inbound()[0].status_code == 200

    def test_a_full_disk(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF)], start=False)
        with SmallDisk(os.path.join(site.directory, "spool"), "512k"):
            site.start()
            with Away(server):
                accepted = fill(site)
                assert site.inbound()[0].status_code in (200, 503)      # it goes on answering
            drained(site)
            assert stored_once(site, accepted)
            # Another child may hold what was removed, and its bytes, for a second.
            wait_for(lambda: site.inbound()[0].status_code == 200, 10, "room on the disk")
            site.httpd.stop()

    def test_a_full_disk_and_a_damaged_record(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF)], start=False)
        with SmallDisk(os.path.join(site.directory, "spool"), "512k"):
            site.start()
            with Away(server):
                accepted = fill(site)
                with open(segments(site)[0], "r+b") as spool:
                    spool.seek(spool.read().index(accepted[0].encode()))
                    spool.write(b"?")
            wait_for(lambda: stored_once(site, accepted[1:]), 30, "the others to be stored")
            # A child that began while the database was away looks for it every three seconds, and has but the full disk until then.
            wait_for(lambda: [site.inbound()[0].status_code for _ in range(10)] == [200] * 10, 20, "both children to serve")
            assert site.log.lines("TWC2604") and not segments(site)
            assert accepted[0][1:].encode() in open(aside(site)[0], "rb").read()
            site.httpd.stop()

    def test_what_a_full_spool_does_not_take_goes_to_the_database(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF + "TwchatSpoolLimit 1M\n")])
        with Away(server):
            accepted = fill(site)
            replay = open(os.path.join(spool_dir(site), "replay.lock"))
            fcntl.flock(replay, fcntl.LOCK_EX)          # as one has it that was stopped: what is there does not get on

        def taken():
            sent = [site.inbound(Body="x" * 1600) for _ in range(10)]
            return all(answer.status_code == 200 for answer, _ in sent) and [s["MessageSid"] for _, s in sent]
        # Each child looks five times a second whether it is back.
        assert stored_once(site, wait_for(taken, 20, "the database to be used again"))
        assert segments(site)
        wait_for(lambda: not segments(site), 60, "it to be passed by")
        replay.close()
        assert stored_once(site, accepted)

    def test_somebody_stopped_while_writing_bounds_the_answer(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF)], children=1)
        site.hosts[0].timeout = 15      # Twilio's patience
        site.inbound()
        with Away(server), ThreadPoolExecutor(12) as callers:
            writing = open(os.path.join(spool_dir(site), "append.lock"))
            fcntl.flock(writing, fcntl.LOCK_EX)
            answers = list(callers.map(lambda _: site.inbound()[0].status_code, range(24)))
            assert set(answers) == {503}
            writing.close()
            wait_for(lambda: site.inbound()[0].status_code == 200, 10, "the spool to be used again")
        drained(site)

    def test_a_directory_that_cannot_be_made(self, make_site, server):
        site = make_site(server, hosts=[Host(directives="TwchatSpool /proc/none\n")])
        assert "TwchatSpool" in site.log.lines("TWC1060")[0]
        with Away(server):
            assert site.inbound()[0].status_code == 503

    def test_a_message_the_database_refuses_harms_only_itself(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF)])
        site.db().run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                      " $$BEGIN IF NEW.body = 'poison' THEN RAISE 'no'; END IF; RETURN NEW; END$$")
        site.db().run("CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()")
        with Away(server):
            good = [site.inbound()[1]["MessageSid"] for _ in range(5)]
            bad = site.inbound(Body="poison")[1]["MessageSid"]
            good += [site.inbound()[1]["MessageSid"] for _ in range(5)]
        drained(site)
        assert stored_once(site, good)
        assert site.db().value("SELECT verdict FROM webhook_journal WHERE sid = %s", bad) == "failed"
        site.db().run("DROP TRIGGER refuse ON messages")
        entry = site.db().value("SELECT id FROM webhook_journal WHERE sid = %s AND verdict = 'failed'", bad)
        assert site.ctl("journal", "replay", str(entry)).returncode == 0
        assert stored_once(site, [bad])

    def test_a_damaged_record_is_set_aside(self, make_site, server):
        site = make_site(server, hosts=[Host(directives=OFF)])
        with Away(server):
            sids = [site.inbound()[1]["MessageSid"] for _ in range(3)]
            with open(segments(site)[0], "r+b") as spool:
                data = spool.read()
                spool.seek(data.index(sids[1].encode()))
                spool.write(b"?")
            checked = ctl(site, "verify")
            assert checked.returncode == 1 and "damaged" in checked.stdout
        drained(site)
        assert stored_once(site, [sids[0], sids[2]])
        assert len(aside(site)) == 1 and sids[1][1:].encode() in open(aside(site)[0], "rb").read()
        assert site.log.lines("TWC2604")

    def test_two_hosts_two_spools(self, make_site, server):
        hosts = [Host(directives=OFF), Host(directives=OFF)]
        site = make_site(server, hosts=hosts)
        with Away(server):
            sent = [host.inbound()[1]["MessageSid"] for host in hosts]
            assert len(segments(site)) == 2
        drained(site)
        for host, sid in zip(hosts, sent):
            assert [r["sid"] for r in host.db().rows("SELECT sid FROM messages")] == [sid]


class TestCommand:
    @pytest.fixture(scope="class")
    def site(self, make_site, server):
        return make_site(server, hosts=[Host(directives=OFF)])

    def test_what_waits_is_shown(self, site, server):
        peer = new_number()
        with Away(server):
            sids = [site.inbound(From=peer)[1]["MessageSid"] for _ in range(3)]
            status = ctl(site, "status")
            assert status.returncode == 0 and "3 calls" in status.stdout
            listed = ctl(site, "list")
            assert [line.split()[4] for line in listed.stdout.splitlines()[1:]] == sids
            assert peer not in listed.stdout                    # numbers are masked
            assert len(ctl(site, "list", "--limit", "2").stdout.splitlines()) == 3
            checked = ctl(site, "verify")
            assert checked.returncode == 0 and "3 records are whole" in checked.stdout
            assert ctl(site, "replay").returncode == 4          # and says that the database is away
        drained(site)
        assert "0 calls" in ctl(site, "status").stdout

    def test_looking_at_a_damaged_spool_changes_nothing(self, site, server, tmp_path):
        with Away(server):
            sids = [site.inbound()[1]["MessageSid"] for _ in range(3)]
            shutil.copytree(spool_dir(site), tmp_path / "copy")
        drained(site)
        os.remove(tmp_path / "copy" / "state")          # the segments are enough
        (segment,) = (tmp_path / "copy").glob("*.spool")
        data = segment.read_bytes().replace(sids[1].encode(), b"?" * len(sids[1]))
        segment.write_bytes(data)
        before = sorted(os.listdir(tmp_path / "copy"))
        for verb, code, words in (("status", 0, "3 calls"), ("list", 0, "no call"), ("verify", 1, "2 records are whole, 1 stretch is damaged")):
            done = site.ctl("spool", verb, "--dir", str(tmp_path / "copy"))
            assert done.returncode == code and words in done.stdout, verb
        assert segment.read_bytes() == data and sorted(os.listdir(tmp_path / "copy")) == before
        done = site.ctl("spool", "replay", "--dir", str(tmp_path / "copy"))
        assert (done.returncode, done.stdout.splitlines()[0]) == (1, "2 calls were stored.")

    def test_the_spool_of_a_host_that_is_gone(self, site, server, tmp_path):
        with Away(server):
            sids = [site.inbound()[1]["MessageSid"] for _ in range(3)]
            site.httpd.stop()
            shutil.move(spool_dir(site), tmp_path / "gone")
        done = site.ctl("spool", "replay", "--dir", str(tmp_path / "gone"))
        assert (done.returncode, done.stdout) == (0, "3 calls were stored.\n")
        assert stored_once(site, sids)
        again = site.ctl("spool", "replay", "--dir", str(tmp_path / "gone"))
        assert (again.returncode, again.stdout) == (0, "0 calls were stored.\n")
        site.httpd.start()

    def test_wrong_use(self, site, tmp_path):
        assert site.ctl("spool").returncode == 2
        assert site.ctl("spool", "eat").returncode == 2
        missing = site.ctl("spool", "status", "--dir", "/nowhere")
        assert missing.returncode == 6 and "/nowhere" in missing.stderr
        empty = site.ctl("spool", "replay", "--dir", str(tmp_path))
        assert empty.returncode == 6 and not os.listdir(tmp_path)
