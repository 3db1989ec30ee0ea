"""The steps one after the other, and what they amount to."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gateway.demo import UnknownStep
from gateway.demo.report import Report
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Stage, staged
from gateway.demo.steps import STEPS
from gateway.demo.stopping import stoppable


def tour(broken: str | None, began_s: float, report: Report | None = None) -> int:
    """Play the steps and report; return 0 when every claim held, else 1.

    `began_s` is when it all began, by `time.monotonic`. Raises UnknownStep.
    """
    check(broken, [step.name for step in STEPS])
    writing = report or Report()
    writing.title()
    claims: list[Claim] = []
    with stoppable(), staged() as stage:
        for number, step in enumerate(STEPS, 1):
            scene = played(stage, step, broken=step.name == broken)
            writing.step(number, step, scene)
            claims.extend(scene.claims)
    held = sum(claim.held for claim in claims)
    writing.end(held, len(claims), time.monotonic() - began_s)
    return 0 if held == len(claims) else 1


def check(broken: str | None, names: Sequence[str]) -> None:
    """Raise UnknownStep where `broken` is no step's name."""
    if broken is not None and broken not in names:
        raise UnknownStep(f"there is no step {broken!r}; the steps are: {', '.join(names)}")


def played(stage: Stage, step: Step, *, broken: bool) -> Scene:
    """Return what a step showed; one that breaks down is a claim that does not hold."""
    try:
        return step.play(stage, broken)
    except Exception as error:  # noqa: BLE001 - the other steps are still shown
        # Its text may quote a prompt or a key; its kind does not.
        claim = Claim("this step ran to its end", False, f"it raised {type(error).__name__}")
        return Scene(Table((), ()), (claim,))
