-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- The tables of the applications that ./bench compares inbound webhooks with: what one would write
-- for a shared inbox, in the same database, with fewer columns and indexes than ours.
CREATE SCHEMA peer;

CREATE TABLE peer.messages (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sid          text NOT NULL UNIQUE,
  from_addr    text NOT NULL,
  to_addr      text NOT NULL,
  body         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON peer.messages (from_addr, created_at);

CREATE TABLE peer.conversations (
  peer         text PRIMARY KEY,
  ours         text NOT NULL,
  last_message_id bigint NOT NULL,
  last_at      timestamptz NOT NULL,
  unread       integer NOT NULL
);
CREATE INDEX ON peer.conversations (last_at DESC);

CREATE TABLE peer.journal (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT now(),
  sid          text NOT NULL,
  raw          text NOT NULL
);
