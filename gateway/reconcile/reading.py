"""Files -> statements: which reader a file is for, and what each reader makes of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway.reconcile.anthropic_cost import AnthropicCost
from gateway.reconcile.anthropic_usage import AnthropicUsage
from gateway.reconcile.aws_cur import AwsCur
from gateway.reconcile.keeping import Selection
from gateway.reconcile.source import Source
from gateway.reconcile.statement import BadStatement, Statement


class Reader(Protocol):
    """Reads the files of one format; all of them together are one statement."""

    def __init__(self, selection: Selection) -> None:
        """Begin a statement that only has the lines of a selection."""

    @classmethod
    def knows(cls, head: bytes) -> bool:
        """Say whether a file that begins so is one of this format."""
        ...

    def take(self, source: Source) -> None:
        """Read one file; raises BadStatement."""

    def done(self) -> Statement:
        """Return what all files say; raises BadStatement where they contradict each other."""
        ...


READERS: Mapping[str, type[Reader]] = {
    "anthropic-usage": AnthropicUsage,
    "anthropic-cost": AnthropicCost,
    "aws-cur": AwsCur,
}


def read(
    paths: Sequence[Path], selection: Selection | None = None, form: str | None = None
) -> list[Statement]:
    """Return one statement for each format among the files.

    Args:
        paths: The files, in any order.
        selection: Which lines are ours; None: all.
        form: The format of all of them; None: by what is in them.

    Raises:
        BadStatement: A file cannot be read, or does not hold what its format says.
    """
    chosen = selection or Selection()
    readers: dict[str, Reader] = {}
    seen: dict[str, str] = {}
    for path in paths:
        source = Source(path)
        twin = seen.setdefault(source.file.digest, source.name)
        if twin != source.name:
            raise source.bad(f"is the same file as {twin}; give it once")
        name = form or _format(source)
        reader = readers.setdefault(name, READERS[name](chosen))
        reader.take(source)
    return [readers[name].done() for name in READERS if name in readers]


def _format(source: Source) -> str:
    head = source.head()
    for name, reader in READERS.items():
        if reader.knows(head):
            return name
    raise _unknown(source, head)


def _unknown(source: Source, head: bytes) -> BadStatement:
    if b"lineItem/" in head.partition(b"\n")[0]:
        return source.bad("is a legacy cost and usage report; export CUR 2.0 (AWS Data Exports)")
    return source.bad(
        "is in no format that is read here; with --format it is taken for one of "
        + ", ".join(READERS)
    )
