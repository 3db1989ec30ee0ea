"""What a journal says of calls: the inputs of their decisions, and how they went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from gateway.policy.features import NO_HATCHES, Hatches

DECISION_PREFIX = "dec_"
"""What a decision's id begins with."""

_OF_ATTEMPTS = frozenset({"started", "failed", "withdrawn", "finished", "violation"})


class Entry(NamedTuple):
    """One record of a journal, without its place in the chain."""

    kind: str
    at: str
    """When it was written: RFC 3339, in UTC."""
    data: Mapping[str, Any]

    @property
    def at_s(self) -> float:
        """The same as Unix time."""
        return dt.datetime.fromisoformat(self.at).timestamp()


class Rejected(msgspec.Struct, frozen=True):
    """An upstream that was left out of a plan."""

    upstream: str
    cause: str = ""
    reason: str = ""


class Inputs(msgspec.Struct, frozen=True, rename={"data_class": "class"}):
    """What a `decision` record says that a replay needs; other members are passed over."""

    decision: str
    model: str
    environment: str | None = None
    """None: there was no configuration."""
    data_class: str | None = None
    layers: frozenset[str] = frozenset()
    features: frozenset[str] | None = None
    """None: there was no policy, so nobody looked."""
    unread: frozenset[str] = frozenset()
    """Fields of the body that no rule asked to look into."""
    betas: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    require: tuple[str, ...] = ()
    hatches: Hatches = NO_HATCHES
    models_inside: frozenset[str] = frozenset()
    plan: tuple[str, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all that the call asked for is known."""
        return self.features is not None and not self.unread


def turned_away(entry: Entry) -> bool:
    """Say whether a `decision` record is of a call that was refused before policy was asked."""
    return entry.data.get("refused") is not None and not entry.data.get("rejected")


def inputs(entry: Entry) -> Inputs:
    """Return the inputs in a `decision` record.

    Raises:
        ValueError: It has another shape.
    """
    return msgspec.convert(entry.data, Inputs)


@dataclass(frozen=True, slots=True)
class Past:
    """One call as the journal has it."""

    decision: Entry
    candidates: tuple[Mapping[str, Any], ...] | None
    """What was said of every upstream; None: the journal does not have it."""
    attempts: tuple[Entry, ...] = ()


@dataclass(slots=True)
class _Found:
    decision: Entry | None = None
    attempts: list[Entry] = field(default_factory=list)
    verdicts: dict[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


def recall(read: Callable[[], Iterable[Entry]], wanted: str) -> Past | None:
    """Return the call with an id, or None where the journal has none.

    Args:
        read: Reads the journal from its start; called up to twice.
        wanted: A decision's id, or a request id that the caller or a platform knows.
    """
    decision = wanted if wanted.startswith(DECISION_PREFIX) else _decided(read(), wanted)
    if decision is None:
        return None
    found = _Found()
    for entry in read():
        if entry.kind == "verdicts":
            found.verdicts[str(entry.data.get("id"))] = tuple(entry.data.get("candidates", ()))
        elif entry.data.get("decision") != decision:
            continue
        elif entry.kind == "decision":
            found.decision = entry
        elif entry.kind in _OF_ATTEMPTS:
            found.attempts.append(entry)
    if found.decision is None:
        return None
    verdicts = found.verdicts.get(str(found.decision.data.get("verdicts")))
    return Past(found.decision, verdicts, tuple(found.attempts))


def _decided(entries: Iterable[Entry], request_id: str) -> str | None:
    """Return the decision of the last call that a request id was given in."""
    last: str | None = None
    for entry in entries:
        if entry.kind in {"failed", "finished"} and request_id in _request_ids(entry):
            last = entry.data.get("decision")
    return last


def _request_ids(entry: Entry) -> tuple[object, object]:
    """Return the ids under which the caller and the platform know an answer."""
    return entry.data.get("request_id"), entry.data.get("platform_request_id")
