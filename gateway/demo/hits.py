"""What the emulated platforms' own request log says, as values to judge by. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.emulator import Record
from gateway.emulator.billing import Bill
from gateway.emulator.tokens import prompt_tokens

_REGION = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/bedrock/aws4_request")
"""The region in a SigV4 credential scope: what the request was signed for."""
_PING_IS_NUMBER = 3
_LOCATION = re.compile(r"/locations/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Hit:
    """One request that reached a platform."""

    platform: str
    place: str | None
    """The region it was signed for (Bedrock) or names in its path (Vertex)."""
    path: str
    status: int | None
    outcome: str
    """How the answer ended: `complete`, `cut`, ..."""
    frames: int
    """Events sent of a stream; 1 for an answer that is none."""
    body: bytes = field(repr=False)
    bill: Bill | None = field(default=None, repr=False)
    """What an honest platform bills for it; None: it has not ended."""

    def raw(self, name: str) -> bytes:
        """Return the bytes of one top-level field of the body; empty when it has none."""
        fields = msgspec.json.decode(self.body, type=dict[str, msgspec.Raw])
        return bytes(fields.get(name, b""))

    @property
    def events(self) -> int:
        """Events sent of a stream, without its ping: the third one, which the SDK swallows."""
        return self.frames - (self.frames >= _PING_IS_NUMBER)

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompt as the platform counts what it received."""
        return prompt_tokens(msgspec.json.decode(self.body))

    def __str__(self) -> str:
        where = f"{self.platform} {self.place}" if self.place else self.platform
        return f"{where} {self.status} {self.path} ({self.outcome})"


def hits(records: Iterable[Record]) -> tuple[Hit, ...]:
    """Return the log as hits, oldest first."""
    return tuple(
        Hit(
            record.platform,
            _place(record),
            record.path,
            record.status,
            record.outcome,
            record.frames,
            record.body,
            record.billed,
        )
        for record in records
    )


def models_only(log: Sequence[Hit]) -> tuple[Hit, ...]:
    """Return the hits that carry a prompt: all but those on Google's token endpoint."""
    return tuple(hit for hit in log if hit.platform != "google-tokens")


def told(log: Sequence[Hit]) -> str:
    """Return a log in one line, for a claim's detail."""
    return "; ".join(map(str, log)) or "no request"


def _place(record: Record) -> str | None:
    found = _LOCATION.search(record.path) or _REGION.search(record.header("authorization") or "")
    return found[1] if found else None
