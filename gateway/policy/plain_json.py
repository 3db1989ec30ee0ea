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

from gateway.errors import Malformed, quoted
from gateway.repeated_keys import repeated_key

T = TypeVar("T")
Pairs = list[tuple[str, Any]]

_SHOWN = 100
"""How much of a key that the caller made up is repeated."""
_SHORTEST = len(b"{},")
"""Bytes of an object in a list."""

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_objects = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_any = msgspec.json.Decoder().decode


def fields_of(raw: Raw, path: str) -> dict[str, Raw]:
    """Return an object's fields.

    Raises:
        msgspec.ValidationError: It is no object.
        Malformed: A key is there twice; the message names it and `path`.
    """
    found = _decoded(_object, raw)
    if len(_encode(found)) == len(memoryview(raw)):
        return found
    compact = _decoded(_compact, raw)
    found = _object(compact)
    _refuse_repeated(compact, found, path)
    return found


def objects(raw: Raw, path: str, most: int) -> list[dict[str, Raw]]:
    """Return the fields of each object in a list.

    Raises:
        msgspec.ValidationError: It is no list of objects.
        Malformed: There are more than `most`, or a key of one of them is there twice; the
            message names it and `path`.
    """
    _refuse_more(raw, path, most)
    found = _decoded(_objects, raw)
    if len(_encode(found)) == len(memoryview(raw)):
        return found
    compact = _decoded(_compact, raw)
    found = _objects(compact)
    if len(_encode(found)) != len(memoryview(compact)):
        for at, (item, fields) in enumerate(zip(_items(compact), found, strict=True)):
            _refuse_repeated(item, fields, f"{path}[{at}]")
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


def too_many(path: str) -> Malformed:
    """Return the error for more objects than are read in one request."""
    return Malformed(f"{path[:_SHOWN]}: there are more objects in it than a platform takes.")


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


def _refuse_more(raw: Raw, path: str, most: int) -> None:
    """Refuse a list of too many items before an object is made for each."""
    written = memoryview(raw)
    if len(written) <= most * _SHORTEST or bytes(written).count(b"{") <= most:
        return
    if len(_decoded(_items, raw)) > most:
        raise too_many(path)


def _refuse_repeated(raw: Raw, fields: dict[str, Raw], path: str) -> None:
    if len(_encode(fields)) != len(memoryview(raw)):
        key = repeated_key(bytes(raw), fields)
        if key is not None:
            raise _twice(key, path)


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
            raise _twice(key, path)
        seen.add(key)


def _twice(key: str, path: str) -> Malformed:
    return Malformed(f"{path}.{quoted(key)}: this key is in one object twice.")
