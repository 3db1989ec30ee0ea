"""docs/openai.md says what becomes of every field, as the data has it."""

from __future__ import annotations

import ast
import json
import re

import openai
import pytest

from gateway.emulator import Emulator
from gateway.formats.openai import errors
from gateway.formats.openai.table import TABLE
from tests.docs.pages import ROOT, blocks, dead_links
from tests.server.serving import Running, engine_over, serving

PAGE = "docs/openai.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
TYPES = {
    "400": "invalid_request_error",
    "401": "authentication_error",
    "402": "billing_error",
    "403": "permission_error",
    "404": "not_found_error",
    "413": "request_too_large",
    "429": "rate_limit_error",
    "500": "api_error",
    "501": "not_supported",
    "504": "timeout_error",
    "529": "overloaded_error",
}


def table(head: str) -> dict[str, list[str]]:
    """Return the rows of the table that begins with a head, by their first cell."""
    rows = TEXT.split(f"{head}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: rest for first, *rest in cells}


def _names(cells: dict[str, list[str]]) -> set[str]:
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_each_field_that_becomes_something_has_a_row() -> None:
    assert _names(table("| In the request | Becomes |")) == TABLE.translated.fields


def test_the_fields_that_are_carried_are_named() -> None:
    sentence = TEXT.split("are carried as they are", 1)[1].split(".\n", 1)[0]
    assert set(re.findall(r"`([a-z_]+)`", sentence)) - {"extra_body"} == TABLE.carried.fields


def test_the_fields_that_change_nothing_are_those_of_the_data() -> None:
    rows = table("| Field | Value | Otherwise |")
    assert rows == {
        f"`{name}`": [", ".join(f"`{value}`" for value in sorted(row.values)), f"{row.otherwise}."]
        for name, row in TABLE.neutral.fields.items()
    }


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("named in `x-gateway-dropped`:\n\n", TABLE.left_out.fields),
        ("## What is refused\n\n", {**TABLE.refused.fields, **TABLE.inside.refused}),
    ],
)
def test_so_are_those_that_are_left_out_or_refused(after: str, told: dict[str, str]) -> None:
    assert f"{after}| Field | Why |\n" in TEXT
    rows = TEXT.split(after, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    assert rows == [f"| `{name}` | {why}. |" for name, why in told.items()]


def test_the_errors_are_those_told() -> None:
    rows = table("| Status | `type` | `code` |")
    assert rows.keys() == TYPES.keys()
    for status, (kind, code) in rows.items():
        body = {"error": {"type": TYPES[status], "message": "m"}}
        error = json.loads(errors.told(int(status), json.dumps(body).encode(), own=False))["error"]
        assert kind == f"`{error['type']}`"
        assert (f"`{error['code']}`" if error["code"] else "none") in code


def test_the_program_shown_runs(emulator: Emulator) -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "python"]
    ast.parse(block.text)
    with serving(engine_over(emulator)) as gateway:
        assert _run(block.text, gateway).choices[0].message.content


def _run(text: str, gateway: Running) -> openai.types.chat.ChatCompletion:
    here: dict[str, openai.types.chat.ChatCompletion] = {}
    exec(text.replace("http://127.0.0.1:8787", gateway.url), here)  # noqa: S102 - the page's own
    return here["answer"]


def test_its_links_lead_somewhere() -> None:
    assert dead_links(PAGE) == []
