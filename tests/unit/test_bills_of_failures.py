"""What a failed attempt is booked as, by its HTTP status."""

from __future__ import annotations

import pytest

from gateway.dispatch.kinds import Bill, bill
from providers.contract import Failure, FailureKind


def failed(status: int | None, kind: FailureKind = FailureKind.ILL) -> Bill:
    return bill(Failure(kind, 500, "api_error", "no", upstream_status=status))


@pytest.mark.parametrize("status", [200, 408, 424, 499, 500, 502, 504, 520, 524, 599])
def test_it_may_have_been_worked_on(status: int) -> None:
    assert failed(status) is Bill.UNKNOWN


@pytest.mark.parametrize("status", [400, 409, 429, 501, 503, 505, 529])
def test_it_was_refused_before_any_work(status: int) -> None:
    assert failed(status) is Bill.REJECTED


def test_what_is_unknown_or_never_left_stays_so() -> None:
    assert failed(None, FailureKind.NOT_SENT) is Bill.NOT_SENT
    assert failed(None, FailureKind.AMBIGUOUS) is Bill.UNKNOWN
    assert failed(529, FailureKind.AMBIGUOUS) is Bill.UNKNOWN
    assert failed(None) is Bill.REJECTED
