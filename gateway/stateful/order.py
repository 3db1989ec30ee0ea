"""One request to an endpoint that keeps state, as a door has read it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.call import Call
from gateway.stateful.table import Match
from providers.contract import Errand


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks of the state that an upstream keeps, or is to keep."""

    call: Call
    match: Match
    query: str = ""
    """Percent-encoded, checked."""
    content_type: str | None = None
    accept: str = "application/json"
    own_url: str | None = None
    """The gateway's own address as this caller reaches it; None: it is not known."""

    @property
    def errand(self) -> Errand:
        """What goes to whichever upstream is chosen."""
        return Errand(
            self.match.endpoint.area,
            self.match.endpoint.method,
            self.match.path,
            self.query,
            self.content_type,
            self.accept,
        )

    @property
    def action(self) -> str:
        """What it does, as it is recorded: `create`, `use`, `delete`, `list`."""
        return self.match.endpoint.does
