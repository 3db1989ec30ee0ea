"""Print how long reports take over a ledger of a million attempts in SQLite.

`python -m bench.reports [--attempts N] [--json]`. It stops with an error where usage by day takes
longer than BOUND_S. What a report reads beside the sums by day is every attempt, one by one.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, text

from gateway.ledger.reports.asked import Setting
from gateway.ledger.reports.catalog import told
from gateway.ledger.schema import AMOUNTS, DIMENSIONS, MEASURES, attempts
from gateway.ledger.store import Ledger

BOUND_S = 2.0
BY_DAY = "usage by day"
ATTEMPTS = 1_000_000
DAYS = 30
NOW_US = 1_795_348_800 * 10**6
DAY_US = 86_400 * 10**6
SETTING = Setting(top=100)
ASKED: dict[str, tuple[str, dict[str, list[str]]]] = {
    BY_DAY: ("usage", {"by": ["day"]}),
    "usage by team, model and day": ("usage", {"by": ["team", "model", "day"]}),
    "usage by day, the last 36 hours": ("usage", {"by": ["day"], "from": ["36h"]}),
    "usage by tag": ("usage", {"by": ["tag:job"]}),
    "usage by session": ("usage", {"by": ["session"]}),
    "cache by model and upstream": ("cache", {}),
    "waste by upstream": ("waste", {}),
    "tree of a session": ("tree", {"session": ["s-7"]}),
}
NUMBERED = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :many) "
FREE = "i % 13 = 0"
LOST = "i % 17 = 0"
VALUES: dict[str, str] = {
    "attempt": "'dec_' || i || '.1'",
    "decision": "'dec_' || i",
    "number": "1",
    "kind": "'messages'",
    "streamed": "1",
    "day": "strftime('%Y-%m-%d', (:now - i * :step) / 1000000, 'unixepoch')",
    "started_us": ":now - i * :step",
    "environment": "'prod'",
    "caller": "'caller-' || (i % 50)",
    "team": "'team-' || (i % 10)",
    "tags": '\'{"team":"team-\' || (i % 10) || \'","job":"job-\' || (i % 20) || \'"}\'',
    "session": "'s-' || (i / 50)",
    "agent": "CASE i % 5 WHEN 0 THEN 'a-' || (i % 3) ELSE '' END",
    "upstream": "CASE i % 3 WHEN 0 THEN 'direct' WHEN 1 THEN 'frankfurt' ELSE 'belgium' END",
    "platform": "CASE i % 3 WHEN 0 THEN 'anthropic' WHEN 1 THEN 'bedrock' ELSE 'vertex' END",
    "model": "'claude-' || (i % 5)",
    "state": f"CASE WHEN {LOST} THEN 'unknown' WHEN {FREE} THEN 'rejected' ELSE 'final' END",
    "open": "i < 200",
    "won": f"NOT ({LOST}) AND NOT ({FREE}) AND i >= 200",
    "outcome": f"CASE WHEN {LOST} THEN 'ill' WHEN {FREE} THEN 'throttled' ELSE 'complete' END",
    "input_tokens": "i % 3000",
    "output_tokens": "i % 700",
    "cache_write_tokens": "CASE i % 4 WHEN 0 THEN 5000 ELSE 0 END",
    "cache_write_5m_tokens": "CASE i % 4 WHEN 0 THEN 5000 ELSE 0 END",
    "cache_write_1h_tokens": "0",
    "cache_read_tokens": "CASE i % 4 WHEN 0 THEN 0 ELSE 40000 END",
    "list_pico": "44403200000 + i",
    "net_pico": "44403200000 + i",
    "low_pico": "44403200000 + i",
    "high_pico": "44403200000 + i",
    "uncached_pico": "99403200000 + i",
    "file": "'a.jsonl'",
    "seq": "i",
}


def fill(connection: Connection, many: int) -> None:
    """Make up attempts, and their sums, in the database itself."""
    step_us = DAYS * DAY_US // many
    needed = [column.name for column in attempts.c if not column.nullable]
    values = dict.fromkeys(needed, "''") | VALUES
    into = f"INSERT INTO attempts ({', '.join(values)}) {NUMBERED}"
    rows = f"{into} SELECT {', '.join(values.values())} FROM n"  # noqa: S608 - our own text
    connection.execute(text(rows), {"many": many, "now": NOW_US, "step": step_us})
    _sum_up(connection, "rollups", DIMENSIONS, DIMENSIONS)
    head = ("day", "environment", "tag", "value", "state", "won")
    for tag in ("team", "job"):
        value = f"json_extract(tags, '$.{tag}')"
        of = ("day", "environment", f"'{tag}'", value, "state", "won")
        _sum_up(connection, "tag_rollups", head, of)


def _sum_up(
    connection: Connection, table: str, names: tuple[str, ...], of: tuple[str, ...]
) -> None:
    counts = ["count(*)", *(f"sum(coalesce({name}, 0))" for name in MEASURES[1:-1]), "0"]
    money = [f"sum({name}_pico) {sign} 1000000000000" for name in AMOUNTS for sign in "/%"]
    into = [*names, *MEASURES, *(f"{name}_{part}" for name in AMOUNTS for part in PARTS)]
    select = f"SELECT {', '.join([*of, *counts, *money])} FROM attempts WHERE NOT open"  # noqa: S608 - our own text
    by = ", ".join(str(place + 1) for place in range(len(of)))
    connection.execute(text(f"INSERT INTO {table} ({', '.join(into)}) {select} GROUP BY {by}"))


PARTS = ("usd", "rest_pico")


def figures(many: int = ATTEMPTS, names: Sequence[str] = tuple(ASKED)) -> dict[str, float]:
    """Return seconds by what is asked, of the quickest of three times."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger.open("sqlite:///ledger.sqlite3", Path(directory))
        with ledger.writing() as writing:
            fill(writing.connection, many)
        found = {name: min(_asked(ledger, name) for _ in range(3)) for name in names}
        ledger.close()
    return found


def _asked(ledger: Ledger, name: str) -> float:
    report, given = ASKED[name]
    begun_s = time.perf_counter()
    found = told(ledger, report, {"from": ["40d"], **given}, NOW_US, SETTING)
    spent_s = time.perf_counter() - begun_s
    assert found["total"]["attempts"] > 0
    return spent_s


def report(found: Mapping[str, float]) -> None:
    for name, spent_s in found.items():
        print(f"{name:36}{spent_s:10.3f} s")


def check(found: Mapping[str, float]) -> None:
    """Stop where usage by day takes too long."""
    if found and found[BY_DAY] > BOUND_S:
        raise SystemExit(f"{BY_DAY}: {found[BY_DAY]:.2f} s, over {BOUND_S:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reports", description=__doc__)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures(options.attempts)
    if options.json:
        print(json.dumps({"report_s": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
