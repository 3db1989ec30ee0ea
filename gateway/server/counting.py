"""What the server has done since it began, in numbers.

A call only adds to dictionaries of one event loop; whoever reads them makes metrics of them. The
keys are few whatever callers send: upstreams and models of the configuration, and words of ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gateway.telemetry import CallReport, Silent
from gateway.usage import COUNTER_MAX

BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0)
"""Up to where each bar of the histogram reaches; the last one has no end."""
OTHER = "other"
"""Stands for a model that no upstream serves."""
NONE = "none"
"""Stands for an upstream or a model that there was not."""
NO_FAULT = frozenset({"ok", "left", "withdrawn", "broken", "caller"})
"""Outcomes of attempts that say nothing against the upstream."""
STREAM = {True: "true", False: "false", None: "unknown"}
CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx", "none", "none", "none", "none")
"""By the first digit of a status."""
TOKENS = (
    ("input_tokens", "input"),
    ("output_tokens", "output"),
    ("cache_read_input_tokens", "cache_read"),
    ("cache_creation_input_tokens", "cache_write"),
)
"""A count of `usage`, and the type it is counted as."""

Labels = tuple[str, ...]


@dataclass(slots=True)
class Spread:
    """A histogram of seconds."""

    bars: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.bars[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass(slots=True)
class Tally:
    """The attempts at one upstream."""

    attempts: int = 0
    in_flight: int = 0
    failures: int = 0
    last_kind: str | None = None
    last_failed_s: float | None = None


class Counts(Silent):
    """An observer that counts.

    Args:
        models: The canonical models that are counted by name.
        now_s: The clock of the wire.
    """

    def __init__(self, models: Collection[str], now_s: Callable[[], float]) -> None:
        self.requests: Counter[Labels] = Counter()
        """By door, kind, stream, state, class of the status, upstream and model."""
        self.attempts: Counter[Labels] = Counter()
        """By upstream, model and outcome."""
        self.failovers: Counter[Labels] = Counter()
        """By the upstream that was left, the one that came next, and the reason."""
        self.refused_for: Counter[Labels] = Counter()
        self.violations: Counter[Labels] = Counter()
        self.tokens: Counter[Labels] = Counter()
        """By upstream, model and type."""
        self.costs_pico: Counter[Labels] = Counter()
        """Picodollars by upstream and model."""
        self.unpriced: Counter[Labels] = Counter()
        """Answers without a price, by upstream and model."""
        self.first_contents: dict[Labels, Spread] = {}
        """By upstream and model."""
        self.upstreams: dict[str, Tally] = {}
        self._models = {model: model for model in models}
        self._now_s = now_s

    def attempt_began(self, upstream: str, model: str) -> None:
        """Count an attempt."""
        del model
        tally = self._tally(upstream)
        tally.attempts += 1
        tally.in_flight += 1

    def attempt_ended(self, upstream: str, model: str, outcome: str) -> None:
        """Count its outcome."""
        self.attempts[upstream, self._named(model), outcome] += 1
        tally = self._tally(upstream)
        tally.in_flight -= 1
        if outcome not in NO_FAULT:
            tally.failures += 1
            tally.last_kind, tally.last_failed_s = outcome, self._now_s()

    def moved(self, origin: str, to: str, reason: str) -> None:
        """Count a failover."""
        self.failovers[origin, to, reason] += 1

    def first_content(self, upstream: str, model: str, after_s: float) -> None:
        """Count the time to the first content."""
        labels = (upstream, self._named(model))
        spread = self.first_contents.get(labels)
        if spread is None:
            spread = self.first_contents[labels] = Spread()
        spread.add(after_s)

    def violated(self, upstream: str, what: str) -> None:
        """Count an answer that was not as planned."""
        del what
        self.violations[(upstream,)] += 1

    def refused(self, reason: str) -> None:
        """Count a refusal."""
        self.refused_for[(reason,)] += 1

    def ended(self, report: CallReport) -> None:
        """Count a call and what it used."""
        upstream = report.upstream or NONE
        model = self._named(report.model)
        stream = STREAM[report.stream]
        status = NONE if report.status is None else CLASSES[report.status // 100]
        labels = (report.door, report.kind, stream, report.state, status, upstream, model)
        self.requests[labels] += 1
        usage = report.usage
        for key, kind in TOKENS:
            count = usage.get(key)
            if type(count) is int and 0 < count <= COUNTER_MAX:
                self.tokens[upstream, model, kind] += count
        if report.cost is not None:
            if report.cost.net_pico is None:
                self.unpriced[upstream, model] += 1
            else:
                self.costs_pico[upstream, model] += report.cost.net_pico

    def _named(self, model: str | None) -> str:
        return NONE if model is None else self._models.get(model, OTHER)

    def _tally(self, upstream: str) -> Tally:
        tally = self.upstreams.get(upstream)
        if tally is None:
            tally = self.upstreams[upstream] = Tally()
        return tally
