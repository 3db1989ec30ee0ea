"""Lines of the log reach their reader, and one who does not read holds up nobody."""

from __future__ import annotations

import io
import os
import threading

import pytest

from gateway.server.log_lines import LogLines

WAIT_S = 20.0


class Stuck(io.StringIO):
    """A reader who takes nothing until he is let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.let = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        assert self.let.wait(WAIT_S)
        return super().write(text)


def test_every_line_comes_in_its_order() -> None:
    out = io.StringIO()
    lines = LogLines(out)
    for number in range(1000):
        lines.write(f"{number}\n")
    lines.close()
    assert out.getvalue().splitlines() == [str(number) for number in range(1000)]


def test_a_reader_who_is_stuck_holds_nobody_up_and_what_is_lost_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = Stuck()
    lines = LogLines(out, kept_lines=10)
    lines.write("first\n")
    assert out.asked.wait(WAIT_S)
    for number in range(25):
        lines.write(f"{number}\n")
    assert lines.lost == 15
    out.let.set()
    lines.close()
    assert out.getvalue().splitlines() == ["first", *map(str, range(10))]
    assert [record.getMessage() for record in caplog.records] == [
        "15 lines of the log are lost: it is read too slowly"
    ]


def test_a_reader_who_went_away_does_no_harm() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    out = os.fdopen(writes, "w")
    lines = LogLines(out)
    lines.write("nobody reads this\n")
    lines.close()
    with pytest.raises(BrokenPipeError):
        out.close()
