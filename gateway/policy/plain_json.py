"""Decode JSON that has one meaning only: no key stands twice where somebody looks.

Readers of JSON differ on a repeated key: some take the first value, some the last. What policy
read must be what a platform reads, so such a value is refused. A value is decoded one level
deep; what lies deeper keeps its bytes and is checked when it is looked into.

Every way to write a key is at least as long as `msgspec` writes it, and white space or a repeated
key only adds bytes. So a value that `msgspec` writes in as many bytes as it came in has neither.
Only a value that is longer is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from gateway.errors import Malformed

T = TypeVar("T")
Pairs = list[tuple[str, Any]]

_SHOWN = 100
"""How much of a key that the caller made up is repeated."""

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_objects = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_raws = msgspec.json.Decoder(list[Raw]).decode
_any = msgspec.json.Decoder().decode


def fields_of(raw: Raw, path: str) -> dict[str, Raw]:
    """Return an object's fields.

    Raises:
        msgspec.ValidationError: It is no object.
        Malformed: A key is there twice; the message names it and `path`.
    """
    return _checked(_object, raw, lambda compact: _refuse_repeats(compact, path))


def objects(raw: Raw, path: str) -> list[dict[str, Raw]]:
    """Return the fields of each object in a list.

    Raises:
        msgspec.ValidationError: It is no list of objects.
        Malformed: A key of one of them is there twice; the message names it and `path`.
    """

    def refuse(compact: Raw) -> None:
        for at, item in enumerate(_raws(compact)):
            _refuse_repeats(item, f"{path}[{at}]")

    return _checked(_objects, raw, refuse)


def whole(raw: Raw, path: str) -> Any:
    """Return a value decoded to its leaves; raises Malformed where a key is there twice."""
    try:
        value = _any(raw)
        if _encode(value) != bytes(raw):
            _pairs(raw, lambda pairs: _refuse(pairs, path))
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, msgspec.EncodeError, OverflowError) as error:
        raise Malformed(f"{path}: not valid JSON.") from error
    except RecursionError:
        raise Malformed(f"{path}: nested too deeply.") from None
    return value


def _checked(decode: Callable[[Raw], T], raw: Raw, refuse: Callable[[Raw], None]) -> T:
    """Decode one level; without white space, so that what lies deeper has none either."""
    try:
        found = decode(raw)
        if len(_encode(found)) == len(memoryview(raw)):
            return found
        compact = Raw(msgspec.json.format(bytes(raw), indent=-1))
        found = decode(compact)
        if len(_encode(found)) != len(memoryview(compact)):
            refuse(compact)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        raise Malformed(f"The request body is not valid JSON: {error}.") from None
    except RecursionError:
        raise Malformed("The request body is nested too deeply.") from None
    return found


def _refuse_repeats(item: Raw, path: str) -> None:
    """Refuse an object with a repeated key; what lies deeper is not looked at."""
    _refuse(_pairs(item, _Outermost).pairs, path)


class _Outermost:
    """An object as it is written. The hook runs from the inside out: the last is the outermost."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def _pairs(raw: Raw, hook: Callable[[Pairs], Any]) -> Any:
    """Read JSON with `hook` for each object; numbers stay text, so none is too long to read."""
    return json.loads(bytes(raw), object_pairs_hook=hook, parse_int=str, parse_float=str)


def _refuse(pairs: Sequence[tuple[str, Any]], path: str) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            shown = ascii(key[:_SHOWN])[1:-1]
            raise Malformed(f"{path}.{shown}: this key is in one object twice.")
        seen.add(key)
