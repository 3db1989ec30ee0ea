"""How much memory the process holds, as the system tells."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.memory import MIB_BYTES, Resident, resident_bytes, resting_note, unread_note

ROOT = Path(__file__).parents[2]
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def test_what_is_held_is_seen() -> None:
    before_bytes = resident_bytes()
    held = bytearray(os.urandom(64 * MIB_BYTES))
    after_bytes = resident_bytes()
    assert before_bytes is not None
    assert after_bytes is not None
    assert 60 * MIB_BYTES < after_bytes - before_bytes < 200 * MIB_BYTES
    assert len(held) == 64 * MIB_BYTES


@pytest.mark.parametrize("text", [None, "", "5", "a b c"])
def test_where_it_cannot_be_read_nothing_is_known(text: str | None, tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    if text is not None:
        statm.write_text(text)
    assert resident_bytes(statm) is None
    assert Resident(1, statm)() is None
    assert unread_note(0, statm) == []
    assert len(unread_note(1, statm)) == 1


def test_it_is_read_once_a_second(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    times = iter([7.0, 7.5, 8.0, 8.5])
    resident = Resident(1 << 40, statm, lambda: next(times))
    seen = []
    for pages in range(4):
        statm.write_text(f"9 {pages} 9 9 0 9 0\n")
        seen.append(resident())
    assert seen == [0, 0, 2 * PAGE_BYTES, 2 * PAGE_BYTES]


@pytest.mark.parametrize(
    ("memory_mb", "resting_mb", "told"),
    [(0, 90, False), (91, 90, False), (90, 90, True), (50, 90, True), (50, None, False)],
)
def test_a_bound_below_what_is_held_at_rest_is_told(
    memory_mb: int, resting_mb: int | None, told: bool
) -> None:
    resting_bytes = None if resting_mb is None else resting_mb * MIB_BYTES
    notes = resting_note(memory_mb, resting_bytes)
    assert bool(notes) is told
    assert all("90 MiB" in note for note in notes)


FRAGMENTED = """
from gateway.memory import MIB_BYTES, Resident, resident_bytes
pieces = [bytes(100_000) for _ in range(3000)]
kept = pieces[::100]
del pieces
before = resident_bytes()
after = Resident(100 * MIB_BYTES)()
print(before // MIB_BYTES, after // MIB_BYTES)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc only")
def test_free_memory_does_not_count_against_the_bound() -> None:
    """What many bodies used is kept by the C library: nothing else would ever give it back."""
    command = [sys.executable, "-c", FRAGMENTED]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    before_mb, after_mb = map(int, done.stdout.split())
    assert before_mb > 200
    assert after_mb < 100
