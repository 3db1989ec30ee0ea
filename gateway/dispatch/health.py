"""How each upstream does, for each model and each credential: who is ejected, who cools down.

Pure; times are seconds of any one clock. Failures in a row eject an upstream for a while that
grows each time; then one real request tries whether it is well again. The numbers are those of
Envoy's outlier detection, smaller. Whoever is out is asked last, never not at all, so the last
allowed upstream is always tried. A credential that a caller brings has a health of its own: one
tenant's bad key says nothing of the upstream for others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.dispatch.kinds import RULES
from providers.contract import Failure, FailureKind

UNPROVEN = 16
"""So many attempts may be under way since the last answer before an upstream is in doubt,"""
ANSWERED_S = 10.0
"""unless that answer came so short a time ago."""
MAX_ENTRIES = 10_000
OURS = ""
"""Stands for the gateway's own credential."""


class Standing(StrEnum):
    """Whether an upstream takes its turn."""

    CLOSED = "closed"
    """It does."""
    EJECTED = "ejected"
    """It failed too often in a row."""
    HALF_OPEN = "half_open"
    """Its ejection is over; the next request, or the one under way, tries it."""
    COOLING = "cooling"
    """It asked to be left alone, or cannot serve this model at present."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """When an upstream is ejected, and for how long."""

    consecutive: int = 5
    ejection_s: float = 10.0
    ejection_cap_s: float = 300.0
    cool_cap_s: float = 60.0
    """The longest that a platform's own `retry-after` cools it down."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one upstream and model, for an operator."""

    upstream: str
    model: str
    standing: Standing
    failures: int
    """In a row."""
    until_s: float | None
    """When it gets its turn again; None: it has it."""
    last_kind: FailureKind | None
    last_failed_s: float | None
    own_credential: bool
    """It is known with a credential that a caller brought."""


@dataclass(slots=True)
class _Entry:
    streak: int = 0
    ejections: int = 0
    ejected_at_s: float = 0.0
    until_s: float = 0.0
    """While it is ejected: the end of that; 0: it is not."""
    probe: int | None = None
    """The attempt that tries whether it is well again."""
    probe_at_s: float = 0.0
    cooled_at_s: float = 0.0
    cool_until_s: float = 0.0
    in_doubt: bool = False
    """The last that is known of it is a failure."""
    unproven: int = 0
    """Attempts under way since the last answer, at least."""
    answered_s: float = float("-inf")
    """When that came."""
    last_kind: FailureKind | None = None
    last_failed_s: float | None = None

    def standing(self, now_s: float) -> Standing:
        if self.until_s and now_s < self.until_s:
            return Standing.EJECTED
        if now_s < self.cool_until_s:
            return Standing.COOLING
        return Standing.HALF_OPEN if self.until_s else Standing.CLOSED


Key = tuple[str, str, str]


class Health:
    """The health of every upstream.

    Args:
        bounds: When an upstream is ejected, and for how long.
        ejects: False: failures are counted, but nobody is ejected or cooled down.
    """

    def __init__(self, bounds: Bounds | None = None, *, ejects: bool = True) -> None:
        self.bounds = bounds or Bounds()
        self._ejects = ejects
        self._entries: dict[Key, _Entry] = {}
        self._numbers: Iterator[int] = iter(range(1, 1 << 62))

    def of(self, model: str, account: str = OURS) -> Ward:
        """Return what a call for a model is told, and tells."""
        return Ward(self, model, account)

    def states(self, now_s: float) -> tuple[State, ...]:
        """Return what is known of each upstream and model."""
        found = list(self._entries.items())
        return tuple(self._state(key, entry, now_s) for key, entry in found)

    def out(self, model: str, now_s: float, account: str = OURS) -> frozenset[str]:
        """Return the upstreams that are asked last for a model."""
        if not self._entries:
            return _NONE
        return frozenset(
            upstream
            for (upstream, asked, whose), entry in list(self._entries.items())
            if asked == model and whose == account and entry.standing(now_s) in _OUT
        )

    def begun(self, key: Key, now_s: float) -> Begun:
        """Count an attempt that begins; where an ejection is over, it is the one that tries."""
        entry = self._entry(key)
        entry.unproven += 1
        number = next(self._numbers)
        if entry.standing(now_s) is Standing.HALF_OPEN and not self._is_tried(entry, now_s):
            entry.probe, entry.probe_at_s = number, now_s
        return Begun(key, number, now_s)

    def failed(self, begun: Begun, failure: Failure, now_s: float, *, counts: bool) -> None:
        """Count a failed attempt; one that does not count says nothing of the upstream."""
        entry = self._entry(begun.key)
        self._let_go(entry, begun)
        rule = RULES[failure.kind]
        if not counts or rule.surface:
            return
        entry.in_doubt = True
        entry.last_kind, entry.last_failed_s = failure.kind, now_s
        if self._ejects and rule.cool_s:
            self._cool(entry, failure, rule.cool_s, now_s)
        if not rule.eject:
            return
        entry.streak += 1
        if self._ejects and self._is_over(entry, begun, now_s):
            self._eject(entry, now_s)

    def answered(self, begun: Begun, now_s: float) -> None:
        """Take note that an answer began: the upstream is there, though not yet proven well."""
        entry = self._entry(begun.key)
        entry.unproven, entry.in_doubt, entry.answered_s = 0, False, now_s
        if entry.probe == begun.number:
            entry.probe = None
            entry.until_s = 0.0
            # One failure more, and it is ejected again.
            entry.streak = self.bounds.consecutive - 1

    def worked(self, begun: Begun) -> None:
        """Forget the failures of an upstream whose answer was whole."""
        entry = self._entry(begun.key)
        entry.unproven, entry.in_doubt = 0, False
        self._let_go(entry, begun)
        # An old answer that was under way says nothing of what came since.
        if begun.at_s >= entry.cooled_at_s:
            entry.cool_until_s = 0.0
        if not entry.until_s or begun.at_s >= entry.ejected_at_s:
            entry.streak, entry.until_s = 0, 0.0

    def dropped(self, begun: Begun) -> None:
        """Take note that an attempt was given up by the caller: it says nothing."""
        self._let_go(self._entry(begun.key), begun)

    def standing(self, key: Key, now_s: float) -> Standing:
        """Return whether an upstream takes its turn; a second one does not try the half-open."""
        entry = self._entries.get(key)
        if entry is None:
            return Standing.CLOSED
        standing = entry.standing(now_s)
        if standing is Standing.HALF_OPEN and self._is_tried(entry, now_s):
            return Standing.EJECTED
        return standing

    def cools_until_s(self, key: Key) -> float:
        """Return when an upstream that cools down may be asked again."""
        entry = self._entries.get(key)
        return 0.0 if entry is None else entry.cool_until_s

    def is_ill(self, key: Key, now_s: float) -> bool:
        """Say whether the last that is known of an upstream is a failure."""
        entry = self._entries.get(key)
        return entry is not None and (entry.in_doubt or entry.standing(now_s) is not _CLOSED)

    def is_sound(self, key: Key, now_s: float) -> bool:
        """Say whether an upstream answers: then more requests burden nobody."""
        entry = self._entries.get(key)
        if entry is None:
            return True
        answers = entry.unproven < UNPROVEN or now_s - entry.answered_s < ANSWERED_S
        return answers and not self.is_ill(key, now_s)

    def _entry(self, key: Key) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            while len(self._entries) >= MAX_ENTRIES:
                self._entries.pop(next(iter(self._entries)), None)
            entry = self._entries.setdefault(key, _Entry())
        return entry

    def _is_tried(self, entry: _Entry, now_s: float) -> bool:
        """Say whether one is trying it; after a while another one may, for it may take long."""
        return entry.probe is not None and now_s < entry.probe_at_s + self.bounds.ejection_s

    def _let_go(self, entry: _Entry, begun: Begun) -> None:
        entry.unproven = max(0, entry.unproven - 1)
        if entry.probe == begun.number:
            entry.probe = None

    def _cool(self, entry: _Entry, failure: Failure, usual_s: float, now_s: float) -> None:
        asked_s = failure.retry_after_s
        for_s = usual_s if asked_s is None else min(asked_s, self.bounds.cool_cap_s)
        entry.cooled_at_s = now_s
        entry.cool_until_s = max(entry.cool_until_s, now_s + for_s)

    def _is_over(self, entry: _Entry, begun: Begun, now_s: float) -> bool:
        """Say whether this failure ejects. One that began before the ejection adds nothing."""
        if entry.until_s:
            return now_s >= entry.until_s and begun.at_s >= entry.ejected_at_s
        return entry.streak >= self.bounds.consecutive

    def _eject(self, entry: _Entry, now_s: float) -> None:
        bounds = self.bounds
        if now_s - max(entry.until_s, entry.ejected_at_s) > bounds.ejection_cap_s:
            entry.ejections = 0
        entry.ejections += 1
        entry.ejected_at_s = now_s
        entry.until_s = now_s + min(bounds.ejection_s * entry.ejections, bounds.ejection_cap_s)

    def _state(self, key: Key, entry: _Entry, now_s: float) -> State:
        upstream, model, account = key
        standing = self.standing(key, now_s)
        ends_s = max(entry.until_s, entry.cool_until_s)
        return State(
            upstream,
            model,
            standing,
            failures=entry.streak,
            until_s=ends_s if ends_s > now_s and standing is not Standing.CLOSED else None,
            last_kind=entry.last_kind,
            last_failed_s=entry.last_failed_s,
            own_credential=account != OURS,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """One attempt, as the health of its upstream knows it."""

    key: Key
    number: int
    at_s: float


class Ward:
    """The health of the upstreams as one call sees it."""

    __slots__ = ("_account", "_health", "_model")

    def __init__(self, health: Health, model: str, account: str) -> None:
        self._health = health
        self._model = model
        self._account = account

    def standing(self, upstream: str, now_s: float) -> Standing:
        """Return whether an upstream takes its turn."""
        return self._health.standing(self._key(upstream), now_s)

    def out(self, upstream: str, now_s: float) -> bool:
        """Say whether an upstream is asked last."""
        return self.standing(upstream, now_s) in _OUT

    def cools_until_s(self, upstream: str) -> float:
        """Return when an upstream that cools down may be asked again."""
        return self._health.cools_until_s(self._key(upstream))

    def is_ill(self, upstream: str, now_s: float) -> bool:
        """Say whether the last that is known of an upstream is a failure."""
        return self._health.is_ill(self._key(upstream), now_s)

    def is_sound(self, upstream: str, now_s: float) -> bool:
        """Say whether an upstream answers."""
        return self._health.is_sound(self._key(upstream), now_s)

    def begun(self, upstream: str, now_s: float) -> Begun:
        """Count an attempt that begins."""
        return self._health.begun(self._key(upstream), now_s)

    def failed(self, begun: Begun, failure: Failure, now_s: float, *, counts: bool) -> None:
        """Count a failed attempt."""
        self._health.failed(begun, failure, now_s, counts=counts)

    def answered(self, begun: Begun, now_s: float) -> None:
        """Take note that an answer began."""
        self._health.answered(begun, now_s)

    def worked(self, begun: Begun) -> None:
        """Take note that an answer was whole."""
        self._health.worked(begun)

    def dropped(self, begun: Begun) -> None:
        """Take note that an attempt was given up by the caller."""
        self._health.dropped(begun)

    def _key(self, upstream: str) -> Key:
        return (upstream, self._model, self._account)


_CLOSED = Standing.CLOSED
_OUT = frozenset({Standing.EJECTED, Standing.COOLING})
_NONE: frozenset[str] = frozenset()
