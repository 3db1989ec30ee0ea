"""One soak from its start to its end, and all that is to be looked at afterwards."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.ledger.row import Row
from tests.ledger.bills import Billed, folded
from tests.soak.stage import Gateway, gateway, load, platforms
from tests.soak.watching import descriptors, rss_mb

WARM_S = 3.0
"""So long callers ask before anything is counted: what is made once is made then."""
WARM_FIRST = 9_000_000
LEAVE_S = 10.0
"""How long what callers left behind may take to end."""
LET_GO_S = 100.0
"""How long idle connections stay: 55 s, and a sweep every 14 s."""


@dataclass
class State:
    """A gateway that nobody calls."""

    descriptors: Counter[str]
    in_flight: int
    tasks: int

    @property
    def connections(self) -> int:
        """How many connections there are, to callers and to upstreams."""
        return sum(n for name, n in self.descriptors.items() if name.startswith("connection"))

    @property
    def others(self) -> Counter[str]:
        """The descriptors that are no connections."""
        found = self.descriptors.items()
        return Counter({name: n for name, n in found if not name.startswith("connection")})


@dataclass
class Soak:
    """What was seen."""

    seed: int
    report: dict[str, Any]
    """What the callers saw; see `load`."""
    before: State
    left: State
    """Just after the last caller went."""
    after: State
    """When idle connections have been let go."""
    came_in: dict[str, Any]
    """What the platforms got; see `platforms`."""
    samples: list[tuple[float, float]]
    """(seconds, resident MB) while callers asked."""
    exit_status: int = 0
    log: str = ""
    journal: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    """The ledger, folded from the journal."""

    @property
    def bills(self) -> list[Billed]:
        """What the platforms bill."""
        return [Billed(**each) for each in self.came_in["bills"]]


def run(directory: Path, seconds: float, seed: int) -> Soak:
    """Run a soak."""
    with platforms(directory) as emulated, gateway(directory, emulated.told) as served:
        _load(served, WARM_S, seed, WARM_FIRST)
        before = _settled(served, lambda state: not state.in_flight, LEAVE_S)
        report, samples = _load(served, seconds, seed, 0)
        left = _settled(served, lambda state: not state.in_flight, LEAVE_S)
        came_in = emulated.came_in()
        after = _settled(served, lambda state: not state.connections, LET_GO_S)
        soak = Soak(seed, report, before, left, after, came_in, samples)
        soak.exit_status = served.stop()
        soak.log = served.log.read_text()
    files = sorted((directory / "journal").glob("journal-*.jsonl"))
    soak.rows = folded(directory / "journal")
    soak.journal = [json.loads(line) for each in files for line in each.read_text().splitlines()]
    return soak


def _load(
    served: Gateway, seconds: float, seed: int, first: int
) -> tuple[dict[str, Any], list[tuple[float, float]]]:
    begun_s, samples = time.monotonic(), []
    process = load(served.port, seconds, seed, first)
    while True:
        samples.append((time.monotonic() - begun_s, rss_mb(served.pid)))
        try:
            out, _ = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            continue
        assert process.returncode == 0, "the load broke"
        return json.loads(out), [each for each in samples if each[0] < seconds]


def _settled(served: Gateway, holds: Callable[[State], bool], within_s: float) -> State:
    """Return the gateway's state once something holds of it, or when time is up."""
    until_s = time.monotonic() + within_s
    while True:
        state = _state(served)
        if holds(state) or time.monotonic() > until_s:
            return state
        time.sleep(0.5)


def _state(served: Gateway) -> State:
    _, body = served.get("/readyz?verbose")
    told = json.loads(body)
    # The connection that just asked is closed by its asker; the kernel may still show our end.
    time.sleep(0.05)
    return State(descriptors(served.pid), told["in_flight"], told["tasks"])
