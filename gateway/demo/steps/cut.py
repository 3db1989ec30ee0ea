"""Step `cut`: a stream breaks off in the middle, and the caller learns it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.demo.calls import Question, stream
from gateway.demo.hits import told
from gateway.demo.places import DIRECT
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("door", "sent", "read", "text", "then the SDK raised")
PROMPT = "Count the waves until evening. [[events:10]]"
CUT_AT = 6
FAULT: Mapping[str, object] = {"action": "cut", "platform": "anthropic", "at": CUT_AT}
TYPE = "api_error"
"""The type in the error event; a connection that only drops has none."""


def play(stage: Stage, broken: bool) -> Scene:
    """Stream while the platform hangs up after some events. Broken: it does not."""
    fault = {} if broken else FAULT
    shots = stage.each(lambda client: stream(client, Question(PROMPT)), **fault)
    rows = tuple(
        (
            shot.door,
            str(sum(hit.events for hit in shot.log)),
            str(shot.answer.events),
            f"{len(shot.answer.text)} characters",
            shot.answer.ending,
        )
        for shot in shots
    )
    return Scene(Table(COLUMNS, rows), claims(shots))


def claims(shots: tuple[Shot, ...]) -> tuple[Claim, ...]:
    """Judge the streams."""
    logs = [shot.log for shot in shots]
    log = " | ".join(map(told, logs))
    ends = [(hit.outcome, hit.frames) for log in logs for hit in log]
    return (
        Claim(
            "the direct API hung up in mid-answer",
            bool(ends) and set(ends) == {("cut", CUT_AT)},
            f"how each answer ended, events sent: {ends}",
        ),
        Claim(
            "nobody else was asked: no second text is put behind the first",
            all(DIRECT.only(log, streamed=True) for log in logs),
            log,
        ),
        _told(shots),
    )


def _told(shots: tuple[Shot, ...]) -> Claim:
    found = [
        (sum(hit.events for hit in shot.log), shot.answer.events, shot.answer.error_type)
        for shot in shots
    ]
    return Claim(
        "the caller got all that was sent, then an error event, no clean end",
        all(sent == read and error == TYPE for sent, read, error in found),
        f"events sent, read, type of the error: {found}",
    )


CUT = Step(
    "cut",
    "A stream that breaks off",
    "The platform hangs up in mid-answer: the caller gets what came, and is told it is not all.",
    play,
)
