"""Print CPU microseconds an attempt for folding its records into rows; four records each.

`python -m bench.folding [--json]`. It stops with an error above BOUND_US.
"""

from __future__ import annotations

import argparse
import json
import random
import time

from gateway.ledger.fold import Fold
from gateway.prices import shipped
from tests.ledger.records import Placed, Ways, history

BOUND_US = 150.0
CALLS = 2000
BATCH = 4000
"""Records a batch."""
WAYS = Ways(streamed=1.0, fails=0.0, cut=0.0, left=0.0, counted=0.0, refused=0.0, dies=0.0)
WHAT = "fold an attempt of 4 records"


def figures(calls: int = CALLS) -> dict[str, float]:
    """Return CPU microseconds by what is done, of the quickest of five runs."""
    told = history(random.Random(1), calls=calls, ways=WAYS)  # noqa: S311 - no secret
    assert len(told.records) == 4 * calls
    return {WHAT: min(_folded_ns(told.records) for _ in range(5)) / calls / 1000}


def _folded_ns(records: list[Placed]) -> int:
    begun_ns = time.process_time_ns()
    fold = Fold(shipped(), {}, lambda *_: None, lambda _: None)
    rows = 0
    for at in range(0, len(records), BATCH):
        for file, record in records[at : at + BATCH]:
            fold.take(file, record)
        fold.wanted()
        rows += len(fold.changes().rows)
    assert rows >= len(records) / 4
    return time.process_time_ns() - begun_ns


def report(found: dict[str, float]) -> None:
    for name, spent_us in found.items():
        print(f"{name:36}{spent_us:10.1f}")


def check(found: dict[str, float]) -> None:
    """Stop where folding costs too much."""
    for name, spent_us in found.items():
        if spent_us > BOUND_US:
            raise SystemExit(f"{name}: {spent_us:.1f} us, over {BOUND_US:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.folding", description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = figures()
    if parser.parse_args().json:
        print(json.dumps({"folding_cpu_us": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
