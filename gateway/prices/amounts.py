"""Prices as exact numbers: decimal text in, whole picodollars out, no float between."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from gateway.money import PICO_PER_USD

TOKENS_PRICED = 1_000_000
"""Rates are for so many tokens."""
HOW = 'write it as text, like "0.25"'
_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,12})?")

Ratio = tuple[int, int]
"""Picodollars for one piece, as numerator and denominator; the latter is nearly always 1."""


def decimal_fault(text: str) -> str | None:
    """Return what is wrong with a price written as text; None: nothing."""
    if text.startswith("-"):
        return "is negative"
    return None if _DECIMAL.fullmatch(text) else "is no decimal number"


def ratio(usd: Decimal, pieces: int, multiplier: Decimal = Decimal(1)) -> Ratio:
    """Return what one piece costs, where `pieces` of them cost `usd` times the multiplier."""
    exact = Fraction(usd) * Fraction(multiplier) * PICO_PER_USD / pieces
    return exact.numerator, exact.denominator


def amount(quantity: int, price: Ratio) -> int:
    """Return what pieces cost in picodollars, the last one rounded half to even."""
    numerator, denominator = price
    if denominator == 1:
        return quantity * numerator
    whole, rest = divmod(quantity * numerator, denominator)
    up = 2 * rest - denominator
    return whole + (up > 0 or (up == 0 and whole & 1))
