"""What of a message's body refers to a state that one upstream holds. Pure.

Most bodies refer to none, and that is seen without parsing them: no top-level field stands for a
state, and nowhere in the bytes stands the name of a file's id, plain or with an escape in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from gateway.errors import Malformed
from gateway.stateful.table import Reference as Row
from gateway.stateful.table import table
from providers.contract import Fields

MAX_REFERENCES = 1000
"""As many are looked up for one request; no platform takes as many files."""
MAX_ID = 4096
_FILE_ID = b"file_id"
_ESCAPED = (b"\\u005", b"\\u006")
"""What an escape of one of its letters begins with."""
_INSIDE = ("content", "source")
_HOLDING_CONTENT = ("messages", "system")


class Reference(NamedTuple):
    """A state that a request names."""

    state: str
    id: str


def references(fields: Fields) -> tuple[Reference, ...]:
    """Return the states that a request for a message names, each once; raises Malformed."""
    body = fields.body
    if _tops().isdisjoint(body) and not _has(fields.raw, _FILE_ID):
        return ()
    found = dict.fromkeys(_named(body))
    if len(found) > MAX_REFERENCES:
        raise Malformed(f"More than {MAX_REFERENCES} files and other states are named.")
    return tuple(found)


def may_make(fields: Fields) -> bool:
    """Say whether the answer may bring a state of its own: a thread, a container, a credit."""
    body = fields.body
    if "thread" in body or "container" in body:
        return True
    if any(beta.startswith("fallback-credit") for beta in fields.betas):
        return True
    tools = bytes(body["tools"]) if "tools" in body else b""
    return _has(tools, b"code_execution") or b"web_" in tools


def _has(written: bytes, word: bytes) -> bool:
    """Say whether a word may stand in JSON; an escape could spell any of it."""
    # From the end: CPython looks for a short word in a long text twice as fast that way.
    return written.rfind(word) >= 0 or any(written.rfind(escape) >= 0 for escape in _ESCAPED)


@cache
def _tops() -> frozenset[str]:
    return frozenset(
        top for row in table().references if (top := row.path.split(".")[0]) != "content"
    )


def _named(body: Mapping[str, Raw]) -> Iterator[Reference]:
    for row in table().references:
        if row.soft:
            continue
        top, *steps = row.path.split(".")
        if top == "content":
            for name in _HOLDING_CONTENT:
                if name in body:
                    yield from _in_content(_whole(body[name]), steps[0], row.state)
        elif top in body:
            yield from _at(_whole(body[top]), steps, row)


def _at(value: Any, steps: Sequence[str], row: Row) -> Iterator[Reference]:
    if not steps:
        if isinstance(value, str) and value:
            yield Reference(row.state, _bounded(value, row.path))
        return
    if not isinstance(value, dict):
        return
    if any(value.get(key) == word for key, word in row.except_where.items()):
        return
    name = steps[0].removesuffix("[]")
    inner = value.get(name)
    if steps[0].endswith("[]"):
        for each in inner if isinstance(inner, list) else ():
            yield from _at(each, steps[1:], row)
    else:
        yield from _at(inner, steps[1:], row)


def _in_content(value: Any, key: str, state: str) -> Iterator[Reference]:
    """Yield the ids in blocks at any depth; what a tool was called with is no block."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif isinstance(one, dict):
            name = one.get(key)
            if isinstance(name, str) and name:
                yield Reference(state, _bounded(name, key))
            waiting.extend(one[inner] for inner in _INSIDE if inner in one)


def _bounded(name: str, where: str) -> str:
    if len(name) > MAX_ID:
        raise Malformed(f"{where}: it is longer than any id.")
    return name


def _whole(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("The request body is nested too deeply, or is no JSON.") from None
