"""What a bare SDK client feels of an answer: an error, a quiet end, or the whole of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anthropic import APIStatusError
from anthropic.types import Message

from tests.faults_are_real.clients import MODELS, TOOL, Client

Shown = list[dict[str, Any]]
"""The message, or each event of its stream, without ids."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks, and how."""

    platform: str
    stream: bool
    prompt: str


@dataclass(frozen=True, slots=True)
class Felt:
    """What came of a question."""

    shown: Shown
    error: BaseException | None = None
    text: str = ""
    """Everything an error says, with its body and headers, in lower case."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """The types of the events, in their order."""
        return [str(event.get("type")) for event in self.shown]

    @property
    def content(self) -> bool:
        """Whether an event came that carries content."""
        return any(kind.startswith("content_block") for kind in self.kinds)

    def outcome(self, whole: Shown) -> str:
        """Return a word for it, `whole` being what an unbroken answer is.

        An error's class; `complete`; `empty` for a stream without an event that raises nothing;
        `quiet` for one that ends without `message_stop` and raises nothing; and `taken` for
        anything else that the client takes for an answer.
        """
        if self.error is not None:
            return class_name(self.error)
        if self.shown == whole:
            return "complete"
        if not self.shown:
            return "empty"
        return "quiet" if "message_start" in self.kinds and not self._stopped else "taken"

    @property
    def _stopped(self) -> bool:
        return self.kinds[-1] == "message_stop"


def class_name(error: BaseException | None) -> str:
    """Return an exception's class with its module."""
    return f"{type(error).__module__}.{type(error).__qualname__}"


def ask(client: Client, question: Question) -> Felt:
    """Ask, read all that comes, and return what was felt."""
    seen: Shown = []
    try:
        made: Any = client.messages.create(
            model=MODELS[question.platform],
            max_tokens=400,
            stream=question.stream,
            messages=[{"role": "user", "content": question.prompt}],
            tools=[TOOL],  # type: ignore[list-item]
        )
        for part in made if question.stream else (made,):
            seen.append(_shown(part))
    except Exception as error:  # noqa: BLE001 - which one it is, is what a proof is about
        if not isinstance(error, APIStatusError):
            return Felt(seen, error, str(error).lower())
        said = f"{error} {error.type} {error.response.headers}".lower()
        return Felt(seen, error, said, error.response.headers)
    return Felt(seen)


def _shown(part: Any) -> dict[str, Any]:
    if not hasattr(part, "model_dump"):
        return {"type": type(part).__name__}
    shown: dict[str, Any] = part.model_dump(warnings=False)
    message = shown if isinstance(part, Message) else shown.get("message") or {}
    message.pop("id", None)
    return shown
