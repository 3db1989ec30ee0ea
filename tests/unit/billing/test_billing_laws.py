"""Whatever the order, the repetition and the interleaving, the bill is the same.

Hypothesis draws a number; a conversation of several users, agents and streams is made of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from gateway.billing import BillingAggregator, Total
from gateway.ledger.row import State
from tests.laws import law
from tests.unit.billing.hand_priced import MODEL, HandPriced, message, stream, usage
from tests.unit.billing.test_aggregator import row

Step = Callable[[BillingAggregator], None]
"""One observation, told to a bill."""


@law
def test_order_and_repetition_do_not_matter(rng: random.Random) -> None:
    threads = conversation(rng)
    bill = told([step for thread in threads for step in thread])
    for _ in range(2):
        again = told(interleaved(rng, threads))
        assert again.charges == bill.charges
        assert again.agents() == bill.agents()
        assert again.reported_by_session() == bill.reported_by_session()
    adds_up(bill)


def told(steps: list[Step]) -> BillingAggregator:
    bill = BillingAggregator(HandPriced(), clock=lambda: 5.0)
    for step in steps:
        step(bill)
    return bill


def adds_up(bill: BillingAggregator) -> None:
    """Each message is in one part of each sum, and in the tree of one session."""
    dimensions: list[Any] = ["user", "session", "agent", "state"]
    parts = [[*bill.by(dimension).values()] for dimension in dimensions]
    parts.append([tree.whole for tree in bill.agents()])
    for each in parts:
        assert sum(each, start=Total()) == bill.total


def conversation(rng: random.Random) -> list[list[Step]]:
    """Return threads: the order within one is kept, for it is that of a stream without a name."""
    streams = [unnamed_stream(rng, f"toolu_{at}") for at in range(rng.randrange(3))]
    return [*([anything(rng)] for _ in range(rng.randrange(2, 12))), *streams]


def interleaved(rng: random.Random, threads: list[list[Step]]) -> list[Step]:
    """Return all steps in an order of their own, some threads told twice."""
    again = [thread for thread in threads if rng.random() < 0.3]
    left = [list(thread) for thread in (*threads, *(one for one in again if len(one) == 1))]
    steps: list[Step] = []
    while any(left):
        steps.append(rng.choice([thread for thread in left if thread]).pop(0))
    for thread in again:
        steps += thread
    return steps


def anything(rng: random.Random) -> Step:
    labels: dict[str, Any] = {
        "user": rng.choice(["", "A", "B"]),
        "team": rng.choice(["", "x"]),
        "session": rng.choice(["", "s", "t"]),
        "agent": rng.choice(["", "a", "b", "toolu_1"]),
        "parent_agent": rng.choice(["", "", "a", "b"]),
    }
    if rng.random() < 0.2:
        return ledger_row(rng)
    if rng.random() < 0.2:
        result = {
            "type": "result",
            "subtype": rng.choice(["success", "error_during_execution"]),
            "session_id": "s",
            "total_cost_usd": rng.choice([None, 0.25, 0.5]),
            "modelUsage": {MODEL: {"outputTokens": rng.randrange(9)}},
        }
        return lambda bill: bill.add(result, **labels)
    if rng.random() < 0.4:
        name = rng.choice("123")
        event = rng.choice(stream(f"msg_{name}", counts(rng)))
        return lambda bill: bill.add(event, stream=name, **labels)
    calls = [{"type": "tool_use", "id": "toolu_1", "name": "Task", "input": {}}]
    body = message(
        f"msg_{rng.randrange(4)}",
        counts(rng),
        stop_reason=rng.choice([None, "end_turn", "tool_use", "refusal"]),
        content=rng.choice([[], calls]),
        model=rng.choice([MODEL, MODEL, "claude-x-9"]),
    )
    envelope = {"type": "assistant", "message": body, "session_id": rng.choice(["s", "t"])}
    thing = rng.choice([body, envelope, {**envelope, "parent_tool_use_id": "toolu_1"}])
    return lambda bill: bill.add(thing, **labels)


def unnamed_stream(rng: random.Random, agent: str) -> list[Step]:
    events = [
        event
        for number in range(rng.randrange(1, 3))
        for event in stream(f"msg_{agent}_{number}", counts(rng), ended=rng.random() < 0.8)
    ]
    envelopes = [
        {"type": "stream_event", "event": event, "session_id": "s", "parent_tool_use_id": agent}
        for event in events
    ]
    return [adding(each) for each in envelopes]


def adding(thing: object) -> Step:
    return lambda bill: bill.add(thing)


def ledger_row(rng: random.Random) -> Step:
    state = rng.choice([*State])
    made = row(
        f"d.{rng.randrange(3)}",
        state=state,
        won=rng.random() < 0.5,
        open=rng.random() < 0.2,
        caller=rng.choice(["A", "B"]),
        net_pico=rng.choice([None, 7, 80]),
        ended_us=rng.choice([None, 6, 7]),
        duplicate_of=rng.choice([None, None, "c.1"]),
    )
    return lambda bill: bill.add_row(made)


def counts(rng: random.Random) -> dict[str, Any]:
    told: dict[str, Any] = usage(
        rng.randrange(3), rng.randrange(4), rng.randrange(2), rng.randrange(2)
    )
    if rng.random() < 0.2:
        told["iterations"] = [{"type": "message", **usage(1, rng.randrange(3))}]
    return told
