"""The five ways in which a request is known to leave its zone, tried with every fault.

Nothing is asked of the gateway about where a request went: the emulated platforms' own log says
it, read by `places.py`, which knows nothing of the gateway's data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.leaks.company import BEDROCK, DIRECT, MULTI_REGION, VERTEX, Company
from tests.leaks.doors import Door, asked
from tests.leaks.places import AWS, EU, PROFILES, US

Breaks = Callable[[Company], object]


def _fault(action: str, **options: Any) -> Breaks:
    return lambda company: company.emulator.faults.add(action, times=-1, **options)


def _silence(company: Company) -> None:
    """Nobody answers, and the clocks are short enough to go on to the next."""
    company.hurry()
    company.emulator.faults.add("stall", times=-1, before_head=True)


def _dns(company: Company) -> None:
    """No host inside any zone can be found, so that only those outside could answer."""
    europe = (BEDROCK("eu-central-1"), VERTEX("europe-west1"), MULTI_REGION("eu"))
    company.hosts.unknown.update((*europe, BEDROCK("us-east-1")))


FAULTS: dict[str, Breaks] = {
    "nothing": lambda _company: None,
    "500": _fault("status", status=500),
    "429": _fault("status", status=429),
    "404": _fault("status", status=404),
    "cut": _fault("cut", at=0),
    "reset": _fault("reset", before_head=True),
    "timeout": _silence,
    "dns": _dns,
}
FAILING_OVER = tuple(FAULTS[name] for name in ("500", "429", "404", "cut", "reset"))
"""With these every upstream that is left is tried."""
OUT_OF_THE_UNION = (
    "direct",
    "direct-us",
    "direct-global",
    "america",
    "google-us",
    "google-global",
    "google-london",
    "london",
    "europe",
    "eu-frankfurt",
    "eu-renamed",
)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Breaks:
    return FAULTS[request.param]


@pytest.mark.parametrize("stream", [False, True])
def test_union_only_does_not_fall_back_to_america(
    company: Company, door: Door, fault: Breaks, stream: bool
) -> None:
    company.write(["belgium", *OUT_OF_THE_UNION, "member-states"])
    fault(company)
    told = door(company.config(), asked(stream=stream))
    company.stayed(EU)
    if fault in FAILING_OVER:
        assert company.reached == {VERTEX("europe-west1"), MULTI_REGION("eu")}
    if fault is FAULTS["nothing"]:
        assert (told.status, told.upstream) == (200, "belgium")


def test_a_global_profile_is_not_in_europe_whatever_it_is_called(
    company: Company, door: Door, fault: Breaks
) -> None:
    company.write(["eu-frankfurt", "eu-renamed", "europe"])
    fault(company)
    told = door(company.config(), asked("wide"))
    company.stayed(PROFILES["eu"])
    if fault in FAILING_OVER:
        assert company.log
    if fault is FAULTS["nothing"]:
        assert (told.status, told.upstream) == (200, "europe")


@pytest.mark.parametrize("geo", [None, "us"])
def test_a_geography_is_not_dropped_on_the_way(
    company: Company, door: Door, fault: Breaks, geo: str | None
) -> None:
    """Bedrock takes no `inference_geo`, and `direct-global` would answer with another one."""
    company.write(["direct-us", "europe", "eu-frankfurt", "direct-global", "direct", "america"])
    fault(company)
    own: dict[str, Any] = {} if geo is None else {"inference_geo": geo}
    told = door(company.config(), asked("states", **own))
    company.stayed(US)
    if fault is FAULTS["nothing"] and geo is None:
        assert (told.status, told.upstream) == (200, "direct-us")
    if geo is not None:
        platforms = {record.platform for record in company.log}
        assert platforms <= {"anthropic"}, "a platform that does not take it got it, or lost it"


def test_a_geography_that_the_caller_sets_opens_nothing(company: Company, door: Door) -> None:
    """`direct` runs anywhere by its configuration; a body that says `us` does not change that."""
    company.write(["direct", "direct-global"])
    told = door(company.config(), asked("states", inference_geo="us"))
    assert told.status == 403
    assert (company.log, company.hosts.asked) == ([], [])


def test_a_count_does_not_leave_for_another_region(
    company: Company, door: Door, fault: Breaks
) -> None:
    """Where a count is wrong or refused, it is not asked for where counts always work."""
    company.write(["belgium", *OUT_OF_THE_UNION, "member-states"])
    fault(company)
    told = door(company.config(), asked(count=True))
    company.stayed(EU)
    if fault is FAULTS["nothing"]:
        assert (told.status, told.upstream) == (200, "belgium")
        (record,) = company.log
        assert "/locations/europe-west1/" in record.path
    if fault in FAILING_OVER:
        assert company.reached == {VERTEX("europe-west1"), MULTI_REGION("eu")}


def test_a_count_that_nobody_inside_can_do_is_not_done(company: Company, door: Door) -> None:
    """Bedrock counts for foundation models alone, and is asked in its own region or not at all."""
    company.write(["direct", "europe", "google-us"])
    told = door(company.config(), asked("wide", count=True))
    company.stayed(frozenset({AWS["eu-central-1"]}))
    assert told.status in {400, 404, 501}
    assert DIRECT not in company.hosts.asked


def test_london_is_not_in_the_union(company: Company, door: Door, fault: Breaks) -> None:
    company.write(["london", "google-london", "europe", "belgium", "frankfurt"])
    fault(company)
    told = door(company.config(), asked())
    company.stayed(EU)
    assert not {BEDROCK("eu-west-2"), VERTEX("europe-west2")} & set(company.hosts.asked)
    if fault in FAILING_OVER:
        assert company.reached == {BEDROCK("eu-central-1"), VERTEX("europe-west1")}
    if fault is FAULTS["nothing"]:
        assert (told.status, told.upstream) == (200, "belgium")


def test_london_is_in_europe(company: Company, door: Door) -> None:
    """The other way round: the witness and the gateway both know that London may be asked."""
    company.write(["google-london"])
    told = door(company.config(), asked("wide"))
    assert (told.status, told.upstream) == (200, "google-london")
    company.stayed(frozenset({"GB"}))


def test_a_count_cannot_be_held_to_a_geography_and_so_is_not_made(
    company: Company, door: Door
) -> None:
    """The Claude API takes no `inference_geo` with a count."""
    company.write(["direct-us", "direct"])
    told = door(company.config(), asked("states", count=True))
    assert (told.status, company.log, company.hosts.asked) == (501, [], [])
