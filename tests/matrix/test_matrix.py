"""Every format in, every platform out: the same answer, the same error, the same usage and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gateway.ledger.row import Row
from tests.matrix.callers import CALLERS, Caller
from tests.matrix.house import UPSTREAMS, House, opened
from tests.matrix.scenes import SCENES, TOO_LONG, Scene
from tests.matrix.told import Told
from tests.server.serving import until

USED = (
    *("state", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("cache_write_5m_tokens", "cache_write_1h_tokens", "thinking_tokens"),
    *("platform", "model", "scope", "list_pico", "net_pico", "low_pico", "high_pico", "unpriced"),
)
"""What a row says of usage and cost."""
REFUSED: dict[tuple[str, str], str] = {("openai_relay", "thinking"): "signed"}
"""(upstream, scene) -> why the gateway refuses the request for it, in words of the message."""
SHORTER = {"openai_relay": 2}
"""Upstream whose streams say the same in fewer frames -> after how many one is cut."""
Found = list[tuple[Told, dict[str, Any]]]
Reference = Callable[[str, str, bool], Found]
"""Upstream, scene, streamed -> what the Messages API is told."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("matrix")) as house:
        yield house


@pytest.fixture(scope="module")
def callers(house: House) -> Iterator[Mapping[str, Caller]]:
    made = {way: open_caller(house.url) for way, open_caller in CALLERS.items()}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(scope="module")
def reference(house: House, callers: Mapping[str, Caller]) -> Reference:
    """Return what tells how the Messages API is answered."""
    plain = callers["anthropic"]
    return cache(
        lambda upstream, name, stream: asked(house, plain, upstream, SCENES[name], stream=stream)
    )


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("way", CALLERS)
def test_it_is_the_same_in_every_format(  # noqa: PLR0917 - a cell, and what it is tried with
    way: str,
    name: str,
    upstream: str,
    house: House,
    callers: Mapping[str, Caller],
    reference: Reference,
) -> None:
    scene = SCENES[name]
    for stream in scene.streams:
        if (upstream, name) in REFUSED:
            told = callers[way].ask(scene, upstream, stream=stream)
            assert told.status == 400
            assert REFUSED[upstream, name] in (told.error or "")
            continue
        found = asked(house, callers[way], upstream, scene, stream=stream)
        sensible(name, found)
        expected = reference(upstream, name, stream)
        for (told, used), (told_there, used_there) in zip(found, expected, strict=True):
            assert used == used_there
            assert comparable(told) == comparable(told_there)


def comparable(told: Told) -> Told:
    """Return what every format tells; each has its own status and words for an error."""
    return told if told.error is None else replace(told, error="", status=None)


def sensible(name: str, found: Found) -> None:
    """The answers are about their scene, so that equal does not mean equally empty."""
    (told, used) = found[0]
    match name:
        case "text":
            assert (told.text, told.stop) == ("all is well", "end_turn")
        case "tools":
            assert [tool for tool, _ in told.tools] == ["write"]
            assert told.stop == "tool_use"
        case "thinking":
            assert used["thinking_tokens"] > 0
            assert told.text == "all is well"
        case "cache":
            again, _ = found[1]
            assert (told.written_tokens or 0) > 1000
            assert (told.read_tokens, again.read_tokens) == (0, told.written_tokens)
        case "error":
            # Clouds' own words are not handed on.
            assert TOO_LONG in (told.error or "") or "Input is too long." in (told.error or "")
            assert told.status == 400
        case "cut":
            assert told.error
            # Chat completions count nothing before they are over.
            uncounted = told.upstream == "openai_relay"
            assert used["state"] == ("unknown" if uncounted else "partial")
    if name not in {"error", "cut"}:
        assert used["state"] == "final"
        assert (told.input_tokens, told.output_tokens) == (
            used["input_tokens"] + used["cache_read_tokens"] + used["cache_write_tokens"],
            used["output_tokens"],
        )


def asked(house: House, caller: Caller, upstream: str, scene: Scene, *, stream: bool) -> Found:
    """Ask an upstream by one way in; return what was told each time, and its row's usage."""
    house.emulator.reset()
    if scene.fault is not None:
        shorter = {"at": SHORTER[upstream]} if "at" in scene.fault and upstream in SHORTER else {}
        house.emulator.faults.add({**scene.fault, **shorter})
    found = []
    for _ in range(scene.asks):
        before = house.mark()
        told = caller.ask(scene, upstream, stream=stream)
        until(lambda: _ended(house.rows(before)))  # noqa: B023 - called before the next turn
        rows = house.rows(before)
        assert {row.upstream for row in rows} == {upstream}
        found.append((told, _used(rows[-1])))
    return found


def _ended(rows: list[Row]) -> bool:
    return bool(rows) and not any(row.open for row in rows)


def _used(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in USED}
