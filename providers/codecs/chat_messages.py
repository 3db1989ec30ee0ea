"""The messages of a Messages API request as those of a request for chat completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from providers.codecs.chat_shapes import (
    Assistant,
    Base64,
    Image,
    Marks,
    Text,
    ToolResult,
    ToolUse,
    User,
)

Message = dict[str, Any]
Part = dict[str, Any]
Lose = Callable[[str, str, bool], None]
"""Told of a part that has no place there: its name, why, and whether it may be left out."""

_NO_CITATIONS = frozenset((b"null", b"[]"))


class Messages:
    """Puts messages into chat completions.

    Args:
        lose: Told of each part that has no place there.
        marks: Whether cache marks go inside content parts.
    """

    def __init__(self, lose: Lose, *, marks: bool) -> None:
        self._lose = lose
        self._marks = marks

    def put(
        self, system: str | Sequence[Text] | None, messages: Sequence[User | Assistant]
    ) -> list[Message]:
        """Return the messages, the system prompt before all."""
        put: list[Message] = []
        if system:
            put.append({"role": "system", "content": self._said(system)})
        for message in messages:
            if isinstance(message, Assistant):
                put.append(self._assistant(message.content))
            else:
                put += self._user(message.content)
        return put

    def _said(self, content: str | Sequence[Text]) -> str | list[Part]:
        return content if isinstance(content, str) else [self._part(each) for each in content]

    def _user(self, content: str | Sequence[Text | Image | ToolResult]) -> Iterator[Message]:
        """Yield what a user's turn is there: a message for each result, one for what is between."""
        if isinstance(content, str):
            yield {"role": "user", "content": content}
            return
        parts: list[Part] = []
        for block in content:
            if not isinstance(block, ToolResult):
                parts.append(self._part(block))
                continue
            if parts:
                yield {"role": "user", "content": parts}
                parts = []
            yield self._result(block)
        if parts or not content:
            yield {"role": "user", "content": parts}

    def _assistant(self, content: str | Sequence[Text | ToolUse]) -> Message:
        if isinstance(content, str):
            return {"role": "assistant", "content": content}
        parts: list[Part] = []
        calls: list[Part] = []
        for block in content:
            if isinstance(block, ToolUse):
                calls.append(self._call(block))
                continue
            if calls:
                name = "messages[assistant].content[text]"
                self._lose(name, "text after a tool call has no place there", False)
            parts.append(self._part(block))
        message: Message = {"role": "assistant", "content": parts or None}
        return message | {"tool_calls": calls} if calls else message

    def _part(self, block: Text | Image) -> Part:
        if isinstance(block, Text):
            if bytes(block.citations) not in _NO_CITATIONS:
                name = "messages[].content[text].citations"
                self._lose(name, "a text there cites nothing", False)
            return self._marked({"type": "text", "text": block.text}, block.cache_control)
        source = block.source
        url = (
            f"data:{source.media_type};base64,{source.data}"
            if isinstance(source, Base64)
            else source.url
        )
        return self._marked({"type": "image_url", "image_url": {"url": url}}, block.cache_control)

    def _call(self, block: ToolUse) -> Part:
        arguments = bytes(block.input).decode()
        if not arguments.startswith("{"):
            name = "messages[].content[tool_use].input"
            self._lose(name, "the input of a call is an object", False)
        function = {"name": block.name, "arguments": arguments}
        return {"id": block.id, "type": "function", "function": function}

    def _result(self, block: ToolResult) -> Message:
        if block.is_error:
            name = "messages[].content[tool_result].is_error"
            self._lose(name, "that a tool failed, only its words can say there", True)
        content = self._said(block.content or "")
        if block.cache_control is not None and self._marks:
            content = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if content:
                content[-1] = self._marked(content[-1], block.cache_control)
        return {"role": "tool", "tool_call_id": block.tool_use_id, "content": content}

    def _marked(self, part: Part, mark: Marks) -> Part:
        return part if mark is None or not self._marks else {**part, "cache_control": mark}
