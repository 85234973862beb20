# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What our own pages ask for: docs/page-api.md, route by route."""
import re
import secrets
import threading

import pytest

from client import new_number, new_sid
from waiting import wait_for

ENTRY = {"id", "sid", "direction", "to_number", "from_number", "body", "status", "error", "created_at", "updated_at",
         "peer", "source", "error_code", "error_reason", "error_advice", "send_at", "media", "extra"}
THREAD = {"peer", "channel", "name", "last_body", "last_direction", "last_status", "last_at", "unread", "total",
          "opted_out", "loop_guard"}
PNG = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\1\0\0\5\0\1\r\n-\xb4"
       b"\0\0\0\0IEND\xaeB`\x82")


def found(site, text, **params):
    return [t["peer"] for t in site.get("/api/threads", params={"search": text, **params}).json()["items"]]


class TestSession:
    def test_who_and_what(self, site):
        got = site.get("/api/session").json()
        assert set(got) == {"user", "tenant", "default_from", "whatsapp_from", "messaging_service", "chat_mode",
                            "version", "max_chars", "role", "account", "must_enroll", "csrf"}
        assert got["user"] == "key:tests" and got["default_from"] == site.number
        assert got["chat_mode"] == "echo" and got["max_chars"] == 1600 and re.match(r"\d+\.\d+", got["version"])
        assert site.get("/api/session", keyed=False, auth=site.auth).json()["user"] == site.auth[0]

    def test_stats(self, site):
        got = site.get("/api/stats").json()
        assert set(got) == {"total", "inbound", "outbound", "unread", "failed", "queued", "today", "conversations",
                            "opted_out", "stuck"}
        assert all(isinstance(v, int) for v in got.values())

    def test_all_who_ask_for_stats_at_once_share_one_look(self, make_site):
        site, answers = make_site(children=1), []
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                   " AND query LIKE '%%stuck_messages%%'")
        lock = site.db().connect()
        lock.autocommit = False
        lock.cursor().execute("LOCK TABLE consents IN ACCESS EXCLUSIVE MODE")
        asking = [threading.Thread(target=lambda: answers.append(site.get("/api/stats"))) for _ in range(8)]
        for thread in asking:
            thread.start()
        wait_for(lambda: site.db().value(waiting), what="somebody to look")
        looks = [site.db().value(waiting) for _ in range(200)]
        lock.rollback()
        for thread in asking:
            thread.join()
        assert max(looks) == 1
        assert [a.status_code for a in answers] == [200] * 8 and len({a.text for a in answers}) == 1
        lock.close()


class TestErrors:
    def test_the_style(self, site):
        answer = site.get(f"/api/threads/{new_number()}")
        assert answer.status_code == 404
        assert set(answer.json()) == {"detail", "code"}

    @pytest.mark.parametrize("path", ["/api/threads/%00", "/api/threads/%01", "/api/threads/%20", "/api/media/1/99",
                                      "/api/media/x/0", "/api/media/999999999/0", "/api/media/1/-1"])
    def test_what_is_not_there(self, site, path):
        assert site.get(path).status_code in (400, 404)

    @pytest.mark.parametrize("path", ["/api/outbox/x/cancel", "/api/outbox/0/cancel", "/api/outbox/999999999/cancel",
                                      "/api/outbox/99999999999999999999/retry", "/api/threads/+14150000000/read"])
    def test_changes_of_what_is_not_there(self, site, path):
        answer = site.post(path)
        assert answer.status_code == 404 and answer.json()["detail"]


@pytest.mark.expect_log("TWC2403")     # a peer was silenced, which is what the last test is about
class TestThreads:
    @pytest.fixture(scope="class")
    def mute(self, make_site):
        """A site without bot, so that counts are exact."""
        return make_site(directives="TwchatChatMode off")

    def test_paging_through_entries(self, mute):
        peer = new_number()
        for i in range(7):
            mute.inbound(From=peer, Body=f"m{i}")
        seen, before = [], None
        while True:
            got = mute.get("/api/entries", params={"limit": 3, **({"before": before} if before else {})}).json()
            assert set(got) == {"items", "has_more"}
            seen += [e["body"] for e in got["items"] if e["peer"] == peer]
            if not got["has_more"]:
                break
            before = got["items"][-1]["id"]
        assert seen == [f"m{i}" for i in reversed(range(7))]

    def test_an_entry(self, mute):
        peer = new_number()
        mute.inbound(From="whatsapp:" + peer, To="whatsapp:" + mute.number, Body="loc", ProfileName="Ana <3",
                     Latitude="1.5", Longitude="2.5")
        entry = mute.get("/api/entries?limit=1").json()["items"][0]
        assert set(entry) == ENTRY
        assert entry["peer"] == "whatsapp:" + peer and entry["source"] == "twilio" and entry["media"] == []
        assert entry["extra"]["latitude"] == "1.5"

    def test_the_list_and_one(self, mute):
        peer = new_number()
        mute.inbound(From=peer, Body="hello")
        got = mute.get("/api/threads").json()
        assert set(got) == {"items", "next"}
        row = next(t for t in got["items"] if t["peer"] == peer)
        assert set(row) == THREAD
        assert (row["channel"], row["unread"], row["total"], row["last_body"]) == ("sms", 1, 1, "hello")
        assert (row["opted_out"], row["loop_guard"]) == (False, False)
        assert mute.get(f"/api/threads/{peer}").json() == row
        assert mute.get(f"/api/threads/{peer[1:]}").json() == row

    def test_paging_through_threads(self, mute):
        peers = [new_number() for _ in range(5)]
        for peer in peers:
            mute.inbound(From=peer)
        seen, before = [], None
        for _ in range(100):
            got = mute.get("/api/threads", params={"limit": 2, **({"before": before} if before else {})}).json()
            seen += [t["peer"] for t in got["items"]]
            before = got["next"]
            if before is None:
                break
        assert [p for p in seen if p in peers] == peers[::-1]
        assert len(seen) == len(set(seen))

    @pytest.mark.parametrize("before", ["nonsense", "'", "0", "-1", "99999999999999999999999", "%00", "a.b.c"])
    def test_places_that_are_none(self, mute, before):
        for path in ("/api/threads", "/api/entries"):
            assert mute.get(f"{path}?before={before}").status_code in (200, 400)

    def test_search(self, mute):
        peer = new_number()
        mute.inbound(From=peer)
        assert [t["peer"] for t in mute.get("/api/threads", params={"search": peer[-7:]}).json()["items"]] == [peer]
        for strange in ("%", "_", "\\", "'", "ąę", "x" * 5000):
            assert mute.get("/api/threads", params={"search": strange}).status_code == 200

    def test_search_by_name(self, mute):
        peer, name = new_number(), "Zażółć " + secrets.token_hex(4)
        mute.inbound(From="whatsapp:" + peer, To="whatsapp:" + mute.number, ProfileName=name + " & Co")
        assert found(mute, name.upper()) == ["whatsapp:" + peer]
        mute.inbound(From="whatsapp:" + peer, To="whatsapp:" + mute.number, ProfileName="Somebody new")
        assert found(mute, name) == []
        mute.db().run("UPDATE contacts SET first_name = 'Ana', last_name = %s WHERE address = %s", name, peer)
        assert found(mute, "ana " + name) == found(mute, name) == ["whatsapp:" + peer]
        assert found(mute, f"({peer[2:5]}) {peer[5:8]}-{peer[8:]}") == ["whatsapp:" + peer]
        assert found(mute, "new\nAna") == []            # each line by itself

    @pytest.mark.parametrize("pattern", ["100%", "a_b", "a\\b"])
    def test_signs_of_patterns_are_letters(self, mute, pattern):
        mark, peer, other = secrets.token_hex(4), new_number(), new_number()
        mute.inbound(From="whatsapp:" + peer, To="whatsapp:" + mute.number, ProfileName=mark + pattern)
        mute.inbound(From="whatsapp:" + other, To="whatsapp:" + mute.number, ProfileName=mark + "100x axb ab")
        assert found(mute, mark + pattern) == ["whatsapp:" + peer]

    def test_something_common_is_found_to_the_end(self, make_site):
        # more than the search for a rare word looks at, and the newest is not the last that was made
        site = make_site()
        site.db().run("INSERT INTO conversations (peer, channel, address, profile_name, last_at)"
                      " SELECT '+1555' || lpad(n::text, 7, '0'), 'sms', '+1555' || lpad(n::text, 7, '0'),"
                      " CASE WHEN n % 10 = 0 THEN 'Smith' ELSE 'Smithers' END, now() - n * 7 % 3001 * interval '1 minute'"
                      " FROM generate_series(1, 3000) n")
        wanted = [r["peer"] for r in site.db().rows("SELECT peer FROM conversations ORDER BY last_at DESC, id DESC")]
        seen, before = [], None
        while before or not seen:
            got = site.get("/api/threads", params={"search": "smith", "limit": 700, **({"before": before} if before else {})}).json()
            seen, before = seen + [t["peer"] for t in got["items"]], got["next"]
        assert seen == wanted
        assert len(found(site, "smithers", limit=1000)) == 1000
        assert found(site, "+15550000123") == ["+15550000123"]
        assert set(found(site, "55", limit=1000)) <= set(wanted)

    def test_entries_of_one_and_reading(self, mute):
        peer = new_number()
        for i in range(4):
            mute.inbound(From=peer, Body=f"r{i}")
        got = mute.get(f"/api/threads/{peer}/entries?limit=3").json()
        assert [e["body"] for e in got["items"]] == ["r1", "r2", "r3"] and got["has_more"] is True
        older = mute.get(f"/api/threads/{peer}/entries", params={"before": got["items"][0]["id"]}).json()
        assert [e["body"] for e in older["items"]] == ["r0"] and older["has_more"] is False
        assert mute.get(f"/api/threads/{peer}").json()["unread"] == 4
        assert mute.post(f"/api/threads/{peer}/read").json() == {"ok": True}
        assert mute.get(f"/api/threads/{peer}").json()["unread"] == 0

    def test_reading_lifts_the_loop_guard(self, make_site):
        site = make_site(directives="TwchatAnswers 1 10min")
        peer = new_number()
        for i in range(4):
            site.inbound(From=peer, Body=f"bot {i}")
        wait_for(lambda: site.get(f"/api/threads/{peer}").json()["loop_guard"], what="the loop guard")
        wait_for(lambda: site.db().value("SELECT count(*) FROM jobs WHERE kind = 'answer'") == 0, what="the last answer")
        site.post(f"/api/threads/{peer}/read")
        assert site.get(f"/api/threads/{peer}").json()["loop_guard"] is False


class TestExact:
    """Answers are given again while nothing was written; nobody may notice but by the time it takes."""
    @pytest.fixture(scope="class")
    def pair(self, make_site):
        """A site of two children, with one conversation."""
        site = make_site(children=2, threads=8, directives="TwchatChatMode off")
        site.peer = new_number()
        site.inbound(From=site.peer, Body="first")
        return site

    @staticmethod
    def paths(site):
        return ("/api/threads", "/api/entries", "/api/entries?direction=inbound", f"/api/threads/{site.peer}/entries", "/api/messages",
                "/api/messages?direction=inbound", "/api/conversations", f"/api/conversations/{site.peer}", "/api/twilio/sms/stored",
                f"/api/twilio/sms/stored?phoneNumber={site.peer[1:]}")

    @staticmethod
    def bodies(site, path, times=6):
        """What the children say, each request on a connection of its own."""
        return {re.search(r'"(?:last_)?body" ?: ?"([^"]*)"', site.get(path, headers={"Connection": "close"}).text)[1] for _ in range(times)}

    def test_what_others_write_is_seen_by_the_next_request(self, pair):
        for path in self.paths(pair):
            for i in range(5):
                pair.db().run("UPDATE messages SET body = %s", f"{path} {i}")
                assert self.bodies(pair, path) == {f"{path} {i}"}

    def test_what_is_not_committed_is_not_seen(self, pair):
        writer = pair.db().connect()
        writer.autocommit = False
        for path in self.paths(pair):
            pair.db().run("UPDATE messages SET body = 'before'")
            writer.cursor().execute("UPDATE messages SET body = 'between'")
            assert self.bodies(pair, path) == {"before"}
            writer.rollback()
            assert self.bodies(pair, path) == {"before"}
            writer.cursor().execute("UPDATE messages SET body = 'after'")
            assert self.bodies(pair, path) == {"before"}
            writer.commit()
            assert self.bodies(pair, path) == {"after"}
        writer.close()

    def test_all_who_ask_for_a_list_at_once_share_one_look(self, make_site):
        site, answers = make_site(children=1), []
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                   " AND query LIKE '%%AS loop_guard%%'")
        lock = site.db().connect()
        lock.autocommit = False
        lock.cursor().execute("LOCK TABLE consents IN ACCESS EXCLUSIVE MODE")
        asking = [threading.Thread(target=lambda: answers.append(site.get("/api/threads"))) for _ in range(8)]
        for thread in asking:
            thread.start()
        wait_for(lambda: site.db().value(waiting), what="somebody to look")
        looks = [site.db().value(waiting) for _ in range(200)]
        lock.rollback()
        for thread in asking:
            thread.join()
        assert max(looks) == 1
        assert [a.status_code for a in answers] == [200] * 8 and len({a.text for a in answers}) == 1
        lock.close()


class TestOutbox:
    def test_cancel(self, site):
        later = site.post("/api/send-message", json={"to": new_number(), "body": "x", "send_at": "2030-01-01T00:00:00Z"})
        id = later.json()["id"]
        assert site.post(f"/api/outbox/{id}/cancel").json() == {"id": id, "status": "canceled"}
        again = site.post(f"/api/outbox/{id}/cancel")
        assert again.status_code == 409 and set(again.json()) >= {"detail", "code"}

    def test_cancel_what_was_sent(self, site):
        sid = site.post("/api/send-message", json={"to": new_number(), "body": "x"}).json()["sid"]
        id = site.db().value("SELECT id FROM messages WHERE sid = %s", sid)
        assert site.post(f"/api/outbox/{id}/cancel").status_code == 409
        assert site.post(f"/api/outbox/{id}/retry").status_code == 409

    def test_retry(self, site):
        failed = site.post("/api/send-message", json={"to": "+15005550009", "body": "again"})
        assert failed.status_code == 500
        id = site.db().value("SELECT max(id) FROM messages WHERE to_addr = '+15005550009'")
        entry = site.get("/api/entries?direction=outbound&limit=1").json()["items"][0]
        assert entry["error_code"] == 21614 and entry["error_reason"] and entry["error_advice"]
        retried = site.post(f"/api/outbox/{id}/retry")
        assert retried.status_code == 200 and retried.json()["id"] > id and retried.json()["status"] == "queued"

    def test_what_was_emptied_is_not_sent_again(self, site):
        site.post("/api/send-message", json={"to": "+15005550009", "body": "secret"})
        id = site.db().value("SELECT max(id) FROM messages WHERE to_addr = '+15005550009'")
        site.db().run("UPDATE messages SET body = '' WHERE id = %s", id)
        answer = site.post(f"/api/outbox/{id}/retry")
        assert answer.status_code == 409 and answer.json()["code"] == "content_missing"

    def test_retry_once_per_key(self, site):
        site.post("/api/send-message", json={"to": "+15005550009", "body": "again"})
        id = site.db().value("SELECT max(id) FROM messages WHERE to_addr = '+15005550009'")
        headers = {"Idempotency-Key": new_sid("k")}
        first, again = (site.post(f"/api/outbox/{id}/retry", headers=headers) for _ in "ab")
        assert first.json() == again.json() and again.headers["Idempotent-Replayed"] == "true"
        other = site.post("/api/outbox/999999999/retry", headers=headers)
        assert other.status_code == 404         # another path, another key


class TestPage:
    """What a browser sends: Basic authentication, an Origin, our own pages' fields."""

    def send(self, site, **headers):
        return site.post("/api/send-message", keyed=False, auth=site.auth, headers=headers,
                         json={"to": new_number(), "body": "from the page"})

    def test_our_own_page_gets_the_id(self, site):
        answer = self.send(site, Origin=site.url)
        assert answer.status_code == 200 and set(answer.json()) == {"sid", "status", "id"}
        assert site.db().value("SELECT source FROM messages WHERE id = %s", answer.json()["id"]) == "page"

    @pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"},
                                         {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
    def test_pages_of_others_change_nothing(self, site, headers):
        answer = self.send(site, **headers)
        assert answer.status_code == 403 and set(answer.json()) == {"error"}

    def test_without_an_origin_it_is_a_program(self, site):
        assert self.send(site).status_code == 200

    def test_keys_need_no_origin(self, site):
        answer = site.post("/api/send-message", headers={"Origin": "https://elsewhere.example"},
                           json={"to": new_number(), "body": "x"})
        assert answer.status_code == 200


class TestMedia:
    @pytest.fixture(scope="class")
    def site_and_id(self, site):
        def store(kind, data):
            sid = new_sid("MM")
            url = f"https://api.twilio.com/2010-04-01/Accounts/{site.account_sid}/Messages/{sid}/Media/ME{'2' * 32}"
            site.db().run("DELETE FROM jobs WHERE kind = 'media'")
            site.inbound(sid=sid, NumMedia="1", MediaUrl0=url, MediaContentType0=kind)
            id = site.db().value("SELECT id FROM messages WHERE sid = %s", sid)
            site.db().run("INSERT INTO media_blobs (sha256, bytes) VALUES (sha256(%s), %s) ON CONFLICT DO NOTHING", data, data)
            site.db().run("UPDATE message_media SET state = 'stored', content_type = %s, sha256 = sha256(%s), size_bytes = %s"
                          " WHERE message_id = %s", kind, data, len(data), id)
            return id
        return store

    @pytest.mark.parametrize("kind,shown", [("image/png", "inline"), ("audio/ogg", "inline"), ("video/mp4", "inline"),
                                            ("application/pdf", "inline"), ("image/svg+xml", "attachment"),
                                            ("text/html", "attachment"), ("application/zip", "attachment")])
    def test_how_it_is_served(self, site, site_and_id, kind, shown):
        answer = site.get(f"/api/media/{site_and_id(kind, PNG)}/0")
        assert answer.status_code == 200 and answer.content == PNG
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"].startswith(shown)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_a_type_that_is_none(self, site, site_and_id):
        answer = site.get(f"/api/media/{site_and_id('nonsense', PNG)}/0")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")

    def test_ranges(self, site, site_and_id):
        answer = site.get(f"/api/media/{site_and_id('video/mp4', PNG)}/0", headers={"Range": "bytes=0-7"})
        assert answer.status_code == 206 and answer.content == PNG[:8]

    def test_closed_to_strangers(self, site, site_and_id):
        assert site.get(f"/api/media/{site_and_id('image/png', PNG)}/0", keyed=False).status_code == 401

    def test_what_is_not_here(self, site):
        sid = new_sid("MM")
        site.inbound(sid=sid, NumMedia="1", MediaUrl0="https://evil.example/x.png", MediaContentType0="image/png")
        id = site.db().value("SELECT id FROM messages WHERE sid = %s", sid)
        answer = site.get(f"/api/media/{id}/0")
        assert answer.status_code == 404 and answer.json()["detail"]
