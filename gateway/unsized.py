"""What of a request its own size does not bound: input that stands elsewhere, and more runs. Pure.

Of the body only types are read, wherever blocks and tools lie; what cannot be read may be anything.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from msgspec import Raw, Struct

from providers.data_files import Table
from providers.shapes import ready

DOCUMENTS = "documents"
"""Input that is only named (a URL, a file) or packed (an image, a PDF): the model's window alone
bounds what a run reads."""
SERVER_TOOLS = "server_tools"
"""The platform may run tools, or models more than once: nothing bounds that."""

MOST_BRACES = 50_000
"""How many objects are looked at: a tenth of a second's work at most; more may be anything."""
_NOTHING = frozenset({b"null", b"[]", b"{}", b'""'})
_SPELLED_OUT = frozenset({"text", "content"})
"""Types of sources whose input stands in the body as it is."""
_EDITS = "context_management"
_COMPACTS = re.compile(rb"compact|\\u")
"""An edit that reads the conversation once more; an escape may spell it."""
_HOLDING = ("messages", "system")
_VERSION = re.compile(r"_20[0-9]{6}")
_Any = str | int | float | bool | None


class _Tool(Struct, gc=False):
    type: str | None = None


class _Change(Struct, gc=False):
    definition: _Tool | None = None


class _Source(Struct, gc=False):
    type: str | None = None
    content: list[_Block | _Any] | _Block | _Any = None


class _Block(Struct, gc=False):
    source: _Source | _Any = None
    file_id: str | None = None
    tool: _Change | _Any = None
    content: list[_Block | _Any] | _Block | _Any = None
    tool_changes: list[_Block | _Any] | _Block | _Any = None
    state_changes: list[_Block | _Any] | _Block | _Any = None
    tool_references: list[_Block | _Any] | _Block | _Any = None


@ready
class _UnsizedFile(Table, kw_only=True):
    sized: frozenset[str]
    client_tools: frozenset[str]


_blocks = msgspec.json.Decoder(list[_Block | _Any] | _Block | _Any).decode
_tools = msgspec.json.Decoder(list[_Tool] | None).decode


@cache
def _file() -> _UnsizedFile:
    text = (resources.files("gateway") / "data" / "unsized.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _UnsizedFile)


def unsized(body: Mapping[str, Raw]) -> tuple[str, ...]:
    """Return which of `DOCUMENTS` and `SERVER_TOOLS` a request has, by its top-level fields."""
    if any(_crowded(body[name]) for name in (*_HOLDING, "tools") if name in body):
        return DOCUMENTS, SERVER_TOOLS
    try:
        found = {*_by_name(body), *_by_block(body), *_by_tool(body)}
    except (msgspec.DecodeError, RecursionError):
        return DOCUMENTS, SERVER_TOOLS
    return tuple(sorted(found))


def _crowded(raw: Raw) -> bool:
    """Say whether a value may hold too many objects; braces in texts count too."""
    return len(memoryview(raw)) > MOST_BRACES and bytes(raw).count(b"{") > MOST_BRACES


def _by_name(body: Mapping[str, Raw]) -> Iterator[str]:
    for name in body.keys() - _file().sized:
        value = bytes(body[name])
        if value not in _NOTHING and (name != _EDITS or _COMPACTS.search(value)):
            yield SERVER_TOOLS


def _by_tool(body: Mapping[str, Raw]) -> Iterator[str]:
    tools = _tools(body["tools"]) if "tools" in body else None
    return (SERVER_TOOLS for tool in tools or () if not _runs_at_the_caller(tool))


def _by_block(body: Mapping[str, Raw]) -> Iterator[str]:
    waiting: list[Any] = [_blocks(body[name]) for name in _HOLDING if name in body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(each for each in value if isinstance(each, list | _Block))
        elif isinstance(value, _Block):
            source, change = value.source, value.tool
            if isinstance(source, _Source):
                waiting.append(source.content)
                if source.type not in _SPELLED_OUT:
                    yield DOCUMENTS
            if value.file_id is not None:
                yield DOCUMENTS
            if isinstance(change, _Change) and not _runs_at_the_caller(change.definition):
                yield SERVER_TOOLS
            inside = (
                value.content,
                value.tool_changes,
                value.state_changes,
                value.tool_references,
            )
            waiting.extend(each for each in inside if isinstance(each, list | _Block))


def _runs_at_the_caller(tool: _Tool | None) -> bool:
    if tool is None or tool.type in {None, "custom"}:
        return True
    return _VERSION.sub("", tool.type or "") in _file().client_tools
