"""The options of a comparison, read: which hours, and how far apart sums may lie. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from gateway.ledger.reports.period import moment
from gateway.reconcile.exact import number
from gateway.reconcile.spans import ALL, HOUR_US, Span, Spans
from gateway.reconcile.statement import BadStatement, Measure
from gateway.reconcile.terms import Tolerance, Tolerances, terms

_HUNDRED = 100


class Window(Struct, frozen=True):
    """The hours that were asked for."""

    spans: Spans
    asserted: bool
    """Whether the ledger is said to have all attempts from the first of them on."""


def window(since: str | None, until: str | None, now_us: int) -> Window:
    """Return the hours from one moment to another; raises BadStatement."""
    start_h, end_h = ALL[0]
    if since is not None:
        start_h = -(-_moment(since, "--from", now_us) // HOUR_US)
    if until is not None:
        end_h = _moment(until, "--to", now_us) // HOUR_US
    if start_h >= end_h:
        raise BadStatement("--from is not before --to")
    return Window((Span(start_h, end_h),), asserted=since is not None)


def _moment(text: str, option: str, now_us: int) -> int:
    try:
        return moment(text, now_us)
    except ValueError as error:
        raise BadStatement(f"{option} {text[:40]!r} {error}") from None


def tolerances(text: str | None) -> Mapping[Measure, Tolerances]:
    """Return how far apart sums may lie; `text` is a share such as `0.5%`. Raises BadStatement."""
    if text is None:
        return terms().tolerance
    try:
        percent = number(text.removesuffix("%")) if text.endswith("%") else None
    except ValueError:
        percent = None
    if percent is None or not 0 <= percent <= _HUNDRED:
        raise BadStatement(f"--tolerance {text[:40]!r} is no share; write one such as 0.5%")
    share = percent.scaleb(-2)
    return {name: _wider(rules, share) for name, rules in terms().tolerance.items()}


def _wider(rules: Tolerances, share: Decimal) -> Tolerances:
    def wider(rule: Tolerance) -> Tolerance:
        return replace(rule, relative=share)

    return replace(rules, we_high=wider(rules.we_high), we_low=wider(rules.we_low))
