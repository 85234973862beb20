# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Live pages: Server-Sent Events by socket, bounded streams over TLS, polling, resuming, ends."""
import http.client
import json
import os
import resource
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

from client import new_number
from server import Host
from waiting import wait_for


class Stream:
    """One live page: reads frames on a thread of its own."""

    def __init__(self, site, query="", headers=None, connection=None):
        self.events = []
        self.places = []            # last_id when each event had come
        self.ended = threading.Event()
        self.connection = connection or http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        self.connection.connect()
        self._socket = self.connection.sock
        self.connection.request("GET", "/api/events" + query, headers={"X-API-Key": site.api_key, **(headers or {})})
        self.answer = self.connection.getresponse()
        self.last_id = None
        self.retry = None
        if self.answer.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        name, data = None, []
        try:
            for raw in self.answer:
                line = raw.decode().rstrip("\n")
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last_id = value
                elif field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif field == "retry":
                    self.retry = value
                elif not line:
                    if data:
                        self.places.append(self.last_id)
                        self.events.append((name, json.loads("\n".join(data))))
                    name, data = None, []
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.ended.set()

    def ready(self):
        wait_for(lambda: self.last_id, 10, "the stream to say where it stands")
        return self

    def wait(self, name, condition=lambda data: True):
        return wait_for(lambda: next((d for n, d in list(self.events) if n == name and condition(d)), None), 10,
                        f"an event {name}")

    def close(self):
        """Leave, as a browser does: the reader's file keeps the socket open otherwise."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()


class TestStream:
    def test_headers(self, site):
        stream = Stream(site)
        assert stream.answer.status == 200
        assert stream.answer.getheader("Content-Type").startswith("text/event-stream")
        assert "no-store" in stream.answer.getheader("Cache-Control")
        assert stream.answer.getheader("Transfer-Encoding") is None
        stream.ready()
        assert stream.retry == "3000"
        stream.close()

    def test_a_message_arrives_with_its_conversation(self, site):
        stream = Stream(site).ready()
        sender = new_number()
        began = time.monotonic()
        site.inbound(From=sender, Body="<b>live</b> ✓")
        message = stream.wait("message", lambda d: d["peer"] == sender)
        assert time.monotonic() - began < 2
        assert message["body"] == "<b>live</b> ✓" and message["direction"] == "inbound"
        conversation = stream.wait("conversation", lambda d: d["peer"] == sender)
        assert conversation["unread"] >= 1 and conversation["last_body"]
        stream.close()

    def test_many_readers_see_the_same_and_hold_no_thread(self, site):
        streams = [Stream(site).ready() for _ in range(60)]    # more than the workers of both children
        sender = new_number()
        site.inbound(From=sender, Body="to all")
        for stream in streams:
            assert stream.wait("message", lambda d: d["peer"] == sender)["body"] == "to all"
            stream.close()

    def test_who_is_far_behind_loads_anew(self, site):
        """One page that slept through a busy hour must not keep the others waiting while it is told all of it."""
        stream = Stream(site).ready()
        site.inbound(From=new_number())
        wait_for(lambda: stream.events, 10, "the first event")
        last = stream.last_id
        stream.close()
        site.db().run("INSERT INTO events (message_id) SELECT m.id FROM generate_series(1, 5000),"
                      " (SELECT id FROM messages LIMIT 1) m")
        again = Stream(site, headers={"Last-Event-ID": last})
        wait_for(lambda: again.events, 10, "the first event")
        assert [name for name, _ in again.events][0] == "reset"
        sender = new_number()
        site.inbound(From=sender)
        again.wait("message", lambda d: d["peer"] == sender)
        again.close()

    def test_resuming_misses_nothing_and_repeats_nothing(self, site):
        stream = Stream(site).ready()
        sender = new_number()
        site.inbound(From=sender, Body="one")
        stream.wait("message", lambda d: d["peer"] == sender and d["body"] == "one")
        last = stream.last_id
        stream.close()
        site.inbound(From=sender, Body="two")
        site.inbound(From=sender, Body="three")
        again = Stream(site, headers={"Last-Event-ID": last})
        again.wait("message", lambda d: d["peer"] == sender and d["body"] == "three")
        bodies = [d["body"] for n, d in again.events if n == "message" and d["peer"] == sender
                  and d["direction"] == "inbound"]
        assert bodies.count("two") == 1 and bodies.count("three") == 1
        assert not any(n == "reset" for n, _ in again.events)
        again.close()
        by_query = Stream(site, "?after=" + urllib.parse.quote(last))
        by_query.wait("message", lambda d: d["peer"] == sender and d["body"] == "two")
        by_query.close()

    def test_wherever_it_breaks_nothing_is_missed(self, site):
        stream = Stream(site).ready()
        stream.close()
        senders = {new_number() for _ in range(12)}
        for sender in senders:
            site.inbound(From=sender)

        def told(*events):
            return {name: {d.get("peer") for n, d in events if n == name} & senders for name in ("message", "conversation")}
        everything = {"message": senders, "conversation": senders}
        whole = Stream(site, headers={"Last-Event-ID": stream.last_id})
        wait_for(lambda: told(*whole.events) == everything, 10, "all of it")
        whole.close()
        events, places = list(whole.events), [place or stream.last_id for place in whole.places]
        again = {place: Stream(site, headers={"Last-Event-ID": place}) for place in set(places)}
        marker = new_number()
        site.inbound(From=marker)
        for other in again.values():
            other.wait("message", lambda d: d["peer"] == marker)
            other.close()
        for n, place in enumerate(places):
            assert told(*events[:n + 1], *again[place].events) == everything, f"cut after event {n}"

    @pytest.mark.parametrize("cursor", ["nonsense", "999999999999-1", "x" * 1000, "%00", "'"])
    def test_a_place_nobody_knows_starts_over(self, site, cursor):
        stream = Stream(site, "?after=" + cursor)
        assert stream.answer.status == 200
        sender = new_number()
        stream.ready()
        site.inbound(From=sender)
        stream.wait("message", lambda d: d["peer"] == sender)
        stream.close()

    def test_strangers_get_nothing(self, site):
        assert site.get("/api/events", keyed=False).status_code == 401
        assert site.get("/api/events?poll=1", keyed=False).status_code == 401

    def test_other_hosts_see_nothing(self, make_site):
        one, two = make_site(hosts=[Host(name="one.test"), Host(name="two.test")]).hosts
        here, there = Stream(one).ready(), Stream(two).ready()
        sender = new_number()
        one.inbound(From=sender)
        here.wait("message", lambda d: d["peer"] == sender)
        time.sleep(0.5)             # what must not come cannot be waited for
        assert [name for name, _ in there.events] == ["ready"]
        here.close()
        there.close()


class TestPoll:
    def poll(self, site, cursor=None, **more):
        answer = site.get("/api/events", params={"poll": 1, **({"after": cursor} if cursor else {}), **more})
        assert answer.status_code == 200
        assert set(answer.json()) == {"events", "cursor"}
        return answer.json()

    def test_first_the_place_then_the_news(self, site):
        first = self.poll(site)
        assert first["events"] == []
        sender = new_number()
        site.inbound(From=sender, Body="polled")

        def news():
            got = self.poll(site, first["cursor"])
            return next((e for e in got["events"] if e["event"] == "message" and e["data"]["peer"] == sender), None)
        assert wait_for(news, 10, "the polled message")["data"]["body"] == "polled"

    def test_waiting(self, site):
        cursor = self.poll(site)["cursor"]
        sender = new_number()
        timer = threading.Timer(0.5, site.inbound, kwargs={"From": sender})
        timer.start()
        began = time.monotonic()
        for _ in range(20):         # other tests of the site make news too
            got = self.poll(site, cursor, wait=10)
            if any(e["data"].get("peer") == sender for e in got["events"]):
                break
            cursor = got["cursor"]
        else:
            pytest.fail("the message did not come")
        assert time.monotonic() - began < 9
        timer.join()


class TestEnds:
    def test_graceful_restart_ends_streams_and_loses_nothing(self, make_site):
        site = make_site()
        stream = Stream(site).ready()
        site.httpd.graceful()
        assert stream.ended.wait(10)
        sender = new_number()
        site.inbound(From=sender)
        again = Stream(site, headers={"Last-Event-ID": stream.last_id})
        again.wait("message", lambda d: d["peer"] == sender)
        again.close()

    def test_readers_that_leave_give_their_descriptors_back(self, make_site):
        site = make_site(children=1)
        child = site.httpd.children()[0]
        descriptors = lambda: len(os.listdir(f"/proc/{child}/fd"))
        Stream(site).ready().close()
        before = descriptors()
        streams = [Stream(site).ready() for _ in range(40)]
        assert descriptors() >= before + 38
        for stream in streams:
            stream.close()
        for _ in range(3):          # only a write shows that a reader has gone
            site.inbound(From=new_number())
        wait_for(lambda: descriptors() <= before + 8, 25, "descriptors to come back")


class TestDescriptors:
    def test_pages_leave_enough_for_everything_else(self, make_site):
        site = make_site(children=1, threads=4, directives="TwchatInFlight 4")
        resource.prlimit(site.httpd.process.pid, resource.RLIMIT_NOFILE, (256, 256))
        old = site.httpd.children()
        site.httpd.graceful()           # the next child lives with that
        child = wait_for(lambda: [pid for pid in site.httpd.children() if pid not in old], 10, "a new child")
        wait_for(lambda: site.httpd.children() == child, 20, "the old one to be gone")
        streams = []
        while len(streams) < 300:
            stream = Stream(site)
            if stream.answer.status != 200:
                break
            streams.append(stream)
        assert stream.answer.status == 503 and int(stream.answer.getheader("Retry-After")) > 0
        assert len(streams) > 20
        assert site.get("/api/events", params={"poll": 1}).status_code == 200
        sender = new_number()
        site.inbound(From=sender)
        for stream in streams:
            stream.wait("message", lambda d: d["peer"] == sender)
            stream.close()
        assert site.httpd.children() == child


def certificate(directory):
    key, cert = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return f'SSLEngine on\nSSLCertificateFile "{cert}"\nSSLCertificateKeyFile "{key}"'


@pytest.mark.expect_log("AH01882", "AH01906", "AH01909", "AH02292", "ssl:warn", "AH03490")
class TestTls:
    @pytest.fixture
    def tls(self, make_site, tmp_path):
        """A host of its own for each test: a slot is free again only when a write fails."""
        return make_site(modules=("socache_shmcb", "ssl"), children=1,
                         directives=certificate(str(tmp_path)) + "\nTwchatStreams 2")

    def open(self, site, query=""):
        import ssl
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return Stream(site, query, connection=http.client.HTTPSConnection("127.0.0.1", site.port, timeout=60,
                                                                          context=context))

    def tls_inbound(self, site, sender):
        import requests
        import signing
        params = site.inbound_params(From=sender)
        url = f"https://127.0.0.1:{site.port}/twilio/inbound"
        public = site.public_url + "/twilio/inbound"
        requests.packages.urllib3.disable_warnings()
        answer = requests.post(url, data=signing.encode(params), verify=False, timeout=30, headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": signing.sign(public, params, site.tokens[0])})
        assert answer.status_code == 200

    def test_a_bounded_stream_tells_the_news(self, tls):
        stream = self.open(tls).ready()
        sender = new_number()
        self.tls_inbound(tls, sender)
        stream.wait("message", lambda d: d["peer"] == sender)
        stream.close()

    def test_over_the_cap_it_says_when_to_come_again(self, tls):
        first, second = self.open(tls).ready(), self.open(tls).ready()
        third = self.open(tls)
        assert third.answer.status == 503
        assert int(third.answer.getheader("Retry-After")) > 0
        poll = self.open(tls, "?poll=1")
        assert poll.answer.status == 200
        first.close()
        second.close()


    def test_a_restart_does_not_wait_for_who_reads_no_more(self, make_site, tmp_path):
        import ssl
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        site = make_site(modules=("socache_shmcb", "ssl"), children=1, directives=certificate(str(tmp_path)) + "\nTimeout 300")
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(("127.0.0.1", site.port))
            reader = context.wrap_socket(raw)
            reader.sendall(f"GET /api/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {site.api_key}\r\n\r\n".encode())
            said = b""
            while b"event: ready" not in said:
                said += reader.recv(4096)
            self.much_news(site.db())
            old = site.httpd.children()
            wait_for(lambda: unread(site.port) > 100000, 20, "the stream to be stalled")
            site.httpd.graceful()
            wait_for(lambda: not set(old) & set(site.httpd.children()), 40, "the old child to end")

    def much_news(self, db):
        """More than any socket's buffer takes."""
        db.run("INSERT INTO conversations (peer, channel, address, ours) VALUES ('+14157770000', 'sms', '+14157770000', '+14155552671')")
        db.run("INSERT INTO messages (conv_id, sid, direction, source, from_addr, to_addr, body, status)"
               " SELECT c.id, 'SM' || md5(g::text), 'inbound', 'twilio', c.peer, c.ours, repeat('x', 1600), 'received'"
               " FROM conversations c, generate_series(1, 4000) g WHERE c.peer = '+14157770000'")
        db.run("INSERT INTO events (message_id, conv_id) SELECT id, conv_id FROM messages WHERE from_addr = '+14157770000'")


def unread(port):
    """Bytes that a server's connection has not got rid of."""
    with open("/proc/net/tcp") as table:
        return max((int(row[4].partition(":")[0], 16) for row in map(str.split, list(table)[1:])
                    if row[1].endswith(f":{port:04X}")), default=0)


class Reader(threading.Thread):
    """What a browser does: reads, and when the stream ends comes back with the id of the last event it has seen whole."""

    def __init__(self, site, context=None):
        super().__init__(daemon=True)
        self.site, self.context = site, context
        self.id, self.connects, self.got, self.done = None, 0, [], False
        self.start()

    def run(self):
        while not self.done:
            try:
                self._read(self._open())
            except (OSError, ValueError, http.client.HTTPException):
                pass
            threading.Event().wait(0.02)

    def _open(self):
        made = (http.client.HTTPSConnection("127.0.0.1", self.site.port, timeout=20, context=self.context)
                if self.context else http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=20))
        made.request("GET", "/api/events", headers={"X-API-Key": self.site.api_key,
                                                    **({"Last-Event-ID": self.id} if self.id else {})})
        answer = made.getresponse()
        if answer.status != 200:
            raise OSError(answer.status)
        self.connects += 1
        return answer

    def _read(self, answer):
        frame = {}
        for raw in answer:
            field, _, value = raw.decode().rstrip("\n").partition(": ")
            if field:
                frame[field] = value
                continue
            self.id = frame.get("id", self.id)
            if frame.get("event") in ("message", "reset"):
                self.got.append((frame["event"], json.loads(frame["data"])))
            frame = {}
            if self.done:
                return

    def senders(self):
        return [data["peer"] for name, data in self.got if name == "message" and data["direction"] == "inbound"]


class Http2Reader(Reader):
    """The same over HTTP/2, which curl speaks."""

    def _open(self):
        resume = ["-H", "Last-Event-ID: " + self.id] if self.id else []
        with subprocess.Popen(["curl", "-sSNf", "--http2-prior-knowledge", "-H", "X-API-Key: " + self.site.api_key, *resume,
                               self.site.url + "/api/events"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as curl:
            self.connects += 1
            try:
                yield from curl.stdout
            finally:
                curl.kill()


@pytest.mark.expect_log("AH01882", "AH01906", "AH01909", "AH02292", "ssl:warn", "exit signal Killed")
class TestRestarts:
    """A page that stays open over restarts and killed children is told each message once."""

    def test_a_stop_does_not_wait_for_a_transaction(self, make_site):
        """News that wait behind somebody's long transaction keep a poller waiting, but not the child that ends."""
        site = make_site(children=1)
        cursor = site.get("/api/events", params={"poll": 1}).json()["cursor"]
        with site.db().connect() as other:
            other.autocommit = False
            other.cursor().execute("SELECT pg_current_xact_id()")
            site.inbound(From=new_number())
            threading.Thread(target=self._poll, args=(site, cursor), daemon=True).start()
            time.sleep(0.5)         # until it waits, which it does not tell
            site.httpd.stop()
            other.rollback()

    def _poll(self, site, cursor):
        try:
            site.get(f"/api/events?poll=1&wait=25&after={cursor}")
        except OSError:
            pass                        # httpd cuts what is under way when it is stopped

    @pytest.mark.parametrize("form", ["plain", "tls", "http2"])
    def test_no_gap_and_no_repeat(self, make_site, tmp_path, form):
        import ssl
        context, tls = None, form == "tls"
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        site = make_site(modules={"plain": (), "tls": ("socache_shmcb", "ssl"), "http2": ("http2",)}[form], children=2, threads=8,
                         directives={"plain": "", "tls": certificate(str(tmp_path)), "http2": "Protocols h2c http/1.1"}[form]
                         + "\nTwchatStreams 3")
        take = (lambda sender: TestTls().tls_inbound(site, sender)) if tls else (lambda sender: site.inbound(From=sender))
        readers, sent = [Http2Reader(site) if form == "http2" else Reader(site, context) for _ in range(3)], []
        for reader in readers:
            wait_for(lambda: reader.id, 10, "the first place")
        for turn in range(4):
            for _ in range(10):
                sent.append(new_number())
                take(sent[-1])
            if turn % 2 == 0:
                site.httpd.graceful()
            else:
                child = site.httpd.children()[0]
                os.kill(child, 9)
                wait_for(lambda: child not in site.httpd.children(), 10, "the child to be gone")
        for reader in readers:
            wait_for(lambda: len(reader.senders()) >= len(sent), 20, "all messages")
            reader.done = True
            assert sorted(reader.senders()) == sorted(sent) and reader.connects > 1
            assert [name for name, _ in reader.got if name == "reset"] == []


class TestHttp2:
    """Streams of HTTP/2 are written by a worker of its own and end within a minute."""

    def test_the_news_arrive(self, make_site):
        site = make_site(modules=("http2",), directives="Protocols h2c http/1.1")
        reader = subprocess.Popen(["curl", "-sSN", "--http2-prior-knowledge", "-H", "X-API-Key: " + site.api_key,
                                   "-w", "%{http_version}", "--max-time", "8", site.url + "/api/events"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        sender = new_number()
        said = iter(reader.stdout.readline, "")
        assert "event: ready\n" in said     # read so far: it has its place
        site.inbound(From=sender, Body="over h2")
        said = "".join(said)
        reader.wait(30)
        assert "event: message" in said and sender in said
        assert said.rstrip().endswith("2")
        assert site.get("/api/messages").status_code == 200
