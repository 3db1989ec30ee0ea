"""What only takes away never adds, whatever the policies, the facts and the request.

Hypothesis draws a number and a size; `worlds` makes the rest of it, for some numbers in a row:
a world costs less than a draw.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.facts import NEVER, Assurance, Fact, FactSheet
from tests.unit.policy import worlds
from tests.unit.policy.worlds import Data, World, changed, compiled, world

IN_A_ROW = 20
CASES = settings(
    max_examples=max(int(os.environ.get("TIDEGATE_LAWS", "2000")) // IN_A_ROW, 1), deadline=None
)
Law = Callable[[World], None]
LAWS: dict[str, Law] = {}
"""Name -> what must hold in every world."""


def law(check: Law) -> Law:
    """Register a law by the name of its function."""
    LAWS[check.__name__] = check
    return check


def never_adds(name: str, less: Callable[[World], World]) -> None:
    """Register that a change allows nothing new."""

    def check(given: World) -> None:
        assert less(given).allowed() <= given.allowed()

    LAWS[name] = check


@CASES
@given(seed=st.integers(0, 2**48), size=st.integers(1, 3))
def test_every_law_holds_in_every_world(seed: int, size: int) -> None:
    """A world is shared by all laws, for making it is dearer than to hold one law against it."""
    for number in range(seed, seed + IN_A_ROW):
        given_world = world(number, size)
        for name, check in LAWS.items():
            try:
                check(replace(given_world, rng=random.Random(number)))
            except AssertionError as error:
                raise AssertionError(f"{name}: world({number}, {size})") from error


def _one_file(given: World, change: Callable[[Data], None]) -> World:
    files = changed(given.files)
    change(given.rng.choice(files))
    return given.with_files(*files)


def _another_rule(given: World) -> World:
    rule = worlds.a_rule(given.rng, "new")
    return _one_file(given, lambda file: file["rule"].append(rule))


def _another_policy(given: World) -> World:
    layer = worlds.a_layer(given.rng)
    if layer and "keys" in layer and "team" not in given.policy.layers:
        # A key layer that no policy was for is refused; giving it one is what makes it known.
        del layer["keys"]
    return given.with_files(*given.files, worlds.a_policy(given.rng, "new", 3, layer=layer))


def _another_requirement(given: World) -> World:
    one = given.rng.choice(worlds.REQUIREMENTS)
    return given.asking(require=given.request.require | {one})


def _another_feature(given: World) -> World:
    one = given.rng.choice((*worlds.FEATURES, "unknown:y"))
    return given.asking(features=given.request.features | {one})


def _another_model_inside(given: World) -> World:
    one = given.rng.choice(worlds.INSIDE)
    return given.asking(models_inside=given.request.models_inside | {one})


def _another_hatch(given: World) -> World:
    one = given.rng.choice((*worlds.HATCHES, "unheard_of"))
    return given.asking(hatches=given.request.hatches | {one})


def _with_fact(given: World, change: Callable[[Fact], Fact | None]) -> World:
    upstreams = list(given.sheet.upstreams)
    at = given.rng.randrange(len(upstreams))
    old = upstreams[at]
    name = given.rng.choice(sorted(old.facts))
    new = change(old.facts[name])
    others = {key: fact for key, fact in old.facts.items() if key != name}
    upstreams[at] = replace(old, facts=others if new is None else others | {name: new})
    return replace(given, sheet=FactSheet(tuple(upstreams), given.sheet.retention))


def _block(given: World) -> World:
    block = {"upstream": given.rng.choice(worlds.UPSTREAMS), "because": "incident 7"}
    blocks = {"schema": 1, "name": "blocks", "layer": {}, "block": [block]}
    return given.with_files(*given.files, blocks)


def _refused_hatch(file: Data) -> None:
    file["hatches"] = dict.fromkeys(file["hatches"], "refuse")


def _lowered(fact: Fact) -> Fact:
    return replace(fact, assurance=Assurance(max(fact.assurance - 1, 1)))


def _sooner(fact: Fact) -> Fact:
    return replace(fact, until_s=min(fact.until_s, 75.0))


never_adds("another_rule_never_adds", _another_rule)
never_adds("another_policy_never_adds", _another_policy)
never_adds("another_requirement_never_adds", _another_requirement)
never_adds("another_feature_never_adds", _another_feature)
never_adds("another_model_inside_never_adds", _another_model_inside)
never_adds("another_hatch_never_adds", _another_hatch)
never_adds(
    "another_key_layer_never_adds",
    lambda given: given.asking(layers=given.request.layers | {"team"}),
)
never_adds(
    "another_beta_never_adds", lambda given: given.asking(betas=given.request.betas | {"beta-1"})
)
never_adds("a_check_less_never_adds", lambda given: given.asking(checks=frozenset()))
never_adds("a_block_never_adds", _block)
never_adds(
    "an_exception_less_never_adds",
    lambda given: _one_file(given, lambda file: file.pop("exception")),
)
never_adds(
    "a_permit_less_never_adds",
    lambda given: _one_file(given, lambda file: file["permit"][:1] or file.pop("permit")),
)
never_adds("a_hatch_that_is_refused_never_adds", lambda given: _one_file(given, _refused_hatch))
never_adds("a_fact_less_never_adds", lambda given: _with_fact(given, lambda _fact: None))
never_adds("a_lower_assurance_never_adds", lambda given: _with_fact(given, _lowered))
never_adds("an_earlier_end_never_adds", lambda given: _with_fact(given, _sooner))
never_adds(
    "a_later_moment_never_adds",
    lambda given: replace(given, now=max(given.now, given.rng.choice(worlds.NOWS))),
)


@law
def a_decision_holds_until_it_says(given: World) -> None:
    before = given.decision()
    # What was judged at a later moment is not what holds at an earlier one.
    given.decision(1e13)
    assert given.decision() == before
    if before.until_s != NEVER:
        assert given.decision(max(given.now, before.until_s - 1)).candidates == before.candidates
        assert given.decision(before.until_s).until_s > before.until_s


@law
def no_order_and_no_wish_changes_what_is_allowed(given: World) -> None:
    policy, before = given.policy, given.allowed()
    mixed = changed(given.files)
    given.rng.shuffle(mixed)
    for each in mixed:
        given.rng.shuffle(each["rule"])
        given.rng.shuffle(each["permit"])
    upstreams = given.rng.sample(given.sheet.upstreams, len(given.sheet.upstreams))
    other = replace(given, sheet=FactSheet(tuple(upstreams), given.sheet.retention))
    shuffled = other.with_files(*mixed)
    assert shuffled.allowed() == before
    assert shuffled.policy.digest == policy.digest
    assert other.sheet.digest == given.sheet.digest
    for each in mixed:
        each["prefer"] = {"order": ["headroom"]}
    wished = shuffled.with_files(*mixed)
    assert wished.allowed() == before
    assert wished.policy.digest != policy.digest


@law
def digests_differ_exactly_when_contents_do(given: World) -> None:
    other = world(given.rng.randrange(2**48))
    mine, theirs = given.policy, other.policy
    assert compiled(changed(given.files)).digest == mine.digest
    assert (mine.digest == theirs.digest) == (mine.content == theirs.content)
    same = given.sheet.upstreams == other.sheet.upstreams
    assert (given.sheet.digest == other.sheet.digest) == same


@law
def every_rejection_has_a_reason_and_no_permission_has_one(given: World) -> None:
    candidates = given.decision().candidates
    assert [each.upstream for each in candidates] == [u.name for u in given.sheet.upstreams]
    for verdict in candidates:
        assert verdict.allowed == (not verdict.reasons)


@law
def only_a_permitted_class_is_ever_allowed(given: World) -> None:
    if given.allowed():
        organization = given.files[0]
        data_class = given.request.data_class or organization["unlabelled"]
        assert any(
            data_class in permit["classes"] and given.request.environment in permit["environments"]
            for permit in organization["permit"]
        )


def test_worlds_are_neither_open_nor_closed() -> None:
    shares = [len(each.allowed()) for each in map(world, range(500))]
    assert 100 < sum(map(bool, shares)) < 400


def test_every_change_takes_something_away_somewhere() -> None:
    changes: list[Callable[[World], World]] = [
        _another_rule,
        _another_policy,
        _another_requirement,
        _another_feature,
        _another_model_inside,
        _another_hatch,
        _block,
        lambda given: _one_file(given, _refused_hatch),
        lambda given: _with_fact(given, lambda _fact: None),
        lambda given: _with_fact(given, _lowered),
        lambda given: _with_fact(given, _sooner),
    ]
    for change in changes:
        assert any(change(world(seed)).allowed() < world(seed).allowed() for seed in range(1000))
