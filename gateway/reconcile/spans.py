"""Spans of whole hours since 1970 (UTC), as sorted tuples that neither touch nor overlap. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOUR_S = 3600
HOUR_US = 3_600_000_000
DAY_H = 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """From one hour to another, which is left out."""

    start: int
    end: int


Spans = tuple[Span, ...]
ALL: Spans = (Span(-(2**40), 2**40),)
"""From long ago to far ahead."""


def merged(spans: Iterable[Span], *, touching: bool = True) -> Spans:
    """Return the same hours without overlaps; spans that only touch stay apart if asked."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        last = found[-1] if found else None
        if last is not None and (span.start < last.end or (touching and span.start == last.end)):
            found[-1] = Span(last.start, max(last.end, span.end))
        else:
            found.append(span)
    return tuple(found)


def common(one: Spans, other: Spans) -> Spans:
    """Return the hours that are in both."""
    return merged(
        Span(max(a.start, b.start), min(a.end, b.end))
        for a in one
        for b in other
        if a.start < b.end and b.start < a.end
    )


def without(spans: Spans, taken: Spans) -> Spans:
    """Return the hours that are in `spans` and not in `taken`."""
    edges = merged(taken)
    gaps = [
        Span(before.end, after.start)
        for before, after in zip(
            (Span(ALL[0].start, ALL[0].start), *edges),
            (*edges, Span(ALL[0].end, ALL[0].end)),
            strict=True,
        )
    ]
    return common(spans, merged(gaps))


def holds(spans: Spans, inner: Span) -> bool:
    """Say whether all hours of a span are there."""
    at = bisect_right(spans, inner.start, key=lambda span: span.start) - 1
    return at >= 0 and spans[at].end >= inner.end


def touches(spans: Spans, other: Span) -> bool:
    """Say whether some hour of a span is there."""
    return any(span.start < other.end and other.start < span.end for span in spans)


def days(span: Span) -> Span:
    """Return the whole days that a span lies in."""
    return Span(span.start // DAY_H * DAY_H, -(-span.end // DAY_H) * DAY_H)


def moment(hour: int) -> datetime:
    """Return when an hour begins."""
    return _EPOCH + timedelta(hours=hour)
