"""Whatever the SDK's client does, this one does, against the same server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest

import gateway
from gateway.emulator import Emulator
from tests.clients.scenes import ASK, ASYNC, SYNC


class _Plain(anthropic.Anthropic):
    """The SDK's own; the emulated API holds no message threads."""

    _supports_message_threads = False


class _AsyncPlain(anthropic.AsyncAnthropic):
    _supports_message_threads = False


def _sync(name: str, client: anthropic.Anthropic) -> Any:
    with client:
        return SYNC[name](client)


def _async(name: str, client: anthropic.AsyncAnthropic) -> Any:
    async def run() -> Any:
        async with client:
            return await ASYNC[name](client)

    return asyncio.run(run())


@pytest.mark.parametrize("name", SYNC)
def test_the_blocking_client_does_what_the_sdks_does(name: str, no_file: Emulator) -> None:
    expected = _sync(name, _Plain())
    no_file.reset()
    assert _sync(name, gateway.Anthropic()) == expected
    assert {record.platform for record in no_file.records} == {"anthropic"}


@pytest.mark.parametrize("name", ASYNC)
def test_the_asyncio_client_does_what_the_sdks_does(name: str, no_file: Emulator) -> None:
    expected = _async(name, _AsyncPlain())
    no_file.reset()
    assert _async(name, gateway.AsyncAnthropic()) == expected
    assert {record.platform for record in no_file.records} == {"anthropic"}


@pytest.mark.parametrize("name", SYNC)
def test_a_configured_client_does_it_on_another_platform(
    name: str, directory: Path, emulator: Emulator
) -> None:
    emulator.faults.add("status", status=503, platform="anthropic", times=-1)
    client = gateway.Anthropic(gateway=directory)
    if name == "count_tokens":  # The emulated region has no other way to count.
        with pytest.raises(gateway.NoUpstreamAvailable):
            _sync(name, client.with_options(max_retries=0))
        return
    if name in {"raw_response", "with_options"}:  # No second attempt, or another platform's ids.
        emulator.faults.clear()
    assert _sync(name, client)


def test_both_kinds_of_client_have_the_same_scenes() -> None:
    assert SYNC.keys() == ASYNC.keys()


def test_models_are_those_of_the_upstreams(no_file: Emulator) -> None:
    with gateway.Anthropic() as client:
        ids = [model.id for model in client.models.list(limit=2)]
        one = client.models.retrieve(ids[0])
        betas = [model.id for model in client.beta.models.list()]
    assert ids == betas
    assert len(ids) > 2
    assert one.id == ids[0]
    assert not list(no_file.records)


def test_models_of_the_asyncio_client(no_file: Emulator) -> None:
    async def run() -> tuple[list[str], str]:
        async with gateway.AsyncAnthropic() as client:
            ids = [model.id async for model in client.models.list(limit=2)]
            return ids, (await client.models.retrieve(ids[-1])).id

    ids, last = asyncio.run(run())
    assert len(ids) > 2
    assert last == ids[-1]


ERRORS = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529]


@pytest.mark.parametrize("status", ERRORS)
def test_an_error_is_of_the_sdks_class_too(status: int, no_file: Emulator) -> None:
    seen = []
    for client in (anthropic.Anthropic(max_retries=0), gateway.Anthropic(max_retries=0)):
        no_file.faults.add("status", status=status)
        with client, pytest.raises(anthropic.APIStatusError) as caught:
            client.messages.create(**ASK)
        seen.append(caught.value)
    bare, ours = seen
    assert isinstance(ours, type(bare))
    assert (ours.status_code, ours.type) == (bare.status_code, bare.type)
    assert ours.request_id is not None
    assert isinstance(ours, gateway.NoUpstreamAvailable) is (status not in {400, 413, 422})


def test_an_error_code_chooses_the_class(no_file: Emulator) -> None:
    body = (
        '{"type":"error","error":{"type":"rate_limit_error","message":"no",'
        '"details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}'
    )
    seen = []
    for client in (anthropic.Anthropic(max_retries=0), gateway.Anthropic(max_retries=0)):
        no_file.faults.add("status", status=429, body=body)
        with client, pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(**ASK)
        seen.append(caught.value)
    assert isinstance(seen[1], type(seen[0]))
    assert type(seen[0]) is not anthropic.RateLimitError
    assert seen[1].error_code == "enforced_spend_limit_reached"


def test_default_transport_options_do_not_get_in_the_way(
    monkeypatch: pytest.MonkeyPatch, no_file: Emulator
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with gateway.Anthropic() as client:
        assert client.messages.create(**ASK).content
