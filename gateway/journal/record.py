"""One record of a journal: the exact bytes of its line, and the hash that chains it.

    {"seq":0,"at":"2026-11-22T06:00:00.123456Z","kind":"opened","data":{...},"prev":"<hex>","hash":"<hex>"}

The hash is SHA-256 over a zero byte, the 32 bytes of `prev`, and the content: the line up to
`,"prev"`, closed by a brace. So the bytes as written are the canonical form, every byte of a line
is fixed, and the hash is the leaf hash of a Merkle tree after RFC 6962.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

GENESIS = bytes(32)
"""What the first record of a chain follows."""
LINE_LIMIT_BYTES = 1024 * 1024
"""The longest line, with its line end; no record of a call comes near it."""

_PREV = b',"prev":"'
_HASH = b'","hash":"'
_END = b'"}'
_HEX_BYTES = 64
_TAIL_BYTES = len(_PREV) + _HEX_BYTES + len(_HASH) + _HEX_BYTES + len(_END)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_encode = msgspec.json.Encoder(order="deterministic").encode


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a journal, read."""

    seq: int
    at: str
    """UTC, to the microsecond: fixed in width, so it sorts as text."""
    kind: str
    data: msgspec.Raw
    """A JSON object; its members depend on the kind."""
    prev: str
    hash: str


decoded = msgspec.json.Decoder(Record).decode
"""Line -> record; raises msgspec.DecodeError (a ValueError) on what is none."""


class Follows(msgspec.Struct, frozen=True):
    """The file that a file goes on from, because that one could not be written any more."""

    file: str
    records: int
    hash: str


class Opened(msgspec.Struct, frozen=True):
    """The data of a file's first record; what else it says is for people."""

    file: str
    follows: Follows | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a file stands: what the next record needs to know."""

    records: int = 0
    head: bytes = GENESIS
    """The hash of the last record."""
    size_bytes: int = 0
    at_us: int = 0
    """The time of the last record, in microseconds since 1970."""


def encoded(data: Mapping[str, Any] | msgspec.Raw) -> bytes:
    """Return data as one line of JSON; raises TypeError or ValueError where it is none."""
    if not isinstance(data, msgspec.Raw):
        return _encode(data)
    # A line end inside would split the record; this checks the whole and takes it out.
    compact = msgspec.json.format(bytes(data), indent=-1)
    if not compact.startswith(b"{"):
        raise ValueError("the data of a record is a JSON object")
    return compact


def following(tail: Tail, kind: str, data: bytes, at_us: int) -> tuple[bytes, Tail]:
    """Return the line of the next record, and where the file stands after it."""
    head = b'{"seq":%d,"at":"%b","kind":%b,"data":%b' % (
        tail.records,
        written_time(at_us).encode(),
        _encode(kind),
        data,
    )
    digest = chained(tail.head, head + b"}")
    line = b"".join(
        (head, _PREV, tail.head.hex().encode(), _HASH, digest.hex().encode(), _END, b"\n")
    )
    return line, Tail(tail.records + 1, digest, tail.size_bytes + len(line), at_us)


def chained(prev: bytes, content: bytes) -> bytes:
    """Return the hash of a record: of what it says and of the record before it."""
    return hashlib.sha256(b"\x00" + prev + content).digest()


def digest_of(line: bytes) -> bytes | None:
    """Return the hash that a line (without its line end) says and really has, else None."""
    start = len(line) - _TAIL_BYTES
    prev_from = start + len(_PREV)
    if start <= 0 or line[start:prev_from] != _PREV or line[-len(_END) :] != _END:
        return None
    prev = line[prev_from : prev_from + _HEX_BYTES]
    try:
        digest = chained(bytes.fromhex(prev.decode("ascii")), line[:start] + b"}")
    except ValueError:
        return None
    rebuilt = prev + _HASH + digest.hex().encode() + _END
    return digest if line[prev_from:] == rebuilt else None


def beginning(seq: int) -> bytes:
    """Return how the line of that record begins."""
    return b'{"seq":%d,"at":"' % seq


def written_time(at_us: int) -> str:
    """Return a time as records carry it, from microseconds since 1970."""
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
