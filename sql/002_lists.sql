-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- Lists by direction cost the same whether a direction is common or rare, and
-- the list of all is two short scans of the same index.
DROP INDEX messages_newest;
CREATE INDEX messages_direction ON messages (direction, created_at, id);

-- sms-store's consumers ask for what is not processed, again and again.
CREATE INDEX messages_unprocessed ON messages (created_at, id) WHERE direction = 'inbound' AND NOT processed;

-- Which attachments still need their bytes: redacting asks, and PostgreSQL does when bytes are deleted.
CREATE INDEX message_media_sha256 ON message_media (sha256) WHERE sha256 IS NOT NULL;
