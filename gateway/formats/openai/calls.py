"""Tools: their definitions, the choice among them, their calls and their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from gateway.formats.openai.asked import (
    ABSENT,
    Choice,
    FunctionTool,
    Request,
    TextPart,
    ToolCall,
    is_given,
)
from gateway.formats.openai.asked import Tool as Answered
from gateway.formats.openai.blocks import Block, Tool, ToolResult, ToolUse, mark
from gateway.formats.openai.parts import blocks
from gateway.formats.openai.reading import refused

_NO_PARAMETERS = Raw(b'{"type":"object","properties":{}}')
_NOTHING = Raw(b"{}")
_arguments = msgspec.json.Decoder(dict[str, Raw])


def tools(asked: Sequence[FunctionTool]) -> list[Tool]:
    """Return the tools that the model may use."""
    return [_tool(each, f"tools[{at}]") for at, each in enumerate(asked)]


def _tool(asked: FunctionTool, path: str) -> Tool:
    function = asked.function
    marks = [each for each in (asked.cache_control, function.cache_control) if is_given(each)]
    if len(marks) > 1 and marks[0] != marks[1]:
        raise refused(f"{path}.cache_control", "its function has another one")
    schema = function.parameters
    has_schema = is_given(schema) and bytes(schema).strip(b"{} \t\r\n") != b""
    return Tool(
        name=function.name,
        input_schema=schema if has_schema else _NO_PARAMETERS,
        description=function.description,
        strict=True if function.strict else None,
        cache_control=marks[0] if marks else ABSENT,
    )


def choice(request: Request) -> Mapping[str, object] | None:
    """Return which tools the model must use; None: the request says nothing of that."""
    asked, one_at_a_time = request.tool_choice, request.parallel_tool_calls is False
    if not request.tools:
        if asked is not None and asked != "none":
            raise refused("tool_choice", "it needs `tools`")
        return None
    if asked is None and not one_at_a_time:
        return None
    chosen = _chosen(asked)
    if one_at_a_time and asked != "none":
        return {**chosen, "disable_parallel_tool_use": True}
    return chosen


def _chosen(asked: str | Choice | None) -> dict[str, object]:
    if isinstance(asked, Choice):
        return {"type": "tool", "name": asked.function.name}
    return {"type": "any" if asked == "required" else asked or "auto"}


def tool_use(call: ToolCall, path: str) -> ToolUse:
    """Return a call of a tool; raises Malformed where its arguments are no JSON object."""
    written = call.function.arguments
    if not written.strip():
        return ToolUse(call.id, call.function.name, _NOTHING, call.cache_control)
    try:
        _arguments.decode(written)
    except (msgspec.DecodeError, RecursionError):
        where = f"{path}.function.arguments"
        raise refused(where, "it has to be a JSON object, in a string") from None
    return ToolUse(call.id, call.function.name, Raw(written.encode()), call.cache_control)


def tool_result(message: Answered, path: str) -> ToolResult:
    """Return what a tool answered. A mark on one of its parts is the whole answer's."""
    content = message.content
    if isinstance(content, str):
        return ToolResult(message.tool_call_id, content or None, message.cache_control)
    result = ToolResult(message.tool_call_id, None, message.cache_control)
    made: list[Block] = []
    for at, part in enumerate(content):
        marked, part.cache_control = part.cache_control, ABSENT
        if not mark(result, marked):
            raise refused(f"{path}.content[{at}].cache_control", "the message has another one")
        if not isinstance(part, TextPart) or part.text:
            made += blocks([part], f"{path}.content")
    result.content = made or None
    return result
