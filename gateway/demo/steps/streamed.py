"""Step `stream`: a streamed call to each platform, each with a framing of its own."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.demo.calls import Question, stream
from gateway.demo.hits import models_only, told
from gateway.demo.places import PLACES, Place
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("upstream", "door", "sent", "read", "stop reason", "output")
PROMPT = "Tell a story of a lighthouse. [[events:12]]"
CUT: Mapping[str, object] = {"action": "cut", "platform": "bedrock", "at": 4}

Played = tuple[tuple[Place, tuple[Shot, ...]], ...]


def play(stage: Stage, broken: bool) -> Scene:
    """Stream from each platform through each door. Broken: Bedrock cuts its streams."""
    played: Played = tuple((place, _streamed(stage, place, broken)) for place in PLACES)
    rows = tuple(_row(place, shot) for place, shots in played for shot in shots)
    return Scene(Table(COLUMNS, rows), claims(played))


def claims(played: Played) -> tuple[Claim, ...]:
    """Judge the streams."""
    return (
        *(_reached(place, shots) for place, shots in played),
        _whole(played),
        _ended(played),
    )


def _streamed(stage: Stage, place: Place, broken: bool) -> tuple[Shot, ...]:
    question = Question(PROMPT, only=place.upstream)
    fault = CUT if broken else {}
    return stage.each(lambda client: stream(client, question), **fault)


def _row(place: Place, shot: Shot) -> tuple[str, ...]:
    answer = shot.answer
    output = answer.usage.output_tokens
    return (
        place.upstream,
        shot.door,
        str(_sent(shot)),
        str(answer.events),
        answer.stop_reason or answer.error or "none",
        "not reported" if output is None else str(output),
    )


def _sent(shot: Shot) -> int:
    return sum(hit.events for hit in models_only(shot.log))


def _reached(place: Place, shots: tuple[Shot, ...]) -> Claim:
    return Claim(
        f"{place.upstream} was asked for one stream by each door, nobody else was",
        all(place.only(models_only(shot.log), streamed=True) for shot in shots),
        " | ".join(f"{shot.door}: {told(shot.log)}" for shot in shots),
    )


def _whole(played: Played) -> Claim:
    found = [
        (place.upstream, _sent(shot), shot.answer.events)
        for place, shots in played
        for shot in shots
    ]
    return Claim(
        "the SDK read every event each platform sent, framed or as text",
        all(sent == read > 0 for _, sent, read in found),
        f"upstream, sent, read: {found}",
    )


def _ended(played: Played) -> Claim:
    found = [
        (place.upstream, hit.outcome, shot.answer.stop_reason, shot.answer.error)
        for place, shots in played
        for shot in shots
        for hit in models_only(shot.log)
    ]
    good = ("complete", "end_turn", None)
    return Claim(
        "each stream was sent to its end, and read to its end",
        bool(found) and all(end == good for _, *ends in found for end in [tuple(ends)]),
        f"upstream, sent, stop reason, error: {found}",
    )


STREAM = Step(
    "stream",
    "A streamed call",
    "Bedrock sends binary frames, the others text; the SDK reads the same from all (pings aside).",
    play,
)
