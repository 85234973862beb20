-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- Messages that nobody hears of any more. docs/sending.md explains.

-- How far a sweep over the messages has come. It walks along (direction, created_at, id), each message once.
CREATE TABLE sweeps (
  name         text PRIMARY KEY,
  done_at      timestamptz NOT NULL,
  done_id      bigint NOT NULL DEFAULT 0,
  run_at       timestamptz NOT NULL DEFAULT now()
);
INSERT INTO sweeps (name, done_at) VALUES ('follow', now() - interval '7 days');

-- Twilio was asked, and has not finished with it. Counts while the status is still one of those on the way.
ALTER TABLE messages ADD COLUMN stuck_at timestamptz;
CREATE INDEX messages_stuck ON messages (stuck_at) WHERE stuck_at IS NOT NULL;

-- What operators are shown: messages on their way that do not get on, and why.
CREATE VIEW stuck_messages AS
-- A request was made and its outcome cannot be found out.
SELECT o.message_id AS id, 'unknown'::text AS why, o.attempted_at AS since, o.last_error AS reason
  FROM outbox o
 WHERE o.state IN ('sending', 'unknown') AND o.attempted_at < now() - interval '15 minutes'
UNION ALL
-- Due, and the sender does not send: it rests after an error, or nothing works on the queue; or it was refused again and again.
SELECT q.message_id, CASE WHEN s.parked_until > now() THEN 'sender' ELSE 'waiting' END, q.due_at,
       CASE WHEN s.parked_until > now() THEN s.parked_reason ELSE q.last_error END
  FROM senders s
  CROSS JOIN LATERAL (SELECT o.* FROM outbox o WHERE o.sender = s.sender AND o.state = 'queued'
                       ORDER BY o.priority, o.due_at, o.message_id LIMIT 1000) q
 WHERE q.due_at < now() - interval '15 minutes'
   AND (s.parked_until > now() OR s.refilled_at < now() - interval '15 minutes' OR q.attempts > 9)
UNION ALL
-- Twilio took it long ago and has not finished.
SELECT m.id, 'twilio', m.updated_at, NULL
  FROM messages m
 WHERE m.stuck_at IS NOT NULL AND m.status IN ('accepted', 'scheduled', 'queued', 'sending');
