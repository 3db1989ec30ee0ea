"""Decimal numbers as bills write them, added without rounding. Pure."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact

_WRITTEN = re.compile(r"[+-]?(\d{1,15})(\.\d{0,24})?([eE][+-]?\d{1,2})?", re.ASCII)
_LARGEST = Decimal(10) ** 15
_FINEST = -36
"""The last digit that is kept exactly: 10**-36."""
_EXACT = Context(prec=80, traps=[Inexact])


def number(text: str) -> Decimal:
    """Return a number; raises ValueError where it is none, or too large or fine to be a sum."""
    if _WRITTEN.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!r} is not a decimal number")
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    if abs(value) >= _LARGEST or not isinstance(exponent, int) or exponent < _FINEST:
        raise ValueError(f"{text[:40]!r} is too large or too fine for a bill")
    return value


def total(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the exact sum of what is known; None: neither is."""
    if one is None or other is None:
        return other if one is None else one
    return _EXACT.add(one, other)


def times(value: Decimal, factor: int) -> Decimal:
    """Return an exact product."""
    return _EXACT.multiply(value, Decimal(factor))
