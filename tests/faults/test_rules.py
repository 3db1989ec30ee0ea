"""Each outcome rule sees what breaks it: true evidence, changed in one place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.cases import LEAKY, Case, every
from tests.faults.evidence import Evidence
from tests.faults.rules import broken
from tests.faults.running import run
from tests.faults.stage import GATEWAY_KEY, KEY

KINDS = {
    "streamed": ("continue-100", "anthropic", True, "alone", "bytes"),
    "whole": ("continue-100", "bedrock", False, "alone", "client"),
    "refused": ("status-529", "vertex", True, "alone", "bytes"),
    "raised": ("status-529", "anthropic", False, "over", "server"),
    "cut": ("cut-in-tool-input", "vertex", True, "over", "bytes"),
}
Found = Mapping[str, Evidence]


@pytest.fixture(scope="module")
def true() -> Found:
    """Return the evidence of a few cases that were really run."""
    chosen = {kind: _case(*row) for kind, row in KINDS.items()}
    by_case = {found.case: found for found in run(list(chosen.values()))}
    return {kind: by_case[case] for kind, case in chosen.items()}


def _case(*row: Any) -> Case:
    return next(
        case
        for case in every()
        if (case.fault, case.platform, case.streamed, case.mode, case.door) == row
    )


@pytest.mark.parametrize("kind", KINDS)
def test_true_evidence_breaks_no_rule(kind: str, true: Found) -> None:
    assert broken(true[kind]) == []


def seen(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, seen=replace(found.seen, **changes))


def events(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Evidence], Evidence]:
    def changed(found: Evidence) -> Evidence:
        copied = copy.deepcopy(found.seen.events)
        return seen(events=change(copied))(found)

    return changed


def record(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(
        found, records=[replace(found.records[0], **changes), *found.records[1:]]
    )


def told(change: Callable[[Any], object]) -> Callable[[Evidence], Evidence]:
    def changed(found: Evidence) -> Evidence:
        copied = copy.deepcopy(found.told)
        change(copied[-1])
        return replace(found, told=copied)

    return changed


def costs(more_pico: int) -> Callable[[Evidence], Evidence]:
    def changed(found: Evidence) -> Evidence:
        first = found.bills[0]
        dearer = replace(first, pico=first.pico + more_pico)
        return replace(found, bills=[dearer, *found.bills[1:]])

    return changed


def header(name: str, value: str) -> Callable[[Evidence], Evidence]:
    return lambda found: record(headers=(*found.records[0].headers, (name, value)))(found)


def answered(name: str, value: str) -> Callable[[Evidence], Evidence]:
    return lambda found: seen(headers={**found.seen.headers, name: value})(found)


CHANGES: list[tuple[str, str, Callable[[Evidence], Evidence]]] = [
    ("N1", "streamed", events(lambda all_: all_[:-1])),
    ("N1", "streamed", events(lambda all_: [*all_[:-2], all_[-1]])),
    ("N1", "streamed", events(lambda all_: [all_[0], *all_])),
    ("N1", "streamed", events(lambda all_: [*all_[:3], *all_[4:]])),
    ("N1", "streamed", events(lambda _: [])),
    ("N1", "whole", seen(message=None)),
    (
        "N1",
        "whole",
        lambda found: seen(message={**(found.seen.message or {}), "content": []})(found),
    ),
    (
        "N1",
        "whole",
        lambda found: seen(message={**(found.seen.message or {}), "stop_reason": None})(found),
    ),
    ("N1", "cut", seen(error=None)),
    ("N1", "cut", events(lambda all_: [*all_, {"type": "content_block_stop", "index": 0}])),
    ("N1", "cut", events(lambda all_: [*all_, {"type": "message_stop"}])),
    ("N2", "streamed", header("authorization", f"Bearer {GATEWAY_KEY}")),
    ("N2", "whole", header("x-api-key", KEY)),
    ("N2", "refused", header("x-amz-security-token", "a token")),
    ("N2", "refused", lambda found: replace(found, astray=1)),
    ("N3", "refused", record(platform="anthropic")),
    ("N3", "refused", told(lambda last: last.started[0].update(upstream="bedrock"))),
    ("N4", "refused", lambda found: replace(found, records=[*found.records] * 2)),
    ("N4", "refused", told(lambda last: last.started.append(last.started[0]))),
    ("N4", "refused", answered("x-should-retry", "true")),
    ("N5", "refused", seen(raw=LEAKY.encode())),
    ("N5", "refused", seen(error={"message": "at 127.0.0.1"})),
    ("N5", "refused", answered("x-from", KEY)),
    ("N6", "streamed", seen(odd=["still waiting after 30 s"])),
    ("N7", "streamed", record(path="/v1/complete")),
    ("N7", "whole", record(body=b"{}")),
    ("N7", "refused", record(headers=())),
    ("N8", "streamed", events(lambda all_: [*all_[:4], *all_[3:]])),
    ("N8", "streamed", answered("x-gateway-upstream", "vertex")),
    ("N8", "cut", events(lambda all_: [*all_, all_[-1]])),
    ("N9", "streamed", lambda found: replace(found, running=frozenset({found.records[0].number}))),
    ("N9", "streamed", lambda found: replace(found, stopped=False)),
    ("N9", "streamed", lambda found: replace(found, left_open=1)),
    ("N10", "refused", seen(headers={})),
    ("N10", "refused", seen(error={"type": "error", "error": "overloaded"})),
    ("N10", "refused", answered("request-id", "req_other")),
    ("N10", "raised", seen(raised=ValueError("no"))),
    ("N11", "refused", told(lambda last: last.ends.pop(0))),
    ("N11", "refused", told(lambda last: last.ends.append(last.ends[0]))),
    ("N11", "refused", told(lambda last: last.ends.pop())),
    ("N11", "refused", lambda found: replace(found, told=[])),
    ("N11", "refused", lambda found: replace(found, records=found.records[:1])),
    ("N11", "streamed", told(lambda last: last.ends[-1][1]["usage"].update(output_tokens=0))),
    ("N11", "cut", told(lambda last: last.ends[-1][1].update(state="complete"))),
    ("bill", "streamed", lambda found: replace(found, rows=found.rows[1:])),
    ("bill", "whole", lambda found: replace(found, rows=[*found.rows, found.rows[0]])),
    ("bill", "refused", lambda found: replace(found, bills=[found.bills[-1], *found.bills])),
    ("bill", "streamed", costs(-1)),
    ("bill", "whole", costs(1)),
    ("bill", "cut", costs(10**12)),
    ("bill", "cut", lambda found: replace(found, unclear=["unmarked: a request has no row"])),
    ("struck", "refused", lambda found: replace(found, records=[])),
    ("next", "streamed", lambda found: replace(found, after=found.seen)),
    (
        "next",
        "streamed",
        lambda found: replace(found, after=replace(found.after, message=None, events=[])),
    ),
]


@pytest.mark.parametrize(("rule", "kind", "change"), CHANGES)
def test_a_rule_sees_what_breaks_it(
    rule: str, kind: str, change: Callable[[Evidence], Evidence], true: Found
) -> None:
    assert rule in {what.partition(":")[0] for what in broken(change(true[kind]))}
