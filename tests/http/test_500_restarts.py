# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and httpd restarted in the middle of traffic."""
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

import signing
from client import new_number, new_sid
from server import Host
from waiting import wait_for


class Traffic:
    """Threads that send signed webhooks until told to stop, each on a kept-alive connection."""

    def __init__(self, site, threads=8):
        self.site = site
        self.answers = []               # (sid, status or the exception)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]

    def _run(self):
        url = self.site.public_url + "/twilio/inbound"
        with requests.Session() as session:
            session.trust_env = False
            while not self._stop.is_set():
                params = self.site.inbound_params(From=new_number(), sid=new_sid())
                headers = {"X-Twilio-Signature": signing.sign(url, params, self.site.tokens[0])}
                try:
                    status = session.post(url, data=params, headers=headers, timeout=self.site.timeout).status_code
                except requests.RequestException as error:
                    status = error
                self.answers.append((params["MessageSid"], status))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self.grown(50)
        return self

    def grown(self, by):
        """Wait until so many more calls were answered."""
        target = len(self.answers) + by
        wait_for(lambda: len(self.answers) >= target, 30, f"{by} more answers")

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(40)

    def accepted(self):
        return [sid for sid, status in self.answers if status == 200]

    def others(self):
        return [status for _, status in self.answers if status != 200]


def stored_once(site, sids):
    found = site.db().rows("SELECT sid, count(*) AS n FROM messages WHERE sid = ANY(%s) GROUP BY sid", sids)
    return len(found) == len(sids) and all(row["n"] == 1 for row in found)


OFF = "TwchatChatMode off\n"
BARE = OFF + "TwchatSpool off\n"       # test_240_spool.py has what happens with one


@pytest.mark.expect_log("AH006", "AH02655", "TWC")
class TestPostgres:
    @pytest.fixture(scope="class")
    def server(self, make_postgres):
        return make_postgres()

    @pytest.fixture(scope="class")
    def site(self, make_site, server):
        return make_site(server, hosts=[Host(directives=BARE)])

    def test_an_idle_restart_is_not_noticed(self, site, server):
        assert site.get("/api/messages").status_code == 200
        server.restart()
        for _ in range(20):
            assert site.get("/api/messages").status_code == 200
            assert site.inbound()[0].status_code == 200

    def test_a_restart_under_load_loses_nothing(self, site, server):
        with Traffic(site) as traffic:
            server.restart()
            traffic.grown(100)
            server.restart("immediate")
            traffic.grown(100)
        assert set(traffic.others()) <= {503}, traffic.others()[:5]
        assert stored_once(site, traffic.accepted())
        assert site.httpd.running()

    def test_killed_sessions_do_not_poison_the_pool(self, site, server):
        with Traffic(site) as traffic:
            for _ in range(5):
                site.db().rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                               " WHERE datname = current_database() AND pid <> pg_backend_pid()")
                traffic.grown(50)
        assert traffic.others() == []
        assert stored_once(site, traffic.accepted())

    def test_while_it_is_away_the_answer_is_503_with_retry_after(self, site, server):
        server.stop()
        try:
            def refused():
                answer = site.get("/api/messages")
                return answer.status_code == 503 and [answer]      # a Response of 503 is false by itself
            answer = wait_for(refused, 20, "503")[0]
            assert int(answer.headers["Retry-After"]) >= 1
            assert set(answer.json()) == {"error"} and "SELECT" not in answer.text
            begun = time.monotonic()
            assert site.inbound()[0].status_code >= 500
            assert time.monotonic() - begun < 10        # Twilio gives up at 15 s
        finally:
            server.start()
        # Each child looks five times a second whether it is back.
        wait_for(lambda: all(site.inbound()[0].status_code == 200 for _ in range(10)), 20, "the database to be used again")


class TestGraceful:
    @pytest.fixture(scope="class")
    def site(self, make_site):
        return make_site(hosts=[Host(directives=OFF)], children=2, threads=16)

    def test_no_request_is_dropped_and_the_children_go(self, site):
        old = set(site.httpd.children())
        begin = site.log.end()
        with Traffic(site) as traffic:
            for _ in range(2):
                site.httpd.graceful()
                traffic.grown(100)
        # A kept-alive connection that the server closes between two requests is the client's to repeat.
        dropped = [s for s in traffic.others() if not isinstance(s, requests.ConnectionError)]
        assert dropped == []
        assert stored_once(site, traffic.accepted())
        wait_for(lambda: not old & set(site.httpd.children()), 10, "the old children to be gone")
        assert not [line for line in site.log.text(begin).splitlines() if ":error]" in line or ":warn]" in line]

    def test_open_pages_do_not_hold_it_up(self, site):
        with requests.get(site.url + "/api/events", headers={"X-API-Key": site.api_key}, stream=True, timeout=30) as page:
            next(page.iter_content(16))
            old = set(site.httpd.children())
            site.httpd.graceful()
            wait_for(lambda: not old & set(site.httpd.children()), 10, "the old children to be gone")

    def test_stop_is_quick(self, make_site):
        site = make_site(hosts=[Host(directives=OFF)])
        site.inbound()
        begin = site.log.end()
        site.httpd.stop()
        assert "still did not exit" not in site.log.text(begin)

    def test_a_killed_child_is_replaced(self, site):
        victim = wait_for(site.httpd.children, 10, "a child")[0]
        with Traffic(site, threads=4) as traffic:
            os.kill(victim, 9)
            traffic.grown(100)
        assert stored_once(site, traffic.accepted())
        wait_for(lambda: site.get("/api/messages").status_code == 200, 10, "the site to answer")


@pytest.mark.expect_log("AH03490")      # ServerLimit leaves no room for one that comes beside one that goes
class TestChildrenThatEnd:
    """MaxConnectionsPerChild: under load there is always a child that goes and one that comes."""

    def test_nothing_is_lost(self, make_site):
        site = make_site(hosts=[Host(directives=OFF)], directives="MaxConnectionsPerChild 60\n", children=2)
        seen, begin = set(site.httpd.children()), site.log.end()
        pages = [requests.get(site.url + "/api/events", headers={"X-API-Key": site.api_key}, stream=True, timeout=30) for _ in range(5)]
        with ThreadPoolExecutor(6) as callers:          # each call on a connection of its own
            calls = [callers.submit(site.inbound) for _ in range(600)]
            for call in calls:
                assert call.result()[0].status_code == 200
                seen.update(site.httpd.children())
        assert len(seen) > 4, seen
        assert stored_once(site, [call.result()[1]["MessageSid"] for call in calls])
        for page in pages:
            page.close()
        assert "exit signal" not in site.log.text(begin)


@pytest.mark.expect_log("AH006", "AH02655", "TWC")
class TestLeaks:
    """What a restart of the database, a page that leaves or a spooled call took is given back."""

    @pytest.fixture(scope="class")
    def server(self, make_postgres):
        return make_postgres()

    @pytest.fixture(scope="class")
    def site(self, make_site, server):
        return make_site(server, hosts=[Host(directives=OFF)], children=1, threads=16)

    def held(self, site):
        """Files, sockets and threads of its one child."""
        child = f"/proc/{site.httpd.children()[0]}"
        links = []
        for fd in os.listdir(f"{child}/fd"):
            try:
                links.append(os.readlink(f"{child}/fd/{fd}"))
            except FileNotFoundError:
                pass                    # closed since it was listed
        sockets = sum(link.startswith("socket:") for link in links)
        return len(links) - sockets, sockets, len(os.listdir(f"{child}/task"))

    def one_round(self, site, server):
        pages = [requests.get(site.url + "/api/events", headers={"X-API-Key": site.api_key}, stream=True, timeout=30)
                 for _ in range(20)]
        server.stop()
        for _ in range(10):
            assert site.inbound()[0].status_code == 200
        server.start()
        wait_for(lambda: site.get("/api/messages").status_code == 200, 20, "the database to be used again")
        with Traffic(site) as traffic:
            traffic.grown(100)
        for page in pages:
            page.close()
        for _ in range(5):
            site.get("/api/health", keyed=False, headers={"Connection": "close"})

    def test_nothing_is_kept(self, site, server):
        for _ in range(2):
            self.one_round(site, server)
        before = self.held(site)
        for _ in range(5):
            self.one_round(site, server)

        def given_back():
            site.inbound()              # an event makes the hub notice the pages that have left
            files, sockets, threads = self.held(site)
            # How many connections to the database are open is mod_dbd's affair, up to DBDMax.
            return files <= before[0] and sockets <= before[1] + 8 and threads <= before[2]
        wait_for(given_back, 30, f"{self.held(site)} files, sockets and threads to become {before} again")
