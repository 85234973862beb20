# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Fixtures of the HTTP tests.

    postgres    the run's PostgreSQL server, shared; do not stop it
    template    name of a migrated database to copy
    sandbox     the run's Twilio, shared
    site        the run's site, shared: use new_number() and new_sid() to keep apart
    make_site   for a class: make_site(directives=..., hosts=[Host(...), ...], ...) -> Site, started
    make_postgres, make_sandbox   for a class that stops or torments its own
    expect_log  for a test: expect_log("TWC2104", ...) announces what the error log may say

After each class the error logs are read: anything at error or above, any of our
own warnings, and any sign of a crash fails the class unless it was announced,
by expect_log or by @pytest.mark.expect_log("TWC2104") on the test, class or module.
"""
import os

import pytest

from httpd import built_module, scratch_dir, scratch_keep
from postgres import Postgres
from server import Site, migrate


def pytest_configure(config):
    config.addinivalue_line("markers", "expect_log(*texts): what the error logs may contain after this class")


def pytest_terminal_summary(terminalreporter, exitstatus):
    """What failed can be read up; databases are too large to keep."""
    if exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        terminalreporter.write_line(f"configurations and logs are kept in {scratch_keep()}")


class Watch:
    """All error logs of the run, and what the current class announced."""

    def __init__(self):
        self.logs = []
        self.expected = set()

    def add(self, log):
        self.logs.append(log)


_watch = Watch()


@pytest.fixture(scope="class", autouse=True)
def quiet_logs(request):
    _watch.expected = {text for mark in request.node.iter_markers("expect_log") for text in mark.args}
    yield
    bad = [f"{log.path}: {line}" for log in _watch.logs for line in log.unexpected(_watch.expected)]
    assert not bad, "unexpected in the error log:\n" + "\n".join(bad[:20])


@pytest.fixture(autouse=True)
def announced(request):
    """What the test itself announces by its marker counts for its class."""
    _watch.expected.update(text for mark in request.node.iter_markers("expect_log") for text in mark.args)


@pytest.fixture
def expect_log():
    return lambda *texts: _watch.expected.update(texts)


def _servers(name):
    """A function that makes started PostgreSQL servers, and one that ends them all."""
    made = []

    def make():
        directory = scratch_dir(name)
        made.append(Postgres(directory))
        made[-1].start()
        return made[-1]

    def end():
        for server in made:
            server.__exit__()
    return make, end


def _with_template(server):
    database = server.create("twchat_template", "template0")
    migrate(database)
    database.close()
    return server


@pytest.fixture(scope="session")
def postgres():
    make, end = _servers("pg")
    try:
        yield _with_template(make())
    finally:
        end()


@pytest.fixture(scope="session")
def template(postgres):
    return "twchat_template"


@pytest.fixture(scope="class")
def make_postgres():
    """make_postgres() -> Postgres with the template database, to be stopped and restarted at will."""
    make, end = _servers("pg")
    try:
        yield lambda: _with_template(make())
    finally:
        end()


def _sandboxes():
    from sandbox_server import Sandbox      # needs the sandbox module; most unit-like tests do not
    made = []

    def make(**options):
        made.append(Sandbox(**options))
        made[-1].start()
        _watch.add(made[-1].log)
        return made[-1]

    def end():
        for one in made:
            one.stop()
    return make, end


@pytest.fixture(scope="session")
def sandbox():
    make, end = _sandboxes()
    try:
        yield make()
    finally:
        end()


@pytest.fixture(scope="class")
def make_sandbox():
    make, end = _sandboxes()
    try:
        yield make
    finally:
        end()


def _need_module():
    if not os.path.exists(built_module("twchat")):
        pytest.fail(f"{built_module('twchat')} is not built")


@pytest.fixture(scope="session")
def site(postgres, template, sandbox):
    _need_module()
    one = Site(postgres, template, sandbox=sandbox)
    _watch.add(one.log)
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture(scope="class")
def make_site(postgres, template, quiet_logs):
    """make_site(server=None, start=True, **Site options) -> Site"""
    _need_module()
    made = []

    def make(server=None, start=True, **options):
        one = Site(server or postgres, template, **options)
        made.append(one)
        _watch.add(one.log)
        return one.start() if start else one
    yield make
    for one in made:
        one.stop()
