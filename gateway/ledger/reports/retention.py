"""What a report that reads attempts one by one can no longer tell."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from gateway.ledger.horizons import horizons
from gateway.ledger.reports.asked import Asked
from gateway.ledger.schema import rollups
from gateway.ledger.values import day_of


def notes(connection: Connection, asked: Asked) -> list[str]:
    """Return how many attempts of a period are known by their sums only."""
    first = horizons(connection).attempts
    if not first:
        return []
    gone = select(func.sum(rollups.c.attempts)).where(rollups.c.day < first)
    from_us, to_us = asked.period.whole
    if from_us is not None:
        gone = gone.where(rollups.c.day >= day_of(from_us))
    if to_us is not None:
        gone = gone.where(rollups.c.day < day_of(to_us))
    many = connection.execute(gone).scalar_one()
    if not many:
        return []
    return [f"{many} attempts before {first} are no longer kept one by one, and not in this report"]
