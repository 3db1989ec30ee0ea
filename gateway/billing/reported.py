"""Holds what results say a session came to against what was counted of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway import money
from gateway.billing.results import Result
from gateway.billing.total import Total
from gateway.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What results say, beside what was counted. In no sum: it is a check."""

    sessions: int = 0
    """Sessions that a result is known of."""
    failed: int = 0
    """Those of them with a result that is an error."""
    total_pico: int | None = None
    """The sum of the largest `total_cost_usd` of each session; None: no result names one."""
    delta_pico: int | None = None
    """By how much that is more than the list price of what was counted in these sessions; None:
    something in them has no price."""
    tokens: int | None = None
    """The same of all tokens that `modelUsage` names."""
    delta_tokens: int | None = None
    output_tokens: int | None = None
    delta_output_tokens: int | None = None
    """Above zero: messages were counted before they had ended, or were not seen."""

    @property
    def total_usd(self) -> str | None:
        """The reported total in dollars."""
        return None if self.total_pico is None else money.usd(self.total_pico)

    @property
    def delta_usd(self) -> str | None:
        """The difference in dollars."""
        return None if self.delta_pico is None else money.usd(self.delta_pico)


def held_against(result: Result, counted: Total) -> Reported:
    """Return what the results of one session say, and by how much it is more than was counted."""
    tokens = _sum(_all_tokens(usage) for usage in result.models.values())
    output = _sum(usage.output_tokens for usage in result.models.values())
    priced = counted.list_pico if not counted.unpriced else None
    return Reported(
        sessions=1,
        failed=int(result.failed),
        total_pico=result.total_pico,
        delta_pico=_minus(result.total_pico, priced),
        tokens=tokens,
        delta_tokens=_minus(tokens, counted.tokens),
        output_tokens=output,
        delta_output_tokens=_minus(output, counted.output_tokens),
    )


def together(sessions: Iterable[Reported]) -> Reported:
    """Return the check over several sessions."""
    each = list(sessions)
    totals = [one for one in each if one.total_pico is not None]
    counts = [one for one in each if one.tokens is not None]
    outputs = [one for one in each if one.output_tokens is not None]
    return Reported(
        sessions=sum(one.sessions for one in each),
        failed=sum(one.failed for one in each),
        total_pico=_sum(one.total_pico for one in totals),
        delta_pico=_whole(one.delta_pico for one in totals),
        tokens=_sum(one.tokens for one in counts),
        delta_tokens=_whole(one.delta_tokens for one in counts),
        output_tokens=_sum(one.output_tokens for one in outputs),
        delta_output_tokens=_whole(one.delta_output_tokens for one in outputs),
    )


def _all_tokens(usage: Usage) -> int | None:
    return _sum(
        (
            usage.input_tokens,
            usage.cache_creation_input_tokens,
            usage.cache_read_input_tokens,
            usage.output_tokens,
        )
    )


def _sum(amounts: Iterable[int | None]) -> int | None:
    """Return the sum of what is known; None: nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _whole(amounts: Iterable[int | None]) -> int | None:
    """Return the sum; None: there is nothing, or part of it is not known."""
    each = list(amounts)
    return None if None in each else _sum(each)


def _minus(reported: int | None, counted: int | None) -> int | None:
    return None if reported is None or counted is None else reported - counted
