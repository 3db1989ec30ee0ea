"""From where Bedrock's models lead to facts: which countries, which partition. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.doctor.bedrock_answers import Reach, countries
from gateway.doctor.finding import Finding, Outcome
from gateway.doctor.subject import Subject
from gateway.policy import places
from gateway.policy.facts import EVERYWHERE, Value

STORED_WHERE_PROCESSED = ("processing_in", "storage_in")
"""Copies kept against abuse are stored where a request was processed."""


class Seen(NamedTuple):
    """What was learnt of one model id."""

    model: str
    """The canonical id."""
    wire_id: str
    probe: str
    reach: Reach | None
    """None: it could not be learnt."""
    because: str = ""
    absent: bool = False


class _Told(NamedTuple):
    """What one model says of the countries."""

    outcome: Outcome
    value: Value | None
    because: str
    probe: str


def located(subject: Subject, seen: Iterable[Seen]) -> Iterator[Finding]:
    """Yield where requests to an upstream's models are processed and stored, and by whom."""
    by_told: dict[_Told, list[str]] = {}
    known = list(seen)
    for each in known:
        by_told.setdefault(_told(subject, each), []).append(each.model)
    for told, models in by_told.items():
        for fact in STORED_WHERE_PROCESSED:
            yield _finding(subject, fact, told, tuple(models))
    partition = _partition(subject, known)
    if partition is not None:
        yield _finding(subject, "partition", partition, ())


def _finding(subject: Subject, fact: str, told: _Told, models: tuple[str, ...]) -> Finding:
    asked = subject.where.region or ""
    return Finding(
        subject.name, fact, told.outcome, told.probe, asked, told.because, told.value, models
    )


def _told(subject: Subject, each: Seen) -> _Told:
    if each.reach is None:
        outcome = Outcome.ABSENT if each.absent else Outcome.UNVERIFIED
        return _Told(outcome, None, each.because, each.probe)
    regions = each.reach.regions
    found = countries(subject.where.region or "", regions)
    held = _held(subject, each.model)
    if found is None or (held is not None and held != EVERYWHERE and not found <= held):
        named = _outside(regions, held or frozenset())
        words = f"requests may go to {named}, which is outside what it is held to"
        return _Told(Outcome.DROPPED, None, words, each.probe)
    if held == EVERYWHERE and found != EVERYWHERE:
        words = "a global profile may send requests anywhere, whatever it lists today"
        return _Told(Outcome.UNVERIFIED, None, words, each.probe)
    return _Told(Outcome.VERIFIED, found, "", each.probe)


def _outside(regions: frozenset[str], held: frozenset[str]) -> str:
    return ", ".join(
        sorted(region or "any Region" for region in regions if places.country(region) not in held)
    )


def _held(subject: Subject, model: str) -> frozenset[str] | None:
    """Return the countries that follow from the configuration; None: none do."""
    by_model = places.derived_by_model(subject.place).get(model)
    own = places.derived(subject.place) if by_model is None else by_model
    fact = own.get("processing_in")
    return fact.value if fact is not None and isinstance(fact.value, frozenset) else None


def _partition(subject: Subject, seen: list[Seen]) -> _Told | None:
    found = frozenset(name for each in seen if each.reach for name in each.reach.partitions)
    probe = next((each.probe for each in seen if each.reach), "")
    if not found:
        return None
    derived = places.derived(subject.place).get("partition")
    name = next(iter(found))
    if len(found) > 1 or (derived is not None and derived.value != name):
        words = f"the models are in the partition {', '.join(sorted(found))}"
        return _Told(Outcome.DROPPED, None, words, probe)
    return _Told(Outcome.VERIFIED, name, "", probe)
