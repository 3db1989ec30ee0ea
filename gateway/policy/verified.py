"""What probes found: `verified.toml`, which `gateway doctor --write` writes and nobody edits.

What was verified holds until its end, and only while the upstream is where it was. A dropped fact
is unknown, whoever attests it, until a later probe finds it right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, Strict, StrictBool, StrictInt, StrictStr

from gateway.config.mistakes import ConfigError, Key, nearest
from gateway.policy.attestations import DERIVED_ONLY, place_faults
from gateway.policy.facts import PLACES, SHAPES, Value, shaped
from gateway.policy.reading import SCHEMA, Names, Shape, checked, document, in_order

LONGEST = dt.timedelta(days=7)
"""Nothing stays verified longer than this."""

Words = Annotated[str, Field(min_length=1, max_length=1000)]
_GLOB = frozenset("*?[")


class VerifiedShape(Shape):
    """An `[[attest]]` table that a probe wrote."""

    upstream: Words
    fact: str
    value: StrictBool | StrictInt | StrictStr | Annotated[tuple[str, ...], Strict(strict=False)]
    assurance: Literal["verified"]
    probe: Words
    place: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The fingerprint of the upstream as it was probed."""
    models: Names = ()
    """The models it was found for; none: all of them."""
    checked_at: dt.datetime
    expires: dt.datetime


class DropShape(Shape):
    """A `[[drop]]` table: a fact that a probe found wrong."""

    upstream: Words
    fact: str
    probe: Words
    because: Words
    checked_at: dt.datetime


class AbleShape(Shape):
    """An `[[able]]` table: something that a relay was found to do."""

    upstream: Words
    does: Literal["count_tokens", "stream", "cache_control"]
    probe: Words
    place: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """The fingerprint of the upstream as it was probed."""
    checked_at: dt.datetime
    expires: dt.datetime


class FoundShape(Shape):
    """`verified.toml`."""

    schema_: Annotated[int, Field(alias="schema", ge=SCHEMA, le=SCHEMA)]
    attest: Annotated[tuple[VerifiedShape, ...], Strict(strict=False)] = ()
    drop: Annotated[tuple[DropShape, ...], Strict(strict=False)] = ()
    able: Annotated[tuple[AbleShape, ...], Strict(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class Probed:
    """One fact that a platform confirmed."""

    upstream: str
    fact: str
    value: Value
    probe: str
    place: str
    """The fingerprint of the upstream as it was probed (`Where.fingerprint`)."""
    checked_s: float
    until_s: float
    """Unix times."""
    models: tuple[str, ...] = ()
    """Canonical ids; none: all of the upstream's models."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One fact that is unknown, because a platform says otherwise."""

    upstream: str
    fact: str
    probe: str
    because: str
    checked_s: float


@dataclass(frozen=True, slots=True)
class Able:
    """One thing that an upstream was found to do."""

    upstream: str
    does: str
    probe: str
    place: str
    """The fingerprint of the upstream as it was probed (`Where.fingerprint`)."""
    checked_s: float
    until_s: float
    """Unix times."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What probes found, all of it."""

    facts: tuple[Probed, ...] = ()
    drops: tuple[Drop, ...] = ()
    abilities: tuple[Able, ...] = ()

    def able(self, upstream: str, place: str, now_s: float) -> frozenset[str]:
        """Return what an upstream was found to do, as long as it is where it was."""
        return frozenset(
            each.does
            for each in self.abilities
            if (each.upstream, each.place) == (upstream, place) and now_s < each.until_s
        )


NOTHING_VERIFIED = Verified()


def read_verified(file: str, text: str) -> Verified:
    """Read what probes wrote; raises ConfigError with every mistake in it."""
    source = document(file, text)
    shape = checked(source, FoundShape)
    mistakes = in_order(source.mistake(key, message, hint) for key, message, hint in _faults(shape))
    if mistakes:
        raise ConfigError(mistakes)
    return Verified(
        tuple(map(_probed, shape.attest)),
        tuple(map(_dropped, shape.drop)),
        tuple(map(_able, shape.able)),
    )


def _probed(each: VerifiedShape) -> Probed:
    value = shaped(each.fact, each.value)
    if value is None:
        raise ValueError(f"{each.fact}: not checked")
    return Probed(
        each.upstream,
        each.fact,
        value,
        each.probe,
        each.place,
        each.checked_at.timestamp(),
        each.expires.timestamp(),
        each.models,
    )


def _dropped(each: DropShape) -> Drop:
    checked_s = each.checked_at.timestamp()
    return Drop(each.upstream, each.fact, each.probe, each.because, checked_s)


def _able(each: AbleShape) -> Able:
    times = (each.checked_at.timestamp(), each.expires.timestamp())
    return Able(each.upstream, each.does, each.probe, each.place, *times)


def _faults(shape: FoundShape) -> Iterator[tuple[Key, str, str]]:
    for place, each in enumerate(shape.attest):
        for name, message, hint in (*_common(each), *_own(each)):
            yield ("attest", place, name), message, hint
    for place, able in enumerate(shape.able):
        for name, message, hint in (*_moments(able), *_ends(able)):
            yield ("able", place, name), message, hint
    for place, drop in enumerate(shape.drop):
        for name, message, hint in _common(drop):
            yield ("drop", place, name), message, hint


def _common(each: VerifiedShape | DropShape) -> Iterator[tuple[str, str, str]]:
    known = set(SHAPES) - DERIVED_ONLY
    if each.fact not in known:
        yield "fact", "is no fact", nearest(each.fact, known)
    yield from _moments(each)


def _moments(each: VerifiedShape | DropShape | AbleShape) -> Iterator[tuple[str, str, str]]:
    if _GLOB & set(each.upstream):
        yield "upstream", "is no name of an upstream", "a probe names one"
    if each.checked_at.tzinfo is None:
        yield "checked_at", "has no offset", "write 2026-11-22T06:00:00Z"


def _own(each: VerifiedShape) -> Iterator[tuple[str, str, str]]:
    value = shaped(each.fact, each.value)
    if value is None and each.fact in SHAPES:
        yield "value", f"is no value of {each.fact}", "run gateway doctor --write"
    elif each.fact in PLACES:
        yield from place_faults(value)
    yield from _ends(each)


def _ends(each: VerifiedShape | AbleShape) -> Iterator[tuple[str, str, str]]:
    if each.expires.tzinfo is None:
        yield "expires", "has no offset", "write 2026-11-23T06:00:00Z"
    elif each.checked_at.tzinfo and not _within(each.expires - each.checked_at):
        yield "expires", f"is not within {LONGEST.days} days after checked_at", ""


def _within(span: dt.timedelta) -> bool:
    return dt.timedelta(0) < span <= LONGEST
