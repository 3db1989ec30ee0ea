"""Where a request must go because of the states that it names. Pure."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from gateway.routing import Plan
from gateway.stateful.pins import UnknownState
from gateway.stateful.references import Reference


class Hold(NamedTuple):
    """Where a request must go because of what it names."""

    upstream: str | None = None
    """None: nothing that it names is pinned."""
    unknown: tuple[Reference, ...] = ()
    """What it names that nobody has pinned."""

    def checked(self, chosen: Plan) -> Plan:
        """Return a plan that is no guess.

        What nobody pinned may be at any of its upstreams: with more than one there is none.
        """
        if not self.unknown or len(chosen.legs) < 2:  # noqa: PLR2004 - one leg is no choice
            return chosen
        first = self.unknown[0]
        refused = UnknownState(first.state, first.id)
        return structs.replace(chosen, legs=(), refused=refused)


NOT_HELD = Hold()
