# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""What someone would otherwise run: a Flask application behind gunicorn that takes Twilio's inbound messages.

It verifies the signature with Twilio's own validator, and stores message, conversation and journal row with one
statement, in one round trip and one commit. Run by ./bench, never in production.
"""
import os

from flask import Flask, Response, abort, request
from psycopg2.pool import ThreadedConnectionPool
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

STORE = """
WITH message AS (
  INSERT INTO peer.messages (sid, from_addr, to_addr, body) VALUES (%(MessageSid)s, %(From)s, %(To)s, %(Body)s)
  ON CONFLICT (sid) DO NOTHING RETURNING id, created_at
), conversation AS (
  INSERT INTO peer.conversations AS c (peer, ours, last_message_id, last_at, unread)
  SELECT %(From)s, %(To)s, id, created_at, 1 FROM message
  ON CONFLICT (peer) DO UPDATE SET ours = EXCLUDED.ours, last_message_id = EXCLUDED.last_message_id,
    last_at = EXCLUDED.last_at, unread = c.unread + 1
)
INSERT INTO peer.journal (sid, raw) VALUES (%(MessageSid)s, %(raw)s)
"""

app = Flask(__name__)
validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
pool = ThreadedConnectionPool(1, int(os.environ["PEER_THREADS"]), os.environ["DATABASE_URL"])
URL = os.environ["PUBLIC_BASE_URL"]


def store(form, raw):
    connection = pool.getconn()
    try:
        connection.autocommit = True        # the statement is the transaction: no BEGIN and COMMIT beside it
        with connection.cursor() as cursor:
            cursor.execute(STORE, {**form, "raw": raw})
    finally:
        pool.putconn(connection)


@app.post("/inbound")
def inbound():
    raw = request.get_data(as_text=True)
    form = request.form.to_dict()
    if not validator.validate(URL + request.path, form, request.headers.get("X-Twilio-Signature", "")):
        abort(403)
    store(form, raw)
    return Response(str(MessagingResponse()), mimetype="text/xml")
