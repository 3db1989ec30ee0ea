"""Tell which of many paths a JSON value holds, in one pass that skips everything else.

One pass of `msgspec` over 160 KB of messages costs no more than one `bytes.find`, so the paths
become one shape, and the value is decoded into it once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from providers.codecs.json_paths import Key, Step, Steps, present
from providers.shapes import ready

_OTHER = bool | str | int | float | None
"""What may stand where a path expects an object or a list; the path then leads nowhere."""


@ready
class _Object(msgspec.Struct, gc=False):
    """What a list element is chosen by; the shapes of objects add the keys of the paths."""

    type: Any = None
    role: Any = None


@dataclass(slots=True)
class _Node:
    """One place on the paths: those that end here, and where the others go on."""

    ends: list[int] = field(default_factory=list)
    keys: dict[str, _Node] = field(default_factory=dict)
    kinds: dict[str, _Node] = field(default_factory=dict)

    def after(self, step: Step) -> _Node:
        """Return the place one step further."""
        if isinstance(step, Key):
            if step.name in _Object.__struct_fields__:
                raise ValueError(f"a path may choose by `{step.name}`, it may not lead to it")
            return self.keys.setdefault(f"_{step.name}", _Node())
        return self.kinds.setdefault(step.kind, _Node())


class Probe:
    """Some paths into one JSON value, each with the string it must lead to; None: to anything.

    Raises ValueError for a path that leads to `type` or `role`.
    """

    def __init__(self, paths: Sequence[tuple[Steps, str | None]]) -> None:
        self._paths = paths
        self._root = _Node()
        for number, (steps, _) in enumerate(paths):
            node = self._root
            for step in steps:
                node = node.after(step)
            node.ends.append(number)
        self._decoder = msgspec.json.Decoder(_shape([self._root]))

    def found(self, value: Raw) -> frozenset[int]:
        """Return the numbers of the paths that lead somewhere."""
        try:
            decoded = self._decoder.decode(value)
        except msgspec.DecodeError:
            # An odd value, say a number among the messages: tell path by path.
            return frozenset(n for n, path in enumerate(self._paths) if present(value, *path))
        numbers: set[int] = set()
        self._walk(self._root, decoded, numbers)
        return frozenset(numbers)

    def _walk(self, node: _Node, value: Any, found: set[int]) -> None:
        if node.ends:
            found.update(n for n in node.ends if self._wanted(n, value))
        if isinstance(value, list):
            for kind, child in node.kinds.items():
                for item in value:
                    if not kind or (isinstance(item, _Object) and kind in (item.type, item.role)):
                        self._walk(child, item, found)
        elif isinstance(value, _Object):
            for name, child in node.keys.items():
                inner = getattr(value, name, UNSET)
                if inner is not UNSET:
                    self._walk(child, inner, found)

    def _wanted(self, number: int, value: Any) -> bool:
        wanted = self._paths[number][1]
        return wanted is None or bool(value == wanted)


def _shape(nodes: Iterable[_Node]) -> Any:
    """Return the type that decodes what the paths of some nodes need and skips the rest."""
    nodes = list(nodes)
    keys: dict[str, list[_Node]] = {}
    for node in nodes:
        for name, child in node.keys.items():
            keys.setdefault(name, []).append(child)
    items = [child for node in nodes for child in node.kinds.values()]
    shape: Any = _OTHER
    if keys or not items:
        shape |= _object(keys)
    if items:
        shape |= GenericAlias(list, (_shape(items),))
    elif not keys:
        shape |= list[_OTHER | _Object]
    return shape


def _object(keys: dict[str, list[_Node]]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        "_Keys",
        [(name, _shape(nodes) | UnsetType, UNSET) for name, nodes in keys.items()],
        bases=(_Object,),
        rename={name: name[1:] for name in keys},
        gc=False,
    )
