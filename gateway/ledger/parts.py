"""Who bears what an attempt cost. Each attempt is in one part: the parts add up to the whole."""

from __future__ import annotations

from enum import StrEnum

from gateway.ledger.row import State


class Part(StrEnum):
    """Who bears a cost."""

    CHARGED = "charged"
    """The caller: its answer came from this attempt."""
    ABSORBED = "absorbed"
    """The operator: the caller got the answer, but is not charged for it."""
    WASTE = "waste"
    """The operator: another attempt answered the caller, or none did."""
    OPEN = "open"
    """Not known yet: no end is on record."""


def charged_states(*, charge_partial: bool) -> frozenset[State]:
    """Return the states in which an attempt that won is charged to its caller."""
    return frozenset({State.FINAL, State.PARTIAL} if charge_partial else {State.FINAL})


def part(state: State, *, won: bool, is_open: bool, charge_partial: bool) -> Part:
    """Return which part an attempt's cost belongs to."""
    if is_open:
        return Part.OPEN
    if not won:
        return Part.WASTE
    charged = state in charged_states(charge_partial=charge_partial)
    return Part.CHARGED if charged else Part.ABSORBED
