# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Whose account it is: login names, passwords and their strength, keys in place of passwords, recovery codes, Apache's own doors."""
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from people import PASSWORD, Browser, code_of, enroll, login, new_name, register
from server import MOUNTS
from test_610_admin import signed_in
from test_640_apache import files
from waiting import wait_for


@pytest.fixture(scope="class")
def open_site(make_site):
    return make_site(access="Require all granted")


@pytest.fixture(scope="class")
def boss(open_site):
    return Browser(open_site, register(open_site, new_name("boss")).give("super_admin").username)


class TestHashes:
    def test_old_ones_are_made_anew(self, make_site):
        site = make_site(access="Require all granted", directives="TwchatPasswordCost 5")
        for old in ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", None):
            person = register(site, password="password")
            if old:
                site.db().run("UPDATE users SET password_hash = %s WHERE id = %s", old, person.id)
            else:
                site.db().run("UPDATE users SET password_hash = replace(password_hash, '$2y$05$', '$2a$05$') WHERE id = %s", person.id)
            assert login(site, person.username, "wrong").status_code == 401
            browser = Browser(site, person.username, "password")
            kept = site.db().value("SELECT password_hash FROM users WHERE id = %s", person.id)
            assert kept.startswith("$2y$05$") and browser("GET", "/api/account").status_code == 200
            assert login(site, person.username, "password").status_code == 200
            assert site.db().value("SELECT password_hash FROM users WHERE id = %s", person.id) == kept
