"""The price files that are shipped, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct

from gateway.prices.amounts import HOW, decimal_fault
from gateway.prices.checks import faults
from gateway.prices.rows import PriceFile
from providers.shapes import ready

ready(PriceFile)

_AT = re.compile(r"(.*?)(?: - at `\$(.*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")

Wrong = tuple[tuple[str | int, ...], str, str]
"""Key, what is wrong with it, what would be right."""


class Listed(Struct, frozen=True):
    """One price file."""

    name: str
    """Its name without `.toml`."""
    prices: PriceFile


@cache
def shipped_files() -> tuple[Listed, ...]:
    """Return the shipped files, by name; raises ConfigError where one of them has a mistake."""
    folder = resources.files("gateway") / "data" / "prices"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return read_files((name, (folder / name).read_text("utf-8")) for name in names)


def read_files(texts: Iterable[tuple[str, str]]) -> tuple[Listed, ...]:
    """Read price files, given as (name, text).

    Raises:
        ConfigError: With every mistake: rows whose periods overlap, models that are none, prices
            that are none or negative, platforms that two files price.
    """
    found: list[Listed] = []
    wrong: list[tuple[str, str, Sequence[Wrong]]] = []
    for name, text in texts:
        read, mistakes = _read(name.removesuffix(".toml"), text)
        if read is not None:
            mistakes = [*mistakes, *_priced_twice(read, found)]
            found.append(read)
        wrong.append((name, text, mistakes))
    if any(mistakes for _, _, mistakes in wrong):
        raise _config_error(wrong)
    return tuple(found)


def _read(name: str, text: str) -> tuple[Listed | None, list[Wrong]]:
    try:
        prices = msgspec.convert(tomllib.loads(text), PriceFile)
    except tomllib.TOMLDecodeError as error:
        return None, [((), f"is no TOML: {error}", "")]
    except msgspec.ValidationError as error:
        return None, [_shape(str(error))]
    wrong: list[Wrong] = [
        (("rows", fault.row, fault.key), fault.message, fault.suggestion)
        for fault in faults(prices.rows)
    ]
    if not prices.platforms:
        wrong.append((("platforms",), "is empty", "name the providers that the prices are of"))
    why = None if prices.web_search is None else decimal_fault(prices.web_search)
    if why is not None:
        wrong.append((("web_search",), f"{prices.web_search!r} {why}", HOW))
    return Listed(name, prices), wrong


def _priced_twice(read: Listed, before: Iterable[Listed]) -> Iterable[Wrong]:
    for other in before:
        for name in set(read.prices.platforms) & set(other.prices.platforms):
            yield ("platforms",), f"{name} is priced in {other.name}.toml too", "name it in one"


def _shape(message: str) -> Wrong:
    """Turn msgspec's words into a key and what is wrong with it."""
    match = _AT.match(message)
    words, path = (match[1], match[2] or "") if match else (message, "")
    key = tuple(
        int(number) if number.isdigit() else name or number for name, number in _STEP.findall(path)
    )
    hint = HOW if words.startswith(("Expected `str", "Expected `str | null`")) else ""
    return key, words[:1].lower() + words[1:], hint


def _config_error(wrong: Iterable[tuple[str, str, Sequence[Wrong]]]) -> Exception:
    # Only a mistake needs the configuration's modules, and they are slow to import.
    from gateway.config.document import Document, Source  # noqa: PLC0415
    from gateway.config.mistakes import ConfigError, Mistake  # noqa: PLC0415

    mistakes: list[Mistake] = []
    for name, text, each in wrong:
        nothing: dict[str, Any] = {}
        source = Document.of(Source.of(name, text, nothing))
        mistakes += [source.mistake(key, message, hint) for key, message, hint in each]
    return ConfigError(mistakes)
