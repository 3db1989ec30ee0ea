"""Journals of made-up calls, as a gateway writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st
from sqlalchemy import select

from gateway.journal import Journal
from gateway.ledger import calls, schema
from gateway.ledger.store import Ledger

NOW_S = 1_795_000_000.25
"""2026-11-18T11:06:40.25Z."""
End = Literal["complete", "retried", "left", "failed", "open", "begun", "broken", "refused"]
Told = tuple[str, Mapping[str, Any]]
"""The kind of a record and its data."""
USAGE = {
    "input_tokens": 1000,
    "output_tokens": 200,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 4000,
    "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
}


@dataclass(frozen=True)
class MadeUp:
    """One call and how it ends."""

    number: int
    end: End = "complete"
    message: str | None = None
    """The id of its answer; else one of its own."""
    team: str | None = "search"
    kind: str = "messages"
    model: str = "claude-haiku-5-5"
    output: int = 200

    @property
    def decision(self) -> str:
        return f"dec_{self.number:024x}"

    def told(self) -> Iterator[Told]:
        yield "decision", self._asked()
        if self.end == "refused":
            return
        attempt = 1
        yield "started", self._started(attempt)
        if self.end == "retried":
            yield "failed", {**self._of(attempt), "kind": "throttled", "state": "rejected"}
            attempt = 2
            yield "started", self._started(attempt)
        if self.end == "open":
            return
        if self.end == "broken":
            yield "finished", {"decision": self.decision, "state": "broken", "request_id": "req_x"}
            return
        answer = {"message_id": self.message or f"msg_{self.number}", "model": self.model}
        first = {**USAGE, "output_tokens": 1}
        if self.end != "failed":
            yield "usage", {**self._of(attempt), **answer, "usage": first}
        if self.end == "begun":
            return
        if self.end == "failed":
            yield "failed", {**self._of(attempt), "kind": "ill", "state": "unknown"}
            yield "finished", {"decision": self.decision, "state": "failed", "request_id": "req_y"}
            return
        whole = self.end != "left"
        yield (
            "finished",
            {
                **self._of(attempt),
                **answer,
                "state": "complete" if whole else "left",
                "request_id": f"req_{self.number}",
                "usage": {**USAGE, "output_tokens": self.output} if whole else first,
                "whole": whole,
                "counted": whole,
                "stop_reason": "end_turn" if whole else None,
                "platform_request_id": f"p{self.number}",
            },
        )

    def _asked(self) -> dict[str, Any]:
        plan = [] if self.end == "refused" else ["direct"]
        tags = {} if self.team is None else {"team": self.team, "app": "chat"}
        return {
            "decision": self.decision,
            "call": self.kind,
            "class": "internal",
            "key": "billing",
            "door": "server",
            "model": self.model,
            "asked_model": self.model,
            "environment": "prod",
            "tags": tags,
            "bytes": 5000,
            "stream": True,
            "max_tokens": 1024,
            "session": f"s{self.number % 3}",
            "agent": None,
            "parent_agent": None,
            "payer": None,
            "plan": plan,
            "rejected": [],
        }

    def _of(self, attempt: int) -> dict[str, Any]:
        return {"decision": self.decision, "attempt": attempt, "upstream": "direct"}

    def _started(self, attempt: int) -> dict[str, Any]:
        return {
            **self._of(attempt),
            "platform": "anthropic",
            "region": None,
            "host": "api.anthropic.com",
            "model": self.model,
            "account": "acct",
            "scope": "global",
        }


def adjusted(name: str, amount_pico: int = 5) -> Told:
    return "adjustment", {
        "id": name,
        "day": "2026-11-18",
        "platform": "anthropic",
        "upstream": "direct",
        "model": "claude-haiku-5-5",
        "attempt": None,
        "amount_pico": amount_pico,
        "reason": "rounding",
        "source": "cost.json sha256:00",
    }


class Clock:
    """Gives one time after the other."""

    def __init__(self, now_s: float, step_s: float) -> None:
        self.now_s = now_s
        self.step_s = step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def write(
    directory: Path,
    told: Sequence[Told],
    *,
    now_s: float = NOW_S,
    step_s: float = 0.5,
    close: bool = True,
) -> Path:
    """Write a file of a journal with these records, and return it."""
    journal = Journal.open(directory, fsync="never", now=Clock(now_s, step_s))
    for kind, data in told:
        journal.append(kind, data)
    path = journal.path
    assert path is not None
    if close:
        journal.close()
    return path


def simple(directory: Path, count: int = 8, *, first: int = 0, now_s: float = NOW_S) -> Path:
    """Write a file with calls that end in all ways."""
    ends: list[End] = [
        "complete",
        "retried",
        "left",
        "failed",
        "open",
        "begun",
        "broken",
        "refused",
    ]
    told = [
        record
        for number in range(first, first + count)
        for record in MadeUp(number, ends[number % len(ends)]).told()
    ]
    return write(directory, [*told, adjusted(f"adj{first}")], now_s=now_s)


def dump(ledger: Ledger) -> dict[str, list[Any]]:
    """Return all that is in a ledger's tables."""
    found: dict[str, list[Any]] = {}
    with ledger.reading() as connection:
        for table in schema.metadata.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if table is schema.open_calls:
                rows = [{**row, "data": calls.from_json(row["data"])} for row in rows]
            found[table.name] = sorted(rows, key=repr)
    # Prices of a row that was booked otherwise later may stay: nobody refers to them.
    used = {row["price_digest"] for row in found["attempts"]}
    found["price_rows"] = [row for row in found["price_rows"] if row["digest"] in used]
    assert used - {row["digest"] for row in found["price_rows"]} <= {""}
    return found


_MADE_UP = st.builds(
    MadeUp,
    number=st.just(0),
    end=st.sampled_from(
        ["complete", "retried", "left", "failed", "open", "begun", "broken", "refused"]
    ),
    message=st.sampled_from([None, None, None, "msg_a", "msg_b"]),
    team=st.sampled_from(["search", "billing", None]),
    kind=st.sampled_from(["messages", "messages", "messages", "count_tokens"]),
    model=st.sampled_from(["claude-haiku-5-5", "claude-opus-5-5", "claude-of-tomorrow"]),
    output=st.integers(0, 10_000),
)


@st.composite
def interleaved(draw: st.DrawFn, first: int = 0) -> list[Told]:
    """Return the records of some calls, mixed as those of calls at the same time are."""
    made = draw(st.lists(_MADE_UP, max_size=6))
    waiting = [list(replace(each, number=first + at).told()) for at, each in enumerate(made)]
    waiting += [
        [adjusted(name, draw(st.integers(-9, 9)))] for name in draw(st.text("xy", max_size=3))
    ]
    told: list[Told] = []
    while waiting := [each for each in waiting if each]:
        told.append(draw(st.sampled_from(waiting)).pop(0))
    return told
