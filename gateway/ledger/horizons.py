"""From which day on a ledger is whole: older rows were pruned, and stand in sums only."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from gateway.ledger import schema, tables


class Horizons(NamedTuple):
    """The first UTC days that are kept; empty: nothing was pruned."""

    attempts: str = ""
    rollups: str = ""


def horizons(connection: Connection) -> Horizons:
    """Return from which days on rows and sums are kept."""
    rows = connection.execute(select(schema.horizons.c.of, schema.horizons.c.day))
    return Horizons(**{of: day for of, day in rows if of in Horizons._fields})


def keep(connection: Connection, found: Horizons) -> None:
    """Write from which days on rows and sums are kept."""
    rows = [{"of": of, "day": day} for of, day in found._asdict().items() if day]
    tables.put(connection, schema.horizons, rows)
