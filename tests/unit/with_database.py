# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Run a command with TWCHAT_TEST_DATABASE pointing at a PostgreSQL server of its own."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "http"))

from httpd import scratch_dir       # noqa: E402
from postgres import Postgres       # noqa: E402


def main():
    directory = scratch_dir("unit")
    try:
        with Postgres(os.path.join(directory, "pg")) as server:
            env = dict(os.environ, TWCHAT_TEST_DATABASE=server.conninfo("postgres"))
            return subprocess.run(sys.argv[1:], env=env, check=False).returncode
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
