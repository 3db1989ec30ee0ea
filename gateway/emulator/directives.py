"""Marks a prompt may carry to say what is answered: `[[words:200]]`, `[[tool]]`, `[[refusal]]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.emulator.tokens import as_blocks

_MARK: Final = re.compile(
    r"\[\[(words|events|tool|refusal|pace_ms|say|stamp|geo|model)(?::([^\]]*))?\]\]"
)

_HEARD_CHARS: Final = 1000
_STAMPS: Final = 6


@dataclass(frozen=True, slots=True)
class Directives:
    """What the last user message asks of the emulator."""

    said: str = ""
    """The start of the message's text, without its marks."""
    words: int | None = None
    """How many words to answer with."""
    events: int | None = None
    """How many deltas the text of a stream is split into."""
    tool: str | None = None
    """The tool to call; empty for the first."""
    refusal: str | None = None
    """`""` to refuse before a word is said, `mid` after some."""
    pace_ms: float | None = None
    """Milliseconds between the events of a stream."""
    say: str | None = None
    """The very text to answer."""
    stamp: str | None = None
    """A word to answer with, again and again, each time with the answer's own id."""
    geo: str | None = None
    """Where the answer says that it was processed, whatever the request asked for."""
    model: str | None = None
    """Which model the answer says it is of."""


def directives(body: Mapping[str, Any]) -> Directives:
    """Return what the last user message of a checked body asks for; wrong numbers are ignored."""
    text = last_user_text(body)
    if "[[" not in text:
        return Directives(text[:_HEARD_CHARS])
    marks = {name: value or "" for name, value in _MARK.findall(text)}
    pace = marks.get("pace_ms", "")
    return Directives(
        said=_MARK.sub("", text[:_HEARD_CHARS]).strip(),
        words=_number(marks.get("words")),
        events=_number(marks.get("events")),
        tool=marks.get("tool"),
        refusal=marks.get("refusal"),
        pace_ms=float(pace) if re.fullmatch(r"\d{1,6}(\.\d+)?", pace) else None,
        say=marks.get("say"),
        stamp=marks.get("stamp"),
        geo=marks.get("geo"),
        model=marks.get("model"),
    )


def stamped(asked: Directives, ident: str) -> Directives:
    """Return what is asked of the answer with that id, its stamp written out as its text."""
    if asked.stamp is None:
        return asked
    return replace(asked, say=" ".join(f"{asked.stamp}.{ident}.{n}" for n in range(_STAMPS)))


def last_user_text(body: Mapping[str, Any]) -> str:
    """Return the text of the last user message; empty when there is none."""
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            parts = as_blocks(message["content"])
            return "\n".join(p["text"] for p in parts if p.get("type") == "text")
    return ""


def _number(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"\d{1,6}", value) else None
