"""What a report that reads attempts one by one can no longer tell."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from gateway.ledger.reports.asked import Asked
from gateway.ledger.reports.period import day_of
from gateway.ledger.schema import attempts, rollups


def notes(connection: Connection, asked: Asked) -> list[str]:
    """Return how many attempts of a period are known by their sums only."""
    period = asked.period
    kept_us = connection.execute(select(func.min(attempts.c.started_us))).scalar_one()
    gone = select(func.sum(rollups.c.attempts))
    if kept_us is not None:
        gone = gone.where(rollups.c.day < day_of(kept_us))
    if period.from_us is not None:
        gone = gone.where(rollups.c.day >= day_of(period.from_us))
    if period.to_us is not None:
        gone = gone.where(rollups.c.day < day_of(period.to_us))
    if not (many := connection.execute(gone).scalar_one()):
        return []
    until = "" if kept_us is None else f" before {day_of(kept_us)}"
    return [f"{many} attempts{until} are no longer kept one by one: this report leaves them out"]
