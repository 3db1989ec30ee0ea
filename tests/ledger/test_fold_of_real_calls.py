"""What the gateway itself records of calls, folded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

import gateway
from gateway.emulator import Emulator
from gateway.journal.read import records
from gateway.ledger.row import Row
from gateway.money import usd
from gateway.prices import shipped
from tests.boundary.house import BODY, House
from tests.ledger.keeping import Kept
from tests.ledger.records import Placed

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    built = House(tmp_path, emulator)
    built.write()
    return built


def rows_of(house: House) -> list[Row]:
    """Return the rows of the journal, which must be folded without trouble."""
    kept = Kept(shipped())
    kept.fold(Placed(each.file, each.record) for each in records(house.journal))
    kept.restart()
    assert not kept.troubles
    return sorted(kept.rows.values(), key=lambda row: row.started_us)


def test_a_whole_answer_costs_what_its_caller_was_told(house: House) -> None:
    ours = gateway.Anthropic(gateway=house.config())
    answer = ours.messages.with_raw_response.create(
        **BODY, extra_headers={"x-gateway-tag-team": "search", "x-claude-code-session-id": "s-1"}
    )
    (row,) = rows_of(house)
    assert (row.state, row.won, row.open, row.outcome) == ("final", True, False, "complete")
    assert usd(row.net_pico or 0) == answer.headers["x-gateway-cost-usd"]
    assert row.decision == answer.headers["x-gateway-decision"]
    assert row.request_id == answer.headers["request-id"]
    assert row.message_id == answer.parse().id
    assert (row.upstream, row.platform, row.region, row.scope) == (
        "frankfurt",
        "bedrock",
        "eu-central-1",
        "geo",
    )
    assert (row.model, row.served_model) == ("claude-opus-5-5", "claude-opus-5-5")
    assert (row.environment, row.door, row.streamed) == ("prod", "client", False)
    assert (row.team, row.session, row.account) == ("search", "s-1", "frankfurt")
    assert row.max_tokens == 64
    assert (row.body_bytes or 0) > len(msgspec.json.encode(BODY["messages"]))
    assert row.output_tokens == answer.parse().usage.output_tokens


def test_a_streamed_answer_is_open_and_partial_and_then_final(house: House) -> None:
    ours = gateway.Anthropic(gateway=house.config())
    slow = {"role": "user", "content": "[[pace_ms:50]] hello"}
    stream = ours.messages.create(**{**BODY, "messages": [slow]}, stream=True)
    (row,) = rows_of(house)
    assert (row.state, row.open, row.streamed) == ("partial", True, True)
    assert row.low_pico is not None
    low_pico, high_pico, tokens = row.low_pico, row.high_pico or 0, row.input_tokens
    for _ in stream:
        pass
    (row,) = rows_of(house)
    assert (row.state, row.open, row.input_tokens) == ("final", False, tokens)
    assert low_pico <= (row.net_pico or 0) <= high_pico


def test_an_answer_that_breaks_before_its_content_is_a_row_of_its_own(house: House) -> None:
    house.emulator.faults.add("cut", at=1, times=1)
    ours = gateway.Anthropic(gateway=house.config())
    with ours.messages.stream(**BODY) as stream:
        stream.until_done()
    broken, won = rows_of(house)
    assert (broken.state, broken.won, broken.outcome) == ("partial", False, "cut")
    assert (won.state, won.won, won.number) == ("final", True, 2)
    assert broken.request_id == won.request_id is not None
    assert broken.input_tokens == won.input_tokens


def test_counting_tokens_is_a_row_without_cost(house: House) -> None:
    ours = gateway.Anthropic(gateway=house.config())
    ours.messages.count_tokens(
        model=BODY["model"],
        messages=BODY["messages"],
        extra_headers={"x-gateway-class": "open"},
    )
    (row,) = rows_of(house)
    assert (row.kind, row.state, row.net_pico, row.won) == ("count_tokens", "final", 0, True)


def test_a_caller_who_leaves_leaves_a_row_with_bounds(house: House) -> None:
    ours = gateway.Anthropic(gateway=house.config())
    slow = {"role": "user", "content": "[[pace_ms:200]] hello"}
    stream = ours.messages.create(**{**BODY, "messages": [slow]}, stream=True)
    next(iter(stream))
    stream.close()
    (row,) = rows_of(house)
    assert (row.state, row.open, row.outcome, row.won) == ("partial", False, "left", True)
    assert row.unpriced is None


@pytest.mark.parametrize("packed", [False, True])
def test_what_a_body_packs_widens_the_bounds_of_an_attempt_that_said_nothing(
    house: House, *, packed: bool
) -> None:
    house.emulator.faults.add("reset", before_head=True, times=1)
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    blocks: list[Any] = [{"type": "text", "text": "hello"}]
    blocks += [{"type": "image", "source": source}] if packed else []
    ours = gateway.Anthropic(gateway=house.config())
    ours.messages.create(**{**BODY, "messages": [{"role": "user", "content": blocks}]})
    lost, won = rows_of(house)
    assert (lost.state, won.flags) == ("unknown", ())
    assert lost.flags == (("documents",) if packed else ())
    assert ((lost.high_pico or 0) > 10**12) == packed
    assert lost.price_digest


def test_a_refused_call_is_no_row(house: House) -> None:
    ours = gateway.Anthropic(gateway=house.config())
    with pytest.raises(gateway.PolicyDenied):
        ours.messages.create(**BODY, extra_headers={"x-gateway-only": "direct"})
    assert rows_of(house) == []
