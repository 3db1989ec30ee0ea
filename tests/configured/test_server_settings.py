"""Each setting of `[server]` that bounds what it bears acts."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.call import Caller
from gateway.cli import app
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.server import Settings
from gateway.server.serve import _notes
from tests.configured.conftest import Written
from tests.server.lines import line, post
from tests.server.serving import BODY, HEADERS, Running, serving, until

STREAM = {**BODY, "stream": True}
KEYS = {"callers": {f"key-{name}": Caller(name, frozenset()) for name in "ab"}}
Served = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def served(written: Written) -> Served:
    """Return what serves a configuration: `served(in_flight=1)`."""

    def serve(*, more: Any = None, **server: Any) -> AbstractContextManager[Running]:
        config = written(server=server)
        settings = Settings.of(config)
        given = {each.name: getattr(settings, each.name) for each in fields(settings)}
        return serving(
            Engine.from_config(config), **{**given, "port": 0, "drain_s": 5.0, **(more or {})}
        )

    return serve


def test_every_number_reaches_the_server(written: Written) -> None:
    config = written(
        server={
            "body_limit_mb": 3,
            "in_flight": 70,
            "in_flight_per_key": 5,
            "memory_mb": 512,
            "on_disconnect": '"drain"',
            "disconnect_drain_s": 9,
        }
    )
    bounds = Settings.of(config).bounds
    assert (bounds.in_flight, bounds.in_flight_per_key) == (70, 5)
    assert (bounds.memory_bytes, bounds.bodies_bytes) == (512 << 20, 128 << 20)
    assert (bounds.draining, bounds.drain_s) == (7, 9)


def test_what_is_not_set_bounds_as_the_configuration_says(written: Written) -> None:
    config, settings = written(), Settings()
    assert Settings.of(config).bounds == settings.bounds
    assert settings.bounds.in_flight_per_key is settings.bounds.memory_bytes is None
    assert settings.bounds.draining == 0


@pytest.mark.parametrize(
    ("server", "second", "third"),
    [
        ({}, 200, 200),
        ({"in_flight": 1}, 529, 529),
        ({"in_flight": 2}, 200, 200),
        ({"in_flight_per_key": 1}, 429, 200),
        ({"memory_mb": 1}, 529, 529),
        ({"memory_mb": 100_000}, 200, 200),
    ],
)
def test_so_much_is_borne_at_a_time(
    server: dict[str, int], second: int, third: int, served: Served, emulator: Emulator
) -> None:
    """The second call is of the same caller as the first, the third of another."""
    emulator.faults.add("stall", at=5)
    with served(more=KEYS, **server) as gateway, line(gateway) as one:
        one.send(post(STREAM, b"x-api-key: key-a"))
        assert one.begun() == 200
        for key, status in (("a", second), ("b", third)):
            reply = gateway.call(BODY, {**HEADERS, "x-api-key": f"key-{key}"})
            assert reply.status == status
            assert ("retry-after" in reply.headers) is (status != 200)


@pytest.mark.parametrize(
    ("server", "left"),
    [
        ({"on_disconnect": '"close"', "disconnect_drain_s": 3000}, True),
        ({"on_disconnect": '"drain"', "disconnect_drain_s": 3000}, False),
        ({"on_disconnect": '"drain"', "disconnect_drain_s": 0.05}, True),
    ],
)
def test_an_answer_whose_caller_left_is_cut_or_read_on(
    server: dict[str, Any], left: bool, served: Served, emulator: Emulator
) -> None:
    emulator.faults.add("stall", at=5, **({} if left else {"for_s": 0.2}))
    with served(**server) as gateway:
        with line(gateway) as one:
            one.send(post(STREAM))
            assert one.begun() == 200
        until(lambda: gateway.app.load.running == 0)
        until(lambda: emulator.records[0].left is left and emulator.records[0].outcome != "open")


def test_a_bound_that_cannot_be_held_is_told(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(server={"memory_mb": 512})
    for name, value in {"GATEWAY_ENV": "test", "TEST_KEY": "made-up"}.items():
        monkeypatch.setenv(name, value)
    command = ["check", "--config", str(config.directory), "--json"]
    assert "memory" not in CliRunner().invoke(app, command).output
    without = _notes(config)
    monkeypatch.setattr("gateway.memory.resident_bytes", lambda _statm: None)
    (note,) = [note for note in _notes(config) if note not in without]
    assert note.startswith("server.memory_mb = 512 has no effect")
    assert note in json.loads(CliRunner().invoke(app, command).output)["notes"]


def test_a_bound_below_what_an_idle_server_holds_is_told(written: Written) -> None:
    note = _notes(written(server={"memory_mb": 1}))[-1]
    assert note.startswith("server.memory_mb = 1 is too low")
