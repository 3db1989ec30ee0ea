"""An open answer that is handed on as it comes: a file, the results of a batch.

Nothing of it is held back, and nothing is added: where it breaks off, its end is no clean one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.dispatch.stream import Outcome, State
from gateway.wire.contract import Exchange, Wire, WireError
from providers.contract import Failure, FailureKind


class BrokenOff(Exception):
    """A download did not come to its end."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Download:
    """One open answer. Read it to its end, or close it.

    Args:
        wire: What it comes over.
        exchange: The answer.
        idle_s: The longest silence in it.
        until_s: When it has to be over.
    """

    def __init__(self, wire: Wire, exchange: Exchange, idle_s: float, until_s: float) -> None:
        self.headers = exchange.headers
        self.outcome: Outcome | None = None
        """How it ended; None while it is open."""
        self.size_bytes = 0
        """How much has come."""
        self.tap: Callable[[bytes], None] | None = None
        """Told of every piece before it goes on."""
        self.on_whole: Callable[[], Awaitable[None]] | None = None
        """Awaited once all of it has come, before its reader hears of the end."""
        self.on_end: Callable[[Download], None] | None = None
        """Told once, when nothing more is read."""
        self._wire = wire
        self._exchange = exchange
        self._idle_s = idle_s
        self._until_s = until_s

    @property
    def whole(self) -> bool:
        """Whether all of it has been read."""
        return self.outcome is not None and self.outcome.state is State.COMPLETE

    async def read(self) -> bytes:
        """Return the next piece, b"" at the clean end; raises BrokenOff at any other."""
        if self.outcome is not None:
            return b""
        now_s = self._wire.now_s()
        try:
            data = await self._exchange.read(min(now_s + self._idle_s, self._until_s))
        except WireError as error:
            raise self._broke(error.detail) from None
        if data is None:
            raise self._broke("it fell silent", timed_out=True)
        if data:
            self.size_bytes += len(data)
            if self.tap is not None:
                self.tap(data)
            return data
        if self.on_whole is not None:
            await self.on_whole()
        self._end(Outcome(State.COMPLETE))
        return b""

    def close(self) -> None:
        """Let the upstream go; what has not come is not waited for."""
        self._end(Outcome(State.LEFT))

    def _broke(self, detail: str, *, timed_out: bool = False) -> BrokenOff:
        kind = "timeout_error" if timed_out else "api_error"
        failure = Failure(
            FailureKind.CUT, 502, kind, "The upstream's answer broke off.", detail=detail
        )
        self._end(Outcome(State.FAILED, failure))
        return BrokenOff(failure)

    def _end(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        self._exchange.close()
        told, self.on_end = self.on_end, None
        if told is not None:
            told(self)
