"""Print how fast a journal is folded into a ledger: attempts a second, and what each of them costs.

python -m bench.storing [--attempts 20000] [--url postgresql://...]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.journal import Journal
from gateway.ledger.folding import fold_once
from gateway.ledger.store import Ledger
from gateway.prices import shipped

ATTEMPTS = 10_000
BOUND_PER_S = 40_000 / 60
"""What is to be kept up with: 40,000 attempts a minute."""
IN_FLIGHT = 500
"""Calls that are open at a time: so far apart are the beginning and the end of each."""
TEAMS = ("search", "billing", "support", "research")


def asked(number: int) -> dict[str, Any]:
    return {
        "decision": f"dec_{number:024x}",
        "call": "messages",
        "class": "internal",
        "key": "production",
        "door": "server",
        "model": "claude-sonnet-5-5",
        "asked_model": "claude-sonnet-5-5",
        "environment": "prod",
        "tags": {"team": TEAMS[number % len(TEAMS)], "feature": f"f{number % 7}"},
        "bytes": 20_000,
        "stream": True,
        "max_tokens": 4096,
        "session": f"session-{number % 1000}",
        "plan": ["direct", "bedrock-frankfurt"],
        "rejected": [],
    }


def write(directory: Path, attempts: int) -> None:
    """Write calls of one attempt each, as a busy gateway does."""
    journal = Journal.open(directory, fsync="never", now=time.time)
    for number in range(attempts + IN_FLIGHT):
        if number < attempts:
            of = {"decision": f"dec_{number:024x}", "attempt": 1, "upstream": "direct"}
            journal.append("decision", asked(number))
            where = {"platform": "anthropic", "region": None, "host": "api.anthropic.com"}
            more = {"model": "claude-sonnet-5-5", "account": "acct", "scope": "global"}
            journal.append("started", {**of, **where, **more})
        if number >= IN_FLIGHT:
            ended(journal, number - IN_FLIGHT)
    journal.close()


def ended(journal: Journal, number: int) -> None:
    of = {"decision": f"dec_{number:024x}", "attempt": 1, "upstream": "direct"}
    usage = {
        "input_tokens": 500 + number % 100,
        "cache_creation_input_tokens": 1000,
        "cache_read_input_tokens": 20_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
        "inference_geo": "global",
    }
    answer = {"message_id": f"msg_{number}", "model": "claude-sonnet-5-5"}
    journal.append("usage", {**of, **answer, "usage": {**usage, "output_tokens": 1}})
    end = {"state": "complete", "request_id": f"req_{number}", "whole": True, "counted": True}
    told = {"stop_reason": "end_turn", "platform_request_id": f"req_{number}", "unobserved": []}
    last = {**usage, "output_tokens": 700 + number % 50}
    journal.append("finished", {**of, **answer, **end, **told, "usage": last})


def figures(attempts: int = ATTEMPTS, url: str | None = None) -> dict[str, dict[str, float]]:
    """Return attempts a second and CPU microseconds an attempt, by database."""
    with tempfile.TemporaryDirectory() as scratch:
        journal = Path(scratch) / "journal"
        write(journal, attempts)
        found = {"SQLite": _folded("sqlite:///ledger.sqlite3", journal, attempts)}
        return found if url is None else {**found, "Postgres": _folded(url, journal, attempts)}


def _folded(url: str, journal: Path, attempts: int) -> dict[str, float]:
    ledger, book = Ledger.open(url, journal.parent), shipped()
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    folded = fold_once(ledger, journal, book)
    took_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    ledger.close()
    assert folded.records == 4 * attempts + 2
    assert not folded.troubles
    return {"attempts_per_s": attempts / took_s, "cpu_us": cpu_s / attempts * 1e6}


def report(found: dict[str, dict[str, float]]) -> None:
    for name, each in found.items():
        what = f"fold an attempt into {name}"
        print(f"{what:36}{each['cpu_us']:10.1f}{each['attempts_per_s']:10.0f} a second")


def check(found: dict[str, dict[str, float]]) -> None:
    """Stop where SQLite does not keep up."""
    rate = found["SQLite"]["attempts_per_s"] if found else BOUND_PER_S
    if rate < BOUND_PER_S:
        raise SystemExit(f"{rate:.0f} attempts a second, under {BOUND_PER_S:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.storing", description=__doc__)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    parser.add_argument("--url", help="an empty Postgres database, to fold into that as well")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures(options.attempts, options.url)
    if options.json:
        print(json.dumps({"storing": found}))
    else:
        report(found)
    check(found)


if __name__ == "__main__":
    main()
