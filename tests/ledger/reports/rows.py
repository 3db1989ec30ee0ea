"""Attempts as a test needs them, in a ledger and summed by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import delete

from gateway.ledger import schema
from gateway.ledger.fold import Booked, Changes
from gateway.ledger.reports.asked import Setting
from gateway.ledger.reports.catalog import told
from gateway.ledger.rollups import COUNT_MAX
from gateway.ledger.row import Adjustment, Row, State
from gateway.ledger.store import Ledger
from gateway.ledger.values import day_of
from gateway.money import usd
from tests.ledger.sums import is_unbounded

HOUR_US = 3600 * 10**6
DAY_US = 24 * HOUR_US
BEGIN_US = 1_795_305_600 * 10**6
"""2026-11-22."""
NOW_US = BEGIN_US + 3 * DAY_US + 12 * 3600 * 10**6
SETTING = Setting()
COUNTS = (
    "input_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "output_tokens",
    "thinking_tokens",
    "web_searches",
)
AMOUNTS = ("net", "low", "high", "list", "uncached")


def row(minute: int = 1, **more: Any) -> Row:
    """Return an attempt that was answered and cost 1 USD."""
    decision = more.pop("decision", f"dec_{minute}")
    price = more.pop("price_pico", 10**12)
    common: dict[str, Any] = {
        "attempt": f"{decision}.{more.get('number', 1)}",
        "decision": decision,
        "number": 1,
        "kind": "messages",
        "streamed": True,
        "started_us": BEGIN_US + minute * 60 * 10**6,
        "upstream": "direct",
        "platform": "anthropic",
        "scope": "global",
        "model": "claude-opus-5-5",
        "state": State.FINAL,
        "open": False,
        "won": True,
        "outcome": "complete",
        "input_tokens": 100,
        "output_tokens": 10,
        **{f"{name}_pico": price for name in AMOUNTS},
    }
    return Row(**common | more)


def fill(ledger: Ledger, rows: Iterable[Row], adjustments: Iterable[Adjustment] = ()) -> None:
    """Book attempts as the fold does."""
    changes = Changes(
        rows=[Booked(each, None) for each in rows],
        open_calls={},
        files={},
        adjustments=list(adjustments),
        price_rows={},
    )
    ledger.apply(changes, [])


def emptied(ledger: Ledger) -> Ledger:
    """Return a ledger in which nothing is any more."""
    with ledger.writing() as writing:
        for table in reversed(schema.metadata.sorted_tables):
            writing.connection.execute(delete(table))
    return ledger


def ask(ledger: Ledger, report: str = "usage", **given: Any) -> dict[str, Any]:
    """Return a report; `class_` stands for `class`, `from_` for `from`."""
    setting = given.pop("setting", SETTING)
    now_us = given.pop("now_us", NOW_US)
    parameters = {
        name.rstrip("_"): [value] if isinstance(value, str) else list(value)
        for name, value in given.items()
    }
    return told(ledger, report, parameters, now_us, setting)


VALUES = {
    "upstream": ("direct", "bedrock"),
    "model": ("claude-opus-5-5", "claude-haiku-5-5"),
    "caller": ("", "alice"),
    "team": ("", "red"),
    "session": ("", "s-1", "s-2"),
    "agent": ("", "a-1"),
    "data_class": ("", "phi"),
    "environment": ("", "prod"),
}
_COUNT = st.none() | st.integers(0, 3) | st.integers(0, 2**53)
_PICO = st.sampled_from((0, 1, 10**6 - 1, 10**12, 44_403_200_000)) | st.integers(0, 2**63 - 1)


@st.composite
def attempts(draw: Callable[..., Any], number: int) -> Row:
    """Return some attempt; `number` tells it from the others."""
    pick = {name: draw(st.sampled_from(values)) for name, values in VALUES.items()}
    is_open, won = draw(st.sampled_from([(False, True), (False, False), (True, False)]))
    state = draw(st.sampled_from([State.UNKNOWN, State.PARTIAL] if is_open else list(State)))
    tags = draw(st.dictionaries(st.sampled_from(["team", "job"]), st.sampled_from(["", "x", "y"])))
    repeats = draw(st.sampled_from([None, None, None, "dec_0.1"])) if not is_open else None
    counts = {name: draw(_COUNT) for name in COUNTS}
    offset = draw(st.integers(0, 95)) * HOUR_US - draw(st.integers(0, 1))
    return row(
        number,
        started_us=BEGIN_US + offset,
        **pick,
        platform={"direct": "anthropic", "bedrock": "bedrock"}[pick["upstream"]],
        tags=tags,
        state=state,
        open=is_open,
        won=won,
        outcome="" if is_open else draw(st.sampled_from(["complete", "ill"])),
        duplicate_of=repeats,
        **counts,
        **(_costs(draw) if repeats is None else {"price_pico": 0}),
    )


def _costs(draw: Callable[..., Any]) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"price_pico": draw(_PICO)}
    if draw(st.booleans()):
        return {"price_pico": None, "unpriced": "the model is not in the price book"}
    low, high = sorted((draw(_PICO), draw(_PICO)))
    found: dict[str, Any] = {f"{name}_pico": None for name in AMOUNTS}
    return found | {
        "low_pico": low,
        "high_pico": draw(st.sampled_from([None, high])),
        "net_pico": draw(st.sampled_from([None, low])),
    }


@st.composite
def histories(draw: Callable[..., Any]) -> list[Row]:
    """Return some attempts."""
    return [draw(attempts(number)) for number in range(draw(st.integers(0, 12)))]


def value(each: Row, dimension: str) -> str:
    """Return what an attempt has of a dimension."""
    if dimension.startswith("tag:"):
        return each.tags.get(dimension.removeprefix("tag:"), "")
    if dimension == "day":
        return day_of(each.started_us)
    found: str = getattr(each, {"class": "data_class"}.get(dimension, dimension))
    return found


def grouped(rows: Iterable[Row], by: Sequence[str]) -> dict[tuple[str, ...], list[Row]]:
    """Return attempts by what they have of some dimensions."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for each in rows:
        found.setdefault(tuple(value(each, dimension) for dimension in by), []).append(each)
    return found


def summed(rows: Iterable[Row]) -> dict[str, Any]:
    """Return what a report must say of attempts, but for the parts."""
    rows = list(rows)
    counted = [each for each in rows if each.duplicate_of is None]
    return {
        "attempts": len(rows),
        "open_attempts": sum(each.open for each in rows),
        **{name: _total(getattr(each, name) for each in counted) for name in COUNTS},
        "unpriced": sum(each.unpriced is not None for each in counted),
        "unbounded": sum(is_unbounded(each) for each in counted),
        **{f"{name}_usd": usd(sum(_pico(each, name) for each in counted)) for name in AMOUNTS},
    }


def _pico(each: Row, name: str) -> int:
    if name == "high" and is_unbounded(each):
        return max(each.net_pico or 0, each.low_pico or 0)
    found: int | None = getattr(each, f"{name}_pico")
    return found or 0


def _total(counts: Iterable[int | None]) -> int:
    return sum(min(each or 0, COUNT_MAX) for each in counts)


def figures(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's figures, without its key."""
    return {name: some for name, some in group.items() if name not in {"key", "groups"}}


def keys(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the keys of a report's groups."""
    return [tuple(group["key"].values()) for group in report["groups"]]
