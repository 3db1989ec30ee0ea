"""What the emulator got: one record a request, with how its answer ended."""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.json import decode

from gateway.emulator.billing import Bill
from gateway.emulator.http import Request

_KEPT_BYTES: Final = 64 * 1024 * 1024
_KEPT: Final = 10_000
_HIDDEN: Final = frozenset({"authorization", "x-api-key", "api-key", "x-amz-security-token"})


@dataclass(slots=True)
class Record:
    """One request and what became of it."""

    number: int
    platform: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """As received; names as they were spelled."""
    body: bytes = field(repr=False)
    at_s: float
    """The emulator's clock when the request was whole."""
    status: int | None = None
    """The status that was (to be) sent."""
    fault: str | None = None
    """The action of the fault that struck."""
    outcome: str = "open"
    """`open`, then `complete`, `cut`, `reset`, `stall` or `left` (the client went first)."""
    left: bool = False
    """The client closed before the answer was complete."""
    frames: int = 0
    """Frames sent: events of a stream, 1 for a JSON answer."""
    billed: Bill | None = None
    """What an honest platform bills for it; None while it runs."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header (lower case), or None."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    @property
    def running(self) -> bool:
        """Whether it has not ended: it is being answered, or a client waits in vain."""
        return self.outcome == "open" or (self.outcome == "stall" and not self.left)

    def json(self) -> Any:
        """Return the body, decoded; raises msgspec.DecodeError if it is not JSON."""
        return decode(self.body)

    def note(self, outcome: str, frames: int) -> None:
        """Take down how the exchange ended; the first ending stays, a later leaving is marked."""
        if outcome == "left":
            self.left = self.outcome != "complete"
        if self.outcome == "open":
            self.outcome, self.frames = outcome, frames

    def shown(self) -> dict[str, Any]:
        """Return the record for the control endpoint, credentials hidden, body as text."""
        headers = [[k, "***" if k.lower() in _HIDDEN else v] for k, v in self.headers]
        text: dict[str, Any]
        try:
            text = {"body": self.body.decode()}
        except UnicodeDecodeError:
            text = {"body_base64": base64.b64encode(self.body).decode()}
        names = ("number", "platform", "method", "path", "query", "at_s", "status", "fault")
        plain = {name: getattr(self, name) for name in (*names, "outcome", "left", "frames")}
        billed = None if self.billed is None else self.billed.shown()
        return {**plain, "billed": billed, "headers": headers, **text}


class Records:
    """The latest requests of all platforms, oldest first; the oldest go when it gets too much.

    Args:
        keep: How many are kept; 0 keeps none.
    """

    def __init__(self, keep: int = _KEPT) -> None:
        self._keep = keep
        self._all: deque[Record] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self.total = 0
        """Requests seen, also those no longer kept."""

    def open(self, platform: str, request: Request, at_s: float) -> Record:
        """Begin a record for a request."""
        with self._lock:
            self.total += 1
            record = Record(
                self.total, platform, request.method, request.path, request.query,
                request.headers, request.body, at_s,
            )  # fmt: skip
            self._all.append(record)
            self._bytes += len(record.body)
            while self._all and (len(self._all) > self._keep or self._bytes > _KEPT_BYTES):
                self._bytes -= len(self._all.popleft().body)
        return record

    def __iter__(self) -> Iterator[Record]:
        with self._lock:
            return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Record:
        with self._lock:
            return self._all[index]

    def of(self, platform: str) -> list[Record]:
        """Return the records of one platform."""
        return [record for record in self if record.platform == platform]

    def clear(self) -> None:
        """Forget every record."""
        with self._lock:
            self._all.clear()
            self._bytes = 0
