"""The comparison of ledger and bill sees what does not agree: rows made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ledger.row import Row, State
from tests.ledger.bills import Billed, differences, kinds, width_pico


def row(number: int, state: State, low: int = 0, high: int = 0, **more: Any) -> Row:
    given: dict[str, Any] = {
        "attempt": f"dec_1.{number}",
        "decision": "dec_1",
        "number": number,
        "kind": "messages",
        "streamed": True,
        "started_us": number,
        "upstream": "direct",
        "platform": "anthropic",
        "scope": "global",
        "model": "claude-opus-5-5",
        "state": state,
        "open": False,
        "low_pico": low,
        "high_pico": high,
    }
    return Row(**{**given, **more})


def found(rows: list[Row], *bills: Billed) -> str:
    return "; ".join(differences(rows, bills))


FINAL = row(1, State.FINAL, 70, 70, message_id="msg_1")
PARTIAL = row(2, State.PARTIAL, 10, 90, message_id="msg_2")
UNKNOWN = row(3, State.UNKNOWN, 0, 90)
REJECTED = row(4, State.REJECTED)
NOT_SENT = row(5, State.NOT_SENT)
ON_BEDROCK = row(6, State.UNKNOWN, 0, 50, platform="bedrock", upstream="frankfurt")


def asked(pico: int, message_id: str | None = None) -> Billed:
    return Billed("anthropic", pico, message_id)


def named(pico: int, number: int = 6) -> Billed:
    return Billed("bedrock", pico, None, f"dec_1.{number}")


@pytest.mark.parametrize(
    ("rows", "bills"),
    [
        ([FINAL], [asked(70, "msg_1")]),
        ([PARTIAL], [asked(10, "msg_2")]),
        ([PARTIAL], [asked(90, "msg_2")]),
        ([FINAL, PARTIAL, UNKNOWN], [asked(20, "msg_2"), asked(90, "msg_9"), asked(70, "msg_1")]),
        ([REJECTED, UNKNOWN], [asked(0), asked(80)]),
        ([UNKNOWN, NOT_SENT], [asked(90)]),
        ([UNKNOWN, ON_BEDROCK], []),
        ([NOT_SENT], []),
        ([ON_BEDROCK, UNKNOWN], [named(50), asked(0)]),
        (
            [FINAL, row(2, State.FINAL, message_id="msg_1", duplicate_of="dec_1.1")],
            [asked(70, "msg_1")],
        ),
    ],
)
def test_what_agrees_is_passed_over(rows: list[Row], bills: list[Billed]) -> None:
    assert not found(rows, *bills)


@pytest.mark.parametrize(
    ("rows", "bills", "words"),
    [
        ([FINAL], [asked(71, "msg_1")], "from 70 to 70, and 71 is billed"),
        ([FINAL], [asked(69, "msg_1")], "from 70 to 70, and 69 is billed"),
        ([FINAL], [], "from 70 to 70, and 0 is billed"),
        ([PARTIAL], [asked(91, "msg_2")], "from 10 to 90, and 91 is billed"),
        ([UNKNOWN], [asked(91)], "from 0 to 90, and 91 is billed"),
        ([REJECTED, UNKNOWN], [asked(80), asked(0)], "from 0 to 0, and 80 is billed"),
        ([], [asked(0)], "1 requests to anthropic have 0 rows"),
        ([NOT_SENT], [asked(0)], "1 requests to anthropic have 0 rows"),
        ([NOT_SENT, UNKNOWN], [asked(0), asked(0)], "2 requests to anthropic have 1 rows"),
        ([FINAL], [asked(70, "msg_7")], "shows msg_1, and msg_7 is billed"),
        ([FINAL], [asked(70, "msg_1"), asked(70, "msg_1")], "1 requests to anthropic have 0 rows"),
        (
            [FINAL, row(2, State.FINAL, 70, 70, message_id="msg_1")],
            [asked(70, "msg_1")],
            "from 70 to 70, and 0 is billed",
        ),
        ([FINAL, FINAL], [asked(70, "msg_1")], "an attempt has two rows"),
        ([UNKNOWN], [named(0)], "bedrock dec_1.6 has no row of its own"),
        ([ON_BEDROCK], [named(0), named(0)], "bedrock dec_1.6 has no row of its own"),
        ([UNKNOWN], [named(0, 3)], "is billed by bedrock"),
        ([row(1, State.UNKNOWN, 0, 9, open=True)], [], "is open"),
        ([row(1, State.FINAL, unpriced="no price")], [asked(0)], "has no price: no price"),
        ([row(1, State.UNKNOWN, 9, 8)], [], "costs from 9 to 8"),
        ([row(1, State.REJECTED, 0, 8)], [asked(0)], "is rejected and costs 8"),
    ],
)
def test_what_does_not_agree_is_told(rows: list[Row], bills: list[Billed], words: str) -> None:
    assert words in found(rows, *bills)


def test_attempts_that_overlap_are_told_apart_by_no_order() -> None:
    rows = [REJECTED, UNKNOWN]
    assert not list(differences(rows, [asked(80), asked(0)], in_turn=False))
    assert list(differences(rows, [asked(80), asked(11)], in_turn=False))


def test_widths_are_those_of_rows_that_are_not_exact() -> None:
    rows = [FINAL, PARTIAL, UNKNOWN, REJECTED]
    assert width_pico(rows) == 80 + 90
    assert [width for _, width in kinds(rows)] == [80, 90]
