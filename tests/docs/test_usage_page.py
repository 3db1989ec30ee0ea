"""docs/usage.md: its examples are what the commands print, its answers those the server gives."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docs.usage_example import PAGE, page
from gateway.cli.usage_options import option
from gateway.errors import Malformed, NotAuthorized
from gateway.ledger.reports import cache
from gateway.ledger.reports.asked import FILTERS, SINCE
from gateway.ledger.reports.catalog import REPORTS
from gateway.ledger.reports.dimensions import NAMES
from gateway.server import ledger_reports
from gateway.server.refusals import BusyLedger, LostLedger, NoLedger, OperatorsOnly, SlowLedger
from tests.docs.pages import dead_links

TEXT = PAGE.read_text("utf-8")
REFUSED: dict[str, Any] = {
    "A parameter is wrong": Malformed,
    "No admin key, or a wrong one": NotAuthorized,
    "Callers have keys, and there is no admin key": OperatorsOnly,
    f"More than {ledger_reports.AT_ONCE} reports at a time": BusyLedger,
    "No ledger is configured": NoLedger,
    "The ledger cannot be read": LostLedger,
    f"A report takes longer than {ledger_reports.LIMIT_S:g} s": SlowLedger,
}
ROWS = dict(re.findall(r"^\| (?!What|-)(.*?) \| (\d+ `\w+`)", TEXT, re.MULTILINE))


def test_its_examples_are_what_is_printed() -> None:
    assert page() == TEXT, "run: make docs"


def test_its_answers_are_those_given() -> None:
    assert {what: f"{each.status} `{each.type}`" for what, each in REFUSED.items()} == ROWS


def test_its_numbers_are_those_in_force() -> None:
    said = (
        f"{ledger_reports.TOP} groups are told unless `top` says otherwise",
        f"{ledger_reports.TOP_MOST} at most",
        f"sessions of up to {ledger_reports.ATTEMPTS_MOST} attempts",
        f"prompts of {cache.LARGE_TOKENS} tokens or more",
        f"Without `--from` it is `{SINCE}`",
    )
    assert all(each in " ".join(TEXT.split()) for each in said)
    assert cache.TTL_US == {"5m": 5 * 60 * 10**6, "1h": 60 * 60 * 10**6}


def test_all_that_can_be_asked_is_named() -> None:
    told = TEXT.partition("`--by` takes")[2].partition("The total")[0]
    assert re.findall(r"`([\w:]+)`", told) == NAMES.split(", ")
    assert all(f"`{option(name)}" in TEXT for name in (*FILTERS, "tag", "top", "from", "to"))
    paths = re.findall(r"`(?:GET )?(/v1/usage\S*)`", TEXT)
    assert set(paths) == set(ledger_reports.PATHS)
    assert {f"usage {name}" for name in REPORTS} - {"usage usage"} <= {
        found.strip() for found in re.findall(r"\$ gateway (usage(?: [a-z]+)?)", TEXT)
    }


@pytest.mark.parametrize("name", ["charged", "absorbed", "waste", "open", "adjusted", "unpriced"])
def test_every_part_is_explained(name: str) -> None:
    assert f"**{name}**" in TEXT


def test_its_links_lead_somewhere() -> None:
    assert dead_links("docs/usage.md") == []
