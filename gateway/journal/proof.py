"""Proofs that the records of one call are in a journal, for who has only its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from gateway.journal.checkpoint import Checkpoint
from gateway.journal.merkle import paths, root_of
from gateway.journal.read import Placed
from gateway.journal.record import digest_of

_REQUEST_IDS = ("request_id", "platform_request_id")
_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

Records = Callable[[], Iterator[Placed]]
"""Reads the journal from its beginning."""


class NotCovered(ValueError):
    """The checkpoint does not cover a record, or is not one of this journal."""


class Proven(msgspec.Struct, frozen=True):
    """One record and its way to the root."""

    file: str
    index: int
    """Its place in the tree."""
    line: str
    """As it stands in the file."""
    path: tuple[str, ...]
    """The hashes to join it with, from the leaf up."""


class Proof(msgspec.Struct, frozen=True):
    """What a third party needs beside the checkpoint it was given."""

    format: Literal["tidegate inclusion proof 1"]
    decision: str
    checkpoint: str
    """The line of the checkpoint that the ways lead to."""
    records: tuple[Proven, ...]


def decision_of(records: Iterable[Placed], request_id: str) -> str | None:
    """Return the decision behind a request id, the caller's or the platform's, if there is one."""
    needle = msgspec.json.encode(request_id)
    for placed in records:
        if any(_says(placed, name, needle) for name in _REQUEST_IDS):
            decision = _said(placed, "decision")
            return None if decision is None else msgspec.json.decode(decision, type=str)
    return None


def about(records: Records, decision: str) -> list[Placed]:
    """Return the records of one call, with the verdicts that its decision refers to."""
    needle = msgspec.json.encode(decision)
    own = [placed for placed in records() if _says(placed, "decision", needle)]
    return [*_verdicts(records(), own), *own]


def _verdicts(records: Iterable[Placed], own: Sequence[Placed]) -> list[Placed]:
    """Return one record of each set of verdicts; of the call's own file, where that has it."""
    wanted = {said: placed.file for placed in own if (said := _said(placed, "verdicts"))}
    found: dict[bytes, Placed] = {}
    for placed in records if wanted else ():
        said = _said(placed, "id") if placed.record.kind == "verdicts" else None
        if said in wanted and (said not in found or placed.file == wanted[said]):
            found[said] = placed
    return list(found.values())


def _says(placed: Placed, name: str, needle: bytes) -> bool:
    # Looking for the bytes first spares nearly every record its decoding.
    return needle in placed.line and _said(placed, name) == needle


def _said(placed: Placed, name: str) -> bytes | None:
    found = _decode(placed.record.data).get(name)
    return None if found is None else bytes(found)


def covers(checkpoint: Checkpoint, call: Sequence[Placed]) -> bool:
    """Return whether a checkpoint covers all these records."""
    counts = {file.name: file.records for file in checkpoint.files}
    return all(placed.record.seq < counts.get(placed.file, 0) for placed in call)


def prove(records: Records, checkpoint: Checkpoint, decision: str, call: Sequence[Placed]) -> Proof:
    """Return the proof for a call's records; raises NotCovered."""
    if not covers(checkpoint, call):
        raise NotCovered("the checkpoint does not cover all records of this call")
    offsets = checkpoint.offsets()
    places = [offsets[placed.file] + placed.record.seq for placed in call]
    found = paths(_leaves(records(), checkpoint), checkpoint.size, places)
    for place, placed in zip(places, call, strict=True):
        leaf = digest_of(placed.line)
        root = None if leaf is None else root_of(leaf, place, checkpoint.size, found[place])
        if root is None or root.hex() != checkpoint.root:
            raise NotCovered("the journal is not as the checkpoint saw it")
    proven = tuple(
        Proven(placed.file, place, placed.line.decode(), tuple(step.hex() for step in found[place]))
        for place, placed in zip(places, call, strict=True)
    )
    line = checkpoint.line().decode()
    return Proof("tidegate inclusion proof 1", decision, line, proven)


def _leaves(records: Iterable[Placed], checkpoint: Checkpoint) -> Iterator[bytes]:
    counts = {file.name: file.records for file in checkpoint.files}
    for placed in records:
        if placed.record.seq < counts.get(placed.file, 0):
            yield bytes.fromhex(placed.record.hash)
