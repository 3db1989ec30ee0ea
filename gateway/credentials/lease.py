"""How long a fetched credential is good for: values and rules, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lease(Generic[T]):
    """A credential and its lifetime. Times are seconds since the epoch."""

    value: T = field(repr=False)
    obtained_at_s: float
    expires_at_s: float | None = None
    """None: it does not expire."""


@dataclass(frozen=True, slots=True)
class Margins:
    """When to renew a lease."""

    early_s: float = 300.0
    """With less left than this, renew it behind the requests that still use it."""
    last_s: float = 30.0
    """With less left than this, it is not used for a new request."""
    pause_s: float = 2.0
    """After a fetch has failed, the wait before the source is asked again."""


class LeaseState(Enum):
    """What may be done with a lease."""

    GOOD = "good"
    DUE = "due"
    """Usable, and to be renewed."""
    SPENT = "spent"
    """Absent, or too close to its end."""


def lease_state(lease: Lease[T] | None, now_s: float, margins: Margins) -> LeaseState:
    """Return what may be done with `lease` at `now_s`.

    The margins shrink to half and a tenth of a short lifetime: a token that lives a minute
    must neither be spent when it arrives nor be renewed without pause.
    """
    if lease is None:
        return LeaseState.SPENT
    if lease.expires_at_s is None:
        return LeaseState.GOOD
    lifetime_s = max(0.0, lease.expires_at_s - lease.obtained_at_s)
    left_s = lease.expires_at_s - now_s
    if left_s <= min(margins.last_s, lifetime_s / 10):
        return LeaseState.SPENT
    if left_s <= min(margins.early_s, lifetime_s / 2):
        return LeaseState.DUE
    return LeaseState.GOOD


def live(lease: Lease[T] | None, now_s: float) -> bool:
    """Say whether `lease` has not run out at `now_s`, margins apart."""
    return lease is not None and (lease.expires_at_s is None or now_s < lease.expires_at_s)
