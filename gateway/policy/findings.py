"""What has been found in a request so far, while it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw

from gateway.errors import Malformed, quoted
from gateway.parts import MAX_PARTS
from gateway.policy import plain_json
from gateway.policy.feature_table import FeatureTable, Marks

MAX_DOUBTS = 50
"""More unknown names than this become one, so that what is kept of a request has a bound."""
MAX_SCHEMA_BYTES = 256 * 1024
"""All the schemas of a request that a platform compiles; those are read to their leaves."""
MAX_MODELS = 50
MAX_MODEL_CHARACTERS = 256

NO_NAME = "(no name)"
"""Stands for a name that no platform would give to a thing."""
_NAME = re.compile(r"[A-Za-z0-9_.:/=@\[\]-]{1,100}")
_SHOWN = 100
"""How much of a name that the caller made up is repeated."""

_string = msgspec.json.Decoder(str).decode


class Findings:
    """Features, models and doubts of one request. What is not known becomes a feature too."""

    __slots__ = ("_left", "_schema_left_bytes", "doubts", "found", "models", "table")

    def __init__(self, table: FeatureTable) -> None:
        self.table = table
        self.found: set[str] = set()
        self.models: dict[str, None] = {}
        self.doubts: list[str] = []
        self._left = MAX_PARTS
        self._schema_left_bytes = MAX_SCHEMA_BYTES

    def mark(self, marks: Marks, name: str, where: str) -> None:
        """Add the features that `name` stands for, or the doubt that nothing says."""
        features = marks.get(name)
        if features is None:
            self.doubt(name, where)
        elif features:
            self.found |= features

    def path(self, name: str, where: str) -> None:
        """Add the features of a path."""
        self.mark(self.table.paths, name, where)

    def doubt(self, name: str, where: str) -> None:
        """Add the feature `unknown:<name>`, and where it stands; after many `unknown:more`."""
        if len(self.doubts) >= MAX_DOUBTS:
            self.found.add("unknown:more")
            return
        # Names are told and recorded. What could be a text is neither.
        shown = name if _NAME.fullmatch(name) else NO_NAME
        self.found.add(f"unknown:{shown}")
        self.doubts.append(f"{quoted(where)}: {shown}")

    def text(self, raw: Raw | None, name: str, where: str) -> str | None:
        """Return a string; None, and a doubt, for anything else."""
        if raw is not None:
            try:
                return _string(raw)
            except msgspec.ValidationError:
                pass
        self.doubt(name, where)
        return None

    def model(self, raw: Raw | None, name: str, where: str) -> None:
        """Add a model that the request names beside its own; one too many is a doubt."""
        model = self.text(raw, name, where)
        if model is None or model in self.models:
            return
        if len(model) > MAX_MODEL_CHARACTERS or len(self.models) >= MAX_MODELS:
            self.doubt(name, where)
        else:
            self.models[model] = None

    def fields(self, raw: Raw, name: str, where: str) -> dict[str, Raw]:
        """Return an object's fields; none, and a doubt, for anything else but null."""
        self._spend(1, where)
        try:
            return plain_json.fields_of(raw, where)
        except msgspec.ValidationError:
            if not is_null(raw):
                self.doubt(name, where)
            return {}

    def objects(self, raw: Raw, name: str, where: str) -> Sequence[dict[str, Raw]]:
        """Return the objects of a list; none, and a doubt, for anything else but null."""
        try:
            found = plain_json.objects(raw, where, self._left)
        except msgspec.ValidationError:
            if not is_null(raw):
                self.doubt(name, where)
            return ()
        self._left -= len(found)
        if self._left < 0:
            raise Malformed(
                f"{where[:_SHOWN]}: there are more objects in it than a platform takes."
            )
        return found

    def schema(self, raw: Raw, where: str) -> Any:
        """Return a schema that a platform compiles; raises Malformed where they are too large."""
        self._schema_left_bytes -= len(memoryview(raw))
        if self._schema_left_bytes < 0:
            raise Malformed(
                f"{where[:_SHOWN]}: the request's schemas are over {MAX_SCHEMA_BYTES} bytes."
            )
        return plain_json.whole(raw, where)

    def keys(self, fields: dict[str, Raw], known: frozenset[str], name: str, where: str) -> None:
        """Doubt the keys that no path names."""
        if not fields.keys() <= known:
            # One more than is kept, so that it shows that there were more.
            for key in islice(fields.keys() - known, MAX_DOUBTS + 1):
                self.doubt(f"{name}.{key}", where)

    def switch(self, raw: Raw | None, name: str, where: str) -> bool:
        """Say whether a switch is on, and note it; a value that is no switch is a doubt."""
        value = b"null" if raw is None else bytes(raw)
        if value in {b"false", b"null"}:
            return False
        if value == b"true":
            self.path(f"{name}=true", where)
            return True
        self.doubt(name, where)
        return True

    def _spend(self, objects: int, where: str) -> None:
        self._left -= objects
        if self._left < 0:
            raise plain_json.too_many(where)


def is_null(raw: Raw) -> bool:
    """Say whether a value is null, which asks for nothing."""
    return len(memoryview(raw)) == len(b"null") and bytes(raw) == b"null"
