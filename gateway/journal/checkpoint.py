"""A checkpoint: what a journal held at one time, in one line that can be signed and shipped.

Its bytes are fixed like those of a record: a line that is not written exactly as this module
writes it is no checkpoint. The signature is over the line without its last member.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

FILE_NAME = "checkpoints.jsonl"
"""Beside the journal's files; each line names the one before it by its hash."""


class Covered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file as a checkpoint saw it."""

    name: str
    records: int
    head: str
    """The hash of the last of these records."""


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All files of a directory, in the order of their names."""

    format: Literal["tidegate checkpoint 1"]
    at: str
    size: int
    """Records in all files."""
    root: str
    """The root of the Merkle tree (RFC 6962) over the hashes of all records, file after file."""
    files: tuple[Covered, ...]
    previous: str | None = None
    """SHA-256 over the line of the checkpoint before, without its line end."""
    key: str | None = None
    """Which key signed: the first half of SHA-256 over the raw public key."""
    signature: str | None = None
    """Ed25519, in hex, over the line without this member."""

    def line(self) -> bytes:
        """Return the line, without a line end."""
        return msgspec.json.encode(self)

    def unsigned(self) -> bytes:
        """Return what the signature is over."""
        return msgspec.json.encode(msgspec.structs.replace(self, signature=None))

    def digest(self) -> str:
        """Return how the next checkpoint names this one."""
        return hashlib.sha256(self.line()).hexdigest()

    def offsets(self) -> dict[str, int]:
        """Return the index in the tree of each file's first record."""
        offsets, start = {}, 0
        for file in self.files:
            offsets[file.name] = start
            start += file.records
        return offsets


def parsed(line: bytes) -> Checkpoint:
    """Return the checkpoint in a line without its line end; raises ValueError on what is none."""
    found = msgspec.json.decode(line, type=Checkpoint)
    if found.line() != line:
        raise ValueError("is not written as checkpoints are")
    names = [file.name for file in found.files]
    if any(one >= other for one, other in pairwise(names)):
        raise ValueError("does not name its files in order")
    if found.size != sum(file.records for file in found.files):
        raise ValueError("does not add up")
    return found


def unlinked(checkpoints: Sequence[Checkpoint]) -> int | None:
    """Return which checkpoint first does not name the one before it, else None."""
    for place, (before, after) in enumerate(pairwise(checkpoints), start=1):
        if after.previous != before.digest():
            return place
    return None
