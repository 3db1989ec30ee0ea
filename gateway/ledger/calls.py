"""What records have said of calls whose end has not come: kept between batches, as JSON.

Each fact is taken once, so that a record taken again changes nothing.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from gateway.ledger.records import Decided, Failed, Finished, Started, Told, Withdrawn

End = Failed | Withdrawn | Finished
Said = Started | Told | End
"""A record of one attempt."""


_KINDS = {Failed: "failed", Withdrawn: "withdrawn", Finished: "finished"}


class Place(Struct, frozen=True, array_like=True):
    """Where a record stands, and its time."""

    file: str
    seq: int
    at_us: int


class Attempt(Struct, kw_only=True, omit_defaults=True):
    """One attempt that is not booked with its end yet."""

    began: Place
    """Its first record."""
    started: Started | None = None
    told: Told | None = None
    failed: Failed | None = None
    withdrawn: Withdrawn | None = None
    finished: Finished | None = None
    ended: Place | None = None
    fresh: bool = True
    """Nobody has asked yet whether the ledger has it."""

    @property
    def end(self) -> End | None:
        """The record that ended it."""
        return self.finished or self.failed or self.withdrawn

    @property
    def upstream(self) -> str | None:
        """Where it goes, as any of its records says."""
        found = (each.upstream for each in (self.started, self.told, self.end) if each is not None)
        return next(found, None)

    @property
    def message_id(self) -> str | None:
        """The id of its answer; what was told last holds."""
        end = None if isinstance(self.end, Withdrawn) else self.end
        last = None if end is None else end.message_id
        return last or (None if self.told is None else self.told.message_id)

    def take(self, said: Said, place: Place) -> str | None:
        """Take a record of it; return what is wrong with that."""
        if isinstance(said, Started):
            if self.started is None:
                self.started, self.began = said, place
        elif isinstance(said, Told):
            self.told = self.told or said
        elif self.ended is None:
            self.ended = place
            self._ends(said)
        elif self.ended != place:
            return f"{_KINDS[type(said)]}.again"
        return None

    def _ends(self, said: End) -> None:
        if isinstance(said, Finished):
            self.finished = said
        elif isinstance(said, Failed):
            self.failed = said
        else:
            self.withdrawn = said


class OpenCall(Struct, kw_only=True, omit_defaults=True):
    """One call."""

    file: str
    """The file that its last record stands in."""
    last_us: int = 0
    """The time of its latest record; 0: it is not known."""
    decided: Decided | None = None
    attempts: dict[int, Attempt] = {}
    booked: set[int] = set()
    """The attempts that are booked with their end."""
    over: Finished | None = None
    over_us: int = 0

    def closed(self, number: int) -> None:
        """Forget what led to a row that is booked with its end."""
        del self.attempts[number]
        self.booked.add(number)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OpenCall).decode


def to_json(call: OpenCall) -> str:
    """Return a call as it is kept."""
    return _encode(call).decode()


def from_json(text: str) -> OpenCall:
    """Return a call that was kept; raises msgspec.DecodeError where it is none."""
    return _decode(text)
