"""Conversations as clients send them: marks that move, and JSON written in several ways."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from gateway.call import ANYONE, Call, Caller, read_call
from providers.contract import Kind

SEAL = b"s" * 32
VERSION = (("anthropic-version", "2026-10-21"),)
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
WRITTEN: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {},
    "indented": {"indent": 2},
}

texts = st.text(max_size=40) | st.sampled_from(
    ['"cache_control": {"type": "ephemeral"}', '"role"', "\\", '{"role":"user"}', "text", "}],"]
)
blocks = st.builds(lambda text: {"type": "text", "text": text}, texts)
contents = texts | st.lists(blocks, min_size=1, max_size=3)
tools = st.lists(
    st.builds(
        lambda name, about: {"name": name, "input_schema": {"type": "object", "properties": about}},
        texts,
        st.dictionaries(st.sampled_from(["role", "signature", "path"]), blocks, max_size=2),
    ),
    max_size=2,
)


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Return the last turn of a conversation, without marks."""
    turns = draw(st.lists(contents, min_size=1, max_size=5))
    roles = ("user", "assistant")
    body: dict[str, Any] = {
        "model": "claude-opus-5-5",
        "messages": [{"role": roles[at % 2], "content": turn} for at, turn in enumerate(turns)],
    }
    if draw(st.booleans()):
        body["system"] = draw(contents)
    if draw(st.booleans()):
        body["tools"] = draw(tools)
    return body


def marked(block: dict[str, Any], mark: dict[str, Any], first: bool) -> dict[str, Any]:
    """Return a block with a mark, as its first or its last member."""
    return {"cache_control": mark, **block} if first else {**block, "cache_control": mark}


def with_mark(
    body: dict[str, Any], place: str, at: int = -1, *, first: bool = False, mark: Any = MARK
) -> dict[str, Any]:
    """Return a body with a mark on its tools, its system, or on the newest or another message.

    A text on its own becomes a block, as clients do where they mark one.
    """
    found = copy.deepcopy(body)
    holder: Any = found if place in {"tools", "system"} else found["messages"][at]
    name = place if place in {"tools", "system"} else "content"
    if isinstance(holder[name], str):
        holder[name] = [{"type": "text", "text": holder[name]}]
    holder[name][-1] = marked(holder[name][-1], mark, first)
    return found


def call(
    body: dict[str, Any],
    caller: Caller = ANYONE,
    written: str = "compact",
    kind: Kind = Kind.MESSAGES,
) -> Call:
    return read_call(kind, VERSION, json.dumps(body, **WRITTEN[written]).encode(), caller=caller)
