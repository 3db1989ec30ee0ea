"""What each kind of failure means for what is done next, from `data/failover.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources

import msgspec

from providers.contract import Failure, FailureKind

_ANSWERED = 200


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


class _File(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    checked_on: object
    verified: bool
    kinds: dict[FailureKind, Rule]


def _read() -> Mapping[FailureKind, Rule]:
    text = (resources.files("gateway") / "data" / "failover.toml").read_text("utf-8")
    rules = msgspec.convert(tomllib.loads(text), _File).kinds
    missing = set(FailureKind) - set(rules)
    if missing:
        raise ValueError(f"data/failover.toml: no rule for {', '.join(sorted(missing))}")
    return rules


RULES = _read()
"""Kind -> what is done."""


def bill(failure: Failure) -> Bill:
    """Return what a failed attempt is booked as.

    An error inside a 200 may come when tokens have been generated already.
    """
    rule = RULES[failure.kind]
    if failure.upstream_status == _ANSWERED and rule.bill is Bill.REJECTED:
        return Bill.UNKNOWN
    return rule.bill
