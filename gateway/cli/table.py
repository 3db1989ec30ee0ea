"""A table for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Table  # noqa: PLC0415 - only a terminal needs it

    made = Table(*columns)
    for row in rows:
        made.add_row(*row)
    Console(highlight=False, markup=False).print(made)
