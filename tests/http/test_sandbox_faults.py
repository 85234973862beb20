# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The sandbox fails when told to, exactly as told, and keeps its state over restarts."""
import http.client
import itertools
import os
import signal
import threading
import time
import urllib.parse

import pytest

from httpd import Httpd, scratch_dir
from receiver import Receiver
from sandbox_server import NUMBER, WHATSAPP, Sandbox, _basic
from waiting import wait_for

_numbers = itertools.count(15005580000)


def new_number():
    return f"+{next(_numbers)}"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as one:
        yield one


@pytest.fixture(autouse=True)
def no_faults(request):
    yield
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").clear_faults()


def create(sandbox, to=None, connection=None, **params):
    """(status, headers, body) of one create; an exception when the connection breaks."""
    connection = connection or http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    body = urllib.parse.urlencode({"To": to or new_number(), "From": NUMBER, "Body": "x", **params})
    connection.request("POST", f"/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json", body, {
        "Authorization": _basic(sandbox.account_sid, sandbox.auth_token),
        "Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


class TestRequests:
    @pytest.mark.parametrize("fault,status,code", [("429", 429, 20429), ("503", 503, 20503), ("500", 500, 20500)])
    def test_refused_and_not_processed(self, sandbox, fault, status, code):
        sandbox.faults(**{f"next_{fault}": 2}, retry_after=3)
        to = new_number()
        got = [create(sandbox, to) for _ in range(3)]
        assert [g[0] for g in got] == [status, status, 201]
        assert f'"code":{code}'.encode() in got[0][2]
        assert got[0][1].get("Retry-After") == ("3" if status != 500 else None)
        assert len(sandbox.messages(To=to)) == 1

    def test_refuse(self, sandbox):
        sandbox.faults(next_refuse=1, refuse_code=21635)
        status, _, body = create(sandbox)
        assert status == 400 and b'"code":21635' in body

    @pytest.mark.parametrize("fault,taken", [("reset_before", 0), ("reset_after_accept", 1)])
    def test_reset_is_a_real_one(self, sandbox, fault, taken):
        to = new_number()
        sandbox.faults(**{f"next_{fault}": 1})
        with pytest.raises(ConnectionResetError):
            create(sandbox, to)
        assert len(sandbox.messages(To=to)) == taken
        entry = sandbox.requests(method="POST")[-1]
        assert (entry["status"], entry["note"]) == (0, fault)
        assert create(sandbox)[0] == 201

    def test_reset_on_a_kept_alive_connection(self, sandbox):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
        assert create(sandbox, connection=connection)[0] == 201
        sandbox.faults(next_reset_after_accept=1)
        with pytest.raises(ConnectionResetError):
            create(sandbox, connection=connection)

    @pytest.mark.parametrize("fault,status", [("500_after_accept", 500), ("garbage", 200), ("no_sid", 201)])
    def test_taken_but_not_said(self, sandbox, fault, status):
        to = new_number()
        sandbox.faults(**{f"next_{fault}": 1})
        got, _, body = create(sandbox, to)
        assert got == status and b'"sid":"SM' not in body
        assert len(sandbox.messages(To=to)) == 1

    def test_stall_lets_callbacks_come_first(self, sandbox):
        receiver = Receiver(sandbox.auth_token)
        try:
            sandbox.faults(next_stall=1, stall_ms=700)
            begin = time.monotonic()
            status, _, body = create(sandbox, StatusCallback=receiver.url + "/status")
            took = time.monotonic() - begin
            assert status == 201 and 0.65 < took < 3
            assert [c.params["MessageStatus"] for c in receiver.to("/status")] == ["sent", "delivered"]
        finally:
            receiver.close()

    def test_stall_before(self, sandbox):
        to = new_number()
        sandbox.faults(next_stall_before=1, stall_ms=300)
        with pytest.raises(ConnectionResetError):
            create(sandbox, to)
        assert sandbox.messages(To=to) == []

    def test_rates_repeat_with_a_seed(self, sandbox):
        def run():
            sandbox.clear_faults()
            sandbox.faults(rate_429=0.3, rate_500=0.2, seed=42)
            connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
            return [create(sandbox, connection=connection)[0] for _ in range(200)]
        first = run()
        assert first == run()
        assert 35 <= first.count(429) <= 85 and 12 <= first.count(500) <= 50

    def test_ends_badly_so_many_times(self, sandbox):
        sandbox.faults(final="failed", error_code=30007, next_final=2)
        sids = [sandbox.api("POST", "/Messages.json", {"To": new_number(), "From": NUMBER, "Body": "x"})[1]["sid"]
                for _ in range(3)]
        for sid, status in zip(sids, ("failed", "failed", "delivered")):
            sandbox.wait_status(sid, status)

    def test_only_creates_unless_told(self, sandbox):
        sandbox.faults(rate_500=1)
        assert sandbox.api("GET", "/Balance.json")[0] == 200
        sandbox.faults(scope="all")
        assert sandbox.api("GET", "/Balance.json")[0] == 500

    def test_latency_side_by_side(self, sandbox):
        sandbox.faults(latency_ms=200)
        begin = time.monotonic()
        threads = [threading.Thread(target=create, args=(sandbox,)) for _ in range(40)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert 0.2 <= time.monotonic() - begin < 2

    def test_concurrency_limit(self, sandbox):
        sandbox.faults(latency_ms=300, max_concurrent=3)
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(create(sandbox)[0])) for _ in range(10)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert seen.count(201) >= 3 and seen.count(429) >= 1 and len(seen) == 10

    def test_throughput_of_a_sender(self, sandbox):
        sandbox.faults(mps=10)
        sids = [sandbox.api("POST", "/Messages.json", {"To": new_number(), "From": NUMBER, "Body": "x"})[1]["sid"]
                for _ in range(6)]
        begin = time.monotonic()
        sandbox.wait_status(sids[-1], "delivered")
        assert time.monotonic() - begin > 0.35

    def test_validity(self, sandbox):
        sandbox.faults(mps=0.5)
        sids = [sandbox.api("POST", "/Messages.json", {"To": new_number(), "From": NUMBER, "Body": "x",
                                                       "ValidityPeriod": 1})[1]["sid"] for _ in range(2)]
        sandbox.wait_status(sids[1], "failed")
        assert sandbox.message(sids[1])["error_code"] == 30036

    @pytest.mark.parametrize("body", [{"rate_429": 2}, {"rate_x": 0.1}, {"next_429": -1}, {"final": "dead"}, {"scope": 1},
                                      {"latency_ms": "fast"}, {"unknown": 1}, [], "x"])
    def test_nonsense_changes_nothing(self, sandbox, body):
        before = sandbox.faults()
        with pytest.raises(RuntimeError, match="400"):
            sandbox.call("PUT", "/sandbox/faults", body)
        assert sandbox.faults() == before


class TestControl:
    def test_other_sites_may_not(self, sandbox):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        connection.request("POST", "/sandbox/reset", b"{}", {"Origin": "https://evil.example"})
        assert connection.getresponse().status == 403

    def test_page_and_its_files(self, sandbox):
        for path, kind in (("", "text/html"), ("sandbox.css", "text/css"), ("app.js", "text/javascript"),
                           ("icons.svg", "image/svg+xml")):
            connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
            connection.request("GET", "/sandbox/" + path)
            answer = connection.getresponse()
            assert answer.status == 200 and answer.headers["Content-Type"].startswith(kind)
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            assert b"mod_twchat authors" in answer.read()

    @pytest.mark.parametrize("path", ["/sandbox/../httpd.conf", "/sandbox/%2e%2e/httpd.conf", "/sandbox/nothing",
                                      "/2010-04-01", "/2010-04-01/Accounts/x/../y", "/httpd.conf"])
    def test_tricks(self, sandbox, path):
        sandbox.expected.append("AH01630")      # what is none of the sandbox's the server's own rules refuse
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status in (400, 401, 403, 404) and b"TwchatSandboxAccount" not in body

    def test_events(self, sandbox):
        start = sandbox.call("GET", "/sandbox/handsets")["event"]
        assert sandbox.call("GET", f"/sandbox/events?after={start}")["events"] == []
        sid = sandbox.inbound("+15005581234", body="hello")
        answer = sandbox.call("GET", f"/sandbox/events?after={start}&wait=5")
        assert answer["events"][0]["type"] == "message" and answer["events"][0]["sid"] == sid
        assert answer["events"][0]["message"]["body"] == "hello" and not answer["lost"]
        assert sandbox.call("GET", "/sandbox/events?after=1")["lost"]

    def test_waiting_readers_are_woken(self, sandbox):
        start = sandbox.call("GET", "/sandbox/handsets")["event"]
        got = []
        reader = threading.Thread(target=lambda: got.append(sandbox.call("GET", f"/sandbox/events?after={start}&wait=20")))
        reader.start()
        sandbox.inbound("+15005581235", body="wake up")
        reader.join(5)
        assert got and got[0]["events"][0]["message"]["body"] == "wake up"

    def test_large_and_broken_bodies(self, sandbox):
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        connection.request("POST", "/sandbox/inbound", b"{" * 100000, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 400
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        connection.request("POST", f"/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json", b"a=" + b"x" * 300000, {
            "Authorization": _basic(sandbox.account_sid, sandbox.auth_token),
            "Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().status == 413


class TestState:
    def test_survives_a_restart(self):
        with Sandbox(state=True, walk="0 20 40") as sandbox:
            sandbox.configure_number(NUMBER, "http://127.0.0.1:9/in", SmsFallbackUrl="http://127.0.0.1:9/f")
            sandbox.configure_number("+14155557777", "http://127.0.0.1:9/new")
            sid = sandbox.api("POST", "/Messages.json", {"To": "+15005590001", "From": NUMBER, "Body": "zażółć"})[1]["sid"]
            sandbox.wait_status(sid, "delivered")
            gone = sandbox.api("POST", "/Messages.json", {"To": "+15005590001", "From": NUMBER, "Body": "gone"})[1]["sid"]
            sandbox.wait_status(gone, "delivered")
            assert sandbox.api("DELETE", f"/Messages/{gone}.json")[0] == 204
            sandbox.inbound("+15005590002", body="STOP")
            picture = sandbox.inbound("+15005590003", Media=[{"ContentType": "image/png", "Data": "aGVsbG8="}])
            sandbox.faults(no_walk=True)
            waiting = sandbox.api("POST", "/Messages.json", {"To": "+15005590004", "From": NUMBER, "Body": "w"})[1]["sid"]
            before = sandbox.message(sid)
            sandbox.stop()
            sandbox.start()
            assert sandbox.message(sid) == before
            assert sandbox.message(gone) is None
            assert sandbox.api("POST", "/Messages.json", {"To": "+15005590002", "From": NUMBER, "Body": "x"})[1]["code"] == 21610
            media = sandbox.api("GET", f"/Messages/{picture}/Media.json")[1]["media_list"][0]
            assert sandbox.api("GET", f"/Messages/{picture}/Media/{media['sid']}")[1] == "hello"
            numbers = {n["address"]: n for n in sandbox.call("GET", "/sandbox/numbers")["numbers"]}
            assert numbers[NUMBER]["sms_url"] == "http://127.0.0.1:9/in" and "+14155557777" in numbers
            sandbox.wait_status(waiting, "delivered")

    def test_torn_line_and_crash(self):
        with Sandbox(state=True) as sandbox:
            sid = sandbox.inbound("+15005590002", body="kept")
            child = sandbox.httpd.children()[0]
            sandbox.expected.append("exit signal Killed")
            os.kill(child, signal.SIGKILL)
            wait_for(lambda: sandbox.httpd.children() not in ([child], []), 10, "a new child")
            wait_for(sandbox._answers, 10, "the new child to answer")
            assert sandbox.message(sid)["body"] == "kept"
            sandbox.stop()
            with open(os.path.join(sandbox.directory, "state"), "a") as state:
                state.write('{"t":"message","acc')
            sandbox.start()
            other = sandbox.inbound("+15005590002", body="after")
            sandbox.stop()
            sandbox.start()
            assert [sandbox.message(s)["body"] for s in (sid, other)] == ["kept", "after"]

    def test_keeps_at_most(self):
        with Sandbox(keep=20) as sandbox:
            sids = [sandbox.inbound(f"+1500559{i:04d}", body=str(i)) for i in range(50)]
            assert [m["sid"] for m in sandbox.messages()] == sids[:-21:-1]
            assert sandbox.message(sids[0]) is None

    def test_reset(self):
        with Sandbox(state=True) as sandbox:
            sandbox.configure_number(NUMBER, "http://127.0.0.1:9/in")
            sandbox.inbound("+15005590002", body="STOP")
            sandbox.faults(rate_500=1)
            sandbox.reset()
            assert sandbox.messages() == [] and sandbox.handset("+15005590002") == []
            assert sandbox.api("POST", "/Messages.json", {"To": "+15005590002", "From": NUMBER, "Body": "x"})[0] == 201
            sandbox.stop()
            sandbox.start()
            assert len(sandbox.messages()) == 1
            numbers = {n["address"]: n for n in sandbox.call("GET", "/sandbox/numbers")["numbers"]}
            assert numbers[NUMBER]["sms_url"] == "http://127.0.0.1:9/in"

    def test_graceful_restart(self):
        with Sandbox(state=True) as sandbox:
            sid = sandbox.inbound("+15005590002", body="kept")
            start = sandbox.call("GET", "/sandbox/handsets")["event"]
            got = []
            reader = threading.Thread(target=lambda: got.append(
                sandbox.call("GET", f"/sandbox/events?after={start}&wait=25")))
            reader.start()
            begin = time.monotonic()
            sandbox.httpd.graceful()
            wait_for(lambda: sandbox.message(sid), 10, "the message")
            reader.join(10)
            assert got and time.monotonic() - begin < 8


class TestAccounts:
    def test_nothing_is_shared(self):
        other = ("AC" + "b" * 32, "other-token", ("+14155559999",))
        with Sandbox(accounts=[other]) as sandbox:
            mine = sandbox.api("POST", "/Messages.json", {"To": "+15005590001", "From": NUMBER, "Body": "x"})[1]["sid"]
            status, body = sandbox.api("GET", "/Messages.json", auth=other[:2])
            assert (status, body["code"]) == (401, 20003)
            assert sandbox.api("POST", "/Messages.json", {"To": "+15005590001", "From": "+14155559999", "Body": "x"})[1][
                "code"] == 21606
            sandbox.account_sid, sandbox.auth_token = other[:2]
            assert sandbox.messages() == [] and sandbox.message(mine) is None


ACCOUNT = "TwchatSandboxAccount AC" + "a" * 32 + " t\n"


class TestConfiguration:
    @pytest.mark.parametrize("lines,children,words", [
        ("TwchatSandbox On\n", 1, "at least one TwchatSandboxAccount"),
        ("TwchatSandbox On\nTwchatSandboxAccount AC" + "a" * 32 + " t\n", 2, "ServerLimit allows 2"),
        ("TwchatSandbox On\nTwchatSandboxAccount AC" + "a" * 32 + " t\nMaxConnectionsPerChild 5\n", 1,
         "MaxConnectionsPerChild to 0"),
        ("TwchatSandboxAccount nonsense t\n", 1, "AC and 32 hex digits"),
        ("TwchatSandboxNumber +14155550100\n", 1, "put TwchatSandboxAccount before it"),
        ("TwchatSandboxKeep many\n", 1, "a number from 10 to"),
        ("TwchatSandboxWalk 1 2\n", 1, "queued, sent, delivered"),
        ("TwchatSandboxURL ftp://x\n", 1, "http:// or https://"),
        ("TwchatSandboxURL http://\n", 1, "http:// or https://"),
        (ACCOUNT + 'TwchatSandboxNumber +14155550100 sms-url=nonsense\n', 1, "http:// or https://"),
        (ACCOUNT + 'TwchatSandboxNumber +14155550100 fallback-url=ftp://x\n', 1, "http:// or https://"),
        (ACCOUNT + 'TwchatSandboxNumber +14155550100 colour=red\n', 1, "known options"),
        (ACCOUNT + 'TwchatSandboxNumber +14155550100\nTwchatSandboxService MG' + "a" * 32
         + ' +14155550100 inbound-url=x\n', 1, "http:// or https://"),
    ])
    def test_nonsense_is_refused(self, lines, children, words):
        httpd = Httpd(scratch_dir("sandbox"), lines, ("twchat_sandbox",), children=children)
        status, said = httpd.configtest()
        assert status != 0 and words in said + httpd.log.text()
