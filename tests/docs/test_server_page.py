"""docs/server.md says the bounds that are in force, and what is answered beyond them."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from gateway.config.model import Server
from gateway.errors import TooLarge
from gateway.server import connection, heads, metrics, settings, shedding, side
from gateway.server.refusals import Overloaded, TooManyCalls
from gateway.server.settings import Settings
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/server.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
ROWS = {
    cells[0]: cells[1:]
    for cells in (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TEXT.splitlines()
        if line.startswith("| ")
    )
}
DEFAULT = Settings()
REFUSED: dict[str, Any] = {
    "Calls at a time": Overloaded,
    "Calls of one key at a time": TooManyCalls,
    "Resident memory of the process": Overloaded,
    "Bodies in memory, all together": Overloaded,
    "A body, as sent and inflated": TooLarge,
    "Time for a head": heads.SLOW,
    "Time for a body that comes at less than 1 KiB/s": heads.SLOW,
    "Header fields": heads.too_many(1),
    "Size of a head, or of what frames a body between two pieces of it": heads.TOO_LARGE,
    "Bytes that are not HTTP/1.1": heads.NOT_HTTP,
}
NUMBERS = {
    "Time for a head": f"{DEFAULT.head_s:g} s",
    "Time for a body that comes at less than 1 KiB/s": f"{DEFAULT.body_s:g} s",
    "Header fields": f"{DEFAULT.header_limit}",
    "Size of a head, or of what frames a body between two pieces of it": (
        f"{DEFAULT.head_limit_bytes >> 10} KiB"
    ),
    "An answer that is taken at less than 1 KiB/s": f"{DEFAULT.write_s:g} s",
    "Requests that wait on one connection": f"{connection.WAITING_REQUESTS}",
    "An idle connection": f"{DEFAULT.keep_alive_s} s",
}


def test_the_settings_are_there_with_their_defaults() -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "toml"]
    shown = tomllib.loads(block.text)["server"]
    assert Server.model_validate(shown) == Server()
    assert set(shown) == Server.model_fields.keys() - {"host", "port", "keys", "public_url"}


def test_the_table_names_every_bound() -> None:
    assert ROWS.keys() - {"What"} == REFUSED.keys() | NUMBERS.keys()


@pytest.mark.parametrize("row", NUMBERS)
def test_its_numbers_are_those_in_force(row: str) -> None:
    assert ROWS[row][0] == NUMBERS[row]


@pytest.mark.parametrize("row", REFUSED)
def test_its_answers_are_those_given(row: str) -> None:
    assert ROWS[row][1] == f"{REFUSED[row].status} `{REFUSED[row].type}`"


def test_what_is_said_of_it_is_so() -> None:
    assert DEFAULT.rate_bytes == 1024
    assert settings.BODIES_OF_MEMORY == 4
    assert f"without it {settings.BODIES_OF_LIMIT} times `body_limit_mb`" in TEXT
    assert "from {} to {} seconds".format(*shedding.RETRY_AFTER_S) in TEXT
    assert settings.DRAINING_OF_IN_FLIGHT == 10
    assert "a tenth of `in_flight`" in TEXT
    assert all(f"`{each}`" in TEXT for each in shedding.Shed)


def test_the_paths_and_metrics_are_there() -> None:
    for path in re.findall(r"`(/[a-z0-9/]+)`", TEXT):
        assert path in side.KNOWN, path
    names = {family.name for family in metrics.FAMILIES}
    for name in re.findall(r"`(tidegate_[a-z_]+)`", TEXT):
        assert name.removesuffix("_total") in names, name


def test_its_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
