# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""A site of one's own for tests of sending, and what they ask about it."""
from server import Host
from waiting import wait_for

# Fast enough that no test waits for a rate it does not test; outcomes are settled within seconds.
QUICK = """
TwchatSendWait 0s
TwchatSendTimeout 2s
TwchatGrace 3s
TwchatChatMode off
TwchatRate longcode-us 1000 longcode 1000 whatsapp 1000
"""


def make_outbox(make_site, sandbox, directives="", **site):
    """A site that sends to this sandbox."""
    host = Host(sandbox=sandbox, directives=QUICK + directives)
    return Outbox(make_site(sandbox=sandbox, hosts=[host], **site), sandbox)


class Outbox:
    """send() through the API; what the database and the sandbox know."""

    def __init__(self, site, sandbox):
        self.site, self.sandbox, self.db = site, sandbox, site.db()

    def send(self, to, body, **fields):
        """Queue one message; its id. What fails at once may be known before the answer."""
        answer = self.site.post("/api/send-message", json={"to": to, "body": body, **fields})
        told = answer.json()    # the id only while there is no SID
        if answer.status_code == 500:
            ident = self.db.value("SELECT max(id) FROM messages WHERE to_addr = %s", to)
            assert ident, answer.text
            return ident
        assert answer.status_code == 200, answer.text
        return told.get("id") or self.db.value("SELECT message_id FROM message_sids WHERE sid = %s", told["sid"])

    def message(self, ident):
        return self.db.one("SELECT * FROM messages WHERE id = %s", ident)

    def row(self, ident):
        """Its row in the queue, or None."""
        return self.db.one("SELECT *, now() AS now FROM outbox WHERE message_id = %s", ident)

    def park(self):
        """Nothing is sent from the site's number until release()."""
        self.db.run("INSERT INTO senders (sender, kind, parked_until) VALUES (%s, 'longcode-us', 'infinity') ON CONFLICT (sender)"
                    " DO UPDATE SET parked_until = EXCLUDED.parked_until", self.site.number)

    def release(self):
        self.db.run("UPDATE senders SET parked_until = NULL")

    def wait_gone(self, *idents, timeout=20):
        wait_for(lambda: not self.db.value("SELECT count(*) FROM outbox WHERE message_id = ANY(%s)", list(idents)),
                 timeout, f"messages {idents} to leave the queue")

    def wait_sent(self, *idents, timeout=20):
        """The messages once each has a SID."""
        self.wait_gone(*idents, timeout=timeout)
        messages = [self.message(i) for i in idents]
        assert all(m["sid"] for m in messages), messages
        return messages if len(messages) > 1 else messages[0]

    def wait_state(self, ident, state, timeout=20):
        return wait_for(lambda: (self.row(ident) or {}).get("state") == state and self.row(ident), timeout,
                        f"message {ident} to be {state}")

    def wait_status(self, ident, status, timeout=20):
        wait_for(lambda: self.message(ident)["status"] == status, timeout, f"message {ident} to be {status}")

    def at_twilio(self, number):
        """What the sandbox has for this recipient, oldest first."""
        return [m for m in reversed(self.sandbox.messages(To=number)) if m["direction"] == "outbound-api"]

    def bodies(self, number):
        return [m["body"] for m in self.at_twilio(number)]

    def creates(self, number):
        """Requests to create a message to this number, refused ones too."""
        return [r for r in self.sandbox.creates() if r["params"].get("To") == number]
