-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- What the sender needs to know about a row of the queue. docs/sending.md explains.

ALTER TABLE outbox
  ADD COLUMN not_before   timestamptz,                     -- backing off; due_at stays, and with it the place in the queue
  ADD COLUMN checks       smallint NOT NULL DEFAULT 0,     -- how often Twilio's list was searched for this attempt
  ADD COLUMN confirmation boolean NOT NULL DEFAULT false,  -- of an opt-out: the one message an opted-out peer gets
  DROP CONSTRAINT outbox_state_check,
  ADD CONSTRAINT outbox_state_check CHECK (state IN ('scheduled', 'queued', 'sending', 'unknown'));

-- Messages for later stay out of the index that claims are made from, however many they are.
UPDATE outbox SET state = 'scheduled' WHERE state = 'queued' AND due_at > now();
CREATE INDEX outbox_scheduled ON outbox (due_at) WHERE state = 'scheduled';
DROP INDEX outbox_lease;
CREATE INDEX outbox_lease ON outbox (lease_until) WHERE state IN ('sending', 'unknown');

-- Callbacks that came before anybody knew whose they are.
CREATE INDEX status_events_early ON status_events (received_at) WHERE message_id IS NULL;

-- Without STRICT these become part of the statements that use them: twenty times cheaper than a call.
CREATE OR REPLACE FUNCTION twchat_status_rank(text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE $1
    WHEN 'accepted' THEN 10 WHEN 'scheduled' THEN 10 WHEN 'queued' THEN 20 WHEN 'sending' THEN 30 WHEN 'sent' THEN 40
    WHEN 'partially_delivered' THEN 50 WHEN 'delivered' THEN 60 WHEN 'undelivered' THEN 60 WHEN 'failed' THEN 60
    WHEN 'canceled' THEN 60 WHEN 'read' THEN 70 WHEN 'received' THEN 0 WHEN 'receiving' THEN 0 ELSE -1 END)::smallint
$$;
