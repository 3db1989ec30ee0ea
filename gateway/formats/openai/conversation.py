"""The messages of a request as a system prompt and turns.

System messages at the start are the system prompt; one that comes later stays where it is, in a
message of the role `system`. What tools answered stands in one turn of the user, together with
what the user says right after it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from gateway.errors import quoted
from gateway.formats.openai import calls
from gateway.formats.openai.asked import Assistant, Developer, Message, System, Tool, User
from gateway.formats.openai.blocks import THINKING, Block, Kind, Text, Turn, mark
from gateway.formats.openai.parts import Part, blocks
from gateway.formats.openai.reading import decoded, refused
from gateway.repeated_keys import repeated_key

_object = msgspec.json.Decoder(dict[str, Raw])
_kind = msgspec.json.Decoder(Kind)


class Conversation:
    """What a list of messages says. Raises Malformed for one that cannot be told."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.system: list[Block] = []
        self.turns: list[Turn] = []
        self.left_out: list[str] = []
        """The paths of what has no place."""
        self._open: dict[str, str] = {}
        """The calls that wait for an answer, and their paths."""
        self._answers: list[Block] | None = None
        """The blocks of a turn in which tools answer."""
        for at, message in enumerate(messages):
            self._take(message, f"messages[{at}]")
        self._close()
        if not self.turns:
            raise refused("messages", "beside the system prompt, a message of the user is required")

    def _take(self, message: Message, path: str) -> None:
        if isinstance(message, Tool):
            self._answer(message, path)
            return
        self._close()
        if isinstance(message, User):
            self._user(message, path)
        elif isinstance(message, Assistant):
            self._answers = None
            self._assistant(message, path)
        else:
            self._instruct(message, path)

    def _user(self, message: User, path: str) -> None:
        content = message.content
        if self._answers is None and isinstance(content, str) and not message.cache_control:
            _check_text(content, path)
            self.turns.append(Turn("user", content))
            return
        said = _said(content, message.cache_control, path)
        if self._answers is None:
            self.turns.append(Turn("user", said))
        else:
            self._answers += said
            self._answers = None

    def _instruct(self, message: System | Developer, path: str) -> None:
        said = _said(message.content, message.cache_control, path)
        if not self.turns:
            self.system += said
            return
        self._answers = None
        self.turns.append(Turn("system", said))

    def _assistant(self, message: Assistant, path: str) -> None:
        made: list[Block] = [
            _thought(raw, f"{path}.thinking_blocks[{at}]")
            for at, raw in enumerate(message.thinking_blocks or ())
        ]
        if message.reasoning_content and not made:
            self.left_out.append(f"{path}.reasoning_content")
        if message.annotations:
            self.left_out.append(f"{path}.annotations")
        said = () if message.content is None else blocks(message.content, f"{path}.content")
        made += [block for block in said if not isinstance(block, Text) or block.text]
        if message.refusal:
            made.append(Text(message.refusal))
        for at, call in enumerate(message.tool_calls or ()):
            where = f"{path}.tool_calls[{at}]"
            made.append(calls.tool_use(call, where))
            self._open[call.id] = where
        if not made:
            raise refused(f"{path}.content", "it says nothing, and there are no tool_calls")
        _mark(made, message.cache_control, path)
        content: str | list[Block] = made
        if len(made) == 1 and isinstance(made[0], Text) and not made[0].cache_control:
            content = made[0].text
        self.turns.append(Turn("assistant", content))

    def _answer(self, message: Tool, path: str) -> None:
        if self._open.pop(message.tool_call_id, None) is None:
            shown = quoted(message.tool_call_id)
            raise refused(
                f"{path}.tool_call_id",
                f"{shown}: no call of a tool in the message before has this id",
            )
        result = calls.tool_result(message, path)
        if self._answers is None:
            self._answers = []
            self.turns.append(Turn("user", self._answers))
        self._answers.append(result)

    def _close(self) -> None:
        """Refuse what comes while a call has no answer."""
        for named, path in self._open.items():
            shown = quoted(named)
            raise refused(
                path, f"{shown}: a message of the role tool has to follow with this tool_call_id"
            )


def _said(content: str | Sequence[Part], at: Raw, path: str) -> list[Block]:
    made = blocks(content, f"{path}.content")
    for number, block in enumerate(made):
        if isinstance(block, Text):
            inner = f"content[{number}].text" if not isinstance(content, str) else "content"
            _check_text(block.text, path, inner)
    if not made:
        raise refused(f"{path}.content", "it says nothing")
    _mark(made, at, path)
    return made


def _check_text(text: str, path: str, inner: str = "content") -> None:
    if not text:
        raise refused(f"{path}.{inner}", "it is empty, which Claude does not take")


def _mark(made: Sequence[Block], at: Raw, path: str) -> None:
    if not mark(made[-1], at):
        raise refused(f"{path}.cache_control", "its last part has another one, or can have none")


def _thought(raw: Raw, path: str) -> Raw:
    """Return a block of thinking as it was made: in a stream it also had an index."""
    fields = decoded(_object, raw, path)
    if (key := repeated_key(bytes(raw), fields)) is not None:
        raise refused(f"{path}.{quoted(key)}", "it is there twice")
    if decoded(_kind, raw, path).type not in THINKING:
        raise refused(f"{path}.type", f"only {' and '.join(sorted(THINKING))} stand here")
    if "index" not in fields:
        return raw
    return Raw(msgspec.json.encode({key: fields[key] for key in fields if key != "index"}))
