"""LiteLLM translates the same requests: every difference is known, and has its reason."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Malformed
from tests.openai_format.oracle.cases import cases
from tests.openai_format.oracle.differing import differences, plain
from tests.openai_format.telling import way

DATA = Path(__file__).parents[1] / "data" / "litellm" / "requests.json"
THEIRS: dict[str, Any] = json.loads(DATA.read_text("utf-8"))["translated"]
ROWS = tomllib.loads((Path(__file__).parent / "oracle" / "differences.toml").read_text("utf-8"))[
    "rows"
]
EXPLAINED = {(row["case"], row["path"]) for row in ROWS}
_INDEX = re.compile(r"\[\d+\]")


def _ours(request: dict[str, Any]) -> Any:
    try:
        return json.loads(way().read((), json.dumps(request).encode()).raw)
    except Malformed:
        return None


def _found(name: str) -> Iterator[str]:
    """Yield the paths at which a case differs."""
    ours, theirs = _ours(cases()[name]), THEIRS[name].get("body")
    if ours is None or theirs is None:
        if ours is not theirs:
            yield "refused"
        return
    for path, _, _ in differences(plain(ours), plain(theirs)):
        yield _INDEX.sub("[]", path)


def test_litellm_was_asked_of_these_cases() -> None:
    assert {name: row["asked"] for name, row in THEIRS.items()} == cases(), "run: make oracle"


@pytest.mark.parametrize("name", cases())
def test_each_difference_has_its_reason(name: str) -> None:
    for path in _found(name):
        assert {(name, path), ("*", path)} & EXPLAINED, path


def test_each_reason_is_of_a_difference() -> None:
    found = {(name, path) for name in cases() for path in _found(name)}
    found |= {("*", path) for _, path in found}
    assert found >= EXPLAINED
    assert len(ROWS) == len(EXPLAINED)
    assert all(row["why"].endswith(".") for row in ROWS)


def test_what_is_not_refused_by_either_is_mostly_the_same() -> None:
    same = [name for name in cases() if not set(_found(name)) - {"tools[].type"}]
    assert len(same) > len(cases()) * 0.6
