"""What was told of one message, however often and in whatever order."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from typing import NamedTuple

from gateway.billing.labels import Labels, Place, together
from gateway.billing.observing import Stage, Stop, Told
from gateway.ledger.row import State
from gateway.usage import Tokens, Usage

_COUNTS = (*Tokens.__dataclass_fields__, "thinking_tokens", "web_search_requests")
_STAGES: tuple[Stage, ...] = ("start", "copy", "under_way", "end")
_CONFLICT = "conflict: "


class Key(NamedTuple):
    """What makes a message one message: it is charged once."""

    platform: str
    account: str
    message_id: str


@dataclass(slots=True)
class Message:
    """One message, as it was told so far.

    Each part is the highest or the whole of what was told: nothing depends on the order.
    """

    key: Key
    places: set[Place] = field(default_factory=set)
    usages: dict[Stage, Usage] = field(default_factory=dict)
    models: dict[Stage, set[str]] = field(default_factory=dict)
    stops: set[Stop] = field(default_factory=set)
    labels: set[Labels] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    at_s: float | None = None
    batch: bool = False

    def take(self, told: Told, place: Place, labels: Labels, at_s: float) -> None:
        """Take one more report of it."""
        known = self.usages.get(told.stage)
        raised = told.usage if known is None else Usage.raised(known, told.usage)
        self.usages[told.stage] = _grown(raised) if told.stage == "under_way" else raised
        self.places.add(place)
        if told.model:
            self.models.setdefault(told.stage, set()).add(told.model)
        self.stops |= {told.stop} - {("", "")}
        self.labels.add(labels)
        self.calls |= told.calls
        self.at_s = at_s if self.at_s is None else min(self.at_s, at_s)
        self.batch = self.batch or told.batch

    @property
    def state(self) -> State:
        """Whether its end was told."""
        return State.FINAL if "end" in self.usages else State.PARTIAL

    @property
    def usage(self) -> Usage:
        """What it used, as far as it was told."""
        start, *others = [self.usages.get(stage) for stage in _STAGES]
        later = [usage for usage in others if usage is not None]
        if start is not None and any(usage.output_tokens is not None for usage in later):
            # Nothing but a placeholder, which may be more than what came.
            start = replace(start, output_tokens=None)
        told = [start, *later] if start is not None else later
        whole = told[0]
        for usage in told[1:]:
            whole = _over(whole, usage)
        return whole

    @property
    def model(self) -> str:
        """The model that it names last; of two the first of the alphabet."""
        named = [self.models[stage] for stage in reversed(_STAGES) if stage in self.models]
        return min(named[0]) if named else ""

    @property
    def place(self) -> Place:
        """Where it came from; of two the first of the alphabet."""
        return min(self.places, key=astuple)

    @property
    def billed_to(self) -> Labels:
        """Whom it is billed to."""
        return together(self.labels)[0]

    @property
    def flags(self) -> list[str]:
        """What differed between reports, beside the counts."""
        several = {
            "model": max((len(models) for models in self.models.values()), default=0),
            "place": len(self.places),
            "stop_reason": len({reason for reason, _ in self.stops}),
        }
        names = [name for name, count in several.items() if count > 1]
        return [_CONFLICT + name for name in (*names, *together(self.labels)[1])]


def _grown(usage: Usage) -> Usage:
    """Return counts that may grow from one report to the next: that is no conflict."""
    flags = tuple(flag for flag in usage.flags if not flag.startswith(_CONFLICT))
    return replace(usage, flags=flags)


def _over(before: Usage, after: Usage) -> Usage:
    """Return what was told later over what was told before; the higher of each count.

    Counts only grow, so one that shrinks is a conflict; but an end without any output stands,
    for what was told before it may have been a placeholder.
    """
    merged = Usage.merge(before, after)
    if after.output_tokens == 0:
        before = replace(before, output_tokens=None)
    shrunk = any((getattr(before, name) or 0) > (getattr(merged, name) or 0) for name in _COUNTS)
    return Usage.raised(merged, before) if shrunk else merged
