"""Labels hold for a block of code, and never free what an outer block bound."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway
from gateway.client.requests import labelled
from gateway.emulator import Emulator
from gateway.errors import Malformed
from gateway.label_scope import ONLY, REQUIRE, current, joined
from tests.clients.scenes import ASK

NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)


def test_labels_are_the_headers_of_the_same_meaning() -> None:
    assert current() == {}
    with gateway.labels(data_class="phi", require=["zdr"], only=["a", "b"], cost_center="x"):
        assert current() == {
            "x-gateway-class": "phi",
            "x-gateway-require": "zdr",
            "x-gateway-only": "a,b",
            "x-gateway-tag-cost-center": "x",
        }
    assert current() == {}


def test_an_inner_block_adds_and_replaces_but_widens_nothing() -> None:
    with gateway.labels(only=["a", "b"], require=["r"], team="x", data_class="phi"):
        with gateway.labels(only=["b", "c"], require=["s"], team="y"):
            assert current()[ONLY] == "b"
            assert current()[REQUIRE] == "r,s"
            assert current()["x-gateway-tag-team"] == "y"
            assert current()["x-gateway-class"] == "phi"
        assert current()[ONLY] == "a,b"
        with pytest.raises(ValueError, match="leave no upstream"), gateway.labels(only=["c"]):
            pass
        assert current()[ONLY] == "a,b"


@given(NAMES, NAMES)
def test_only_is_never_wider_than_either(outer: list[str], inner: list[str]) -> None:
    sides = ({ONLY: ",".join(outer)}, {ONLY: ",".join(inner)})
    if not set(outer) & set(inner):
        with pytest.raises(ValueError, match="no upstream"):
            joined(*sides)
    else:
        assert set(joined(*sides)[ONLY].split(",")) == set(outer) & set(inner)


@pytest.mark.parametrize("wrong", ["", " ", "a\nb", "é"])
def test_a_label_that_no_header_can_carry_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="printable"), gateway.labels(team=wrong):
        pass


def test_a_label_of_another_type_is_refused() -> None:
    untyped: Any = gateway.labels
    for wrong in ({"only": "a"}, {"team": 3}):
        with pytest.raises(TypeError), untyped(**wrong):
            pass


def test_tasks_do_not_share_labels() -> None:
    async def one(name: str) -> str:
        with gateway.labels(team=name):
            await asyncio.sleep(0)
            return current()["x-gateway-tag-team"]

    async def run() -> list[str]:
        return await asyncio.gather(*[one(str(number)) for number in range(5)])

    assert asyncio.run(run()) == ["0", "1", "2", "3", "4"]


def test_labels_narrow_a_call_and_go_nowhere(directory: Path, emulator: Emulator) -> None:
    with gateway.Anthropic(gateway=directory) as client:
        with gateway.labels(only=["cloud"], team="x"):
            raw = client.messages.with_raw_response.create(**ASK)
        assert raw.headers["x-gateway-upstream"] == "cloud"
        client.messages.create(**ASK, extra_headers={"x-gateway-only": "cloud"})
        with gateway.labels(only=["direct"]), pytest.raises(anthropic.BadRequestError):
            client.messages.create(**ASK, extra_headers={"x-gateway-only": "cloud"})
    assert {record.platform for record in emulator.records} == {"bedrock"}
    for record in emulator.records:
        assert not [name for name, _ in record.headers if name.startswith("x-gateway-")]


def test_a_header_and_a_label_that_disagree_are_refused() -> None:
    with pytest.raises(Malformed, match="public"):
        labelled((("x-gateway-class", "public"),), {"x-gateway-class": "phi"})
    same = labelled((("x-gateway-class", "phi"), ("a", "b")), {"x-gateway-class": "phi"})
    assert same == (("a", "b"), ("x-gateway-class", "phi"))
