"""Step `residency`: the model id says Europe, and the request stays there, come what may."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.demo.calls import Question, ask
from gateway.demo.hits import Hit, told
from gateway.demo.places import EU_MODEL, FRANKFURT, MODEL
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("door", "Frankfurt", "who got the prompt", "the caller got")
PROMPT = "Summarize the patient's letter."
UNAVAILABLE = 503
DOWN = {"action": "status", "platform": "bedrock", "status": UNAVAILABLE, "times": -1}


def play(stage: Stage, broken: bool) -> Scene:
    """Call with the European id, Frankfurt up and down. Broken: without the id's prefix."""
    question = Question(PROMPT, model=MODEL if broken else EU_MODEL)

    def shots(fault: Mapping[str, object]) -> tuple[Shot, ...]:
        return stage.each(lambda client: ask(client, question), **fault)

    up, down = shots({}), shots(DOWN)
    rows = (*(_row("up", shot) for shot in up), *(_row("down", shot) for shot in down))
    return Scene(Table(COLUMNS, rows), claims(up, down))


def claims(up: tuple[Shot, ...], down: tuple[Shot, ...]) -> tuple[Claim, ...]:
    """Judge the calls."""
    failed = [shot.answer.error for shot in down]
    return (
        Claim(
            "Bedrock in Frankfurt got it, under its European profile; nobody else did",
            all(FRANKFURT.only(shot.log) for shot in up),
            " | ".join(told(shot.log) for shot in up),
        ),
        Claim(
            "with Frankfurt down, nobody else was asked",
            all(shot.log and all(map(FRANKFURT.got, shot.log)) for shot in down),
            " | ".join(told(shot.log) for shot in down),
        ),
        Claim(
            "then the call failed for the caller: an error instead of a breach",
            all(failed)
            and all(shot.log for shot in down)
            and all(hit.status == UNAVAILABLE for shot in down for hit in shot.log),
            f"the callers' errors: {failed}",
        ),
    )


def _row(state: str, shot: Shot) -> tuple[str, ...]:
    return (
        shot.door,
        state,
        _who(shot.log),
        shot.answer.ending if shot.answer.error else f"{shot.answer.upstream}'s answer",
    )


def _who(log: tuple[Hit, ...]) -> str:
    counts: dict[str, int] = {}
    for hit in log:
        name = f"{hit.platform} {hit.place}" if hit.place else hit.platform
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{name} ({count}x)" for name, count in counts.items()) or "nobody"


RESIDENCY = Step(
    "residency",
    "A call that must stay in Europe",
    f"{EU_MODEL} names a European profile: nobody who does not keep it may see the call.",
    play,
)
