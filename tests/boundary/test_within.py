"""What keeps a request within some countries holds at every attempt, not only in the plan."""

from __future__ import annotations

import asyncio
import json

import pytest

from gateway.boundary import Boundary, Leave
from gateway.boundary import boundary as boundary_module
from gateway.call import Call, made_call, read_body
from gateway.engine import Engine
from gateway.errors import Forbidden
from gateway.routing import Plan
from gateway.wire.aio import AsyncWire
from gateway.within import Within
from providers.contract import Kind
from tests.boundary.house import BODY, POLICY, House

EUROPE = Within("eu.anthropic.claude-opus-5-5", frozenset({"DE", "FR", "GB"}))
NARROW = Within("europe-west3", frozenset({"DE"}))
OPEN = POLICY.replace('unlabelled = "inner"', 'unlabelled = "open"')
"""A policy that holds nothing to a place: only what the caller wrote does."""


@pytest.fixture(autouse=True)
def _looks_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary_module, "CHECK_S", 0.0)


def call(within: Within) -> Call:
    raw = json.dumps(BODY).encode()
    headers = (("anthropic-version", "2026-10-21"),)
    return made_call(Kind.MESSAGES, headers, raw, read_body(raw), within=within)


def planned(house: House, leave: Leave, within: Within) -> Plan:
    return Engine.from_config(house.config()).plan(call(within), 0.0, leave)


def names(plan: Plan) -> list[str]:
    return [leg.upstream.name for leg in plan.legs]


@pytest.mark.parametrize("reached", [None, frozenset(), frozenset({"*"}), frozenset({"DE", "US"})])
def test_what_nobody_knows_of_keeps_nothing(reached: frozenset[str] | None) -> None:
    assert not EUROPE.admits(reached)


def test_what_somebody_signed_off_says_where_an_upstream_is(house: House) -> None:
    house.write(OPEN)
    leave = Leave(Boundary(house.config()))
    assert names(planned(house, leave, EUROPE)) == ["frankfurt"]
    assert names(planned(house, leave, NARROW)) == []


def test_the_journal_says_what_kept_it(house: House) -> None:
    house.write(OPEN)
    engine = Engine.from_config(house.config())
    asked = call(NARROW)
    with pytest.raises(Forbidden):
        asyncio.run(engine.answer(asked, AsyncWire()))
    (decision,) = house.records("decision")
    assert (decision["within"], decision["within_countries"]) == ("europe-west3", ["DE"])
    assert {each["upstream"] for each in decision["rejected"]} == {
        "direct",
        "frankfurt",
        "anywhere",
    }
    assert all("europe-west3" in each["reason"] for each in decision["rejected"])
    assert house.seen() == []


def test_what_is_no_longer_signed_off_is_not_tried(house: House) -> None:
    house.write(OPEN)
    leave = Leave(Boundary(house.config()))
    may = leave.of(planned(house, leave, EUROPE), EUROPE)
    assert may("frankfurt")
    house.attest({"frankfurt": ["DE", "IT"]})
    assert not may("frankfurt")


def test_what_was_signed_off_until_yesterday_is_not_known(house: House) -> None:
    house.write(OPEN)
    file = house.where / "attestations.toml"
    file.write_text(file.read_text().replace("evidence", "expires = 2026-01-01\nevidence"))
    leave = Leave(Boundary(house.config()))
    assert names(planned(house, leave, EUROPE)) == []
