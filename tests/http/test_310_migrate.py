# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""twchatctl migrate: on an empty database, on an older one, twice, and two at once."""
import glob
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from httpd import SOURCE
from server import twchatctl

FILES = sorted(os.path.basename(p)[:-4] for p in glob.glob(os.path.join(SOURCE, "sql", "[0-9]*.sql")))
NEWEST = int(FILES[-1][:3])


@pytest.fixture
def empty(postgres):
    database = postgres.create(template="template0")
    yield database
    database.close()


def migrate(database, *argv, **kwargs):
    return twchatctl("migrate", *argv, env={"DATABASE_URL": database.url}, **kwargs)


def applied(database):
    return [r["name"] for r in database.rows("SELECT name FROM twchat_schema ORDER BY version")]


def shape(database):
    """Everything a migration can make, in a form that compares."""
    columns = database.rows("SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
                            " WHERE table_schema = 'public' ORDER BY 1, 2")
    indexes = database.rows("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
    return columns, indexes


class TestMigrate:
    def test_every_file_has_a_number_of_its_own(self):
        numbers = [int(f[:3]) for f in FILES]
        assert numbers[0] == 1 and numbers == sorted(set(numbers))

    def test_empty_database(self, empty):
        done = migrate(empty)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [f"applied {f}" for f in FILES] + [f"the schema is at version {NEWEST}"]
        assert applied(empty) == FILES

    def test_twice_changes_nothing(self, empty):
        migrate(empty)
        before = shape(empty), empty.rows("SELECT * FROM twchat_schema ORDER BY version")
        done = migrate(empty)
        assert done.returncode == 0
        assert done.stdout == f"the schema is at version {NEWEST}\n"
        assert (shape(empty), empty.rows("SELECT * FROM twchat_schema ORDER BY version")) == before

    def test_older_database_keeps_its_rows_and_ends_up_alike(self, empty, postgres):
        with open(os.path.join(SOURCE, "sql", FILES[0] + ".sql"), encoding="utf-8") as base:
            empty.run(base.read())
        empty.run("CREATE TABLE twchat_schema (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
                  " applied_at timestamptz NOT NULL DEFAULT now())")
        empty.run("INSERT INTO twchat_schema (version, name, sha256) VALUES (1, %s, 'old')", FILES[0])
        empty.run("INSERT INTO api_keys (name, prefix, sha256) VALUES ('kept', 'twk_kept', 'x')")
        done = migrate(empty)
        assert done.returncode == 0, done.stderr
        assert applied(empty) == FILES
        assert empty.value("SELECT name FROM api_keys") == "kept"
        fresh = postgres.create(template="template0")
        migrate(fresh)
        assert shape(empty) == shape(fresh)

    def test_people_of_an_older_database(self, empty):
        """Whose login name it is where two share one, whose address is confirmed, whose password may rise."""
        before = [f for f in FILES if f < "007"]
        empty.run("CREATE TABLE twchat_schema (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,"
                  " applied_at timestamptz NOT NULL DEFAULT now())")
        for name in before:
            with open(os.path.join(SOURCE, "sql", name + ".sql"), encoding="utf-8") as file:
                empty.run(file.read())
            empty.run("INSERT INTO twchat_schema (version, name, sha256) VALUES (%s, %s, 'old')", int(name[:3]), name)
        empty.run("INSERT INTO users (username, email, origin, is_superuser, password_hash) VALUES ('ceo', 'Ceo@corp.com', 'local', true, 'x'),"
                  " ('ceo@corp.com', 'm@evil.example', 'registered', false, 'x'), ('ana', 'ana@corp.com', 'local', false, 'x'),"
                  " ('bob', NULL, 'apache', true, NULL)")
        empty.run("INSERT INTO audit_events (actor_kind, actor_id, action, entity_type, entity_id, before_json, after_json)"
                  """ SELECT 'user', id, 'user.updated', 'user', id::text, '{"email":"x"}', '{"email":"ana@corp.com"}' FROM users WHERE username = 'ana'""")
        done = migrate(empty)
        assert done.returncode == 0, done.stderr
        rows = {r["username"]: r for r in empty.rows(
            "SELECT username, email_confirmed, password_fit, ARRAY(SELECT login FROM logins WHERE user_id = u.id ORDER BY 1) AS logins FROM users u")}
        assert {name: (r["email_confirmed"], r["password_fit"], r["logins"]) for name, r in rows.items()} == {
            "ceo": (True, True, ["ceo"]), "ceo@corp.com": (False, False, ["ceo@corp.com", "m@evil.example"]),
            "ana": (False, False, ["ana", "ana@corp.com"]), "bob": (False, False, ["bob"])}

    def test_an_edited_file_is_reported(self, empty):
        migrate(empty)
        empty.run("UPDATE twchat_schema SET sha256 = 'another' WHERE version = 1")
        done = migrate(empty)
        assert done.returncode == 0
        assert f"warning: {FILES[0]} was changed after it had been applied" in done.stdout

    def test_two_at_once(self, empty):
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: migrate(empty), range(4)))
        assert [d.returncode for d in done] == [0] * 4, [d.stderr for d in done]
        assert sorted(line for d in done for line in d.stdout.splitlines() if line.startswith("applied")) \
            == [f"applied {f}" for f in FILES]
        assert applied(empty) == FILES

    def test_a_crash_leaves_nothing_half_done(self, empty):
        # the second file fails on its way: what it drops is gone already
        migrate(empty)
        empty.run("DELETE FROM twchat_schema WHERE version > 1")
        before = shape(empty)
        done = migrate(empty)
        assert done.returncode != 0
        assert shape(empty) == before
        assert applied(empty) == FILES[:1]

    def test_check(self, empty):
        assert migrate(empty, "--check").returncode == 4
        assert empty.value("SELECT to_regclass('twchat_schema')") is None
        migrate(empty)
        assert migrate(empty, "--check").returncode == 0

    def test_newer_database_is_left_alone(self, empty):
        migrate(empty)
        empty.run("INSERT INTO twchat_schema (version, name, sha256) VALUES (999, '999_future', 'x')")
        done = migrate(empty)
        assert done.returncode == 4
        assert "999" in done.stderr and "newer" in done.stderr
        assert twchatctl("apikey", "list", env={"DATABASE_URL": empty.url}).returncode == 4

    def test_a_schema_of_its_own_beside_others(self, empty):
        # a tenant by search_path
        migrate(empty)
        empty.run("CREATE SCHEMA tenant2")
        url = empty.url + "?options=-csearch_path%3Dtenant2"
        done = twchatctl("migrate", env={"DATABASE_URL": url})
        assert done.returncode == 0, done.stderr
        assert empty.value("SELECT count(*) FROM tenant2.twchat_schema") == len(FILES)
        key = twchatctl("apikey", "create", "theirs", env={"DATABASE_URL": url})
        assert key.returncode == 0
        assert empty.value("SELECT count(*) FROM api_keys") == 0
        assert empty.value("SELECT count(*) FROM tenant2.api_keys") == 1

    def test_no_database(self):
        done = twchatctl("migrate", env={"DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:9/x"})
        assert done.returncode == 4
        assert "refused" in done.stderr and "hunter2" not in done.stderr
        done = twchatctl("migrate")
        assert done.returncode == 3
        assert "DATABASE_URL" in done.stderr
