"""A Messages API request as one for chat completions: the only body that is parsed deeply.

What is put there and what is named as a loss come out of one walk, so nothing is left out that is
not named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from providers.codecs import anthropic_body, json_paths
from providers.codecs.chat_messages import Messages
from providers.codecs.chat_shapes import DECODERS, Auto, Never, One, Output, Required, Tool
from providers.contract import ChatDialect, Fields, Loss

MARKED = frozenset(
    {
        "system[].cache_control",
        "messages[].content[text].cache_control",
        "messages[].content[image].cache_control",
        "messages[].content[tool_result].cache_control",
        "messages[].content[tool_result].content[].cache_control",
    }
)
"""Where cache marks can be put: inside content parts."""

_CARRIED = {"stop_sequences": "stop", "temperature": "temperature", "top_p": "top_p"}
"""Fields whose values are the same there -> their names."""
_SAMPLING = ("temperature", "top_p")
_WITHOUT_SAMPLING = "2026-10-21"
"""The API version that has no sampling parameters."""
_SCHEMA_NAME = "answer"
"""Chat completions want a name for a schema; the Messages API has none."""
_INDEX = re.compile(r"\[\d+\]")
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_SHOWN = 100


class Translation:
    """One request, put into chat completions.

    Args:
        fields: The request.
        dialect: How the relay's chat completions are.
        known: What is known to be lost; what may be left out of it is.
    """

    def __init__(self, fields: Fields, dialect: ChatDialect, known: Sequence[Loss] = ()) -> None:
        self.losses: dict[str, Loss] = {loss.name: loss for loss in known}
        """What is lost, by name; where one may not be left out, `body` is not the request."""
        self._fields = fields
        self._dialect = dialect
        self._left_out = anthropic_body.paths(loss for loss in known if loss.droppable)
        self._unfit = {_top(loss.name) for loss in known if not loss.droppable}
        self.body = self._put()

    def _put(self) -> dict[str, Any]:
        messages = Messages(self._lose, marks=self._dialect.cache_markers)
        said = messages.put(self._read("system"), self._read("messages") or ())
        body: dict[str, Any] = {"messages": said}
        body |= self._carried()
        body |= self._tools(self._read("tools") or (), self._read("tool_choice"))
        body |= _output(self._read("output_config"))
        metadata = self._read("metadata")
        if metadata is not None and metadata.user_id is not None:
            body["user"] = metadata.user_id
        return body

    def _lose(self, name: str, reason: str, droppable: bool) -> None:
        self.losses.setdefault(name, Loss(name, reason, droppable))

    def _read(self, name: str) -> Any:
        """Return a field in its shape; None where it is not there, or has no place."""
        raw = self._fields.body.get(name)
        if raw is None or name in self._unfit:
            return None
        gone = self._left_out.get(name)
        left = raw if gone is None else None if () in gone else json_paths.without(raw, gone)
        if left is None:
            return None
        try:
            return DECODERS[name].decode(left)
        except msgspec.DecodeError as error:
            self._lose(name + _where(error), _why(error), False)
            return None

    def _carried(self) -> dict[str, Any]:
        fields = self._fields.body
        for name in _SAMPLING:
            if name in fields and self._fields.version == _WITHOUT_SAMPLING:
                reason = f"API version {_WITHOUT_SAMPLING} has no `{name}`"
                self._lose(name, reason, True)
        found: dict[str, Any] = {
            there: fields[name]
            for name, there in _CARRIED.items()
            if name in fields and name not in self.losses and bytes(fields[name]) != b"null"
        }
        if "max_tokens" in fields:
            found[self._dialect.max_tokens_field] = fields["max_tokens"]
        return found

    def _tools(
        self, tools: Sequence[Tool], choice: Auto | Required | One | Never | None
    ) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        if tools:
            found["tools"] = [self._tool(tool) for tool in tools]
        if choice is not None and (tools or isinstance(choice, Required | One)):
            found |= _choice(choice)
        return found

    def _tool(self, tool: Tool) -> dict[str, Any]:
        if tool.allowed_callers not in (None, ["direct"]):
            reason = "nobody but the model calls functions there"
            self._lose("tools[].allowed_callers", reason, False)
        function: dict[str, Any] = {"name": tool.name}
        if tool.description is not None:
            function["description"] = tool.description
        function["parameters"] = tool.input_schema
        if tool.strict is not None:
            function["strict"] = tool.strict
        return {"type": "function", "function": function}


def _choice(choice: Auto | Required | One | Never) -> dict[str, Any]:
    if isinstance(choice, Never):
        return {"tool_choice": "none"}
    put: dict[str, Any]
    if isinstance(choice, One):
        put = {"tool_choice": {"type": "function", "function": {"name": choice.name}}}
    else:
        put = {"tool_choice": "auto" if isinstance(choice, Auto) else "required"}
    return put | {"parallel_tool_calls": False} if choice.disable_parallel_tool_use else put


def _output(wanted: Output | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if wanted is None:
        return found
    if wanted.effort is not None:
        found["reasoning_effort"] = wanted.effort
    if wanted.format is not None:
        schema = {"name": _SCHEMA_NAME, "schema": wanted.format.schema, "strict": True}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found


def _top(name: str) -> str:
    return name.partition("[")[0].partition(".")[0]


def _where(error: msgspec.DecodeError) -> str:
    """Return the path in a decoder's words, without the numbers of list entries."""
    found = _AT.search(str(error))
    return _INDEX.sub("[]", found["path"])[:_SHOWN] if found else ""


def _why(error: msgspec.DecodeError) -> str:
    """Return what has no place; of what the caller wrote only the start is repeated."""
    said = ascii(_AT.sub("", str(error))[:_SHOWN])[1:-1]
    return f"it has no place in chat completions: {said}"
