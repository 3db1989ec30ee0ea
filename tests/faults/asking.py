"""What a caller asks, and what it sees: values, whichever door the call goes in by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MODEL = "claude-opus-5-5"
STAMPS = 6
"""How often the emulator writes a stamp into an answer's text."""


@dataclass(frozen=True)
class Ask:
    """One call, told from every other by its mark."""

    mark: str
    stream: bool
    only: tuple[str, ...]
    """The upstreams that the call allows."""
    tool: bool = False
    """Whether the answer is to be a tool call."""

    @property
    def body(self) -> dict[str, Any]:
        """Return the request, without `stream`."""
        wish = "[[tool]]" if self.tool else f"[[stamp:{self.mark}]]"
        words = f"{self.mark} asks. {wish}"
        asked = {
            "model": MODEL,
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": words}],
        }
        return asked | ({"tools": [_tool(self.mark)]} if self.tool else {})

    @property
    def headers(self) -> dict[str, str]:
        """Return the labels: where it may go, and its mark, which the journal keeps."""
        return {"x-gateway-only": ",".join(self.only), "x-gateway-tag-case": self.mark}

    def said(self, ident: str | None) -> str:
        """Return all that the answer with that id says."""
        if self.tool:
            return _compact(_input(self.mark))
        return " ".join(f"{self.mark}.{ident}.{n}" for n in range(STAMPS))


@dataclass
class Seen:
    """All that a caller got of one call."""

    status: int = 0
    """0: no answer came."""
    headers: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """The events of a streamed answer."""
    message: dict[str, Any] | None = None
    """An answer that is not streamed, or what the SDK made of a streamed one."""
    error: dict[str, Any] | None = None
    """The error's envelope."""
    raised: BaseException | None = None
    """What the SDK raised."""
    odd: list[str] = field(default_factory=list)
    """What no answer may be: broken framing, a body that is no JSON, no end."""
    raw: bytes = field(default=b"", repr=False)
    """Every byte, where bytes were looked at."""

    @property
    def names(self) -> list[str]:
        """Return the types of the events."""
        return [event["type"] for event in self.events]

    @property
    def begun(self) -> bool:
        """Whether a streamed answer began before anything failed."""
        return bool(self.events)

    @property
    def whole(self) -> bool:
        """Whether the caller takes it for a success."""
        return self.error is None and self.raised is None and not self.odd

    @property
    def ident(self) -> str | None:
        """Return the id of the message."""
        for event in self.events:
            if event["type"] == "message_start":
                found: str | None = event["message"]["id"]
                return found
        return self.message.get("id") if self.message is not None else None

    @property
    def usage(self) -> dict[str, Any]:
        """Return what was used, as the caller was told at last."""
        told = [self.message or {}, *self.events]
        return next((each["usage"] for each in reversed(told) if "usage" in each), {})

    @property
    def said(self) -> str:
        """Return the text, or the input of the tool, as far as it came."""
        if not self.events:
            return _content(self.message)
        deltas = [each["delta"] for each in self.events if each["type"] == "content_block_delta"]
        return "".join(each.get("text") or each.get("partial_json") or "" for each in deltas)

    @property
    def outcome(self) -> str:
        """Return what became of the call, as the table of expectations writes it."""
        if self.odd:
            return f"odd: {self.odd[0]}"
        if self.whole:
            return "ok"
        kind = (self.error or {}).get("error", {}).get("type", type(self.raised).__name__)
        return f"event {kind}" if self.begun else f"{self.status} {kind}"


def _content(message: dict[str, Any] | None) -> str:
    said = ""
    for block in (message or {}).get("content") or ():
        said += block["text"] if block["type"] == "text" else _compact(block["input"])
    return said


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _input(mark: str) -> dict[str, str]:
    return {"path": f"/srv/{mark}", "text": f"what {mark} writes"}


def _tool(mark: str) -> dict[str, Any]:
    properties = {name: {"const": value} for name, value in _input(mark).items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": "write", "description": "Write a file.", "input_schema": schema}
