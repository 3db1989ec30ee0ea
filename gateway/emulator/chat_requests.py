"""What a request for chat completions asks for, checked, and as the emulated model reads it.

Which fields there are, and what they hold, follows openai 3.54.0, types/chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode

from gateway.emulator.problems import Problem

FIELDS: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "stop", "tools", "tool_choice", "parallel_tool_calls", "user"),
        *("response_format", "reasoning_effort", "metadata", "n", "seed", "safety_identifier"),
    }
)
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_DEFAULT_TOKENS: Final = 4096
_DATA: Final = re.compile(r"data:(?P<type>[^;,]+);base64,(?P<data>[A-Za-z0-9+/=]*)")
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}


def check(body: Mapping[str, Any]) -> None:
    """Check the fields of a request; raises Problem (400)."""
    for name in body:
        if name not in FIELDS:
            raise Problem(400, f"Unrecognized request argument supplied: {name}")
    if not isinstance(body.get("model"), str):
        raise Problem(400, "you must provide a model parameter")
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise Problem(400, "Missing required parameter: 'messages'.")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Problem(
            400, "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Problem(400, "Setting 'max_tokens' and 'max_completion_tokens' is not supported.")
    if body.get("reasoning_effort") not in (None, *EFFORTS):
        raise Problem(400, "Invalid value: 'reasoning_effort'.")
    if body.get("tool_choice") is not None and not body.get("tools"):
        raise Problem(400, "'tool_choice' is only allowed when 'tools' are specified.")
    if body.get("tools") == []:
        raise Problem(400, "Invalid 'tools': empty array.")
    _check_turns(body["messages"])


def _check_turns(messages: Sequence[Any]) -> None:
    """Check that calls are answered, each at once and by its id."""
    waiting: list[str] = []
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Problem(400, f"Invalid type for 'messages[{at}]'.")
        role = message["role"]
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                words = "must be a response to a preceeding message with 'tool_calls'"
                raise Problem(400, f"messages with role 'tool' {words}.")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            words = "An assistant message with 'tool_calls' must be followed by tool messages"
            raise Problem(400, f"{words} responding to each 'tool_call_id': {', '.join(waiting)}")
        if role == "assistant":
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
        elif role not in ("system", "developer", "user"):
            raise Problem(400, f"Invalid value: '{role}'.")


def as_messages(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked request as one of the Messages API; raises Problem for what is odd in it."""
    asked: dict[str, Any] = {
        "model": body["model"],
        "max_tokens": body.get("max_completion_tokens")
        or body.get("max_tokens")
        or _DEFAULT_TOKENS,
        "messages": _turns(body["messages"]),
    }
    system = [m["content"] for m in body["messages"] if m["role"] in ("system", "developer")]
    if system:
        asked["system"] = _joined(system)
    stop = body.get("stop")
    if stop is not None:
        asked["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if body.get("tools"):
        asked["tools"] = [_tool(tool) for tool in body["tools"]]
    if body.get("tool_choice") is not None:
        asked["tool_choice"] = _choice(body["tool_choice"])
    if body.get("reasoning_effort") not in (None, "none"):
        asked["thinking"] = {"type": "adaptive"}
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = wanted["json_schema"]
        if not schema.get("name"):
            raise Problem(400, "Missing required parameter: 'response_format.json_schema.name'.")
        asked["output_config"] = {"format": {"type": "json_schema", "schema": schema["schema"]}}
    return asked


def _joined(contents: Sequence[Any]) -> Any:
    """Return contents as one; a single text stays what it was written as."""
    if len(contents) == 1 and isinstance(contents[0], str):
        return contents[0]
    return [block for content in contents for block in _blocks(content)]


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the turns: results of tools are the user's, and stand together."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] in ("system", "developer"):
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        if turns and turns[-1]["role"] == role == "user":
            turns[-1]["content"] = [*_blocks(turns[-1]["content"]), *_said(message)]
        elif message["role"] == "tool" or message.get("tool_calls"):
            turns.append({"role": role, "content": list(_said(message))})
        else:
            turns.append({"role": role, "content": _joined([message.get("content")])})
    return turns


def _said(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if message["role"] == "tool":
        content = _blocks(message["content"])
        yield {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}
        return
    yield from _blocks(message.get("content"))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        try:
            given = decode(function["arguments"])
        except DecodeError:
            raise Problem(400, "Invalid 'tool_calls': 'arguments' is no JSON.") from None
        yield {"type": "tool_use", "id": call["id"], "name": function["name"], "input": given}


def _blocks(content: Any) -> list[dict[str, Any]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [part if "tool_use_id" in part else _block(part) for part in content]


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    mark = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    if part.get("type") == "text":
        return {"type": "text", "text": part["text"], **mark}
    if part.get("type") != "image_url":
        raise Problem(400, f"Invalid content part type: '{part.get('type')}'.")
    url = part["image_url"]["url"]
    inline = _DATA.fullmatch(url)
    source = (
        {"type": "url", "url": url}
        if inline is None
        else {"type": "base64", "media_type": inline["type"], "data": inline["data"]}
    )
    return {"type": "image", "source": source, **mark}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        raise Problem(400, "Missing required parameter: 'tools[0].function'.")
    made = {"name": function["name"], "input_schema": function.get("parameters") or {}}
    if "description" in function:
        made["description"] = function["description"]
    return made


def _choice(choice: Any) -> dict[str, Any]:
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise Problem(400, f"Invalid value: '{choice}'.")
        return {"type": _CHOICES[choice]}
    return {"type": "tool", "name": choice["function"]["name"]}
