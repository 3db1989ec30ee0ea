"""Step `bill`: one row for each attempt, with what the platforms bill for it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.demo.calls import Question, stream
from gateway.demo.hits import told
from gateway.demo.ledgered import Booked, billed_pico, booked
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage
from gateway.money import usd

COLUMNS = ("door", "upstream", "booked as", "cost in USD", "the platform bills")
PROMPT = "How high is the spring tide? [[words:60]]"
FAULT: Mapping[str, object] = {"action": "cut", "platform": "anthropic", "at": 1}
"""The answer begins, and breaks off before its first word: another upstream takes over."""
MUCH_PICO = 10**12

Judged = tuple[Shot, tuple[Booked, ...]]


def play(stage: Stage, broken: bool) -> Scene:
    """Stream while the first platform breaks off. Broken: the ledger loses a row."""
    shots = stage.each(lambda client: stream(client, Question(PROMPT)), **FAULT)
    rows = booked(stage.journal, [shot.answer.decision for shot in shots])
    judged = tuple((shot, rows.get(shot.answer.decision or "", ())) for shot in shots)
    if broken:
        judged = tuple((shot, found[1:]) for shot, found in judged)
    table = tuple(row for each in judged for row in _rows(each))
    return Scene(Table(COLUMNS, table), claims(judged))


def claims(judged: tuple[Judged, ...]) -> tuple[Claim, ...]:
    """Judge what the ledger has of the calls."""
    places = [
        (
            [(row.platform, row.region) for row in found],
            [(hit.platform, hit.place) for hit in shot.log],
        )
        for shot, found in judged
    ]
    pairs = [
        (row, billed_pico(hit))
        for shot, found in judged
        for row, hit in zip(found, shot.log, strict=False)
    ]
    won = [[row for row in found if row.won] for _, found in judged]
    return (
        Claim(
            "each request in the platforms' log has one row, and no row is without one",
            all(rows == seen and seen for rows, seen in places),
            " | ".join(
                f"{rows}, but {told(shot.log)}"
                for (shot, _), (rows, _) in zip(judged, places, strict=True)
            ),
        ),
        Claim(
            "the answer that the caller got costs exactly what its platform bills",
            all(row.exact and row.low_pico == bill for row, bill in pairs if row.won)
            and all(len(rows) == 1 for rows in won),
            _told(pairs),
        ),
        Claim(
            "the one that broke off is bounded: nobody told what it cost, and the bill is within",
            all(
                0 < row.low_pico <= bill <= row.high_pico < MUCH_PICO
                for row, bill in pairs
                if not row.won
            )
            and any(not row.won for row, _ in pairs),
            _told(pairs),
        ),
    )


def _told(pairs: list[tuple[Booked, int]]) -> str:
    return "; ".join(f"{row.upstream} {_cost(row)}, billed {usd(bill)}" for row, bill in pairs)


def _cost(row: Booked) -> str:
    return usd(row.low_pico) if row.exact else f"{usd(row.low_pico)} to {usd(row.high_pico)}"


def _rows(judged: Judged) -> list[tuple[str, ...]]:
    shot, found = judged
    bills = [usd(billed_pico(hit)) for hit in shot.log]
    return [
        (shot.door, row.upstream, row.state, _cost(row), bill)
        for row, bill in zip(found, bills, strict=False)
    ]


BILL = Step(
    "bill",
    "What it cost",
    "Every attempt is a row of the ledger, exact or with bounds: also one that brought no answer.",
    play,
)
