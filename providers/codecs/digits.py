"""Whole numbers that Python's own JSON reader refuses to read, for all their digits.

Since Python 3.11 `int` takes no text of more than 4,300 digits, and `json` raises a bare ValueError
for such a number: no error that callers of an SDK expect. Digits in a text are no number.
"""

from __future__ import annotations

import json

MOST_DIGITS = 4300
"""`sys.int_info.default_max_str_digits`."""
_DIGITS = b"0123456789"


def unreadable(data: bytes) -> bool:
    """Say whether JSON holds a whole number of more digits than are read."""
    if not has_run(data):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return True
    return False


def has_run(data: bytes) -> bool:
    """Say whether more digits than are read stand in a row; in a text they may.

    One byte in so many is looked at: no longer row of digits lies between two of them.
    """
    for at in range(MOST_DIGITS, len(data), MOST_DIGITS):
        if data[at] not in _DIGITS:
            continue
        before, after = data[at - MOST_DIGITS : at], data[at : at + MOST_DIGITS + 1]
        left = len(before) - len(before.rstrip(_DIGITS))
        if left + len(after) - len(after.lstrip(_DIGITS)) > MOST_DIGITS:
            return True
    return False
