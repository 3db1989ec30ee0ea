"""Read what the tools, the messages and the settings of a request ask for.

Each object on the way is read one level deep: what a tool was called with, what it answered and
what a schema says of a tool that is not strict are never decoded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from gateway.errors import Malformed
from gateway.policy import plain_json, schema_values
from gateway.policy.findings import Findings, is_null

MAX_DEPTH = 10
"""Levels of content in content; the SDK's types have four."""

_INSIDE = ("content", "tool_changes", "state_changes", "tool_references")
"""Keys of a block under which other blocks lie."""
_TELLING = frozenset(
    {*_INSIDE, "caller", "cache_control", "definition", "file_id", "name", "source", "tool"}
)
"""Keys of a block that are looked into."""
_SHORT = 64
"""Bytes up to which it is worth to remember what a cache mark says."""
_TEXT, _LIST, _OBJECT = b'"[{'


def tools(found: Findings, raw: Raw, where: str = "tools") -> None:
    """Read the tools of a request."""
    for at, tool in enumerate(found.objects(raw, "tools", where)):
        _tool(found, tool, f"{where}[{at}]")


def messages(found: Findings, raw: Raw) -> None:
    """Read the messages of a request."""
    for at, message in enumerate(found.objects(raw, "messages", "messages")):
        where = f"messages[{at}]"
        found.keys(message, found.table.message_keys, "messages[]", where)
        if "content" in message:
            _content(found, message["content"], f"{where}.content", 0)
        if "output_config" in message:
            output_config(found, message["output_config"], f"{where}.output_config")
        if "cache_control" in message:
            cache_control(found, message["cache_control"], f"{where}.cache_control")


def system(found: Findings, raw: Raw) -> None:
    """Read the system prompt's blocks."""
    _content(found, raw, "system", 0)


def output_config(found: Findings, raw: Raw, where: str = "output_config") -> None:
    """Read the settings of the answer, and the schema in them."""
    for key, value in found.fields(raw, "output_config", where).items():
        found.path(f"output_config.{key}", f"{where}.{key}")
        if key == "format" and not is_null(value):
            found.path("output_config.format=", f"{where}.{key}")
            _schema(found, value, f"{where}.{key}")


def output_format(found: Findings, raw: Raw) -> None:
    """Read the schema of an answer as older clients send it."""
    _schema(found, raw, "output_format")


def cache_control(found: Findings, raw: Raw, where: str = "cache_control") -> None:
    """Read a mark of the prompt cache; the same few recur all over a request."""
    if len(memoryview(raw)) <= _SHORT:
        keys = _mark_keys(bytes(raw))
        if keys is not None and keys <= found.table.plain_mark_keys:
            return
    for key in found.fields(raw, "cache_control", where):
        found.path(f"cache_control.{key}", f"{where}.{key}")


@lru_cache(maxsize=64)
def _mark_keys(raw: bytes) -> frozenset[str] | None:
    """Return the keys of a cache mark that is written in the usual way, else None."""
    try:
        mark = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    usual = isinstance(mark, dict) and msgspec.json.encode(mark) == raw
    return frozenset(mark) if usual else None


def container(found: Findings, raw: Raw) -> None:
    """Read the container a request runs code in: an id, or an object with skills."""
    if is_null(raw):
        return
    found.path("container=", "container")
    if memoryview(raw)[0] == _TEXT:
        return
    for key, value in found.fields(raw, "container", "container").items():
        found.path(f"container.{key}", f"container.{key}")
        if key == "skills" and not is_null(value):
            found.path("container.skills=", "container.skills")


def context_management(found: Findings, raw: Raw) -> None:
    """Read what is to be edited out of the context."""
    for key, value in found.fields(raw, "context_management", "context_management").items():
        name = f"context_management.{key}"
        found.path(name, name)
        if key == "edits":
            for at, edit in enumerate(found.objects(value, name, name)):
                where = f"{name}[{at}]"
                kind = found.text(edit.get("type"), name, where)
                if kind is not None:
                    found.path(f"{name}[{kind}]", where)


def fallbacks(found: Findings, raw: Raw) -> None:
    """Read the models that may answer instead: a list, or the word that lets the platform choose.

    The word is a model of that name to whoever decides which models may answer.
    """
    if memoryview(raw)[0] == _TEXT:
        word = found.text(raw, "fallbacks", "fallbacks") or ""
        found.path(f"fallbacks={word}", "fallbacks")
        found.model(raw, "fallbacks", "fallbacks")
        return
    for at, entry in enumerate(found.objects(raw, "fallbacks", "fallbacks")):
        where = f"fallbacks[{at}]"
        found.path("fallbacks[]", where)
        found.keys(entry, found.table.fallback_keys, "fallbacks[]", where)
        found.model(entry.get("model"), "fallbacks[].model", where)
        if "output_config" in entry:
            output_config(found, entry["output_config"], f"{where}.output_config")
        if "speed" in entry:
            speed(found, entry["speed"])


def speed(found: Findings, raw: Raw) -> None:
    """Read how fast the answer is to come."""
    if not is_null(raw):
        value = found.text(raw, "speed", "speed")
        if value is not None:
            found.path(f"speed={value}", "speed")


def _tool(found: Findings, tool: dict[str, Raw], where: str) -> None:
    """Read one tool; one without a type is a custom one."""
    found.keys(tool, found.table.tool_keys, "tools[]", where)
    raw = tool.get("type")
    kind = "custom" if raw is None or is_null(raw) else found.text(raw, "tools[].type", where)
    if kind is not None:
        found.mark(found.table.tools, kind, where)
    if "model" in tool:
        found.model(tool["model"], "tools[].model", f"{where}.model")
    found.switch(tool.get("defer_loading"), "tools[].defer_loading", where)
    _configs(found, tool, where)
    if found.switch(tool.get("strict"), "tools[].strict", where) and "input_schema" in tool:
        _schema(found, tool["input_schema"], f"{where}.input_schema")
    if "allowed_callers" in tool:
        _callers(found, tool["allowed_callers"], f"{where}.allowed_callers")
    for key in ("cache_control", "caching"):
        if key in tool:
            cache_control(found, tool[key], f"{where}.{key}")


def _configs(found: Findings, tool: dict[str, Raw], where: str) -> None:
    """Read what a toolset says of its tools: of all of them, and of each by name."""
    configs = []
    if "default_config" in tool:
        configs.append(tool["default_config"])
    if "configs" in tool:
        configs.extend(found.fields(tool["configs"], "tools[].configs", where).values())
    for raw in configs:
        config = found.fields(raw, "tools[].configs", where)
        found.switch(config.get("defer_loading"), "tools[].defer_loading", where)


def _callers(found: Findings, raw: Raw, where: str) -> None:
    callers = plain_json.whole(raw, where)
    if not isinstance(callers, list):
        callers = [] if callers is None else [callers]
    for caller in callers:
        found.path(f"allowed_callers[{caller if isinstance(caller, str) else ''}]", where)


def _schema(found: Findings, raw: Raw, where: str) -> None:
    """Note whether a schema that a platform compiles says more than types."""
    if schema_values.has_values(found.schema(raw, where)):
        found.path("json_schema.values", where)


def _content(found: Findings, raw: Raw, where: str, depth: int) -> None:
    """Read content: a text, a block or a list of blocks."""
    first = memoryview(raw)[0]
    if first == _LIST:
        if depth > MAX_DEPTH:
            raise Malformed(f"{where}: content is nested too deeply.")
        for at, block in enumerate(found.objects(raw, "content", where)):
            _block(found, block, f"{where}[{at}]", depth)
    elif first == _OBJECT:
        if depth > MAX_DEPTH:
            raise Malformed(f"{where}: content is nested too deeply.")
        _block(found, found.fields(raw, "content", where), where, depth)
    elif first != _TEXT and not is_null(raw):
        found.doubt("content", where)


def _block(found: Findings, block: dict[str, Raw], where: str, depth: int) -> None:
    kind = found.text(block.get("type"), "content[].type", where)
    if kind is not None:
        found.mark(found.table.blocks, kind, where)
    if _TELLING.isdisjoint(block):
        return
    for key in _INSIDE:
        if key in block:
            _content(found, block[key], f"{where}.{key}", depth + 1)
    if "source" in block and memoryview(block["source"])[0] != _TEXT:
        _source(found, block["source"], f"{where}.source", depth)
    _marks_of(found, block, where)
    if kind == "server_tool_use":
        name = found.text(block.get("name"), "server_tool_use.name", where)
        if name is not None:
            found.path(f"server_tool_use.name={name}", where)


def _marks_of(found: Findings, block: dict[str, Raw], where: str) -> None:
    """Read the keys of a block that hold no content."""
    if "cache_control" in block:
        cache_control(found, block["cache_control"], f"{where}.cache_control")
    if "file_id" in block:
        found.path("file_id", where)
    if "caller" in block and not is_null(block["caller"]):
        _typed(found, block["caller"], "caller", f"{where}.caller")
    if "tool" in block:
        tool = _typed(found, block["tool"], "tool", f"{where}.tool")
        if "definition" in tool:
            inner = found.fields(tool["definition"], "tool.definition", f"{where}.tool.definition")
            _tool(found, inner, f"{where}.tool.definition")


def _source(found: Findings, raw: Raw, where: str, depth: int) -> None:
    """Read where an image or a document comes from."""
    if is_null(raw):
        return
    source = _typed(found, raw, "source", where)
    if "file_id" in source:
        found.path("file_id", where)
    if "content" in source:
        _content(found, source["content"], f"{where}.content", depth + 1)


def _typed(found: Findings, raw: Raw, name: str, where: str) -> dict[str, Any]:
    """Return an object's fields and note its type as `name[type]`."""
    fields = found.fields(raw, name, where)
    kind = found.text(fields.get("type"), name, where)
    if kind is not None:
        found.path(f"{name}[{kind}]", where)
    return fields
