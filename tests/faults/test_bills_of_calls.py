"""Ledger and bill agree on what the fault table has not: caches, refusals, callers who leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.ledger.row import Row, State
from tests.faults.stage import GATEWAY_KEY, Stage, staged
from tests.ledger.bills import Billed, billed, differences, folded, width_pico
from tests.server.serving import until

PLATFORMS = ("anthropic", "bedrock", "vertex")
LONG = "The tide turns and slow water lifts each boat that waits by old stone. " * 60
"""Long enough to be cached."""
TOOL = {"name": "t", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
THINKING = {"type": "adaptive"}


def cached(text: str, ttl: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", "ttl": ttl}}


CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cut short": {"max_tokens": 3},
    "write for 5 minutes": {"system": [cached(f"one {LONG}", "5m")]},
    "write for an hour": {"system": [cached(f"two {LONG}", "1h")]},
    "write both": {"system": [cached(f"three {LONG}", "1h"), cached(f"four {LONG}", "5m")]},
    "write, then read": {"system": [cached(f"five {LONG}", "5m")]},
    "tool": {"text": "[[tool]]", "tools": [TOOL]},
    "thinking": {"thinking": THINKING},
    "refusal": {"text": "[[refusal]]"},
    "refusal in the middle": {"text": "[[refusal:mid]] [[words:30]]"},
    "small prompt of Haiku": {"model": "claude-haiku-5-5"},
    "large prompt of Haiku": {"model": "claude-haiku-5-5", "system": "abcd" * 100_001},
}
"""Each also as a stream."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.fixture(scope="module")
def draining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("draining"), drains=True) as made:
        yield made


def labelled(platform: str, mark: str) -> dict[str, str]:
    return {"x-gateway-only": platform, "x-gateway-tag-case": mark, "x-api-key": GATEWAY_KEY}


def body(text: str = "[[words:30]]", **more: Any) -> dict[str, Any]:
    asked = {"model": "claude-opus-5-5", "max_tokens": 300, "tools": []}
    messages = [{"role": "user", "content": text}]
    return {k: v for k, v in {**asked, "messages": messages, **more}.items() if v != []}


def account(stage: Stage, mark: str, at: int) -> tuple[list[Row], list[Billed]]:
    """Return the rows with a mark, and what was billed for the requests from a number on."""
    rows = [row for row in folded(stage.journal) if row.tags.get("case") == mark]
    records = [record for record in stage.emulator.records if record.number > at]
    return rows, [billed(each) for each in records if each.platform in PLATFORMS]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_call_costs_what_is_billed(platform: str, name: str, stream: bool, stage: Stage) -> None:
    at, mark = stage.emulator.records.total, f"{platform} {name} {stream}"
    call = body(**CALLS[name])
    if isinstance(system := call.get("system"), list):
        call["system"] = [{**each, "text": f"{mark}: {each['text']}"} for each in system]
    with anthropic.Anthropic(base_url=stage.url, api_key=GATEWAY_KEY, max_retries=0) as client:
        headers = labelled(platform, mark)
        for _ in range(2 if "read" in name else 1):
            answer: Any = client.messages.create(**call, stream=stream, extra_headers=headers)
            if stream:
                assert [event.type for event in answer][-1] == "message_stop"
    rows, bills = account(stage, mark, at)
    assert not list(differences(rows, bills))
    # Only the Claude API says that it does not charge for a refusal without output.
    unsure = name == "refusal" and platform != "anthropic"
    assert bool(width_pico(rows)) is unsure
    assert {row.state for row in rows} == {State.FINAL}
    assert sum(bill.pico for bill in bills) == sum(row.net_pico or 0 for row in rows)
    if "write" in name:
        assert rows[0].cache_write_tokens
        assert bool(rows[-1].cache_read_tokens) is ("read" in name)
    waived = name == "refusal" and platform == "anthropic"
    assert all(bill.pico > 0 for bill in bills) is not waived


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_answer_says_where_its_cost_is_not_exact(platform: str, stage: Stage) -> None:
    mark = f"bounds {platform}"
    with anthropic.Anthropic(base_url=stage.url, api_key=GATEWAY_KEY, max_retries=0) as client:
        ask = client.messages.with_raw_response.create
        plain = ask(**body(), extra_headers=labelled(platform, mark))
        refused = ask(**body("[[refusal]]"), extra_headers=labelled(platform, mark))
    cost, bounds = "x-gateway-cost-usd", "x-gateway-cost-bounds-usd"
    assert plain.headers[cost] != "0"
    assert bounds not in plain.headers
    exact = platform == "anthropic"
    assert (refused.headers[cost] == "0") is exact
    assert refused.headers.get(bounds) == (None if exact else f"0..{refused.headers[cost]}")


@pytest.mark.parametrize("platform", ["anthropic", "vertex"])
def test_a_count_costs_nothing_and_has_a_row(platform: str, stage: Stage) -> None:
    at, mark = stage.emulator.records.total, f"count {platform}"
    counted = {k: v for k, v in body().items() if k != "max_tokens"}
    with anthropic.Anthropic(base_url=stage.url, api_key=GATEWAY_KEY, max_retries=0) as client:
        client.messages.count_tokens(**counted, extra_headers=labelled(platform, mark))
    rows, bills = account(stage, mark, at)
    assert not list(differences(rows, bills))
    assert [(row.kind, row.net_pico) for row in rows] == [("count_tokens", 0)]
    assert [bill.pico for bill in bills] == [0]


def test_what_runs_in_a_geography_is_billed_there(stage: Stage) -> None:
    at, mark = stage.emulator.records.total, "geography"
    with anthropic.Anthropic(base_url=stage.url, api_key=GATEWAY_KEY, max_retries=0) as client:
        headers = labelled("anthropic", mark)
        client.messages.create(**body(), inference_geo="us", extra_headers=headers)
        client.messages.create(**body(), extra_headers=headers)
    rows, bills = account(stage, mark, at)
    assert not list(differences(rows, bills))
    there, anywhere = bills
    assert there.pico * 10 == anywhere.pico * 11


def leave(stage: Stage, platform: str, mark: str) -> tuple[list[Row], list[Billed]]:
    """Begin to read a stream, go away, and return what it costs in the end."""
    at = stage.emulator.records.total
    call = {**body("[[words:60]] [[pace_ms:20]]"), "stream": True}
    headers = {**labelled(platform, mark), "anthropic-version": "2026-10-21"}
    url = f"{stage.url}/v1/messages"
    with httpx2.stream("POST", url, json=call, headers=headers, trust_env=False) as answer:
        chunks = answer.iter_raw()
        assert b"content_block_delta" in b"".join(next(chunks) for _ in range(3))
    until(lambda: stage.emulator.records[-1].billed is not None)
    until(lambda: not any(row.open for row in account(stage, mark, at)[0]))
    return account(stage, mark, at)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_leaves_costs_between_what_was_told_and_the_most(platform: str, stage: Stage) -> None:
    rows, bills = leave(stage, platform, f"leaves {platform}")
    assert [(row.state, row.outcome) for row in rows] == [(State.PARTIAL, "left")]
    assert not list(differences(rows, bills))
    assert (rows[0].low_pico or 0) < bills[0].pico < (rows[0].high_pico or 0)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_who_leaves_costs_exactly_what_is_billed_where_streams_are_drained(
    platform: str, draining: Stage
) -> None:
    rows, bills = leave(draining, platform, f"drained {platform}")
    assert [(row.state, row.outcome) for row in rows] == [(State.FINAL, "left")]
    assert not list(differences(rows, bills))
    assert [row.net_pico for row in rows] == [bill.pico for bill in bills]
