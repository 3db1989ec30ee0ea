"""What only takes away never adds, whatever the policies, the facts and the request."""

from __future__ import annotations

import copy
import os
import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.policy.compiling import Compiled
from gateway.policy.deciding import decide
from gateway.policy.decision import Request
from gateway.policy.facts import NEVER, Assurance, FactSheet, UpstreamFacts
from tests.unit.policy.worlds import (
    LAYER,
    REQUESTS,
    RULE,
    TIMES,
    a_policy,
    compiled,
    facts,
    policies,
)

CASES = settings(max_examples=min(int(os.environ.get("TIDEGATE_LAWS", "50")), 2000))
Files = list[dict[str, Any]]


def allowed(policy: Compiled, sheet: FactSheet, request: Request, now: float) -> set[str]:
    return set(decide(policy, sheet, request, now).allowed)


def with_facts(sheet: FactSheet, place: int, known: dict[str, Any]) -> FactSheet:
    upstreams = list(sheet.upstreams)
    old = upstreams[place]
    upstreams[place] = UpstreamFacts(old.name, old.platform, known)
    return FactSheet(tuple(upstreams), sheet.retention)


@CASES
@given(policies(), facts(), REQUESTS, TIMES, RULE)
def test_another_rule_never_adds(
    files: Files, sheet: FactSheet, request: Request, now: float, rule: dict[str, Any]
) -> None:
    before = allowed(compiled(files), sheet, request, now)
    more = copy.deepcopy(files)
    more[-1]["rule"].append({**rule, "id": "new"})
    assert allowed(compiled(more), sheet, request, now) <= before


@CASES
@given(policies(), facts(), REQUESTS, TIMES, a_policy("new", LAYER))
def test_another_policy_never_adds(
    files: Files, sheet: FactSheet, request: Request, now: float, policy: dict[str, Any]
) -> None:
    # A first organization policy turns "nothing" into "something": it is no further layer.
    before = allowed(compiled(files), sheet, request, now)
    after = compiled([*files, policy])
    # A key layer that no policy was for is refused; giving it one is what makes it known.
    assume(request.layers <= compiled(files).layers)
    assert allowed(after, sheet, request, now) <= before


@CASES
@given(policies(), facts(), REQUESTS, TIMES)
def test_another_key_layer_never_adds(
    files: Files, sheet: FactSheet, request: Request, now: float
) -> None:
    policy = compiled(files)
    more = request._replace(layers=request.layers | {"team"})
    assert allowed(policy, sheet, more, now) <= allowed(policy, sheet, request, now)


@CASES
@given(policies(), facts(), REQUESTS, TIMES, st.randoms(use_true_random=False))
def test_knowing_less_never_adds(
    files: Files, sheet: FactSheet, request: Request, now: float, rng: random.Random
) -> None:
    policy = compiled(files)
    before = allowed(policy, sheet, request, now)
    place = rng.randrange(len(sheet.upstreams))
    known = dict(sheet.upstreams[place].facts)
    assume(known)
    name = rng.choice(sorted(known))
    less = {key: value for key, value in known.items() if key != name}
    assert allowed(policy, with_facts(sheet, place, less), request, now) <= before
    fact = known[name]
    lower = Assurance(max(fact.assurance - 1, 1))
    weaker = {**known, name: replace(fact, assurance=lower)}
    assert allowed(policy, with_facts(sheet, place, weaker), request, now) <= before
    shorter = {**known, name: replace(fact, until_s=min(fact.until_s, 75.0))}
    assert allowed(policy, with_facts(sheet, place, shorter), request, now) <= before


@CASES
@given(policies(), facts(), REQUESTS, st.randoms(use_true_random=False))
def test_facts_only_end(
    files: Files, sheet: FactSheet, request: Request, rng: random.Random
) -> None:
    policy = compiled(files)
    at = [allowed(policy, sheet, request, now) for now in (0.0, 49.0, 50.0, 150.0, 151.0)]
    assert all(later <= earlier for earlier, later in pairwise(at))
    # What was judged at a later moment is not what holds at an earlier one.
    assert allowed(policy, sheet, request, 0.0) == at[0]
    decision = decide(policy, sheet, request, 0.0)
    if decision.until_s != NEVER:
        assert allowed(policy, sheet, request, decision.until_s - 1) == at[0]


@CASES
@given(policies(), facts(), REQUESTS, TIMES)
def test_asking_for_more_never_adds(
    files: Files, sheet: FactSheet, request: Request, now: float
) -> None:
    policy = compiled(files)
    before = allowed(policy, sheet, request, now)
    for name in ("batch", "unknown:y", "fast_mode"):
        more = request._replace(features=request.features | {name})
        assert allowed(policy, sheet, more, now) <= before
    betas = request._replace(betas=request.betas | {"beta-1"})
    assert allowed(policy, sheet, betas, now) <= before
    unchecked = request._replace(checks=frozenset())
    assert allowed(policy, sheet, unchecked, now) <= before


@CASES
@given(policies(), facts(), REQUESTS, TIMES, st.randoms(use_true_random=False))
def test_no_order_and_no_wish_changes_what_is_allowed(
    files: Files, sheet: FactSheet, request: Request, now: float, rng: random.Random
) -> None:
    policy = compiled(files)
    mixed = copy.deepcopy(files)
    rng.shuffle(mixed)
    for each in mixed:
        rng.shuffle(each["rule"])
        rng.shuffle(each["permit"])
    shuffled = compiled(mixed)
    upstreams = list(sheet.upstreams)
    rng.shuffle(upstreams)
    other = FactSheet(tuple(upstreams), sheet.retention)
    assert allowed(shuffled, other, request, now) == allowed(policy, sheet, request, now)
    assert (shuffled.digest, other.digest) == (policy.digest, sheet.digest)
    for each in mixed:
        each["prefer"] = {"order": ["headroom"]}
    wished = compiled(mixed)
    assert allowed(wished, sheet, request, now) == allowed(policy, sheet, request, now)
    assert wished.digest != policy.digest


@CASES
@given(policies(), policies(), facts(), facts())
def test_digests_differ_exactly_when_contents_do(
    files: Files, others: Files, sheet: FactSheet, other: FactSheet
) -> None:
    assert compiled(copy.deepcopy(files)).digest == compiled(files).digest
    same = compiled(files).content == compiled(others).content
    assert (compiled(files).digest == compiled(others).digest) == same
    assert (sheet.digest == other.digest) == (sheet.upstreams == other.upstreams)


@CASES
@given(policies(), facts(), REQUESTS, TIMES)
def test_every_rejection_has_a_reason_and_no_permission_has_one(
    files: Files, sheet: FactSheet, request: Request, now: float
) -> None:
    decision = decide(compiled(files), sheet, request, now)
    assert [each.upstream for each in decision.candidates] == [u.name for u in sheet.upstreams]
    for verdict in decision.candidates:
        assert verdict.allowed == (not verdict.reasons)


@CASES
@given(policies(), facts(), REQUESTS, TIMES)
def test_only_a_permitted_class_is_ever_allowed(
    files: Files, sheet: FactSheet, request: Request, now: float
) -> None:
    decision = decide(compiled(files), sheet, request, now)
    if not decision.allowed:
        return
    data_class = request.data_class or files[0]["unlabelled"]
    assert any(
        data_class in permit["classes"] and request.environment in permit["environments"]
        for permit in files[0]["permit"]
    )
