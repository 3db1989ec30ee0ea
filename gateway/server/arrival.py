"""A request for a call until it is one: what ends before that is told of here."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.errors import Refused
from gateway.server.asgi import RawHeaders
from gateway.server.settings import DOOR
from gateway.telemetry import BROKEN, INTERNAL, LEFT, REFUSED, CallReport, Observers, tell
from providers.contract import Area, Kind

K = TypeVar("K", Kind, Area)

_ids = random.Random()  # noqa: S311 - an id is no secret, and the kernel's randomness costs a call
os.register_at_fork(after_in_child=_ids.seed)


class Arrival(Generic[K]):
    """One request that has arrived. `request_id` is its own, whatever becomes of it."""

    __slots__ = ("_began_s", "_now_s", "_observers", "caller", "headers", "kind", "request_id")

    def __init__(
        self,
        observers: Observers,
        kind: K,
        headers: RawHeaders,
        now_s: Callable[[], float],
    ) -> None:
        self.kind: K = kind
        self.headers = dict(headers)
        self.request_id = f"req_gw_{_ids.getrandbits(96):024x}"
        self.caller: str | None = None
        """The name of its key, once that is known."""
        self._observers = observers
        self._now_s = now_s
        self._began_s = now_s()

    def refused(self, error: Refused, policy: str) -> None:
        """Tell that it is refused; the error gets the id that its caller will see."""
        error.request_id = self.request_id
        tell(self._observers.began, DOOR, self.kind)
        tell(self._observers.refused, error.reason)
        self._end(REFUSED, error.status, refused=error.reason, policy=policy)

    def broke(self) -> None:
        """Tell that it met a mistake of ours."""
        tell(self._observers.began, DOOR, self.kind)
        self._end(BROKEN, INTERNAL)

    def left(self) -> None:
        """Tell that its caller left before it was whole."""
        tell(self._observers.began, DOOR, self.kind)
        self._end(LEFT, None)

    def _end(
        self,
        state: str,
        status: int | None,
        *,
        refused: str | None = None,
        policy: str | None = None,
    ) -> None:
        report = CallReport(
            door=DOOR,
            kind=self.kind,
            state=state,
            status=status,
            refused=refused,
            request_id=self.request_id,
            policy=policy,
            caller=self.caller,
            took_s=self._now_s() - self._began_s,
        )
        tell(self._observers.ended, report)
