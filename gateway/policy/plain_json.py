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
_any = msgspec.json.Decoder().decode


def fields_of(raw: Raw, path: str) -> dict[str, Raw]:
    """Return an object's fields.

    Raises:
        msgspec.ValidationError: It is no object.
        Malformed: A key is there twice; the message names it and `path`.
    """
    found = _decoded(_object, raw)
    if len(_encode(found)) != len(memoryview(raw)):
        compact = _decoded(_compact, raw)
        found = _object(compact)
        if len(_encode(found)) != len(memoryview(compact)):
            _refuse(_read(compact, _Outermost).pairs, path)
    return found


def objects(raw: Raw, path: str) -> list[dict[str, Raw]]:
    """Return the fields of each object in a list.

    Raises:
        msgspec.ValidationError: It is no list of objects.
        Malformed: A key of one of them is there twice; the message names it and `path`.
    """
    found = _decoded(_objects, raw)
    if len(_encode(found)) != len(memoryview(raw)):
        compact = _decoded(_compact, raw)
        found = _objects(compact)
        if len(_encode(found)) != len(memoryview(compact)):
            for at, item in enumerate(_read(compact, _Outermost)):
                _refuse(item.pairs, f"{path}[{at}]")
    return found


def whole(raw: Raw, path: str) -> Any:
    """Return a value decoded to its leaves; a number may be read as 0.

    Raises Malformed where a key is there twice at any depth.
    """
    try:
        value = _any(raw)
        if _encode(value) == bytes(raw):
            return value
    except (msgspec.DecodeError, msgspec.EncodeError, OverflowError):
        pass  # A number that is too long for msgspec; the body is known to be JSON.
    except RecursionError as error:
        raise _malformed(error) from None

    def single(pairs: Pairs) -> dict[str, Any]:
        _refuse(pairs, path)
        return dict(pairs)

    return _read(raw, single)


def _decoded(decode: Callable[[Raw], T], raw: Raw) -> T:
    try:
        return decode(raw)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _compact(raw: Raw) -> Raw:
    """Return JSON without white space, so that what lies deeper has none either."""
    return Raw(msgspec.json.format(bytes(raw), indent=-1))


def _malformed(error: Exception) -> Malformed:
    if isinstance(error, RecursionError):
        return Malformed("The request body is nested too deeply.")
    return Malformed(f"The request body is not valid JSON: {error}.")


class _Outermost:
    """An object as it is written; those inside it are there too, and are not looked at."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def _read(raw: Raw, hook: Callable[[Pairs], Any]) -> Any:
    """Read JSON with `hook` for each object; a number is 0, so that none is too long."""
    try:
        return json.loads(bytes(raw), object_pairs_hook=hook, parse_int=_zero, parse_float=_zero)
    except RecursionError as error:
        raise _malformed(error) from None


def _zero(_: str) -> int:
    return 0


def _refuse(pairs: Sequence[tuple[str, Any]], path: str) -> None:
    if len({key for key, _ in pairs}) == len(pairs):
        return
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            shown = ascii(key[:_SHOWN])[1:-1]
            raise Malformed(f"{path}.{shown}: this key is in one object twice.")
        seen.add(key)
