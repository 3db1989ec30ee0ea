"""What an answer cost: in its headers, in the metrics and in the line of its call."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from gateway.server.counting import Counts
from gateway.telemetry import CallReport
from tests.server.logged import calls, logged
from tests.server.operated import CALLER, config, operated, scraped, values
from tests.server.serving import BODY, until

COST = "x-gateway-cost-usd"
MILLION = Decimal(1_000_000)
RATES = {"input_tokens": Decimal(4), "output_tokens": Decimal(20)}
"""USD for a million tokens of Claude Opus 5.5 where it may run anywhere."""


def by_hand(usage: dict[str, int]) -> Decimal:
    return sum((usage[name] * rate for name, rate in RATES.items()), Decimal(0)) / MILLION


def test_an_unstreamed_answer_says_what_it_cost(tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway:
        got = gateway.call(BODY, CALLER)
        streamed = gateway.call(BODY | {"stream": True}, CALLER)
        counted = json.dumps({k: v for k, v in BODY.items() if k != "max_tokens"}).encode()
        count = gateway.ask("POST", "/v1/messages/count_tokens", counted, CALLER)
        found = scraped(gateway)
    assert got.json["usage"]["output_tokens"] > 0
    assert Decimal(got.headers[COST]) == by_hand(got.json["usage"])
    assert "e" not in got.headers[COST].lower()
    assert COST not in streamed.headers
    assert COST not in count.headers
    both = 2 * by_hand(got.json["usage"])
    (cost,) = values(found, "tidegate_cost_usd_total").values()
    assert Decimal(str(cost)) == both
    assert values(found, "tidegate_unpriced_answers_total") == {}


def test_a_refusal_without_output_costs_nothing(tmp_path: Path, emulator: Emulator) -> None:
    refused = {"role": "user", "content": "[[refusal]]"}
    with operated(config(tmp_path, emulator)) as gateway:
        got = gateway.call(BODY | {"messages": [refused]}, CALLER)
    assert got.json["stop_reason"] == "refusal"
    assert got.headers[COST] == "0"


def test_what_has_no_price_has_no_cost(tmp_path: Path, emulator: Emulator) -> None:
    other = {"role": "user", "content": "[[model:claude-nobody-9]] hello"}
    with operated(config(tmp_path, emulator)) as gateway:
        got = gateway.call(BODY | {"messages": [other]}, CALLER)
        found = scraped(gateway)
    assert got.status == 200
    assert COST not in got.headers
    assert list(values(found, "tidegate_unpriced_answers_total").values()) == [1]
    assert values(found, "tidegate_cost_usd_total") == {}


@pytest.mark.parametrize("stream", [False, True])
def test_the_line_of_a_call_has_its_cost(stream: bool, tmp_path: Path, emulator: Emulator) -> None:
    with operated(config(tmp_path, emulator)) as gateway, logged() as text:
        gateway.call(BODY | {"stream": stream}, CALLER)
        until(lambda: len(calls(text)) == 1)
    (line,) = calls(text)
    assert Decimal(line["cost_usd"]) == by_hand(line["usage"])


def test_an_answer_that_broke_off_is_not_counted_as_free() -> None:
    counts = Counts((), lambda: 0.0)
    counts.ended(CallReport(door="server", kind="messages", state="failed", took_s=1.0))
    assert (counts.costs_pico, counts.unpriced) == ({}, {})
