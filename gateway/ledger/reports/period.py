"""From when to when a report goes, and which whole days lie in that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from gateway.ledger.values import day_of

DAY_US = 86_400 * 10**6
HOUR_US = 3600 * 10**6
HOW = "write a day (2026-11-22), a time (2026-11-22T06:00:00Z), today, 7d or 24h"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = _EPOCH.toordinal()
_LAST_US = (date.max.toordinal() - _FIRST_DAY) * DAY_US
_SPAN = re.compile(r"([1-9][0-9]{0,4})([dh])", re.ASCII)


class Span(NamedTuple):
    """Some time, in microseconds since 1970; None: it is not bounded."""

    from_us: int | None
    to_us: int | None
    """The first moment left out."""


@dataclass(frozen=True, slots=True)
class Period:
    """What a report covers. `days` and `edges` together are the whole of it."""

    from_us: int | None = None
    to_us: int | None = None
    """The first moment left out."""

    @property
    def whole(self) -> Span:
        """All of it."""
        return Span(self.from_us, self.to_us)

    @property
    def days(self) -> tuple[str | None, str | None] | None:
        """The first of the whole UTC days in it, and the first day after them; None: no day is."""
        first, end = self._whole()
        if first is not None and end is not None and first >= end:
            return None
        return _day(first), _day(end)

    @property
    def edges(self) -> tuple[Span, ...]:
        """What lies in it before and after its whole days."""
        if self.days is None:
            return (self.whole,)
        first, end = self._whole()
        before = Span(self.from_us, None if first is None else first * DAY_US)
        after = Span(None if end is None else end * DAY_US, self.to_us)
        return tuple(each for each in (before, after) if each.from_us != each.to_us)

    def _whole(self) -> tuple[int | None, int | None]:
        first = None if self.from_us is None else -(-self.from_us // DAY_US)
        return first, None if self.to_us is None else self.to_us // DAY_US


def moment(text: str, now_us: int) -> int:
    """Return the moment that a user wrote; raises ValueError that says how to write one.

    `7d` are whole days: it begins six days before today. `24h` counts back from now.
    """
    if text == "today":
        return now_us - now_us % DAY_US
    if found := _SPAN.fullmatch(text):
        amount = int(found[1])
        if found[2] == "h":
            return max(0, now_us - amount * HOUR_US)
        return max(0, (now_us // DAY_US - amount + 1) * DAY_US)
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"is no time: {HOW}") from None
    return _in_range(read if read.tzinfo is not None else read.replace(tzinfo=UTC))


def _in_range(read: datetime) -> int:
    moment_us = (read - _EPOCH) // timedelta(microseconds=1)
    if not 0 <= moment_us < _LAST_US:
        raise ValueError(f"is out of range: {HOW}")
    return moment_us


def written(moment_us: int | None) -> str | None:
    """Return a moment as text: UTC, to the second where it has no more."""
    if moment_us is None:
        return None
    at = _EPOCH + timedelta(microseconds=moment_us)
    return at.isoformat().replace("+00:00", "Z")


def _day(number: int | None) -> str | None:
    return None if number is None else day_of(number * DAY_US)
