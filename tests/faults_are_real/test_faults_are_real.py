"""Every named fault, on every platform it fits, streamed and not: what the bare SDK feels."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from anthropic import APIConnectionError

from gateway.emulator import NAMED, Fault
from tests.faults_are_real.conftest import Results
from tests.faults_are_real.feelings import Felt, class_name
from tests.faults_are_real.proofs import Case, cases, proofs

UNBROKEN = {"complete", "taken"}


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_a_bare_client_feels_it(case: Case, results: Results) -> None:
    proof = case.proof
    got = results[str(case)].result()
    assert got.struck
    assert got.outcome == case.nearest(proof.feels)
    assert got.elsewhere == proof.elsewhere
    if "for_s" in proof.options:
        # It cannot take less, however fast the machine is: the client's timeout did not end it.
        assert got.lasted_s > proof.timeout_s
    if proof.then:
        assert got.then == case.nearest(proof.then)
    if proof.cause is not None and isinstance(got.felt.error, APIConnectionError):
        assert class_name(got.felt.error.__cause__) == proof.cause
    if case.mode == "stream" and got.outcome not in UNBROKEN:
        assert got.felt.content is not proof.fault.before_content
    if hasattr(got.felt.error, "response"):
        check_words(proof.fault.fault, got.felt)


def check_words(fault: Fault, felt: Felt) -> None:
    """Check that an error says what its fault is named for."""
    for word in (fault.type, fault.code, fault.message):
        assert word is None or word.lower() in felt.text
    for name, value in fault.headers:
        if value.startswith("{date"):
            assert parsedate_to_datetime(felt.headers[name]).tzinfo is not None
        elif name != "content-type":
            assert felt.headers[name] == value


def test_every_named_fault_has_a_proof() -> None:
    assert sorted(proofs()) == sorted(NAMED)


@pytest.mark.parametrize("name", list(proofs()))
def test_a_proof_tells_nothing_that_is_not_tried(name: str) -> None:
    mine = [case for case in cases() if case.proof.name == name]
    assert mine
    for told in (mine[0].proof.feels, mine[0].proof.then):
        used = {next(key for key in case.keys if key in told) for case in mine if told}
        assert used == set(told)


def test_what_is_harmless_is_whole() -> None:
    harmless = [case for case in cases() if case.proof.fault.harmless]
    assert len(harmless) > 20
    assert {case.nearest(case.proof.feels) for case in harmless} == {"complete"}
