-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- A sign-in where an API key stood in for the password ends with that key.

ALTER TABLE signins ADD COLUMN IF NOT EXISTS key_id bigint REFERENCES api_keys;
CREATE INDEX IF NOT EXISTS signins_key ON signins (key_id) WHERE key_id IS NOT NULL;
