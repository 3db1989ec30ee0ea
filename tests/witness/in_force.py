"""What is in force, as the gateway holds it, from policies and facts as they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from gateway.boundary import Boundary
from gateway.config.document import Document, Source
from gateway.policy import hints
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import Assurance, Fact, FactSheet, UpstreamFacts
from gateway.policy.files import PolicyFile
from gateway.policy.in_force import InForce
from gateway.policy.model import Policy
from tests.simulation.virtual import VirtualWire
from tests.witness.oracle import Known, Place
from tests.witness.worlds import ENVIRONMENT, State


def in_force(state: State) -> InForce:
    """Return what a state puts in force."""
    files = [_file(each) for each in state.files]
    known = tuple(_facts(name, place) for name, place in state.places.items())
    sheet = FactSheet(known, hints.retention())
    return InForce(ENVIRONMENT, compile_policies(files), sheet, tuple(files))


def _file(data: Mapping[str, Any]) -> PolicyFile:
    document = Document.of(Source(f"{data['name']}.toml", dict(data), {}))
    return PolicyFile(Policy.model_validate(data), document)


def _facts(name: str, place: Place) -> UpstreamFacts:
    facts = {each: _fact(known) for each, known in place.facts.items()}
    by_model = {
        model: {each: None if known is None else _fact(known) for each, known in own.items()}
        for model, own in place.by_model.items()
    }
    return UpstreamFacts(name, place.platform, facts, by_model)


def _fact(known: Known) -> Fact:
    value = frozenset(known.value) if isinstance(known.value, list) else known.value
    return Fact(value, Assurance[known.level.upper()], known.until_s, "made up")


class Changing:
    """A boundary in virtual time: states follow one another, and upstreams are taken out.

    Args:
        wire: Whose clock it goes by.
        states: (from when, what is in force), the first from the start.
        trips: Upstream -> when it is taken out.
    """

    mistakes = ()

    def __init__(
        self,
        wire: VirtualWire,
        states: Sequence[tuple[float, InForce]],
        trips: Mapping[str, float],
    ) -> None:
        self._wire = wire
        self._states = states
        self._trips = dict(trips)

    def now_s(self) -> float:
        return self._wire.clock_s

    def current(self) -> InForce:
        return self._states[self.place(self._wire.clock_s)][1]

    def place(self, now_s: float) -> int:
        """Return which of the states is in force at a time."""
        return max(at for at, (from_s, _) in enumerate(self._states) if from_s <= now_s)

    @property
    def tripped(self) -> frozenset[str]:
        return frozenset(n for n, at_s in self._trips.items() if at_s <= self._wire.clock_s)

    def trip(self, upstream: str) -> None:
        self._trips.setdefault(upstream, self._wire.clock_s)

    def as_boundary(self) -> Boundary:
        return cast("Boundary", self)
