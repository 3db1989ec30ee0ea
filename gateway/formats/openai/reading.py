"""Decoding what a caller wrote, and saying in its own words where it is wrong."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from gateway.errors import Malformed, quoted
from gateway.formats.openai.table import TABLE

T = TypeVar("T")

_AT = " - at `$"
"""What msgspec puts before the path of what is wrong, and nothing of the caller's comes after."""
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
_NUMBER = re.compile(r"\[\d+\]")
_SHOWN = 200


def decoded(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, path: str = "") -> T:
    """Decode JSON; raises Malformed with the path of what is wrong, which `path` begins."""
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise refused(path or "messages", "it is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise _wrong(str(error), path) from None


def refused(path: str, why: str) -> Malformed:
    """Return the refusal of what stands at a path."""
    return Malformed(f"{path}: {why}.")


def _wrong(said: str, path: str) -> Malformed:
    what, _, inner = said.rpartition(_AT) if _AT in said else (said, "", "")
    inner = inner.removeprefix(".").removesuffix("`")
    place, why = _joined(path, inner), quoted(what, _SHOWN)
    if (unknown := _UNKNOWN.fullmatch(what)) is not None:
        place, why = _joined(place, quoted(unknown["name"])), "this field is not known here"
    elif (missing := _MISSING.fullmatch(what)) is not None:
        place, why = _joined(place, missing["name"]), "this field is required"
    return refused(place, TABLE.inside.refused.get(_NUMBER.sub("[]", place), why))


def _joined(path: str, inner: str) -> str:
    return f"{path}.{inner}" if path and inner and not inner.startswith("[") else path + inner
