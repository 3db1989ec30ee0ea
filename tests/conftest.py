"""What every test has: the fuse, the emulated platforms, and how long laws are tried."""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from gateway.emulator import Emulator

settings.register_profile("ci", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=2000)
settings.load_profile("nightly" if os.environ.get("TIDEGATE_NIGHTLY") else "ci")

# A shell has its commands in the background ignore this signal, and what they start ignores it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

_blown: list[str] = []


class FuseBlown(RuntimeError):
    """A test tried to reach an address that is not loopback."""


def _is_loopback(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _fuse(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _is_loopback(host):
        _blown.append(f"{event} {host!r}")
        raise FuseBlown(f"{event} {host!r}")


sys.addaudithook(_fuse)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the tests: modules, and the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fuse() -> Iterator[list[str]]:
    """Fail the test in which the fuse blew, even where the error was swallowed.

    A test that means to be stopped takes this fixture and clears the list.
    """
    _blown.clear()
    yield _blown
    blown = list(_blown)
    _blown.clear()
    assert not blown


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator: Emulator) -> Emulator:
    """The emulated platforms, with nothing recorded, cached or to go wrong."""
    _emulator.reset()
    return _emulator
