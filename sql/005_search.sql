-- Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
--
-- What a conversation is found by: number, what WhatsApp calls them, what we call them. A table of its own, because a
-- conversation's row changes with each message, and an index of trigrams on it would be written each time.

CREATE TABLE conversation_words (
  conv_id      bigint PRIMARY KEY,
  words        text NOT NULL                     -- a line each
);

CREATE FUNCTION twchat_words(peer text, profile_name text, first_name text, last_name text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT $1 || E'\n' || coalesce($2, '') || E'\n' || coalesce($3, '') || ' ' || coalesce($4, '')
$$;

CREATE FUNCTION twchat_words_of_conversation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conversation_words AS w (conv_id, words)
  SELECT NEW.id, twchat_words(NEW.peer, NEW.profile_name, k.first_name, k.last_name)
    FROM (SELECT 1) one LEFT JOIN contacts k ON k.address = NEW.address
  ON CONFLICT (conv_id) DO UPDATE SET words = EXCLUDED.words;
  RETURN NULL;
END
$$;
CREATE TRIGGER conversations_words_new AFTER INSERT ON conversations
  FOR EACH ROW EXECUTE FUNCTION twchat_words_of_conversation();
CREATE TRIGGER conversations_words AFTER UPDATE ON conversations
  FOR EACH ROW WHEN (OLD.profile_name IS DISTINCT FROM NEW.profile_name OR OLD.peer <> NEW.peer)
  EXECUTE FUNCTION twchat_words_of_conversation();

CREATE FUNCTION twchat_words_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM conversation_words WHERE conv_id = OLD.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER conversations_words_gone AFTER DELETE ON conversations
  FOR EACH ROW EXECUTE FUNCTION twchat_words_gone();

CREATE FUNCTION twchat_words_of_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE conversation_words w SET words = twchat_words(c.peer, c.profile_name, NEW.first_name, NEW.last_name)
    FROM conversations c WHERE c.address = NEW.address AND w.conv_id = c.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER contacts_words_new AFTER INSERT ON contacts
  FOR EACH ROW WHEN (NEW.first_name IS NOT NULL OR NEW.last_name IS NOT NULL)
  EXECUTE FUNCTION twchat_words_of_contact();
CREATE TRIGGER contacts_words AFTER UPDATE ON contacts
  FOR EACH ROW WHEN (OLD.first_name IS DISTINCT FROM NEW.first_name OR OLD.last_name IS DISTINCT FROM NEW.last_name)
  EXECUTE FUNCTION twchat_words_of_contact();

INSERT INTO conversation_words
SELECT c.id, twchat_words(c.peer, c.profile_name, k.first_name, k.last_name)
  FROM conversations c LEFT JOIN contacts k ON k.address = c.address;

-- pg_trgm is a trusted extension: the database's owner may install it. Where that is not allowed search still works, by
-- reading the table above from end to end; twchatctl doctor says what to type then. Another schema of this database may
-- have it already.
DO $migration$
DECLARE
  place text;
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE WARNING 'pg_trgm cannot be installed (%): searching conversations will be slow', SQLERRM;
  END;
  SELECT quote_ident(n.nspname) INTO place
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF place IS NOT NULL THEN
    EXECUTE format('CREATE INDEX conversation_words_trgm ON conversation_words USING gin (words %s.gin_trgm_ops)', place);
  END IF;
END
$migration$;

-- Nothing but the conversation was ever looked for here. With the message's id in it a planner that takes the queue for empty,
-- because it was when the statistics were made, looks for single messages by reading all of this index.
DROP INDEX outbox_conv;
CREATE INDEX outbox_conv ON outbox (conv_id);
