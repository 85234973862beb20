-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- Whether a password, when it was set, was as good as accounts with a role must have it: others get no role. Of those set before this
-- was kept, the ones of accounts with a role were judged, unless their owners had chosen them before they had one.

DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'password_fit') THEN
    RETURN;
  END IF;
  ALTER TABLE users ADD COLUMN password_fit boolean NOT NULL DEFAULT false;
  UPDATE users u SET password_fit = true
   WHERE password_hash IS NOT NULL AND origin <> 'registered' AND twchat_rank(u.id, u.is_superuser) > 0;
END
$$;
