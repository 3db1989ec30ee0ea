"""docs/clouds.md says what is served, where a request stays, and what errors become."""

from __future__ import annotations

import ast
import re

import pytest

from gateway.formats import ways
from gateway.formats.bedrock import naming
from gateway.formats.bedrock.invoking import Unserved as NotBedrocks
from gateway.formats.bedrock.table import table as bedrock
from gateway.formats.vertex.predicting import Unserved as NotVertexs
from gateway.formats.vertex.table import table as vertex
from gateway.policy import zones
from providers import data_files
from tests.docs.pages import ROOT, blocks, dead_links

PAGE = "docs/clouds.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ")
]
SERVED = re.findall(r"`(POST|GET) (\[/v1\])?(/[^`]+)`", TEXT)
PLACES = {
    "us": frozenset({"US"}),
    "jp": frozenset({"JP"}),
    "au": frozenset({"AU"}),
    "eu": zones.shipped()["eu"] | {"GB", "CH"},
}


@pytest.mark.parametrize(("method", "version", "path"), SERVED)
def test_every_path_is_served(method: str, version: str, path: str) -> None:
    for written in (path, f"/v1{path}") if version else (path,):
        for name in ("{id}", "{p}", "{l}", "{m}"):
            written = written.replace(name, "x")  # noqa: PLW2901 - one name after the other
        way = ways.find(written, (), 0.0)
        assert (way if method == "POST" else ways.listing(written)) is not None
        assert not isinstance(way, NotBedrocks | NotVertexs)
    assert len(SERVED) == 8


def test_every_profile_is_there_and_means_what_it_says() -> None:
    told = re.findall(r"^\| `([a-z-]+)\.anthropic", TEXT, re.MULTILINE)
    assert told == ["eu", "us", "jp", "au", "apac", "us-gov", "global"]
    assert set(told) == set(data_files.read("models", data_files.ModelFile).profiles.rows)
    for profile, countries in PLACES.items():
        within = naming.read(f"{profile}.anthropic.claude-opus-5-5", None).within
        assert within is not None
        assert within.countries == countries


def test_every_error_is_told_as_it_is() -> None:
    told = {row[0]: row[1:] for row in ROWS if len(row) == 3 and row[0].startswith("`")}
    rows = bedrock().errors.rows
    assert told == {
        f"`{kind}`": [
            f"{problem.status} `{problem.name}`",
            f"`{vertex().errors.rows[kind]}`" if kind in vertex().errors.rows else "as it is",
        ]
        for kind, problem in rows.items()
    }


def test_the_code_is_python_and_no_link_is_dead() -> None:
    for block in blocks(PAGE):
        if block.language == "python":
            ast.parse(block.text)
    assert dead_links(PAGE) == []
