-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- What somebody signs in with is theirs alone, be it their user name or their e-mail address.

ALTER TABLE users ADD COLUMN IF NOT EXISTS email_confirmed boolean NOT NULL DEFAULT false; -- an administrator or single sign-on says it is theirs
UPDATE users u SET email_confirmed = true
 WHERE email IS NOT NULL AND origin <> 'registered' AND NOT EXISTS (SELECT 1 FROM audit_events e
   WHERE e.entity_type = 'user' AND e.entity_id = u.id::text AND e.action = 'user.updated' AND e.actor_kind = 'user' AND e.actor_id = u.id
     AND e.before_json->>'email' IS DISTINCT FROM e.after_json->>'email');

CREATE TABLE IF NOT EXISTS logins (
  login        text PRIMARY KEY,                 -- in lower case
  user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS logins_user ON logins (user_id);

-- Where two of old share one, the user name wins, as it did before.
INSERT INTO logins SELECT lower(username), id FROM users ON CONFLICT DO NOTHING;
INSERT INTO logins SELECT lower(email), id FROM users WHERE email IS NOT NULL ON CONFLICT DO NOTHING;

-- Two who come at once meet at the primary key. Whom single sign-on knows by a name is not kept out by somebody who merely says that
-- it is their address.
CREATE OR REPLACE FUNCTION twchat_logins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM logins WHERE user_id = NEW.id AND login NOT IN (lower(NEW.username), coalesce(lower(NEW.email), ''));
  IF NEW.origin = 'apache' THEN
    DELETE FROM logins l USING users o
     WHERE l.login = lower(NEW.username) AND o.id = l.user_id AND lower(o.username) <> l.login AND o.id <> NEW.id AND NOT o.email_confirmed;
  END IF;
  INSERT INTO logins SELECT DISTINCT l, NEW.id FROM unnest(ARRAY[lower(NEW.username), lower(NEW.email)]) l
   WHERE l IS NOT NULL AND NOT EXISTS (SELECT 1 FROM logins WHERE login = l AND user_id = NEW.id);
  RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS users_logins_new ON users;
CREATE TRIGGER users_logins_new AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION twchat_logins();
DROP TRIGGER IF EXISTS users_logins_changed ON users;
CREATE TRIGGER users_logins_changed AFTER UPDATE ON users FOR EACH ROW
  WHEN (OLD.username <> NEW.username OR OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION twchat_logins();
