"""A comparison as JSON values: money and tokens as decimal text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gateway import money
from gateway.ledger.row import Adjustment
from gateway.reconcile.adjusting import not_adjusted
from gateway.reconcile.comparable import Left
from gateway.reconcile.matching import Comparison, Group
from gateway.reconcile.residuals import Residual
from gateway.reconcile.spans import Span, moment


def told(
    comparison: Comparison,
    adjustments: Sequence[Adjustment],
    *,
    written: bool,
    conflict: str | None = None,
) -> dict[str, Any]:
    """Return all that is known of one statement's comparison.

    Args:
        comparison: What came of it.
        adjustments: What makes the ledger's total that of the statement.
        written: Whether they are in the journal now.
        conflict: Why there are none.
    """
    statement = comparison.statement
    return {
        "ok": comparison.matches,
        "format": statement.format,
        "platform": statement.platform,
        "files": [{"name": file.name, "sha256": file.digest} for file in statement.files],
        "compared": [_span(span) for span in comparison.periods],
        "groups": [_group(group) for group in comparison.groups],
        "totals": [_group(group) for group in comparison.totals],
        "residuals": [_residual(each) for each in comparison.residuals],
        "not_compared": [_left(each) for each in comparison.left],
        "notes": list(statement.notes),
        "not_adjusted": [_group(group) for group in not_adjusted(comparison)],
        "adjustments": [_adjustment(each) for each in adjustments],
        "written": written,
        "conflict": conflict,
    }


def _group(group: Group) -> dict[str, Any]:
    key, ours = group.key, group.ours
    return {
        "class": group.found.kind.value,
        "within_bounds": group.found.within_bounds,
        "measure": key.family.measure,
        "kind": key.kind or key.family.name,
        "period": _span(key.period),
        "platform": key.platform,
        "model": key.model,
        "scope": key.scope,
        "ours": None if ours is None else money.usd(ours.value),
        "low": None if ours is None else money.usd(ours.low),
        "high": None if ours is None or ours.high is None else money.usd(ours.high),
        "adjusted_before": money.usd(group.booked_pico),
        "theirs": None if group.theirs is None else money.usd(group.theirs),
        "difference": money.usd(group.difference),
        "attempts": group.attempts,
        "lines": group.lines,
        "notes": list(group.notes),
    }


def _residual(residual: Residual) -> dict[str, Any]:
    return {
        "what": residual.what,
        "period": _span(residual.period),
        "usd": money.usd(residual.pico),
        "booked": residual.booked,
        "says": residual.says,
        "lines": residual.lines,
    }


def _left(left: Left) -> dict[str, Any]:
    return {
        "period": _span(left.period),
        "why": left.why,
        "lines": left.lines,
        "attempts": left.attempts,
        "usd": None if left.usd is None else money.usd(money.pico(left.usd)),
    }


def _adjustment(adjustment: Adjustment) -> dict[str, Any]:
    return {
        "id": adjustment.id,
        "day": adjustment.day,
        "platform": adjustment.platform,
        "upstream": adjustment.upstream,
        "model": adjustment.model,
        "usd": money.usd(adjustment.amount_pico),
        "reason": adjustment.reason,
        "source": adjustment.source,
    }


def records(adjustments: Iterable[Adjustment]) -> list[dict[str, Any]]:
    """Return adjustments as the journal's records hold them: without a time of their own."""
    return [
        {
            "id": each.id,
            "day": each.day,
            "platform": each.platform,
            "upstream": each.upstream,
            "model": each.model,
            "attempt": each.attempt,
            "amount_pico": each.amount_pico,
            "reason": each.reason,
            "source": each.source,
        }
        for each in adjustments
    ]


def _span(span: Span) -> dict[str, str]:
    return {
        "from": f"{moment(span.start):%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{moment(span.end):%Y-%m-%dT%H:%M:%SZ}",
    }
