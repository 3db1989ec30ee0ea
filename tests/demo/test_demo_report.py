from __future__ import annotations

import io

import pytest
from rich.console import Console

from gateway.demo.report import Report
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Stage


def nothing(stage: Stage, broken: bool) -> Scene:
    raise NotImplementedError


STEP = Step("name", "A title", "A sentence.", nothing)
SCENE = Scene(
    Table(("door", "path [x]"), (("client", "/model/[bold]y"),)),
    (Claim("one thing is so", True, "unseen"), Claim("another is not", False, "what [was] found")),
)


def written(**console: object) -> str:
    out = io.StringIO()
    report = Report(Console(file=out, highlight=False, **console))  # type: ignore[arg-type]
    report.title()
    report.step(1, STEP, SCENE)
    report.end(1, 2, 3.14)
    return out.getvalue()


def test_piped_it_is_plain() -> None:
    text = written()
    assert text.isascii()
    assert "\x1b" not in text
    for line in (
        "1. A title [name]",
        "A sentence.",
        "  client  /model/[bold]y",
        "  held    one thing is so",
        "  FAILED  another is not",
        "          found: what [was] found",
        "1 of 2 claims held against the platforms' request log, in 3.1 s.",
    ):
        assert line in [each.rstrip() for each in text.splitlines()]
    assert "unseen" not in text


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_it_fits(width: int) -> None:
    text = written(force_terminal=True, color_system=None, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2500" in text
