"""Every fault, on every platform, in every mode, through every door: N1 to N11 hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.faults.cases import chosen, every
from tests.faults.evidence import Evidence
from tests.faults.expected import expected, idle_rows, mistakes
from tests.faults.widths import beyond, measured, unlisted


@pytest.mark.parametrize("fault", dict.fromkeys(case.fault for case in chosen()))
def test_the_rules_hold_under(fault: str, found: Mapping[str, Sequence[Evidence]]) -> None:
    assert found[fault]
    wrong = [f"{each.case}: {what}" for each in found[fault] for what in mistakes(each)]
    assert not wrong, "\n".join(wrong)


def test_the_bounds_of_costs_are_as_on_record(found: Mapping[str, Sequence[Evidence]]) -> None:
    evidence = [each for of in found.values() for each in of]
    if len(evidence) < len(chosen()):
        pytest.skip("the mean is over all cases, and not all are run")
    assert not beyond(measured(evidence))


def test_costs_are_exact_where_they_can_be(found: Mapping[str, Sequence[Evidence]]) -> None:
    assert not list(unlisted(found))


def test_every_case_has_an_expectation() -> None:
    assert not [str(case) for case in every() if expected(case) is None]


def test_every_row_of_expectations_is_needed() -> None:
    assert not idle_rows()
