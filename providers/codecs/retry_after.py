"""How long a platform asks to wait, from an answer's headers alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from providers.contract import Headers, header


def retry_after_s(headers: Headers) -> float | None:
    """Return the seconds asked for, however many; None when nothing sensible was said.

    The order is the SDK's (anthropic `_base_client.py`): `retry-after-ms`, `retry-after` in
    seconds, `retry-after` as an HTTP date. A date is taken against the answer's own `date`.
    """
    ms = _seconds(header(headers, "retry-after-ms"))
    if ms is not None:
        return ms / 1000
    value = header(headers, "retry-after")
    seconds = _seconds(value)
    if seconds is not None:
        return seconds
    until, now = _instant(value), _instant(header(headers, "date"))
    if until is None or now is None:
        return None
    left_s = (until - now).total_seconds()
    return left_s if left_s >= 0 else None


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
