"""Secrets stay where they are: not in key logs, not in pickles; and a fork can still fetch."""

from __future__ import annotations

import os
import pickle
import select
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.credentials.single_flight import SingleFlight
from gateway.credentials.token_transport import TokenTransport
from gateway.wire.contract import Outgoing, Route
from providers.contract import Bearer, Fields, WireRequest

CANARY = "canary-secret"


def test_the_session_keys_of_a_token_fetch_are_written_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    transport = TokenTransport(until_s=0.0)
    made = transport._connection(urlsplit("https://oauth2.googleapis.com/token"), 1.0)
    assert vars(made)["_context"].keylog_filename is None
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "held",
    [
        Outgoing("POST", "/", (("authorization", CANARY),), CANARY.encode()),
        Route("a", "https", "a.test", 443, proxy=f"http://u:{CANARY}@p:1"),
        Fields(CANARY.encode(), {}, "2026-10-21"),
        WireRequest("POST", "/", (), CANARY.encode(), Bearer()),
    ],
    ids=lambda held: type(held).__name__,
)
def test_what_holds_a_secret_or_a_prompt_is_not_pickled(held: object) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(held)


def test_a_fetch_under_way_at_a_fork_does_not_keep_the_child_waiting() -> None:
    go_on = threading.Event()
    parent = os.getpid()

    def work() -> int:
        if os.getpid() == parent:
            go_on.wait(20)
        return 7

    flight = SingleFlight(work, "test")
    under_way = flight.join(lambda: True)
    assert under_way is not None
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            joined = flight.join(lambda: True)
            os.write(there, b"%d" % joined.result(10) if joined else b"none")
        finally:
            os._exit(0)
    try:
        came, _, _ = select.select([here], [], [], 15)
        assert came
        assert os.read(here, 10) == b"7"
    finally:
        go_on.set()
        os.waitpid(child, 0)
    assert under_way.result(20) == 7
