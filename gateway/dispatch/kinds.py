"""What each kind of failure means for what is done next, from `data/failover.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import resources

import msgspec

from providers.contract import Failure, FailureKind

_FIRST_5XX = 500


class Bill(StrEnum):
    """What an attempt is booked as."""

    NOT_SENT = "not_sent"
    """Nothing left: it costs nothing."""
    REJECTED = "rejected"
    """Refused before anything was generated."""
    UNKNOWN = "unknown"
    """It may have been worked on; nobody said."""
    PARTIAL = "partial"
    """An answer began; its last count never came."""
    FINAL = "final"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one kind of failure means; the file says what each field is."""

    says: str
    surface: bool
    retry_here: bool
    here_first: bool
    eject: bool
    cool_s: float
    bill: Bill
    hopeless: bool
    hope: int


class Transport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can go wrong below HTTP, and of which kind it is; for the documentation."""

    what: str
    kind: FailureKind


class _File(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    checked_on: object
    verified: bool
    unsure_statuses: frozenset[int]
    refusing_5xx: frozenset[int]
    kinds: dict[FailureKind, Rule]
    transport: list[Transport]


def _read() -> _File:
    text = (resources.files("gateway") / "data" / "failover.toml").read_text("utf-8")
    file = msgspec.convert(tomllib.loads(text), _File)
    missing = set(FailureKind) - set(file.kinds)
    if missing:
        raise ValueError(f"data/failover.toml: no rule for {', '.join(sorted(missing))}")
    return file


_FILE = _read()
RULES: Mapping[FailureKind, Rule] = _FILE.kinds
"""Kind -> what is done."""
TRANSPORT: Sequence[Transport] = _FILE.transport
"""What can go wrong below HTTP."""


def bill(failure: Failure) -> Bill:
    """Return what a failed attempt is booked as."""
    rule = RULES[failure.kind]
    if rule.bill is Bill.REJECTED and is_unsure(failure.upstream_status):
        return Bill.UNKNOWN
    return rule.bill


def is_unsure(status: int | None) -> bool:
    """Say whether a failure's HTTP status leaves open that tokens were generated."""
    if status is None:
        return False
    if status < _FIRST_5XX:
        return status in _FILE.unsure_statuses
    return status not in _FILE.refusing_5xx
