"""Attestations: facts that the organization signed off, and the hints that it adopted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict, StrictBool, StrictInt, StrictStr

from gateway.config.document import Document
from gateway.config.mistakes import ConfigError, Key, Mistake, nearest
from gateway.policy.facts import NEVER, PLACES, SHAPES, Assurance, Value, end_of, shaped
from gateway.policy.reading import SCHEMA, Names, Shape, checked, document, in_order
from gateway.policy.zones import countries

_EVERYWHERE = "*"
DERIVED_ONLY = frozenset({"platform"})
"""Facts that nobody attests: the configuration alone says them."""


class AttestShape(Shape):
    """An `[[attest]]` table."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    upstream: Annotated[str, Field(min_length=1)]
    """A name or a glob (`bedrock-*`); a name is stronger than a glob."""
    fact: str
    value: StrictBool | StrictInt | StrictStr | Annotated[tuple[str, ...], Strict(strict=False)]
    assurance: Literal["hint", "org", "verified"]
    probe: str | None = None
    """How it was verified (`bedrock.get_account_data_retention`); `verified` needs it."""
    evidence: str | None = None
    """A contract, a ticket, an address; `org` needs it."""
    approved_by: str | None = None
    approved_on: dt.date | None = None
    expires: dt.date | None = None
    """The last day on which it holds, in UTC."""


class AttestationsShape(Shape):
    """`attestations.toml`."""

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    adopt: Names = ()
    """Hints taken over as the organization's own: `hints-2026-11-22:bedrock.certifications`."""
    attest: Annotated[tuple[AttestShape, ...], Strict(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class Attestation:
    """One fact that somebody vouches for."""

    upstream: str
    fact: str
    value: Value
    assurance: Assurance
    until_s: float = NEVER
    origin: str = "attested"


@dataclass(frozen=True, slots=True)
class Attestations:
    """What an organization vouches for."""

    facts: tuple[Attestation, ...] = ()
    adopted: tuple[str, ...] = ()
    """Globs over `<hints file>:<platform>.<fact>`."""


def read_attestations(file: str, text: str) -> Attestations:
    """Read an attestations file; raises ConfigError with every mistake in it."""
    source = document(file, text)
    shape = checked(source, AttestationsShape)
    mistakes = in_order(attest_mistakes(source, shape.attest))
    if mistakes:
        raise ConfigError(mistakes)
    return Attestations(tuple(attestation(each) for each in shape.attest), shape.adopt)


def attestation(shape: AttestShape) -> Attestation:
    """Return a checked `[[attest]]` table as a value."""
    value = shaped(shape.fact, shape.value)
    if value is None:
        raise ValueError(f"{shape.fact}: not checked")
    return Attestation(
        shape.upstream,
        shape.fact,
        value,
        Assurance[shape.assurance.upper()],
        NEVER if shape.expires is None else end_of(shape.expires),
        f"attested: {shape.probe or shape.evidence or 'no evidence'}",
    )


def attest_mistakes(source: Document, attests: tuple[AttestShape, ...]) -> Iterator[Mistake]:
    """Return what is wrong in `[[attest]]` tables beyond their types."""
    for place, each in enumerate(attests):
        for name, message, hint in _faults(each):
            key: Key = ("attest", place, name)
            yield source.mistake(key, message, hint)


def _faults(each: AttestShape) -> Iterator[tuple[str, str, str]]:
    known = set(SHAPES) - DERIVED_ONLY
    if each.fact not in known:
        yield "fact", "is no fact", nearest(each.fact, known)
        return
    value = shaped(each.fact, each.value)
    if value is None:
        yield "value", f"is no value of {each.fact}", f"write {_example(each.fact)}"
    elif each.fact in PLACES:
        yield from place_faults(value)
    if each.assurance == "verified" and not each.probe:
        yield "assurance", "is verified, but nothing says how", "add probe, or write org"
    if each.assurance == "org" and not each.evidence:
        yield "assurance", "is org, but nothing shows it", "add evidence"
    if each.approved_on and each.expires and each.expires < each.approved_on:
        yield "expires", "is before approved_on", ""


def place_faults(value: Any) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a set of countries: (key, message, hint)."""
    if not value:
        yield "value", "names no country", 'write ["DE"], or ["*"] for anywhere'
    for code in sorted(value - countries() - {_EVERYWHERE}):
        yield "value", f"{code} is no country code of ISO 3166", nearest(code, countries())


def _example(fact: str) -> str:
    kind = SHAPES[fact]
    examples: dict[type, str] = {bool: "true or false", int: "a whole number", str: "a text"}
    return examples.get(kind, 'an array of texts, ["..."]')
