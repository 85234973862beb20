# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Hosts that join a database that others work on, and leave it."""
import pytest

from client import new_number
from outgoing import QUICK, Outbox
from server import Host
from test_240_spool import drained, segments
from test_500_restarts import Traffic, stored_once
from waiting import wait_for


class Pair:
    """Two httpds on one database, each with its own spool; neither is started."""

    def __init__(self, make_site, sandbox, database, directives=QUICK):
        first = Host(sandbox=sandbox, directives=directives, database=database)
        second = Host(sandbox=sandbox, directives=directives, database=database, account_sid=first.account_sid,
                      tokens=first.tokens, number=first.number)
        self.first, self.second = [make_site(sandbox=sandbox, hosts=[host], start=False) for host in (first, second)]


class TestJoining:
    @pytest.fixture(scope="class")
    def pair(self, make_site, make_sandbox, postgres):
        return Pair(make_site, make_sandbox(), postgres.create(template="twchat_template"))

    def test_one_joins_at_work_and_leaves_again(self, pair):
        pair.first.start()
        with Traffic(pair.first, threads=4) as traffic:
            for graceful in (True, False):
                pair.second.start()
                with Traffic(pair.second, threads=4) as more:
                    more.grown(100)
                traffic.grown(50)
                assert more.others() == [] and stored_once(pair.second, more.accepted())
                pair.second.httpd.stop(graceful)
                traffic.grown(50)
        assert traffic.others() == []
        assert stored_once(pair.first, traffic.accepted())

    def test_what_the_one_that_left_was_asked_for_is_sent_once(self, pair):
        pair.second.start()
        asked, peers = Outbox(pair.second, pair.second.sandbox), [new_number() for _ in range(40)]
        for peer in peers:              # some is under way when it leaves, some waits
            asked.send(peer, "hello")
        pair.second.httpd.stop()
        wait_for(lambda: not asked.db.value("SELECT count(*) FROM outbox"), 60, "the other host to send the rest")
        assert [asked.bodies(peer) for peer in peers] == [["hello"]] * len(peers)


@pytest.mark.expect_log("TWC", "AH006")
class TestEmpty:
    def test_two_hosts_come_before_the_schema(self, make_site, make_sandbox, postgres):
        """Whoever comes first to an empty database keeps what arrives, and stores it when the schema is there."""
        pair = Pair(make_site, make_sandbox(), postgres.create(template="twchat_template"))
        pair.first.db().run("DROP SCHEMA public CASCADE")
        pair.first.db().run("CREATE SCHEMA public")
        sids = []
        for site in (pair.first, pair.second):
            site.start()
            for _ in range(5):
                answer, sent = site.inbound()
                assert answer.status_code == 200
                sids.append(sent["MessageSid"])
            assert segments(site)
        assert pair.first.ctl("migrate").returncode == 0
        drained(pair.first)
        drained(pair.second)
        assert stored_once(pair.first, sids)
