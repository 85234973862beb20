# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""The examples that the documents of flask-chat and sms-store print, as they print them."""
import json
import re
import subprocess

import pytest

from client import new_number
from sandbox_server import NUMBER, SERVICE
from waiting import wait_for


def curl(*argv):
    """Status and body of one curl command line."""
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", *argv], capture_output=True, text=True, timeout=30,
                          check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


class TestFlaskChat:
    def test_the_curl_example(self, site):
        status, body = curl("-X", "POST", site.url + "/api/send-message", "-H", "X-API-Key: " + site.api_key,
                            "-H", "Content-Type: application/json", "-d",
                            '{\n    "to": "+48123123123",\n    "body": "Test z API"\n  }')
        assert status == 200
        assert set(json.loads(body)) == {"sid", "status"}
        assert site.sandbox.message(json.loads(body)["sid"])["body"] == "Test z API"

    def test_the_sql_example(self, site):
        text = "Dziękujemy za wiadomość. Skontaktujemy się z Tobą wkrótce."
        site.db().run(f"UPDATE auto_reply_config\nSET enabled = 1,\n    message = '{text}'\nWHERE id = 1;")
        try:
            peer = "+22000123456"
            site.inbound(From=peer, Body="hej")
            wait_for(lambda: site.db().value("SELECT body FROM messages WHERE to_addr = %s", peer) == text, 10,
                     "the automatic reply")
        finally:
            site.db().run("UPDATE auto_reply_config SET enabled = 0 WHERE id = 1")

    def test_the_endpoints_listed(self, site):
        to = "+48123123123"
        sid = site.post("/api/send-message", json={"to": to, "body": "lista"}).json()["sid"]
        assert site.get("/api/messages/remote", params={"to": to, "limit": 5}).json()["count"] >= 1
        assert site.get(f"/api/messages/{sid}").json()["item"]["sid"] == sid
        wait_for(lambda: site.sandbox.message(sid)["status"] == "delivered", what="delivery")
        assert site.post(f"/api/messages/{sid}/redact").json()["body"] == ""
        assert site.delete(f"/api/messages/{sid}").json() == {"sid": sid, "deleted": True}
        assert site.get("/").status_code == 200
        assert site.get("/chat/+48123123123").status_code == 200

    def test_the_command_line(self, make_site, make_sandbox):
        site = make_site(sandbox=make_sandbox(directives=f"TwchatSandboxService {SERVICE} {NUMBER}"))
        done = site.ctl("send", "--to", "+48123123123", "--body", "Siema z CLI", "--use-messaging-service",
                        TWILIO_MESSAGING_SERVICE_SID=SERVICE)
        assert done.returncode == 0, done.stderr
        assert re.search(r"Message sent\. SID=(SM|MM)[0-9a-f]{32}", done.stdout)


class TestSmsStore:
    def test_the_webhook(self, site):
        answer, sent = site.inbound(path="/api/twilio/webhook/sms", From=new_number(), Body="Hi")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/xml")
        assert "<Message" in answer.text
        refused = site.webhook("/api/twilio/webhook/sms", sent, sign=False)
        assert (refused.status_code, refused.text) == (403, "Forbidden")

    def test_list_get_and_mark(self, site):
        peer = new_number()
        site.inbound(path="/api/twilio/webhook/sms", From=peer)
        got = site.get("/api/twilio/sms/stored?direction=inbound&processed=false&limit=50&phoneNumber=%2B" + peer[1:]).json()
        assert set(got) == {"messages", "count"} and got["count"] == 1
        id = got["messages"][0]["id"]
        assert site.get(f"/api/twilio/sms/stored/{id}").json()["id"] == id
        marked = site.post(f"/api/twilio/sms/stored/{id}/mark-processed",
                           json={"chatId": "optional-chat-id", "responseMessageSid": "optional-response-sid"})
        assert marked.json() == {"success": True, "message": "SMS marked as processed"}
        row = site.get(f"/api/twilio/sms/stored/{id}").json()
        assert (row["chatId"], row["responseMessageSid"]) == ("optional-chat-id", "optional-response-sid")

    def test_status(self, site):
        got = site.get("/api/twilio/status").json()
        assert got["configured"] is True and got["balance"]

    @pytest.mark.parametrize("column", ["id", "message_sid", "account_sid", '"from"', '"to"', "body", "direction", "status",
                                        "num_media", "media_urls", "processed", "chat_id", "response_message_sid",
                                        "error_code", "error_message", "created_at", "processed_at"])
    def test_the_tables_columns(self, site, column):
        site.db().rows(f"SELECT {column} FROM sms_messages LIMIT 1")
