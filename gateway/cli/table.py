"""A table for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_WIDE = 10_000


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int | None = None
) -> None:
    """Print a table.

    Args:
        columns: The heads.
        rows: The cells.
        texts: How many columns are texts; the others are numbers: they stand to the right, and
            nothing of them is cut off. None: all are texts, cut to a terminal's width.
    """
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.table import Column, Table  # noqa: PLC0415 - only a terminal needs it

    if texts is None:
        made = Table(*columns)
    else:
        words = [Column(name, overflow="fold") for name in columns[:texts]]
        numbers = [Column(name, justify="right", overflow="fold") for name in columns[texts:]]
        made = Table(*words, *numbers)
    for row in rows:
        made.add_row(*row)
    console = Console(highlight=False, markup=False)
    if texts is not None and not console.is_terminal:
        console.width = _WIDE
    console.print(made)
