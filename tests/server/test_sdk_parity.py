"""The SDK's own clients behave through the server as against the API itself."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from gateway.emulator import Emulator
from tests.clients.scenes import ASK, ASYNC, SYNC
from tests.server.serving import Running

GENTLE = [400, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529]
OPERATORS = [401, 402, 403]


class _Sync(anthropic.Anthropic):
    """The SDK's own; the emulated API holds no message threads."""

    _supports_message_threads = False


class _Async(anthropic.AsyncAnthropic):
    _supports_message_threads = False


def _sync(name: str, **how: Any) -> Any:
    with _Sync(**how) as client:
        return SYNC[name](client)


def _async(name: str, **how: Any) -> Any:
    async def run() -> Any:
        async with _Async(**how) as client:
            return await ASYNC[name](client)

    return asyncio.run(run())


def _places(gateway: Running, emulator: Emulator) -> tuple[dict[str, Any], dict[str, Any]]:
    key = emulator.api_key
    there = {"base_url": emulator.direct.base_url, "api_key": key}
    return there, {"base_url": gateway.url, "api_key": key}


@pytest.mark.parametrize("name", SYNC)
def test_the_blocking_client_gets_the_same(name: str, gateway: Running, emulator: Emulator) -> None:
    there, here = _places(gateway, emulator)
    expected = _sync(name, **there)
    emulator.reset()
    assert _sync(name, **here) == expected


@pytest.mark.parametrize("name", ASYNC)
def test_the_asyncio_client_gets_the_same(name: str, gateway: Running, emulator: Emulator) -> None:
    there, here = _places(gateway, emulator)
    expected = _async(name, **there)
    emulator.reset()
    assert _async(name, **here) == expected


def _raised(emulator: Emulator, status: int, place: dict[str, Any]) -> anthropic.APIStatusError:
    emulator.reset()
    emulator.faults.add("status", status=status, times=-1, headers={"retry-after": "0"})
    with (
        _Sync(**place, max_retries=0) as client,
        pytest.raises(anthropic.APIStatusError) as caught,
    ):
        client.messages.create(**ASK)
    return caught.value


@pytest.mark.parametrize("status", GENTLE)
def test_an_error_is_of_the_same_class(status: int, gateway: Running, emulator: Emulator) -> None:
    bare, ours = (_raised(emulator, status, place) for place in _places(gateway, emulator))
    assert type(ours) is type(bare)
    assert (ours.status_code, ours.type) == (bare.status_code, bare.type)
    assert ours.request_id is not None


@pytest.mark.parametrize("status", OPERATORS)
def test_the_operators_trouble_is_not_the_callers(
    status: int, gateway: Running, emulator: Emulator
) -> None:
    ours = _raised(emulator, status, _places(gateway, emulator)[1])
    assert (ours.status_code, ours.type) == (502, "api_error")
    assert len(emulator.records) == 1


def test_a_model_that_does_not_exist_is_of_the_same_class(
    gateway: Running, emulator: Emulator
) -> None:
    for place in _places(gateway, emulator):
        with _Sync(**place) as client, pytest.raises(anthropic.NotFoundError) as caught:
            client.models.retrieve("claude-opus-9")
        assert caught.value.type == "not_found_error"
