from __future__ import annotations

from docs.failover_tables import PAGE, page
from docs.tables import BEGIN, END
from gateway.dispatch.kinds import RULES
from tests.docs.pages import dead_links


def test_the_tables_are_those_of_the_data() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: make docs"


def test_every_kind_has_its_row() -> None:
    tables = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert all(f"| `{kind.value}` |" in tables for kind in RULES)


def test_links_lead_somewhere() -> None:
    assert dead_links("docs/failover.md") == []
