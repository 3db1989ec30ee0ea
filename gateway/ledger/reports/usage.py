"""Usage and cost by what one asks for, with totals that do not depend on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, or_

from gateway.ledger.reports import columns, retention, sources
from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.figures import ADJUSTED, AMOUNTS, COUNTS, PRICED, Figures
from gateway.ledger.reports.grouping import Summing, groups, shown

BY = ("day",)
WHY_UNBOUNDED = (
    "it may have run tools or other models, or a rate that it may have cost is not known"
)


def report(connection: Connection, asked: Asked) -> dict[str, Any]:
    """Return the report."""
    found = groups(connection, _summing(connection, asked), asked)
    return {
        **shown(found, asked, AMOUNTS),
        "notes": [
            *notes(found.whole),
            *(retention.notes(connection, asked) if sources.from_attempts(asked) else []),
        ],
    }


def _summing(connection: Connection, asked: Asked) -> Summing:
    rows = sources.rows(asked, connection.dialect.name)
    amounts = {name: columns.amount_in(rows.c, name) for name in (*PRICED, ADJUSTED)}
    charge_partial = asked.setting.charge_partial
    return Summing(
        rows,
        counts={name: rows.c[name] for name in COUNTS}
        | columns.parts_unbounded(rows.c, charge_partial=charge_partial),
        amounts=amounts | columns.parts(rows.c, charge_partial=charge_partial),
        rank="net",
        # A group that was taken away whole is none.
        having=or_(
            func.sum(rows.c.attempts) != 0,
            *(func.sum(part) != 0 for part in amounts[ADJUSTED]),
        ),
    )


def notes(whole: Figures) -> list[str]:
    """Return what a reader of sums should know."""
    found = []
    if not whole["attempts"]:
        found.append("no attempt of this kind is on record for this period")
    if many := whole["unpriced"]:
        found.append(f"{_attempts(many)} no price: nothing of it is in these amounts")
    if many := whole["unbounded"]:
        found.append(f"{_attempts(many)} no upper bound: {WHY_UNBOUNDED}")
    if many := whole["open_attempts"]:
        found.append(f"{_attempts(many)} no end on record: still running, or its process died")
    return found


def _attempts(many: int) -> str:
    return "1 attempt has" if many == 1 else f"{many} attempts have"
