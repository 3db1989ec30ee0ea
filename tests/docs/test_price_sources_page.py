from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import price_tables
from docs.price_tables import PAGE, explained_table
from gateway.prices.files import shipped_files
from gateway.prices.witness import Sku, book
from gateway.prices.witness_check import newest
from tests.docs.pages import dead_links

FILES = [each.prices for each in shipped_files()]
BOOK = book(FILES, newest(FILES))
UNSOLD = re.compile(r"-|only [LG]")


def tables() -> dict[str, dict[tuple[str, str], str]]:
    """Return what the page shows: platform -> (model, column) -> cell."""
    shown: dict[str, dict[tuple[str, str], str]] = {}
    for part in PAGE.read_text("utf-8").split("\n### ")[1:]:
        platform, _, rest = part.partition("\n\n")
        heads, _, *rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in rest.splitlines()
            if line.startswith("|")
        ]
        shown[platform] = {
            (f"claude-{row[0]}", head): cell
            for row in rows
            for head, cell in zip(heads[1:], row[1:], strict=True)
        }
    return shown


def test_what_the_tables_call_sold_is_what_the_book_prices() -> None:
    shown = tables()
    del shown["Why ours stays"]
    sold = {
        Sku(platform, *where(model, column))
        for platform, cells in shown.items()
        for (model, column), cell in cells.items()
        if not UNSOLD.fullmatch(cell)
    }
    assert sold == set(BOOK)


def where(model: str, column: str) -> tuple[str, str, str, str]:
    scope, *kinds = column.split(", ")
    processing = "batch" if "batch" in kinds else "standard"
    return scope, model, processing, "fast" if "fast" in kinds else "standard"


def test_the_disagreements_are_those_of_the_data() -> None:
    assert explained_table() in PAGE.read_text("utf-8"), "run: make docs"


def test_every_cell_that_disagrees_is_of_a_model_that_is_explained() -> None:
    explained = explained_table()
    for platform, cells in tables().items():
        for (model, _), cell in cells.items():
            if "≠" in cell and platform != "Why ours stays":
                assert model.removeprefix("claude-") in explained


def test_a_page_that_is_out_of_date_is_named(tmp_path: Path) -> None:
    other = tmp_path / "map.json"
    other.write_text('{"claude-opus-5-5": {"input_cost_per_token": 4e-06}}')
    assert list(price_tables.main(["--check", str(other)])) == [
        "price_sources.md is not as the data says: run make docs"
    ]


def test_a_page_that_is_as_the_data_says_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    price_map, page = tmp_path / "map.json", tmp_path / "price_sources.md"
    price_map.write_text('{"claude-opus-5-5": {"input_cost_per_token": 4e-06}}')
    page.write_text(PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(price_tables, "PAGE", page)
    assert list(price_tables.main([str(price_map)])) == []
    assert "| opus-5-5 | = lG |" in page.read_text("utf-8")
    assert list(price_tables.main(["--check", str(price_map)])) == []


def test_links_lead_somewhere() -> None:
    assert dead_links("docs/price_sources.md") == []
