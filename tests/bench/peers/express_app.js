// Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
//
// What someone would otherwise run: an Express application, one process per core, that takes Twilio's inbound
// messages. It verifies the signature with Twilio's own function, and stores message, conversation and journal
// row with one prepared statement, in one round trip and one commit. Run by ./bench, never in production.
"use strict";

const cluster = require("cluster");
const os = require("os");

const STORE = `
WITH message AS (
  INSERT INTO peer.messages (sid, from_addr, to_addr, body) VALUES ($1, $2, $3, $4)
  ON CONFLICT (sid) DO NOTHING RETURNING id, created_at
), conversation AS (
  INSERT INTO peer.conversations AS c (peer, ours, last_message_id, last_at, unread)
  SELECT $2, $3, id, created_at, 1 FROM message
  ON CONFLICT (peer) DO UPDATE SET ours = EXCLUDED.ours, last_message_id = EXCLUDED.last_message_id,
    last_at = EXCLUDED.last_at, unread = c.unread + 1
)
INSERT INTO peer.journal (sid, raw) VALUES ($1, $5)`;

function serve() {
  const express = require("express");
  const { Pool } = require("pg");
  const twilio = require("twilio");

  const token = process.env.TWILIO_AUTH_TOKEN;
  const url = process.env.PUBLIC_BASE_URL;
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
  const app = express();

  app.disable("x-powered-by");
  app.use(express.urlencoded({ extended: false, verify: (req, res, bytes) => { req.raw = bytes.toString(); } }));
  app.post("/inbound", async (req, res) => {
    const form = req.body;
    if (!twilio.validateRequest(token, req.get("X-Twilio-Signature") || "", url + req.path, form)) {
      res.sendStatus(403);
      return;
    }
    await pool.query({ name: "store", text: STORE, values: [form.MessageSid, form.From, form.To, form.Body, req.raw] });
    res.type("text/xml").send(new twilio.twiml.MessagingResponse().toString());
  });
  app.listen(Number(process.env.PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
  for (let i = 0; i < os.cpus().length; i++) cluster.fork();
  process.on("SIGTERM", () => { cluster.disconnect(() => process.exit(0)); setTimeout(() => process.exit(0), 1000); });
} else {
  serve();
}
