-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- People: accounts, what each may do, where each is signed in, and who did what.

CREATE TABLE users (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  username     text NOT NULL CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,149}$'), -- ASCII: nobody looks like somebody else
  email        text,                             -- appointment-bot's administrators have none
  full_name    text,
  bio          text,
  phone_number text,                             -- canonical; ties their messages to them
  password_hash text,                            -- bcrypt, as htpasswd and mod_authn_dbd know it; NULL: signs in elsewhere
  password_at  timestamptz,
  is_active    boolean NOT NULL DEFAULT true,
  is_superuser boolean NOT NULL DEFAULT false,
  origin       text NOT NULL DEFAULT 'local' CHECK (origin IN ('local', 'apache', 'registered')), -- who made it
  totp_secret  bytea,                            -- sealed under a key that is not in the database
  totp_on      boolean NOT NULL DEFAULT false,   -- its owner has proven to have it
  totp_step    bigint,                           -- the last code's; none is taken twice
  last_signin_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE UNIQUE INDEX users_phone_number ON users (phone_number);

-- Rights come from the rank: 1 viewer, 2 agent, 3 admin; super_admin is a mark of the account. Roles people add have none.
CREATE TABLE roles (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  description  text,
  rank         smallint NOT NULL DEFAULT 0 CHECK (rank BETWEEN 0 AND 3),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX roles_name ON roles (lower(name));
INSERT INTO roles (name, description, rank) VALUES
  ('viewer', 'reads everything operators see', 1),
  ('agent', 'answers conversations', 2),
  ('admin', 'manages settings, campaigns, appointments', 3);

CREATE TABLE user_roles (
  user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  role_id      bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
  PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

-- What an account may do: 0 has an account, 1 viewer, 2 agent, 3 admin, 4 super_admin.
CREATE FUNCTION twchat_rank(user_id bigint, is_superuser boolean) RETURNS smallint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN $2 THEN 4 ELSE coalesce((SELECT max(r.rank) FROM user_roles a JOIN roles r ON r.id = a.role_id
                                             WHERE a.user_id = $1), 0) END::smallint
$$;

-- Being signed in: a browser's cookie, or a program's family of tokens. An ended one stays a while, to be shown and audited.
CREATE TABLE signins (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  kind         text NOT NULL CHECK (kind IN ('cookie', 'token')),
  secret       bytea UNIQUE,                     -- cookie: sha256 of its value
  refresh      bytea,                            -- tokens: sha256 of the one id a refresh token may have
  device_info  text,
  ip_address   text,
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_why    text                              -- logout, logout-all, password, disabled, reuse, revoked
) WITH (fillfactor = 80);
CREATE INDEX signins_user ON signins (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX signins_expires ON signins (expires_at);

CREATE TABLE recovery_codes (
  user_id      bigint NOT NULL REFERENCES users ON DELETE CASCADE,
  sha256       bytea NOT NULL,                   -- codes are random, so no salt is needed
  used_at      timestamptz,
  PRIMARY KEY (user_id, sha256)
);

-- Attempts to sign in per address and per account; UNLOGGED: after a crash people may try again.
CREATE UNLOGGED TABLE signin_attempts (
  key          text PRIMARY KEY,                 -- "address 203.0.113.7", "account alice"
  window_at    timestamptz NOT NULL,
  attempts     integer NOT NULL,
  strikes      integer NOT NULL DEFAULT 0,       -- windows that were used up in a row: each doubles the wait
  blocked_until timestamptz
) WITH (fillfactor = 50);

-- Token buckets of API callers, from which each child draws in slices.
CREATE UNLOGGED TABLE api_buckets (
  key          text PRIMARY KEY,                 -- "key 7", "user 12"
  tokens       double precision NOT NULL,
  drawn        integer NOT NULL,                 -- by the latest caller
  refilled_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

ALTER TABLE api_keys
  ADD role text NOT NULL DEFAULT 'admin' CHECK (role IN ('viewer', 'agent', 'admin', 'super_admin')),
  ADD created_by text,
  ADD expires_at timestamptz;

-- Who did what. Each row's hash covers the row before it: a change or a gap shows (twchatctl audit verify).
CREATE TABLE audit_events (
  id           bigint PRIMARY KEY,               -- without gaps, given by the trigger
  at           timestamptz NOT NULL,
  actor_kind   text NOT NULL CHECK (actor_kind IN ('user', 'key', 'command', 'open', 'nobody')),
  actor_id     bigint,
  actor_username text,
  action       text NOT NULL,                    -- "user.created"
  entity_type  text NOT NULL,
  entity_id    text,
  before_json  jsonb,
  after_json   jsonb,
  remote_addr  text,
  correlation_id text,
  hash         bytea NOT NULL
);
CREATE INDEX audit_events_entity ON audit_events (entity_type, entity_id, id);
CREATE INDEX audit_events_actor ON audit_events (actor_username, id);

CREATE FUNCTION twchat_audit_hash(previous bytea, e audit_events) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT sha256($1 || convert_to(jsonb_build_array(($2).id, (extract(epoch FROM ($2).at) * 1000000)::bigint, ($2).actor_kind, ($2).actor_id,
    ($2).actor_username, ($2).action, ($2).entity_type, ($2).entity_id, ($2).before_json, ($2).after_json, ($2).remote_addr,
    ($2).correlation_id)::text, 'UTF8'))
$$;

-- One at a time, to the end of the transaction: what is written last in it waits least.
CREATE FUNCTION twchat_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  last record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('twchat audit'));
  SELECT e.id, e.hash INTO last FROM audit_events e ORDER BY e.id DESC LIMIT 1;
  NEW.id := coalesce(last.id, 0) + 1;
  NEW.at := clock_timestamp();
  NEW.hash := twchat_audit_hash(coalesce(last.hash, ''), NEW);
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_events_chain BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION twchat_audit_chain();
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
  FOR EACH ROW EXECUTE FUNCTION twchat_append_only();
CREATE TRIGGER audit_events_keep BEFORE TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION twchat_append_only();
CREATE TRIGGER consent_events_keep BEFORE TRUNCATE ON consent_events
  FOR EACH STATEMENT EXECUTE FUNCTION twchat_append_only();
