"""Writes the table of metrics of operating.md: `make docs`."""

from __future__ import annotations

from pathlib import Path

from docs.tables import filled, table
from gateway.server.metrics import FAMILIES, Family

PAGE = Path(__file__).parent / "operating.md"


def page() -> str:
    """Return the page with its table as the metrics are now."""
    heads = ("metric", "type", "labels", "meaning")
    return filled(PAGE, table(heads, map(_row, FAMILIES)) + "\n")


def _row(family: Family) -> tuple[str, ...]:
    kind = family.empty().type
    name = f"{family.name}_total" if kind == "counter" else family.name
    return f"`{name}`", kind, ", ".join(family.labels), family.meaning


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
