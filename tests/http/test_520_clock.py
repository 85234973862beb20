# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The database's clock is set back by an hour: nothing waits until it has caught up. The clock of a server that others use cannot be
set, so everything written before is moved ahead instead, which is the same."""
import pytest

from client import new_number
from outgoing import QUICK, Outbox
from server import Host
from waiting import wait_for

MOVED = {"outbox": ("due_at", "attempted_at", "not_before", "lease_until"), "senders": ("refilled_at", "parked_until"),
         "jobs": ("run_at", "created_at"), "sweeps": ("run_at",)}


def set_back(database):
    for table, columns in MOVED.items():
        moves = ", ".join(f"{column} = {column} + interval '1 hour'" for column in columns)
        database.run(f"UPDATE {table} SET {moves}")


@pytest.mark.expect_log("TWC2407")
class TestSetBack:
    @pytest.fixture(scope="class")
    def outbox(self, make_site, make_sandbox):
        sandbox = make_sandbox()
        host = Host(sandbox=sandbox, directives=QUICK + "TwchatChatMode echo\n")
        return Outbox(make_site(sandbox=sandbox, hosts=[host]), sandbox)

    def one_left_behind(self, outbox, **columns):
        """A message in the queue, in a state that somebody else left it in."""
        peer = new_number()
        ident = outbox.send(peer, "left behind")
        sets = ", ".join(f"{name} = {value}" for name, value in columns.items())
        outbox.db.run(f"UPDATE outbox SET {sets} WHERE message_id = %s", ident)
        return ident, peer

    def test_all_of_it_goes_on(self, outbox):
        outbox.wait_sent(outbox.send(new_number(), "before"))
        outbox.park()
        backing_off, first = self.one_left_behind(outbox, attempts=1, attempted_at="now()",
                                                  not_before="now() + interval '2 seconds'")
        on_its_way, second = self.one_left_behind(outbox, attempts=1, attempted_at="now()", state="'sending'",
                                                  lease_until="now() + interval '2 seconds'")
        unknown, third = self.one_left_behind(outbox, attempts=1, attempted_at="now() - interval '2 hours'", state="'unknown'",
                                              lease_until="now() + interval '2 seconds'", checks=3)
        outbox.db.run("UPDATE senders SET tokens = 0, parked_until = now() + interval '1 second'")
        set_back(outbox.db)
        outbox.wait_sent(backing_off, on_its_way, timeout=60)
        assert outbox.bodies(first) == outbox.bodies(second) == ["left behind"]
        wait_for(lambda: outbox.db.value("SELECT lease_until < now() + interval '12 minutes' FROM outbox WHERE message_id = %s",
                                         unknown), 20, "the next look for it to come near")

    def test_answers_go_on(self, outbox):
        peer = new_number()
        outbox.db.run("CREATE FUNCTION ahead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.run_at = NEW.run_at + interval '1 hour';"
                      " NEW.created_at = NEW.created_at + interval '1 hour'; RETURN NEW; END $$")
        outbox.db.run("CREATE TRIGGER ahead BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION ahead()")
        outbox.site.inbound(From=peer, Body="anybody?")
        outbox.db.run("DROP TRIGGER ahead ON jobs")
        wait_for(lambda: outbox.bodies(peer), 60, "the answer")
