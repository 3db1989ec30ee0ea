"""What a rule asks of an upstream's facts, compiled to closures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.policy.decision import Kind, Reason
from gateway.policy.facts import EVERYWHERE, Assurance, Fact, Retention, Value, plain
from gateway.policy.model import Require

Passes = Callable[[Any], bool]

_EVERYWHERE_MARK = next(iter(EVERYWHERE))


class FactCheck(NamedTuple):
    """One requirement of one fact."""

    fact: str
    floor: Assurance
    passes: Passes
    failed: str
    """What a value that does not pass is: `not within eu`."""
    wants: str
    """What would pass: `within eu`."""

    def reason(self, rule: str, fact: Fact | None, now: float) -> Reason | None:
        """Return why a fact does not do, or None where it does."""
        fact = fact.at(now) if fact is not None else None
        if fact is None:
            text, kind = f"{self.fact} UNKNOWN (no attestation)", Kind.UNKNOWN
        elif now >= fact.until_s:
            text, kind = f"{self.fact} UNKNOWN (expired; {fact.origin})", Kind.EXPIRED
        elif fact.assurance < self.floor:
            level = f"assurance {fact.assurance.word} < {self.floor.word}"
            text, kind = f"{self.fact} UNKNOWN ({level})", Kind.ASSURANCE
        elif self.passes(fact.value):
            return None
        else:
            text, kind = f"{self.fact}={_shown(fact.value)} {self.failed}", Kind.VIOLATED
        return Reason(rule, text, self.fact, kind, f"{self.wants}, at least {self.floor.word}")


def fact_checks(require: Require, zones: Mapping[str, frozenset[str]]) -> tuple[FactCheck, ...]:
    """Compile the requirements of a rule that facts answer."""
    floor = Assurance[(require.assurance or "org").upper()]
    found: list[FactCheck] = []
    for name, make in _MAKERS.items():
        wanted = getattr(require, name)
        if wanted is None:
            continue
        fact = _FACT_OF.get(name, name)
        own = Assurance.ORG if fact in require.assurance_exempt else floor
        passes, failed, wants = make(wanted, zones)
        found.append(FactCheck(fact, own, passes, failed, wants))
    return tuple(found)


def model_retention(rule: str, limit: int | None, model: str, kept: Retention) -> Iterator[Reason]:
    """Say where a model's own terms keep a request longer than a rule allows."""
    if limit is None:
        return
    days, wants = kept.of_model(model), f"a model kept at most {limit} days"
    if days is None:
        text = f"retention_days UNKNOWN (nobody says what {model} keeps)"
        yield Reason(rule, text, "model", Kind.UNKNOWN, wants)
    elif days > limit:
        text = f"retention_days={days} over {limit} (the terms of {model})"
        yield Reason(rule, text, "model", Kind.VIOLATED, wants)


def _within(zone: str, zones: Mapping[str, frozenset[str]]) -> tuple[Passes, str, str]:
    members = zones[zone] - {_EVERYWHERE_MARK}

    def passes(value: frozenset[str]) -> bool:
        return bool(value) and value <= members

    return passes, f"not within {zone}", f"within {zone}"


def _one_of(words: tuple[str, ...], _zones: object) -> tuple[Passes, str, str]:
    shown = _shown(frozenset(words))
    return frozenset(words).__contains__, f"not in {shown}", f"one of {shown}"


def _holding(words: tuple[str, ...], _zones: object) -> tuple[Passes, str, str]:
    shown = ", ".join(sorted(words))
    return frozenset(words).issubset, f"not holding {shown}", f"holding {shown}"


def _true(_wanted: object, _zones: object) -> tuple[Passes, str, str]:
    return bool, "not true", "true"


def _at_most(limit: int, _zones: object) -> tuple[Passes, str, str]:
    return limit.__ge__, f"over {limit}", f"at most {limit}"


_MAKERS: Mapping[str, Callable[[Any, Mapping[str, frozenset[str]]], tuple[Passes, str, str]]] = {
    "processing_in": _within,
    "storage_in": _within,
    "processor": _one_of,
    "platforms": _one_of,
    "partition": _one_of,
    "certifications": _holding,
    "baa": _true,
    "private_network": _true,
    "cmek": _true,
    "retention_days": _at_most,
    "flagged_retention_days": _at_most,
}
_FACT_OF = {"platforms": "platform"}


def _shown(value: Value) -> str:
    return str(plain(value)) if isinstance(value, frozenset) else str(value).lower()
