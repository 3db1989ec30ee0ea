"""Money as whole picodollars (1 USD = 10**12), and as the decimal text that leaves the process.

An integer of 64 bits holds 9.2 million dollars so; sums are kept as whole dollars and a rest.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

PICO_PER_USD = 10**12
PICO_MAX = 2**63 - 1
"""The most that one row of a database holds."""

_EXACT = Context(prec=60)


def pico(usd: Decimal) -> int:
    """Return an amount of dollars in picodollars, the last one rounded half to even."""
    scaled = _EXACT.multiply(usd, Decimal(PICO_PER_USD))
    return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN, context=_EXACT))


def usd(amount_pico: int) -> str:
    """Return picodollars as dollars: `0.0444032`, without an exponent or trailing zeros."""
    sign, whole = ("-", -amount_pico) if amount_pico < 0 else ("", amount_pico)
    dollars, rest = divmod(whole, PICO_PER_USD)
    fraction = f"{rest:012d}".rstrip("0")
    return f"{sign}{dollars}.{fraction}" if fraction else f"{sign}{dollars}"


def split(amount_pico: int) -> tuple[int, int]:
    """Return whole dollars and the picodollars that are left, which are never negative."""
    return divmod(amount_pico, PICO_PER_USD)


def joined(dollars: int, rest_pico: int) -> int:
    """Return the picodollars that `split` took apart, or sums of its parts."""
    return dollars * PICO_PER_USD + rest_pico
