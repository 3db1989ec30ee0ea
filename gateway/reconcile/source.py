"""One file of a statement, as bytes: unpacked where it is packed, and its digest."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from gateway.reconcile.statement import BadStatement, File

_GZIP = b"\x1f\x8b"
_OTHERS = {
    b"PAR1": "is Parquet; export it as CSV (`TEXT_OR_CSV`, gzip)",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"%PDF": "is a PDF; what is read are the exports that docs/reconcile.md lists",
}
_HEAD_BYTES = 256 * 1024


class Source:
    """A file to be read; raises BadStatement where it cannot be."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        try:
            with path.open("rb") as file:
                start = file.read(8)
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self.bad(error.strerror or "cannot be read") from None
        for magic, why in _OTHERS.items():
            if start.startswith(magic):
                raise self.bad(why)
        self._packed = start.startswith(_GZIP)
        self.file = File(path.name, digest)

    def bad(self, why: str, where: str = "") -> BadStatement:
        """Return the error that names this file, and the place in it."""
        return BadStatement(f"{self.name}{f' {where}' if where else ''}: {why}")

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open it for reading; errors while it is read are BadStatement too."""
        try:
            with self._path.open("rb") as raw:
                yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if self._packed else raw
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise self.bad("the gzip data ends early, or is damaged") from None
        except OSError as error:
            raise self.bad(error.strerror or "cannot be read") from None

    def head(self) -> bytes:
        """Return how it begins."""
        with self.opened() as file:
            return file.read(_HEAD_BYTES)
