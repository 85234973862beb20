-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- Messages that wait because the database's clock was set back are stuck, too. docs/reliability.md explains.

CREATE OR REPLACE VIEW stuck_messages AS
-- A request was made and its outcome cannot be found out.
SELECT o.message_id AS id, 'unknown'::text AS why, o.attempted_at AS since, o.last_error AS reason
  FROM outbox o
 WHERE o.state IN ('sending', 'unknown')
   AND (o.attempted_at < now() - interval '15 minutes' OR o.attempted_at > now() + interval '1 minute')
UNION ALL
-- Due, and the sender does not send: it rests after an error, its clock stands, or nothing works on the queue; or it was refused again
-- and again.
SELECT q.message_id, CASE WHEN s.parked_until > now() THEN 'sender' ELSE 'waiting' END, q.due_at,
       CASE WHEN s.refilled_at > now() + interval '1 minute' THEN 'The clock of the database was set back.'
            WHEN s.parked_until > now() THEN s.parked_reason ELSE q.last_error END
  FROM senders s
  CROSS JOIN LATERAL (SELECT o.* FROM outbox o WHERE o.sender = s.sender AND o.state = 'queued'
                       ORDER BY o.priority, o.due_at, o.message_id LIMIT 1000) q
 WHERE (q.due_at < now() - interval '15 minutes'
        AND (s.parked_until > now() OR s.refilled_at < now() - interval '15 minutes' OR q.attempts > 9))
    OR s.refilled_at > now() + interval '1 minute'
UNION ALL
-- Twilio took it long ago and has not finished.
SELECT m.id, 'twilio', m.updated_at, NULL
  FROM messages m
 WHERE m.stuck_at IS NOT NULL AND m.status IN ('accepted', 'scheduled', 'queued', 'sending');
