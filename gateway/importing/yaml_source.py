"""A YAML text as plain values whose places have lines. It takes less than YAML allows.

A key that stands twice is refused, not taken the last time; no tag makes an object; what YAML 1.1
reads as a truth value without saying `true` or `false` is told. Nothing is included or fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.config.mistakes import ConfigError, Key, Mistake, dotted

MOST_BYTES = 1 << 19
MOST_DEEP = 32
MOST_PLACES = 100_000
"""Aliases and merges may make much of little."""
MOST_DIGITS = 64
"""A number of more characters is none, and some spellings take long to read."""
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset({"true", "false"})
_COLLECTIONS = frozenset({f"{_TAG}map", f"{_TAG}seq"})
_AS_TEXT = frozenset({"str", "timestamp"})
_OTHER_BASE = re.compile(r"[-+]?(0[0-7_]+|0[bx].+|.*:.*)")
"""Numbers that count in eights, twos, sixteens or sixties."""
_PRINTABLE = re.compile(r"[^\x20-\x7e]")


_KINDS = {"int": "number", "float": "number", "bool": "truth value", "null": "null"}


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A YAML text, read."""

    file: str
    values: Any
    lines: Mapping[Key, int]
    """Where each key and element stands, from 1."""
    doubts: tuple[Mistake, ...] = ()
    """Words that YAML reads as something else than they look like."""

    def line(self, key: Key) -> int | None:
        """Return the line of a place, or of what it lies in."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key)


def parsed(file: str, text: str) -> YamlSource:
    """Read a YAML text; raises ConfigError, with the line, for what is none or not taken here."""
    if len(text) > MOST_BYTES:
        raise ConfigError([Mistake(file, None, "", "is larger than 512 KiB")])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Reader(file).read(node)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax(file, error)]) from None
    except RecursionError:
        raise ConfigError([Mistake(file, None, "", "is nested too deeply")]) from None


def _syntax(file: str, error: yaml.YAMLError) -> Mistake:
    """Turn the parser's words into a mistake; what they quote of the text may be a secret."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or "it cannot be read").partition("'")[0]
    words = _PRINTABLE.sub("?", problem).strip(" ,:") or "it cannot be read"
    return Mistake(file, None if mark is None else mark.line + 1, "", f"is no YAML: {words}")


def _misleads(word: str, value: object) -> bool:
    """Say whether a word reads as something else than it looks like."""
    if isinstance(value, bool):
        return word.lower() not in _PLAIN
    return isinstance(value, int | float) and _OTHER_BASE.fullmatch(word) is not None


@dataclass(slots=True)
class _Reader:
    file: str
    lines: dict[Key, int] = field(default_factory=dict)
    doubts: list[Mistake] = field(default_factory=list)
    merged: int = 0
    """How many keys were looked at to merge them."""
    within: list[int] = field(default_factory=list)
    """The collections around what is read, by identity: an alias may lie in itself."""

    def read(self, node: yaml.Node | None) -> YamlSource:
        values = None if node is None else self._value(node, ())
        return YamlSource(self.file, values, self.lines, tuple(self.doubts))

    def _value(self, node: yaml.Node, key: Key) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        if len(self.lines) > MOST_PLACES:
            raise self._wrong(node, key, "has more values than are read, with its aliases")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        if id(node) in self.within or len(key) > MOST_DEEP:
            raise self._wrong(node, key, "is nested too deeply")
        if node.tag not in _COLLECTIONS:
            raise self._wrong(node, key, "has a tag that is not read here")
        self.within.append(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(each, (*key, at)) for at, each in enumerate(node.value)]
            return self._mapping(node, key)
        finally:
            self.within.pop()

    def _mapping(self, node: Any, key: Key) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own: dict[str, int] = {}
        for name_node, value_node in node.value:
            if name_node.tag == f"{_TAG}merge":
                continue
            name = self._name(name_node, key)
            line = name_node.start_mark.line + 1
            if name in own:
                what = f"stands here a second time; the first is in line {own[name]}"
                raise self._wrong(name_node, (*key, name), what)
            own[name] = line
            self.lines[*key, name] = line
            found[name] = self._value(value_node, (*key, name))
        for merged in self._merged(node, key):
            for name_node, value_node in merged.value:
                self.merged += 1
                if self.merged > MOST_PLACES:
                    raise self._wrong(node, key, "has more values than are read, with its merges")
                name = self._name(name_node, key)
                if name not in found:
                    found[name] = self._value(value_node, (*key, name))
        return found

    def _merged(self, node: Any, key: Key) -> Iterator[Any]:
        """Return the mappings that are merged into one; what stands in it goes over them."""
        for name_node, value_node in node.value:
            if name_node.tag != f"{_TAG}merge":
                continue
            listed = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for each in listed:
                if not isinstance(each, yaml.MappingNode) or id(each) in self.within:
                    raise self._wrong(
                        name_node, (*key, "<<"), "merges something that is no mapping"
                    )
                if any(inner.tag == f"{_TAG}merge" for inner, _ in each.value):
                    raise self._wrong(name_node, (*key, "<<"), "merges what is merged itself")
                yield each

    def _name(self, node: yaml.Node, key: Key) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._wrong(node, key, "has a key that is no name")
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in _AS_TEXT:
            return str(node.value)
        if kind not in _KINDS:
            raise self._wrong(node, key, "has a tag that is not read here")
        word = str(node.value)
        unread = self._wrong(node, key, f"is no {_KINDS[kind]} that can be read")
        if len(word) > MOST_DIGITS:
            raise unread
        try:
            value = yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, OverflowError, LookupError):
            raise unread from None
        if _misleads(word, value):
            meant = str(value).lower()
            what = f"{word} means {meant} in YAML"
            hint = f'write {meant}, or "{word}" in quotes for the word'
            self.doubts.append(
                Mistake(self.file, node.start_mark.line + 1, dotted(key), what, hint)
            )
        return value

    def _wrong(self, node: yaml.Node, key: Key, what: str) -> ConfigError:
        return ConfigError([Mistake(self.file, node.start_mark.line + 1, dotted(key), what)])
