"""Moments as people write them on a command line: a day, a time, a span from now."""

from __future__ import annotations

import datetime as dt
import re

_SPAN = re.compile(r"([+-])(\d{1,6})([mhd])\Z")
_SPANS = {"m": "minutes", "h": "hours", "d": "days"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


class BadMoment(ValueError):
    """A text that names no moment; the message says what would be right."""


def end(text: str, now_s: float) -> dt.date | dt.datetime:
    """Return when something ends: a last day (UTC), a time, or a span from now such as `+2h`.

    Raises:
        BadMoment: It is none of them.
    """
    return _read(text, now_s, "+", "a span (+30m, +2h, +7d)")


def start_s(text: str, now_s: float) -> float:
    """Return when something starts, as Unix time: a day (UTC), a time, or a span such as `-7d`.

    Raises:
        BadMoment: It is none of them.
    """
    found = _read(text, now_s, "-", "a span (-30m, -2h, -7d)")
    if isinstance(found, dt.datetime):
        return found.timestamp()
    return dt.datetime(found.year, found.month, found.day, tzinfo=dt.UTC).timestamp()


def _read(text: str, now_s: float, sign: str, spans: str) -> dt.date | dt.datetime:
    span = _SPAN.match(text)
    try:
        if span is not None and span[1] == sign:
            length = dt.timedelta(**{_SPANS[span[3]]: int(span[2])})
            now = dt.datetime.fromtimestamp(now_s, dt.UTC).replace(microsecond=0)
            return now + length if sign == "+" else now - length
        if _DAY.match(text):
            return dt.date.fromisoformat(text)
        found = dt.datetime.fromisoformat(text)
        zoned = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        return zoned.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        hint = f"write a day (2026-12-31), a time (2026-12-31T18:00Z) or {spans}"
        raise BadMoment(f"{text!r} names no moment: {hint}") from None
