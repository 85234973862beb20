# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Twilio's own Node library, unchanged, against the sandbox. Its packages are
fetched once into the build directory; without npm or a registry this is skipped."""
import os
import shutil
import subprocess

import pytest

from httpd import BUILD, SOURCE
from receiver import Receiver
from sandbox_server import NUMBER, SERVICE, Sandbox

NODE = os.path.join(SOURCE, "tests", "node")


@pytest.fixture(scope="module")
def drive():
    """The driver beside its installed dependency."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    place = os.path.join(BUILD, "node")
    os.makedirs(place, exist_ok=True)
    for name in ("package.json", "drive.mjs"):
        shutil.copy(os.path.join(NODE, name), place)
    if not os.path.exists(os.path.join(place, "node_modules", "twilio")):
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
                              cwd=place, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip("npm cannot fetch the library: " + done.stderr[-300:])
    return os.path.join(place, "drive.mjs")


def test_node_library(drive):
    with Sandbox(directives=f"TwchatSandboxService {SERVICE} {NUMBER}") as sandbox:
        receiver = Receiver(sandbox.auth_token)
        try:
            env = {k: v for k, v in os.environ.items() if k not in ("TWILIO_REGION", "TWILIO_EDGE")}
            done = subprocess.run(["node", drive], capture_output=True, text=True, timeout=120, check=False, env={
                **env, "TWILIO_API_BASE": sandbox.url, "TWILIO_ACCOUNT_SID": sandbox.account_sid,
                "TWILIO_AUTH_TOKEN": sandbox.auth_token, "FROM": NUMBER, "SERVICE": SERVICE,
                "CALLBACK": receiver.url + "/status"})
            assert done.returncode == 0, done.stdout + done.stderr
            assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") == 8
            assert [c.valid for c in receiver.wait("/status", 2)] == [True, True]
            agents = {r["headers"].get("User-Agent", "").split("/")[0] for r in sandbox.requests(path="Messages")}
            assert agents == {"twilio-node"}
        finally:
            receiver.close()
