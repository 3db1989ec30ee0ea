"""What the Messages API refuses in `messages`: roles, blocks, tool results, signatures, prefill."""

from __future__ import annotations

from typing import Any, Final

from gateway.emulator.answers import signature
from gateway.emulator.problems import Problem

ROLES: Final = ("user", "assistant", "system")
_NEEDS: Final = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
}
"""Block type -> the keys it must have. Other types (server tools, newer ones) pass unchecked."""
_STRINGS: Final = frozenset({"text", "id", "name", "tool_use_id", "thinking", "signature"})


def check_turns(messages: list[Any], *, prefill: bool, strict: bool) -> None:
    """Check a conversation; raises Problem (400).

    Args:
        messages: The `messages` field, known to be a list.
        prefill: Whether the model goes on with an assistant message.
        strict: Whether the rules of API version 2026-10-21 hold.
    """
    if not messages:
        raise Problem(400, "messages: at least one message is required")
    for i, message in enumerate(messages):
        _turn(i, message, last=i == len(messages) - 1, strict=strict)
    if messages[0]["role"] == "assistant":
        raise Problem(400, 'messages: first message must use the "user" role')
    _tool_results(messages)
    if messages[-1]["role"] == "assistant" and not prefill:
        words = "This model does not support assistant message prefill."
        raise Problem(400, f"{words} The conversation must end with a user message.")


def _turn(i: int, message: Any, *, last: bool, strict: bool) -> None:
    place = f"messages.{i}"
    if not isinstance(message, dict):
        raise Problem(400, f"{place}: Input should be a valid dictionary")
    for name in ("role", "content"):
        if name not in message:
            raise Problem(400, f"{place}.{name}: Field required")
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise Problem(400, f"{place}.role: Input should be 'user' or 'assistant'")
    if not isinstance(content, str | list):
        raise Problem(400, f"{place}.content: Input should be a valid list")
    if not content and not (last and role == "assistant"):
        raise Problem(400, f"{place}: {role} messages must have non-empty content")
    for j, block in enumerate(content if isinstance(content, list) else ()):
        _block(f"{place}.content.{j}", block, role, strict=strict)


def _block(place: str, block: Any, role: str, *, strict: bool) -> None:
    if not isinstance(block, dict):
        raise Problem(400, f"{place}: Input should be a valid dictionary")
    kind = block.get("type")
    if not isinstance(kind, str):
        raise Problem(400, f"{place}.type: Field required")
    for name in _NEEDS.get(kind, ()):
        if name not in block:
            raise Problem(400, f"{place}.{kind}.{name}: Field required")
        if name in _STRINGS and not isinstance(block[name], str):
            raise Problem(400, f"{place}.{kind}.{name}: Input should be a valid string")
    if kind == "text" and not block["text"]:
        raise Problem(400, "messages: text content blocks must be non-empty")
    if kind == "thinking" and block["signature"] != signature(block["thinking"]):
        raise Problem(400, f"{place}: Invalid `signature` in `thinking` block")
    if strict and kind == "document" and role == "assistant":
        raise Problem(400, f"{place}: `document` blocks are not permitted in assistant messages")
    if strict and kind == "text" and role == "user" and block.get("citations"):
        raise Problem(400, f"{place}.text.citations: Extra inputs are not permitted")


def _ids(message: dict[str, Any], kind: str, key: str) -> list[str]:
    content = message["content"]
    if isinstance(content, str):
        return []
    return [str(block[key]) for block in content if block.get("type") == kind]


def _tool_results(messages: list[dict[str, Any]]) -> None:
    asked: list[str] = []
    turns = [(i, m) for i, m in enumerate(messages) if m["role"] != "system"]
    for i, message in turns:
        answered = _ids(message, "tool_result", "tool_use_id")
        for ident in answered:
            if ident not in asked:
                words = "unexpected `tool_use_id` found in `tool_result` blocks"
                raise Problem(400, f"messages.{i}.content: {words}: {ident}.")
        missing = [ident for ident in asked if ident not in answered]
        if missing:
            words = "`tool_use` ids were found without `tool_result` blocks immediately after"
            raise Problem(400, f"messages.{i - 1}: {words}: {', '.join(missing)}.")
        asked = _ids(message, "tool_use", "id")
