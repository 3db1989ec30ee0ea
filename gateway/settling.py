"""The end of an answered call: what it used, and whether it is what was planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.audit import Trail
from gateway.dispatch.drive import Won
from gateway.dispatch.stream import State, Stream
from gateway.routing import Plan

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class End:
    """Settles one answered call when its last byte has been read, or nobody listens any more."""

    __slots__ = ("_plan", "_request_id", "_trail", "_violated", "_won")

    def __init__(
        self,
        won: Won,
        plan: Plan,
        trail: Trail,
        request_id: str,
        violated: Callable[[str], None],
    ) -> None:
        self._won = won
        self._plan = plan
        self._trail = trail
        self._request_id = request_id
        self._violated = violated

    def whole(self, body: bytes) -> None:
        """Settle an answer that is whole; `body` is known to be one."""
        fields = _fields(body)
        model = msgspec.json.decode(fields["model"]) if "model" in fields else None
        usage = msgspec.json.decode(fields["usage"]) if "usage" in fields else {}
        self._settle(State.COMPLETE, model, usage)

    def streamed(self, stream: Stream) -> None:
        """Settle a streamed answer."""
        state = State.LEFT if stream.outcome is None else stream.outcome.state
        self._settle(state, stream.facts.model, stream.facts.usage)

    def _settle(self, state: State, model: str | None, usage: Mapping[str, Any]) -> None:
        attempt = self._won.attempt
        self._trail.finished(
            attempt,
            state.value,
            self._request_id,
            {"model": model, "usage": dict(usage)},
        )
