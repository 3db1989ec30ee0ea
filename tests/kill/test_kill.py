"""A gateway that is killed at any moment loses no attempt, and charges none twice.

TIDEGATE_KILLS says how often; TIDEGATE_KILL_SEED runs the same moments again.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.emulator import Emulator
from tests.kill.load import Load
from tests.kill.server import Server

KILLS = int(os.environ.get("TIDEGATE_KILLS", "20"))
SEED = int(os.environ.get("TIDEGATE_KILL_SEED", "0")) or secrets.randbelow(1_000_000) + 1
LIVES_S = 0.6
"""A gateway lives up to so long after it answers."""
MARK = re.compile(rb"<(mark-\d{6})>")


class Seen(NamedTuple):
    """What is left of all the gateways."""

    asked: set[str]
    whole: set[str]
    came_in: Counter[str]
    """Requests at the platforms, by mark."""
    rows: list[sqlite3.Row]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    directory = tmp_path_factory.mktemp("kill")
    rng = random.Random(SEED)
    with Emulator(keep_records=1_000_000) as emulator:
        server = Server(directory, emulator)
        load = Load(server)
        server.start()
        load.start()
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.0, LIVES_S))
            server.kill()
            server.start()
        load.stop()
        assert server.stop() == 0
        folded = server.run("ledger", "fold")
        assert folded["troubles"] == []
        assert server.run("ledger", "verify")["ok"], f"TIDEGATE_KILL_SEED={SEED}"
        came_in: Counter[str] = Counter()
        for record in emulator.records:
            mark = MARK.search(record.body)
            if mark is not None:
                came_in[mark[1].decode()] += 1
        yield Seen(set(load.asked), load.whole, came_in, _rows(server.ledger))


def _rows(ledger: Path) -> list[sqlite3.Row]:
    connection = sqlite3.connect(ledger)
    connection.row_factory = sqlite3.Row
    try:
        query = "select *, json_extract(tags, '$.mark') as mark from attempts"
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_every_request_that_reached_a_platform_has_a_row(seen: Seen) -> None:
    assert len(seen.came_in) > KILLS, "too few calls to tell anything"
    rows = Counter(row["mark"] for row in seen.rows if row["state"] != "not_sent")
    lost = {mark: count for mark, count in seen.came_in.items() if rows[mark] < count}
    assert not lost, f"TIDEGATE_KILL_SEED={SEED}"


def test_nobody_is_charged_for_a_call_twice(seen: Seen) -> None:
    won = Counter(row["mark"] for row in seen.rows if row["won"])
    assert {mark for mark, count in won.items() if count > 1} == set()
    messages = Counter(row["message_id"] for row in seen.rows if row["message_id"])
    assert {message for message, count in messages.items() if count > 1} == set()
    assert set(won) <= seen.asked


def test_an_answer_that_came_whole_is_final_and_priced(seen: Seen) -> None:
    ends = {row["mark"]: row for row in seen.rows if row["won"]}
    # The last bytes may have been read when the kill came before the record.
    kept = [ends[mark] for mark in seen.whole if mark in ends]
    assert len(kept) >= len(seen.whole) - KILLS * 8
    assert all(row["state"] == "final" and row["net_pico"] > 0 for row in kept)


def test_what_was_cut_short_is_open_or_ended_and_bounded(seen: Seen) -> None:
    cut = [row for row in seen.rows if row["open"]]
    assert cut, "no kill struck a call under way"
    assert all(row["state"] in {"unknown", "partial"} for row in cut)
    assert all(0 <= row["low_pico"] <= row["high_pico"] for row in cut)
    assert any(row["state"] == "partial" and row["input_tokens"] for row in cut)
