from __future__ import annotations

import socket

import pytest


def test_the_fuse_stops_a_connection_that_leaves_the_machine(fuse: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 9), timeout=0.1)
    assert fuse
    fuse.clear()


def test_the_fuse_stops_a_name_lookup(fuse: list[str]) -> None:
    with pytest.raises(RuntimeError, match=r"name\.test"):
        socket.getaddrinfo("name.test", 443)
    fuse.clear()
