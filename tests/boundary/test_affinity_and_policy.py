"""A pin orders what policy allows; it never adds or takes an upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

import gateway
from gateway.cli.explain_report import plain
from gateway.cli.explain_request import Question, explained
from gateway.cli.policy_sources import Setting
from tests.boundary.house import BODY, ENVIRONMENT, POLICY, House

SYSTEM = [{"type": "text", "text": "the rules", "cache_control": {"type": "ephemeral"}}]
MARKED: dict[str, Any] = {**BODY, "system": SYSTEM}
OPEN = {"x-gateway-class": "open"}
INNER = {"x-gateway-class": "inner"}
EVERYWHERE = ["direct", "frankfurt", "anywhere"]


@pytest.fixture(autouse=True)
def key(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", house.emulator.api_key)


def asked(client: gateway.Anthropic, headers: dict[str, str]) -> str:
    """Return the upstream that answered the same conversation once more."""
    found = client.messages.with_raw_response.create(**MARKED, extra_headers=headers)
    return found.headers["x-gateway-upstream"]


def by_explain(house: House, headers: dict[str, str]) -> list[str]:
    file = house.where / "request.json"
    file.write_text(json.dumps(MARKED))
    named = tuple(f"{name}: {value}" for name, value in headers.items())
    question = Question(headers=named, body=str(file))
    found: list[str] = plain(explained(question, Setting(house.where, ENVIRONMENT)))["plan"]
    return found


def test_a_conversation_moves_where_policy_wants_it_and_stays_there(house: House) -> None:
    with gateway.Anthropic(gateway=house.config()) as client:
        for headers in (OPEN, OPEN, INNER, OPEN, OPEN):
            asked(client, headers)
    decisions = house.records("decision")
    warm = ["frankfurt", "direct", "anywhere"]
    assert [each["plan"] for each in decisions] == [
        EVERYWHERE, EVERYWHERE, ["frankfurt"], warm, warm
    ]  # fmt: skip
    assert [each.get("warm") for each in decisions] == [
        None, "direct", None, "frankfurt", "frankfurt"
    ]  # fmt: skip


@pytest.mark.parametrize("headers", [OPEN, INNER])
def test_explain_names_the_same_upstreams(house: House, headers: dict[str, str]) -> None:
    with gateway.Anthropic(gateway=house.config()) as client:
        asked(client, {**OPEN, "x-gateway-only": "frankfurt"})
        asked(client, headers)
    (*_, decision) = house.records("decision")
    assert decision["warm"] == "frankfurt"
    assert sorted(decision["plan"]) == sorted(by_explain(house, headers))


def test_it_goes_before_what_policies_wish(house: House) -> None:
    wish = '[prefer]\norder = ["tightest_residency"]\n'
    house.write(POLICY + wish, attest={"direct": ["US", "CA"], "frankfurt": ["DE"]})
    with gateway.Anthropic(gateway=house.config()) as client:
        assert asked(client, {**OPEN, "x-gateway-only": "direct"}) == "direct"
        assert asked(client, OPEN) == "direct"
    assert by_explain(house, OPEN)[0] == "frankfurt", "else this test could not fail"
