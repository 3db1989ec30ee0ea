"""Tries one case: a fault is scripted by name, and a bare client asks."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from gateway.emulator import Emulator
from tests.faults_are_real.clients import client
from tests.faults_are_real.feelings import Felt, Question, ask
from tests.faults_are_real.proofs import Case


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one case."""

    felt: Felt
    outcome: str
    struck: bool
    """Whether the fault struck, by the emulator's own account."""
    elsewhere: bool
    """Whether anything of it arrived at the other host."""
    lasted_s: float
    then: str
    """The outcome of the next question on the same connection, where it was asked."""


def tried(case: Case, shared: Emulator) -> Tried:
    """Try a case on the shared emulator, or on one of its own where it needs that."""
    with ExitStack() as stack:
        emulator = stack.enter_context(Emulator()) if case.alone else shared
        marked = {} if case.alone else {"platform": case.platform, "contains": f"|{case}|"}
        emulator.faults.add(case.proof.name, **case.proof.options, **marked)
        question = Question(case.platform, case.mode == "stream", case.prompt)
        asking = client(emulator, case.platform, case.proof.timeout_s)
        stack.enter_context(asking)
        began_s = monotonic()
        felt = ask(asking, question)
        lasted_s = monotonic() - began_s
        then = _then(case, ask(asking, question), emulator) if case.proof.then else ""
        return Tried(
            felt,
            felt.outcome(_whole(emulator, question) if felt.error is None else []),
            struck=_struck(case, emulator),
            elsewhere=_elsewhere(case, emulator),
            lasted_s=lasted_s,
            then=then,
        )


def _then(case: Case, felt: Felt, emulator: Emulator) -> str:
    return felt.outcome(
        _whole(emulator, Question(case.platform, case.mode == "stream", case.prompt))
    )


def _whole(emulator: Emulator, question: Question) -> list[dict[str, object]]:
    """Return the unbroken answer, which the same question gets once the fault is used up."""
    with client(emulator, question.platform, 30.0) as other:
        return ask(other, question).shown


def _struck(case: Case, emulator: Emulator) -> bool:
    if case.alone:
        return case.proof.name in emulator.faults.struck
    mark = f"|{case}|".encode()
    return next(r.fault for r in emulator.records if mark in r.body) == case.proof.name


def _elsewhere(case: Case, emulator: Emulator) -> bool:
    there = emulator.records.of("elsewhere")
    return bool(there) if case.alone else any(f"|{case}|".encode() in r.body for r in there)
