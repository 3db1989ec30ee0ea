"""Print CPU microseconds a request: the gateway, the floor, and nginx where it is installed.

Each serves alone on one core; the load and the fake upstream share another. The CPU time is the
kernel's own account of the process, so a busy machine blurs it less than a stop-watch.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import (
    clouds,
    deciding,
    first_content,
    folding,
    recording,
    relaying,
    reports,
    storing,
    translating,
)
from bench.load import WORKLOADS, Count, Workload, run
from bench.peers import PEERS, Peer, running

BOUND = 3.2
"""The gateway may cost this many times the floor, for the first workload. It was 2.5 before health,
budget, affinity, metrics and a line for each call; what they cost is to be won back."""

PARTS: Mapping[str, tuple[Callable[[], Any], Any]] = {
    "decision_cpu_us": (deciding.figures, deciding),
    "counting_cpu_us": (recording.figures, recording),
    "translating_cpu_us": (translating.figures, translating),
    "relaying_cpu_us": (relaying.figures, relaying),
    "clouds_cpu_us": (clouds.figures, clouds),
    "first_content": (first_content.figures, first_content),
    "folding_cpu_us": (folding.figures, folding),
    "storing": (storing.figures, storing),
    "report_s": (lambda: reports.figures(names=[reports.BY_DAY]), reports),
}
"""What is measured apart: how, and what reports and checks it."""


def cpu_ns(pid: int) -> int:
    """Return the CPU time of all threads of a process, from the scheduler's account."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


async def measure(pid: int, port: int, work: Workload, seconds: float) -> float:
    """Return CPU microseconds a request."""
    await run(port, work, min(1.0, seconds), warm := Count())
    warm.going = False
    count = Count()
    before_ns = cpu_ns(pid)
    await run(port, work, seconds, count)
    spent_ns, answered = cpu_ns(pid) - before_ns, count.answered
    count.going = False
    if count.broken or not answered:
        raise SystemExit(f"{work.name}: {count.broken} connections broke")
    await asyncio.sleep(0.5)
    return spent_ns / answered / 1000


def peer_figures(peer: Peer, works: list[Workload], seconds: float) -> dict[str, float]:
    with running([peer]) as found:
        port, pid = found[peer.name].port, found[peer.name].pid
        return {work.name: asyncio.run(measure(pid, port, work, seconds)) for work in works}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load for each figure")
    parser.add_argument("--only", help="workloads whose name starts so")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    works = [work for work in WORKLOADS if work.name.startswith(options.only or "")]
    peers = [peer for peer in PEERS if peer.name != "nginx" or shutil.which("nginx")]
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    figures = {peer.name: peer_figures(peer, works, options.seconds) for peer in peers}
    ratio = {
        work.name: figures["gateway"][work.name] / figures["floor"][work.name] for work in works
    }
    parts = {} if options.only else {name: figure() for name, (figure, _) in PARTS.items()}
    if options.json:
        print(json.dumps({"cpu_us": figures, "gateway_to_floor": ratio, **parts}))
    else:
        report(works, figures, ratio)
        for name, found in parts.items():
            PARTS[name][1].report(found)
    for name, found in parts.items():
        PARTS[name][1].check(found)
    first = works[0].name
    if ratio[first] > BOUND:
        raise SystemExit(f"{first}: the gateway costs {ratio[first]:.2f} x the floor, over {BOUND}")


def report(
    works: list[Workload], figures: dict[str, dict[str, float]], ratio: dict[str, float]
) -> None:
    print(
        f"{'CPU us a request':24}" + "".join(f"{name:>12}" for name in figures) + f"{'x floor':>10}"
    )
    for work in works:
        row = "".join(f"{figures[name][work.name]:12.0f}" for name in figures)
        print(f"{work.name:24}{row}{ratio[work.name]:10.2f}")


if __name__ == "__main__":
    main()
