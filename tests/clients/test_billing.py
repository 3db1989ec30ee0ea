"""What the real client gives, billed with the prices that are shipped."""

from __future__ import annotations

from collections import deque
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from gateway import Anthropic, CostTracker
from gateway.emulator import Emulator
from gateway.ledger.row import State

INPUT, OUTPUT, WRITE_1H, READ = 4_000_000, 20_000_000, 8_000_000, 200_000
"""Picodollars a token, by the price list."""
NOVEMBER_2026_S = 1_795_000_000.0
ASK: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
}
LONG = "a prefix that is worth caching " * 2000
MARKED: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]


def list_price(message: Message) -> int:
    usage = message.usage
    written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    assert written + read > 0
    amount = INPUT * usage.input_tokens + OUTPUT * usage.output_tokens
    return amount + WRITE_1H * written + READ * read


def test_answers_and_their_caches_are_billed(no_file: Emulator) -> None:
    bill = CostTracker()
    with Anthropic() as client:
        answers = [client.messages.create(**ASK, system=MARKED) for _ in range(2)]
    for answer in (*answers, *answers):
        bill.add(answer)

    total = bill.total
    assert total.net_pico == sum(map(list_price, answers))
    assert (total.messages, total.complete, total.flagged) == (2, True, 0)
    written = answers[0].usage.cache_creation_input_tokens or 0
    assert total.cache_write_tokens == total.cache_read_tokens == written
    assert total.saved_pico == written * (INPUT - READ) + written * (INPUT - WRITE_1H)


def test_the_helpers_events_are_billed_as_the_message_they_make(no_file: Emulator) -> None:
    bill, final = CostTracker(), CostTracker()
    with Anthropic() as client, client.messages.stream(**ASK) as stream:
        for event in stream:
            bill.add(event, at_s=NOVEMBER_2026_S)
        final.add(stream.get_final_message(), at_s=NOVEMBER_2026_S)

    assert bill.charges == final.charges
    assert bill.total.complete


def test_raw_events_are_billed_as_the_message_they_make(no_file: Emulator) -> None:
    bill = CostTracker()
    with Anthropic() as client:
        for event in client.messages.create(**ASK, stream=True):
            bill.add(event)
        message = client.messages.create(**ASK)

    (charge,) = bill.charges
    assert (charge.state, charge.flags) == (State.FINAL, ())
    usage = message.usage
    assert charge.net_pico == INPUT * usage.input_tokens + OUTPUT * usage.output_tokens


def test_a_stream_that_breaks_is_billed_with_what_it_told(no_file: Emulator) -> None:
    no_file.faults.add("error_event", at=5, status=529)
    bill = CostTracker()
    with Anthropic() as client:
        events = client.messages.create(**ASK, stream=True)
        with pytest.raises(anthropic.OverloadedError):
            deque(map(bill.add, events), maxlen=0)

    (charge,) = bill.charges
    assert charge.state is State.PARTIAL
    assert charge.low_pico is not None
    assert charge.high_pico is not None
    assert 0 < charge.low_pico < charge.high_pico
    assert not bill.total.complete
