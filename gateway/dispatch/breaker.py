"""Which upstreams are ill: consecutive failures eject one for a while, growing each time.

Pure; times are seconds of any one clock. Whoever plans puts ejected upstreams last, so the last
allowed one is never out. The numbers are Envoy's outlier detection's: five in a row, a base
ejection times the number of ejections, with a cap.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.contract import FailureKind

CONSECUTIVE = 5
BASE_S = 10.0
CAP_S = 300.0

COUNTED = frozenset(
    {
        FailureKind.NOT_SENT,
        FailureKind.AMBIGUOUS,
        FailureKind.ILL,
        FailureKind.BAD200,
        FailureKind.CUT,
        FailureKind.CREDENTIAL,
    }
)
"""Kinds that speak of the upstream; a caller's bad request never does."""


@dataclass(slots=True)
class _Health:
    failures: int = 0
    ejections: int = 0
    until_s: float = 0.0


class Breaker:
    """The health of each (upstream, model)."""

    def __init__(self) -> None:
        self._health: dict[tuple[str, str], _Health] = {}

    def failed(self, upstream: str, model: str, kind: FailureKind, now_s: float) -> None:
        """Count a failed attempt."""
        if kind not in COUNTED:
            return
        health = self._health.setdefault((upstream, model), _Health())
        health.failures += 1
        if health.failures >= CONSECUTIVE:
            health.ejections += 1
            health.until_s = now_s + min(BASE_S * health.ejections, CAP_S)
            # One failure after the ejection ends is enough to eject again.
            health.failures = CONSECUTIVE - 1

    def worked(self, upstream: str, model: str) -> None:
        """Forget the failures of an upstream that answered."""
        self._health.pop((upstream, model), None)

    def ejected(self, model: str, now_s: float) -> frozenset[str]:
        """Return the upstreams to ask last for a model."""
        if not self._health:
            return _NONE
        return frozenset(
            upstream
            for (upstream, asked), health in list(self._health.items())
            if asked == model and now_s < health.until_s
        )


_NONE: frozenset[str] = frozenset()
