"""How much the ill may be burdened: further attempts as a share of calls, with a floor.

Pure; times are seconds of any one clock. Finagle's retry budget is the model (20 %, a floor a
second, over ten seconds), but kept twice: for each upstream, which a crowd of retries could hold
down, and for all of them, so that the sum of many upstreams is bounded too.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 10


@dataclass(slots=True)
class _Second:
    at_s: int
    calls: int = 0
    extra: int = 0


@dataclass(slots=True)
class _Window:
    """Calls and further attempts of the last seconds."""

    seconds: deque[_Second] = field(default_factory=deque)
    calls: int = 0
    extra: int = 0

    def now(self, now_s: float) -> _Second:
        """Return the running second; forget those that are too long ago."""
        at_s = int(now_s)
        while self.seconds and self.seconds[0].at_s <= at_s - WINDOW_S:
            gone = self.seconds.popleft()
            self.calls -= gone.calls
            self.extra -= gone.extra
        if not self.seconds or self.seconds[-1].at_s != at_s:
            self.seconds.append(_Second(at_s))
        return self.seconds[-1]


class Budget:
    """The budget that all calls share.

    Args:
        ratio: Further attempts granted for each call.
        floor_per_s: So many a second are granted however few calls there are.
    """

    def __init__(self, ratio: float = 0.2, floor_per_s: float = 3.0) -> None:
        self._ratio = ratio
        self._floor = floor_per_s * WINDOW_S
        self._all = _Window()
        self._each: dict[str, _Window] = {}

    def call(self, upstream: str, now_s: float) -> None:
        """Count a call whose first attempt goes to an upstream."""
        for window in (self._all, self._of(upstream)):
            window.now(now_s).calls += 1
            window.calls += 1

    def take(self, upstream: str, now_s: float, *, ill: bool = True) -> bool:
        """Take leave for one further attempt at an upstream; return whether there is any.

        One that is not known to be `ill` needs no share of its own: only that of all.
        """
        windows = (self._all, self._of(upstream)) if ill else (self._all,)
        seconds = [window.now(now_s) for window in windows]
        if any(window.extra + 1 > self._granted(window) for window in windows):
            return False
        for window, second in zip(windows, seconds, strict=True):
            second.extra += 1
            window.extra += 1
        return True

    def left(self, now_s: float) -> float:
        """Return how many further attempts are left at present, over all upstreams."""
        self._all.now(now_s)
        return max(0.0, self._granted(self._all) - self._all.extra)

    def _granted(self, window: _Window) -> float:
        return max(self._floor, self._ratio * window.calls)

    def _of(self, upstream: str) -> _Window:
        return self._each.setdefault(upstream, _Window())


class Unbounded(Budget):
    """A budget that grants everything."""

    def take(self, upstream: str, now_s: float, *, ill: bool = True) -> bool:
        """Grant it."""
        del upstream, now_s, ill
        return True
