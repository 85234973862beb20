# Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
"""Free loopback ports, none handed out twice in one run."""
import socket

_given = set()


def free_port():
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
