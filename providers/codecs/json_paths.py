"""Find and remove parts deep in a JSON value without touching the bytes of the rest.

A path is `a.b` (a field in a field), `a[]` (every element of a list) or `a[x]` (the elements
whose `type` or `role` is x). Only the levels on a path are decoded, with `msgspec.Raw`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw

T = TypeVar("T")

_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<kind>[^\[\]]*)\]|\.")
_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_LIST = msgspec.json.Decoder(list[Raw])


class _Head(msgspec.Struct, gc=False):
    """The two fields a list element is chosen by."""

    type: object = None
    role: object = None


_HEAD = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Key:
    """One field of an object."""

    name: str


@dataclass(frozen=True, slots=True)
class Each:
    """The elements of a list; those of one `type` or `role` when `kind` is given."""

    kind: str = ""


Step = Key | Each
Steps = tuple[Step, ...]


def parse(path: str) -> Steps:
    """Return the steps of a path; raises ValueError when it is none."""
    found = list(_STEP.finditer(path))
    steps: list[Step] = []
    for match in found:
        if match["key"] is not None:
            steps.append(Key(match["key"]))
        elif match["kind"] is not None:
            steps.append(Each(match["kind"]))
    if not steps or "".join(match[0] for match in found) != path or not isinstance(steps[0], Key):
        raise ValueError(f"{path!r} is no path; write it like `thinking.display` or `tools[].type`")
    return tuple(steps)


def _decoded(decoder: msgspec.json.Decoder[T], value: Raw) -> T | None:
    try:
        return decoder.decode(value)
    except msgspec.DecodeError:
        return None


def _is(item: Raw, kind: str) -> bool:
    if not kind:
        return True
    head = _decoded(_HEAD, item)
    return head is not None and kind in (head.type, head.role)


def present(value: Raw, steps: Sequence[Step], wanted: str | None = None) -> bool:
    """Say whether a path leads somewhere; to the string `wanted`, when that is given."""
    if not steps:
        return wanted is None or bool(msgspec.json.decode(value) == wanted)
    step, rest = steps[0], steps[1:]
    if isinstance(step, Key):
        inner = (_decoded(_OBJECT, value) or {}).get(step.name)
        return inner is not None and present(inner, rest, wanted)
    items = _decoded(_LIST, value) or ()
    return any(_is(item, step.kind) and present(item, rest, wanted) for item in items)


def without(value: Raw, paths: Iterable[Steps]) -> Raw | None:
    """Return `value` without what the paths lead to; None when nothing is left of it.

    A field whose value is emptied by this goes too; a list element stays, if only as `{}`.
    Values that are not on a path keep their bytes. A path that leads nowhere changes nothing.
    """
    keys: dict[str, list[Steps]] = {}
    kinds: dict[str, list[Steps]] = {}
    for steps in paths:
        step = steps[0]
        if isinstance(step, Key):
            keys.setdefault(step.name, []).append(steps[1:])
        else:
            kinds.setdefault(step.kind, []).append(steps[1:])
    left = _fields_without(value, keys) if keys else value
    return _items_without(left, kinds) if kinds and left is not None else left


def _fields_without(value: Raw, keys: dict[str, list[Steps]]) -> Raw | None:
    fields = _decoded(_OBJECT, value)
    if not fields or keys.keys().isdisjoint(fields):
        return value
    changed = False
    for name, tails in keys.items():
        if name not in fields:
            continue
        left = None if () in tails else without(fields[name], tails)
        changed = changed or left is not fields[name]
        if left is None:
            del fields[name]
        else:
            fields[name] = left
    if not changed:
        return value
    return Raw(msgspec.json.encode(fields)) if fields else None


def _items_without(value: Raw, kinds: dict[str, list[Steps]]) -> Raw | None:
    items = _decoded(_LIST, value)
    if not items:
        return value
    kept: list[Raw] = []
    changed = False
    for item in items:
        tails = [tail for kind, tails in kinds.items() if _is(item, kind) for tail in tails]
        if () in tails:
            changed = True
            continue
        left = without(item, tails) if tails else item
        changed = changed or left is not item
        kept.append(Raw(b"{}") if left is None else left)
    if not changed:
        return value
    return Raw(msgspec.json.encode(kept)) if kept else None
