-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- Attempts that nobody knows the end of yet stand apart from those that failed: signin_attempts counts failures alone.

CREATE SEQUENCE IF NOT EXISTS signin_attempt;

CREATE UNLOGGED TABLE IF NOT EXISTS signin_flights (
  attempt      bigint NOT NULL,
  key          text NOT NULL,                    -- as in signin_attempts; an attempt has one or two
  until        timestamptz NOT NULL              -- its process has died by then
);
CREATE INDEX IF NOT EXISTS signin_flights_key ON signin_flights (key);
CREATE INDEX IF NOT EXISTS signin_flights_attempt ON signin_flights (attempt);
