"""Fault scripts as files: TOML with `[[fault]]` tables, read strictly."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from gateway.emulator.faults import Fault, FaultError
from gateway.emulator.named_faults import scripted

_AT: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_ROW: Final = re.compile(r"\s*\[\[\s*fault\s*\]\]")
_EXPECTED: Final = "a script has [[fault]] tables and nothing else"


class ScriptError(ValueError):
    """A script that cannot be; the message names each mistake with file, line and key."""


def read_script(text: str, file: str) -> list[Fault]:
    """Return the faults of a script, in their order.

    Args:
        text: The TOML.
        file: What mistakes call it.

    Raises:
        ScriptError: Something in it is wrong.
    """
    rows = _rows(text, file)
    faults, mistakes = [], []
    for index, row in enumerate(rows):
        try:
            faults.append(scripted(row))
        except FaultError as wrong:
            line = _line(text, index, wrong.key)
            mistakes.append(f"{file}:{line}: fault[{index}].{wrong}")
    if mistakes:
        raise ScriptError("\n".join(mistakes))
    return faults


def _rows(text: str, file: str) -> list[dict[str, Any]]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:
        found = _AT.search(str(wrong))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        raise ScriptError(f"{file}:{line}: is no TOML: {_AT.sub('', str(wrong))}") from None
    for key in data:
        if key != "fault":
            line = _first(text.splitlines(), rf"\s*\[*\s*\"?{re.escape(key)}\b")
            raise ScriptError(f"{file}:{line}: {key}: no such key; {_EXPECTED}")
    rows = data.get("fault", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ScriptError(f"{file}:{_first(text.splitlines(), r'.*fault')}: fault: {_EXPECTED}")
    return rows


def _line(text: str, index: int, key: str) -> int:
    """Return the line of a key of one table; of the table where the key is not in it."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _ROW.match(line)]
    if index >= len(starts):
        return _first(lines, r".*fault")
    start, end = starts[index], [*starts, len(lines)][index + 1]
    return start + _first(lines[start:end], rf"\s*(?:\[\s*fault\s*\.\s*)?\"?{re.escape(key)}\b")


def _first(lines: list[str], pattern: str) -> int:
    """Return the number, from 1, of the first line that fits; 1 if none does."""
    found = re.compile(pattern)
    return next((number for number, line in enumerate(lines, 1) if found.match(line)), 1)
