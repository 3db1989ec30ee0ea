"""Hundreds of streams at a time, faults among them, for a while: `make soak`, TIDEGATE_SOAK_S.

Nothing may be lost, mixed or left behind, and nothing may grow. TIDEGATE_SOAK_SEED runs the same
callers again.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections import Counter, defaultdict
from statistics import mean

import pytest

from gateway.money import usd
from tests.ledger.bills import differences
from tests.soak.asking import ORDERS, PLATFORM_OF
from tests.soak.judging import MOST_ATTEMPTS, SECRETS
from tests.soak.load import CALLERS
from tests.soak.running import Soak, run
from tests.soak.watching import growth

SOAK_S = float(os.environ.get("TIDEGATE_SOAK_S", "60"))
SEED = int(os.environ.get("TIDEGATE_SOAK_SEED", "0")) or secrets.randbelow(1_000_000) + 1
STREAMS = 300
"""So many are open at a time."""
LONG_S = 180.0
"""From this size on, memory is looked at after the first minute; before, half against half."""
FLAT_MB, FLAT_SHARE = 8.0, 0.05
ROUGHLY_MB, ROUGHLY_SHARE = 12.0, 0.12
IDLE_MOST = 20 * len(PLATFORM_OF)
"""So many idle connections to upstreams are kept."""
MOST_PER_UPSTREAM = 2


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    ran = run(tmp_path_factory.mktemp("soak"), SOAK_S, SEED)
    sys.stdout.write(told(ran))
    return ran


def told(soak: Soak) -> str:
    """Return a short report."""
    report, samples = soak.report, soak.samples
    waits, streaming = report["first_content_ms"], report["streaming"]
    outcomes = sorted(report["outcomes"].items(), key=lambda each: -each[1])
    lines = [
        f"soak of {SOAK_S:.0f} s with {CALLERS} callers, TIDEGATE_SOAK_SEED={soak.seed}",
        f"streams {sum(report['outcomes'].values())}",
        f"requests at platforms {len(soak.came_in['requests'])}",
        f"faults met {sum(report['faults'].values())}, of {len(report['faults'])} kinds",
        *(f"  {kind:30}{number:8}" for kind, number in outcomes),
        f"broken rules {report['wrong']}",
        f"streams open at a time: mean {mean(streaming or [0]):.0f}, least {min(streaming or [0])}",
        f"first content: p50 {waits['p50']:.0f} ms, p99 {waits['p99']:.0f} ms (paced)",
        f"descriptors {soak.before.others.total()} before, {soak.after.others.total()} after",
        f"connections {soak.left.connections} when all had gone, {soak.after.connections} later",
        f"tasks {soak.before.tasks} before, {soak.after.tasks} after",
        f"memory {samples[0][1]:.1f} MB at the start, {samples[-1][1]:.1f} MB at the end",
        "ledger from {} USD, billed {} USD, ledger to {} USD".format(*map(usd, costs(soak))),
        "memory grew {:.1f} MB of at most {:.1f}".format(*memory(soak)),
    ]
    return "\n" + "\n".join(lines) + "\n"


def costs(soak: Soak) -> tuple[int, int, int]:
    """Return the least that the ledger says, what is billed, and the most, in picodollars."""
    low_pico = sum(row.low_pico or 0 for row in soak.rows)
    high_pico = sum(row.high_pico or 0 for row in soak.rows)
    return low_pico, sum(bill.pico for bill in soak.bills), high_pico


def memory(soak: Soak) -> tuple[float, float]:
    """Return how much resident memory grew, and how much it may."""
    samples = soak.samples
    if SOAK_S >= LONG_S:
        samples = [each for each in samples if each[0] >= 60.0]
        return growth(samples), max(FLAT_MB, FLAT_SHARE * samples[0][1])
    half = len(samples) // 2
    first_mb, second_mb = (mean(mb for _, mb in part) for part in (samples[:half], samples[half:]))
    return second_mb - first_mb, max(ROUGHLY_MB, ROUGHLY_SHARE * first_mb)


def test_no_caller_sees_a_broken_rule(soak: Soak) -> None:
    assert soak.report["wrong"] == 0, "\n".join(soak.report["violations"])


def test_the_load_is_what_it_should_be(soak: Soak) -> None:
    outcomes, report = soak.report["outcomes"], soak.report
    calls = sum(outcomes.values())
    assert mean(report["streaming"]) >= STREAMS
    assert outcomes["whole"] > 0.85 * calls
    assert outcomes["whole after failover"] > 0
    assert any(kind.startswith("error event") for kind in outcomes)
    assert outcomes["left"] > 0
    assert 0.02 * calls < sum(report["faults"].values()) < 0.15 * calls


def test_attempts_are_bounded_and_as_told(soak: Soak) -> None:
    asked: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for mark, platform, *_ in soak.came_in["requests"]:
        asked[mark][platform] += 1
    wrong = []
    for mark, platforms in asked.items():
        upstreams = Counter(PLATFORM_OF[each] for each in ORDERS[mark[0]])
        most = {each: MOST_PER_UPSTREAM * number for each, number in upstreams.items()}
        if any(number > most.get(each, 0) for each, number in platforms.items()):
            wrong.append(f"{mark} asked {dict(platforms)}")
        if platforms.total() > (soak.report["attempts"].get(mark) or MOST_ATTEMPTS):
            wrong.append(f"{mark}: {dict(platforms)}, told {soak.report['attempts'].get(mark)}")
    assert wrong == []


def test_every_request_was_well_made(soak: Soak) -> None:
    """What no fault struck, every platform takes: paths, signatures and bodies are right."""
    refused = [row for row in soak.came_in["requests"] if row[3] is None and row[2] != 200]
    assert refused == []
    assert soak.came_in["lost"] == 0


def test_no_request_runs_on_at_a_platform(soak: Soak) -> None:
    assert [row for row in soak.came_in["requests"] if row[-1]] == []


def test_who_leaves_ends_the_request(soak: Soak) -> None:
    """Some platforms had said all when the caller left, for the end was on its way."""
    left = set(soak.report["left"])
    ends = Counter(row[4] for row in soak.came_in["requests"] if row[0] in left)
    assert ends["complete"] < 0.3 * ends["left"], ends


def test_no_descriptor_and_no_connection_is_left(soak: Soak) -> None:
    assert soak.left.connections <= IDLE_MOST
    assert soak.after.connections == 0, soak.after.descriptors
    assert soak.after.others == soak.before.others


def test_no_call_and_no_task_is_left(soak: Soak) -> None:
    assert soak.left.in_flight == soak.after.in_flight == 0
    assert soak.after.tasks == soak.before.tasks


def test_memory_does_not_grow(soak: Soak) -> None:
    grown_mb, bound_mb = memory(soak)
    assert grown_mb < bound_mb


def test_every_attempt_and_every_call_has_its_end_on_record(soak: Soak) -> None:
    began, ended = Counter[str](), Counter[str]()
    for record in soak.journal:
        data = record["data"]
        if record["kind"] == "started":
            began[f"{data['decision']}.{data['attempt']}"] += 1
        elif record["kind"] in {"failed", "finished", "withdrawn"} and data.get("attempt"):
            ended[f"{data['decision']}.{data['attempt']}"] += 1
    calls = Counter(r["data"]["decision"] for r in soak.journal if r["kind"] == "decision")
    ends = Counter(r["data"]["decision"] for r in soak.journal if r["kind"] == "finished")
    assert calls == ends
    assert max(calls.values()) == max(began.values()) == 1
    assert began.keys() >= ended.keys()
    assert began.total() >= len(soak.came_in["requests"])


def test_the_ledger_agrees_with_the_bill(soak: Soak) -> None:
    """Each request has one row; each row is right where it is exact, and else lies around it."""
    wrong = list(differences(soak.rows, soak.bills, in_turn=False))
    assert not wrong, "\n".join(wrong[:40])
    low_pico, bill_pico, high_pico = costs(soak)
    assert 0 < low_pico <= bill_pico <= high_pico


def test_the_gateway_ends_well_and_says_nothing_it_should_not(soak: Soak) -> None:
    assert soak.exit_status == 0
    for word in ("unexpected", "Traceback", "never retrieved", "never awaited"):
        assert word not in soak.log
    # A refused credential is an error of the operator's, and some faults are just that.
    errors = [line for line in soak.log.splitlines() if " ERROR " in line]
    assert [line for line in errors if "failed: credential" not in line] == []
    for secret in SECRETS[-5:]:
        assert secret.decode() not in soak.log
