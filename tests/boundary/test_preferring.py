from __future__ import annotations

import pytest

import gateway
from tests.boundary.house import BODY, POLICY, House

PLACES = {"direct": ["US", "CA"], "frankfurt": ["DE"]}
OPEN = {"x-gateway-class": "open"}


@pytest.mark.parametrize(
    ("order", "wish", "asked"),
    [
        (("direct", "anywhere", "frankfurt"), "", ["direct", "anywhere", "frankfurt"]),
        (
            ("anywhere", "direct", "frankfurt"),
            '[prefer]\norder = ["cost", "tightest_residency"]\n',
            ["direct", "anywhere", "frankfurt"],
        ),
        (
            ("frankfurt", "anywhere", "direct"),
            '[prefer]\norder = ["cost"]\n',
            ["anywhere", "direct", "frankfurt"],
        ),
        (
            ("anywhere", "direct", "frankfurt"),
            '[prefer]\norder = ["latency", "tightest_residency"]\n',
            ["frankfurt", "direct", "anywhere"],
        ),
    ],
)
def test_a_wish_orders_what_is_allowed(
    house: House, order: tuple[str, ...], wish: str, asked: list[str]
) -> None:
    house.write(POLICY + wish, order=order, attest=PLACES)
    gateway.Anthropic(gateway=house.config()).messages.create(**BODY, extra_headers=OPEN)
    (decision,) = house.records("decision")
    assert decision["plan"] == asked


def test_a_wish_adds_nothing(house: House) -> None:
    wish = '[prefer]\norder = ["tightest_residency"]\n'
    house.write(POLICY + wish, order=("anywhere", "direct", "frankfurt"), attest=PLACES)
    gateway.Anthropic(gateway=house.config()).messages.create(**BODY)
    (decision,) = house.records("decision")
    assert decision["plan"] == ["frankfurt"]
