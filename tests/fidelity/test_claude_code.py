"""Claude Code's requests, end to end: nothing changes on its way, and nothing is lost unnamed."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Raw

from gateway.emulator import Emulator, Record
from tests.fidelity import samples
from tests.fidelity.gateways import Caller, engine_over

CLOUDS = ("bedrock", "vertex")
TAKEN = [(name, cloud) for name in samples.NAMES for cloud in CLOUDS]
TAKEN.remove((samples.WEB_SEARCH, "bedrock"))
RENAMED: dict[str, dict[str, str]] = {
    "bedrock": {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"},
    "vertex": {"advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19"},
}
"""Betas that another platform knows by another name, for the same thing."""
FORWARDED = ("anthropic-", "user-agent", "x-app", "x-claude-code-", "x-stainless-")
OF_THE_CONNECTION = {"x-stainless-retry-count", "x-stainless-timeout"}
PLATFORMS_OWN = {"anthropic_version", "anthropic_beta"}
TRAVELS_ELSEWHERE = {"bedrock": {"model", "stream"}, "vertex": {"model"}}
"""Fields that stand in the path there."""


@pytest.mark.parametrize("written", samples.WRITTEN)
@pytest.mark.parametrize("name", samples.NAMES)
def test_a_request_reaches_the_direct_api_byte_for_byte(
    name: str, written: str, emulator: Emulator, caller: Caller
) -> None:
    engine = engine_over(emulator, "anthropic")
    got = caller.ask(engine, samples.call(name, written))
    assert got.status == 200
    assert got.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert got.dropped == []
    [record] = emulator.records
    assert record.body == samples.body(name, written)
    for header, value in samples.headers(name):
        if header.startswith(FORWARDED) and header not in OF_THE_CONNECTION:
            assert record.header(header) == value, header
    no_credential_of_the_caller(record)


@pytest.mark.parametrize(("name", "cloud"), TAKEN)
def test_lenient_loses_exactly_what_it_names(
    name: str, cloud: str, emulator: Emulator, caller: Caller
) -> None:
    got = caller.ask(engine_over(emulator, cloud, lenient=True), samples.call(name))
    assert got.status == 200
    [record] = emulator.records
    sent, arrived = json.loads(samples.body(name)), record.json()
    parts = [each for each in got.dropped if not each.startswith(samples.BETA)]
    expected = samples.without(sent, parts)
    for field in TRAVELS_ELSEWHERE[cloud]:
        del expected[field]
    assert {key: arrived[key] for key in arrived if key not in PLATFORMS_OWN} == expected
    assert sent["model"] in record.path
    assert ("stream" in record.path) or ("streamRawPredict" in record.path)
    betas_are_those_not_named(name, cloud, record, got.dropped)
    no_credential_of_the_caller(record)


def betas_are_those_not_named(name: str, cloud: str, record: Record, dropped: list[str]) -> None:
    gone = [each.removeprefix(samples.BETA) for each in dropped if each.startswith(samples.BETA)]
    assert set(gone) <= set(samples.betas(name))
    kept = [beta for beta in samples.betas(name) if beta not in gone]
    inside = record.json().get("anthropic_beta") or []
    header = record.header("anthropic-beta")
    arrived = inside if cloud == "bedrock" else (header or "").split(",")
    assert arrived == [RENAMED[cloud].get(beta, beta) for beta in kept]


@pytest.mark.parametrize(("name", "cloud"), TAKEN)
def test_what_is_not_named_keeps_its_bytes(
    name: str, cloud: str, emulator: Emulator, caller: Caller
) -> None:
    got = caller.ask(engine_over(emulator, cloud, lenient=True), samples.call(name))
    [record] = emulator.records
    before, after = fields(samples.body(name)), fields(record.body)
    touched = {each.partition(".")[0].partition("[")[0] for each in got.dropped}
    for key in after.keys() - touched - PLATFORMS_OWN:
        assert after[key] == before[key], key
    if "messages" in touched:
        for old, new in zip(messages(before["messages"]), messages(after["messages"]), strict=True):
            assert new == {key: old[key] for key in new}


@pytest.mark.parametrize(("name", "cloud"), [(n, c) for n in samples.NAMES for c in CLOUDS])
def test_strict_names_each_field_and_beta_and_sends_nothing(
    name: str, cloud: str, emulator: Emulator, caller: Caller
) -> None:
    refused = caller.ask(engine_over(emulator, cloud), samples.call(name))
    assert refused.status == 400
    assert not len(emulator.records)
    error = json.loads(refused.body)["error"]
    assert error["type"] == "invalid_request_error"
    if (name, cloud) in TAKEN:
        dropped = caller.ask(engine_over(emulator, cloud, lenient=True), samples.call(name)).dropped
        assert dropped
        for each in dropped:
            assert f"{each}: " in error["message"]


@pytest.mark.parametrize("lenient", [True, False])
def test_a_server_tool_is_never_left_out(lenient: bool, emulator: Emulator, caller: Caller) -> None:
    """Without its one tool a web search would be answered from memory."""
    engine = engine_over(emulator, "bedrock", lenient=lenient)
    refused = caller.ask(engine, samples.call(samples.WEB_SEARCH))
    assert refused.status == 400
    assert "web_search_20250305" in json.loads(refused.body)["error"]["message"]
    assert not len(emulator.records)


def no_credential_of_the_caller(record: Record) -> None:
    """The caller's key ends at the gateway, and so do the gateway's own words."""
    for header, value in record.headers:
        assert "sk-ant-fixture" not in value
        assert not header.lower().startswith("x-gateway")


def fields(body: bytes) -> Mapping[str, bytes]:
    found = msgspec.json.decode(body, type=dict[str, Raw])
    return {key: bytes(value) for key, value in found.items()}


def messages(raw: bytes) -> list[Mapping[str, bytes]]:
    found = msgspec.json.decode(raw, type=list[dict[str, Raw]])
    return [{key: bytes(value) for key, value in each.items()} for each in found]
