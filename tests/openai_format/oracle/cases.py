"""Requests that both LiteLLM and this gateway translate; as a program, it prints them."""

from __future__ import annotations

import json
import sys
from typing import Any

MARK = {"type": "ephemeral"}
HELLO = {"role": "user", "content": "hello"}
PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
FUNCTION: dict[str, Any] = {"name": "look_up", "description": "d", "parameters": SCHEMA}
TOOL: dict[str, Any] = {"type": "function", "function": FUNCTION}


def _call(name: str, arguments: str = '{"a": "x"}') -> dict[str, Any]:
    function = {"name": "look_up", "arguments": arguments}
    return {"id": name, "type": "function", "function": function}


def _called(*names: str, **fields: Any) -> dict[str, Any]:
    calls = [_call(name) for name in names]
    return {"role": "assistant", "content": None, "tool_calls": calls, **fields}


def _answer(name: str, content: Any = "r", **fields: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": name, "content": content, **fields}


def _user(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts), **fields}


def _text(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, **fields}


def _format(**schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", **schema}}


_CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no limit": {"max_tokens": None},
    "completion limit": {"max_tokens": None, "max_completion_tokens": 9},
    "system": {"messages": [{"role": "system", "content": "s"}, HELLO]},
    "developer": {"messages": [{"role": "developer", "content": "s"}, HELLO]},
    "two systems": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "system", "content": [_text("t", cache_control=MARK)]},
            HELLO,
        ]
    },
    "system mark on the message": {
        "messages": [{"role": "system", "content": "s", "cache_control": MARK}, HELLO]
    },
    "system in the middle": {"messages": [HELLO, {"role": "system", "content": "later"}, HELLO]},
    "user mark in a part": {"messages": [_user(_text("a", cache_control=MARK), _text("b"))]},
    "user mark on the message": {"messages": [{**HELLO, "cache_control": MARK}]},
    "user mark on a message of parts": {
        "messages": [_user(_text("a"), _text("b"), cache_control=MARK)]
    },
    "two users in a row": {"messages": [HELLO, {"role": "user", "content": "again"}]},
    "image data": {
        "messages": [_user(_text("see"), {"type": "image_url", "image_url": {"url": PNG}})]
    },
    "image address": {
        "messages": [_user({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})]
    },
    "pdf": {
        "messages": [
            _user(
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,JVBERi0=",
                    },
                }
            )
        ]
    },
    "assistant": {
        "messages": [HELLO, {"role": "assistant", "content": "yes"}, HELLO],
    },
    "assistant mark": {
        "messages": [HELLO, {"role": "assistant", "content": "yes", "cache_control": MARK}, HELLO],
    },
    "a prefix at the end": {
        "model": "claude-haiku-4-5",
        "messages": [HELLO, {"role": "assistant", "content": "It is"}],
    },
    "one call": {"messages": [HELLO, _called("c1"), _answer("c1")], "tools": [TOOL]},
    "call without arguments": {
        "messages": [
            HELLO,
            {"role": "assistant", "content": None, "tool_calls": [_call("c1", "")]},
            _answer("c1"),
        ],
        "tools": [TOOL],
    },
    "call with text": {
        "messages": [HELLO, _called("c1", content="I look."), _answer("c1")],
        "tools": [TOOL],
    },
    "parallel calls": {
        "messages": [HELLO, _called("c1", "c2"), _answer("c1", "r1"), _answer("c2", "r2")],
        "tools": [TOOL],
    },
    "parallel calls and what the user says": {
        "messages": [
            HELLO,
            _called("c1", "c2"),
            _answer("c2", "r2"),
            _answer("c1", [_text("r1")]),
            {"role": "user", "content": "so?"},
        ],
        "tools": [TOOL],
    },
    "mark on a tool's answer": {
        "messages": [HELLO, _called("c1"), _answer("c1", cache_control=MARK)],
        "tools": [TOOL],
    },
    "mark in a tool's answer": {
        "messages": [HELLO, _called("c1"), _answer("c1", [_text("r", cache_control=MARK)])],
        "tools": [TOOL],
    },
    "mark on a message of calls": {
        "messages": [HELLO, _called("c1", cache_control=MARK), _answer("c1")],
        "tools": [TOOL],
    },
    "thinking goes back": {
        "messages": [
            HELLO,
            _called(
                "c1",
                reasoning_content="hm",
                thinking_blocks=[{"type": "thinking", "thinking": "hm", "signature": "s=="}],
            ),
            _answer("c1"),
        ],
        "tools": [TOOL],
        "thinking": {"type": "adaptive"},
    },
    "tool": {"tools": [TOOL]},
    "strict tool": {"tools": [{**TOOL, "function": {**FUNCTION, "strict": True}}]},
    "tool without parameters": {"tools": [{"type": "function", "function": {"name": "f"}}]},
    "mark on a tool": {"tools": [{**TOOL, "cache_control": MARK}]},
    "mark in a function": {"tools": [{**TOOL, "function": {**FUNCTION, "cache_control": MARK}}]},
    "choice auto": {"tools": [TOOL], "tool_choice": "auto"},
    "choice none": {"tools": [TOOL], "tool_choice": "none"},
    "choice required": {"tools": [TOOL], "tool_choice": "required"},
    "choice of one": {
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "look_up"}},
    },
    "one at a time": {"tools": [TOOL], "parallel_tool_calls": False},
    "one at a time, required": {
        "tools": [TOOL],
        "parallel_tool_calls": False,
        "tool_choice": "required",
    },
    "stop": {"stop": "END"},
    "stops": {"stop": ["A", "B"]},
    "temperature": {"model": "claude-haiku-4-5", "temperature": 0.5},
    "warm": {"model": "claude-haiku-4-5", "temperature": 1.0},
    "top_p": {"model": "claude-haiku-4-5", "top_p": 0.5},
    "user": {"user": "u-1"},
    "schema": {"response_format": _format(schema=SCHEMA, strict=True)},
    "json object": {"response_format": {"type": "json_object"}},
    "effort of a model that thinks by itself": {"reasoning_effort": "high"},
    "effort of a model that thinks when asked": {
        "model": "claude-opus-4-6",
        "reasoning_effort": "high",
    },
    "effort none": {"model": "claude-opus-4-6", "reasoning_effort": "none"},
    "thinking asked for": {"thinking": {"type": "adaptive"}},
    "seed": {"seed": 7},
    "two answers": {"n": 2},
    "log probabilities": {"logprobs": True},
    "penalty": {"frequency_penalty": 0.5},
    "participant's name": {"messages": [{**HELLO, "name": "ann"}]},
    "answer without a call": {"messages": [HELLO, _answer("c9")], "tools": [TOOL]},
    "top-level mark": {"cache_control": MARK},
}


def cases() -> dict[str, dict[str, Any]]:
    """Return the requests by name; a field that is None is left out."""
    base = {"model": "claude-opus-5-5", "messages": [HELLO], "max_tokens": 64}
    return {
        name: {key: value for key, value in {**base, **case}.items() if value is not None}
        for name, case in _CASES.items()
    }


if __name__ == "__main__":
    json.dump(cases(), sys.stdout)
