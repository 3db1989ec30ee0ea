"""The content blocks of a streamed answer, put one after the other.

Chunks of a chat completion may go back and forth between calls of tools. Events of the Messages API
do not: a block is closed before the next one begins, and what is closed gets nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from providers.codecs.chat_answer import Call, Odd, is_object, own_id
from providers.codecs.sse import UNFINISHED_BYTES, frame

MOST_CALLS = 1024
"""More calls are no answer to anything."""

_encode = msgspec.json.encode
_TEXT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%b}}\n\n'
)
_INPUT = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"input_json_delta","partial_json":%b}}\n\n'
)


class _Block:
    """One block; `name` is None for text."""

    __slots__ = ("at", "closed", "held", "id", "name", "told")

    def __init__(
        self, name: str | None = None, ident: str | None = None, told: str | None = None
    ) -> None:
        self.name = name
        self.id = ident
        self.told = told
        """The id that the relay gave it."""
        self.at = -1
        """Its place among the events; -1: it waits."""
        self.closed = False
        self.held = bytearray()
        """The arguments so far; of a text only what waits."""

    def start(self, at: int) -> bytes:
        self.at = at
        block: dict[str, object] = {"type": "text", "text": ""}
        if self.name is not None:
            block = {"type": "tool_use", "id": self.id, "name": self.name, "input": {}}
        event = {"type": "content_block_start", "index": at, "content_block": block}
        return frame("content_block_start", _encode(event))

    def delta(self, piece: str) -> bytes:
        return (_TEXT if self.name is None else _INPUT) % (self.at, _encode(piece))

    def stop(self) -> bytes:
        self.closed = True
        return frame("content_block_stop", b'{"type":"content_block_stop","index":%d}' % self.at)

    def whole(self) -> bool:
        """Say whether nothing can follow: a text may end anywhere, arguments where they are."""
        return self.name is None or is_object(self.held.decode())

    def may_end(self) -> bool:
        """Say whether nothing is missing; no arguments at all are none."""
        return not self.held or self.whole()


class Blocks:
    """The blocks of one answer: one is open, others wait for it."""

    __slots__ = ("_calls", "_count", "_ids", "_last_at", "_open", "_waiting", "held_bytes")

    def __init__(self) -> None:
        self._open: _Block | None = None
        self._waiting: list[_Block] = []
        self._calls: dict[int, _Block] = {}
        self._ids: dict[str, _Block] = {}
        self._last_at = -1
        self._count = 0
        self.held_bytes = 0
        """How much of an answer is kept: arguments, and what waits."""

    @property
    def called(self) -> bool:
        """Whether a tool is called."""
        return bool(self._ids)

    def text(self, words: str, out: list[bytes]) -> None:
        """Take words; events that go out now are added to `out`."""
        last = self._waiting[-1] if self._waiting else self._open
        if last is None or last.name is not None:
            last = _Block()
            self._begin(last, out)
        self._add(last, words, out)

    def call(self, part: Call, made: str, out: list[bytes]) -> None:
        """Take a part of a call; raises Odd for one that cannot be."""
        function = part.function
        block = self._known(part)
        if block is None:
            if function is None or not function.name:
                raise Odd("A call begins without the name of its tool.")
            block = self._new(part, function.name, made, out)
        elif function is not None and function.name and function.name != block.name:
            raise Odd("A call changes the name of its tool.")
        if function is not None and function.arguments:
            self._add(block, function.arguments, out)

    def close(self, out: list[bytes], *, cut: bool) -> None:
        """End all blocks; raises Odd where arguments are not whole, unless the answer was `cut`."""
        for block in self._left():
            if block.at < 0:
                out.append(block.start(self._next()))
                if block.held:
                    out.append(block.delta(block.held.decode()))
            if not cut and not block.may_end():
                raise Odd("A call's arguments are not an object.")
            out.append(block.stop())
        self._open = None
        self._waiting.clear()

    def _left(self) -> Iterable[_Block]:
        return self._waiting if self._open is None else (self._open, *self._waiting)

    def _known(self, part: Call) -> _Block | None:
        """Return the call that a part belongs to; None: it begins one.

        Where a relay numbers all calls alike, another id is another call, and a known one is its
        own.
        """
        at = self._last_at if part.index is None else part.index
        block = self._calls.get(at)
        if block is None or not part.id or part.id == block.told:
            return block
        name = part.function.name if part.function is not None else None
        owner = self._ids.get(part.id)
        if owner is not None and (not name or name == owner.name):
            return owner
        return None if name else block

    def _new(self, part: Call, name: str, made: str, out: list[bytes]) -> _Block:
        number = len(self._ids)
        at = part.index if part.index is not None else self._last_at + 1
        if number >= MOST_CALLS:
            raise Odd(f"The answer has more than {MOST_CALLS} calls.")
        ident = own_id(part.id, made, number, self._ids)
        block = _Block(name, ident, part.id)
        self._calls[at] = self._ids[ident] = block
        self._last_at = at
        self._begin(block, out)
        return block

    def _begin(self, block: _Block, out: list[bytes]) -> None:
        if self._open is not None:
            if self._waiting or not self._open.whole():
                self._waiting.append(block)
                return
            out.append(self._open.stop())
        self._open = block
        out.append(block.start(self._next()))

    def _add(self, block: _Block, piece: str, out: list[bytes]) -> None:
        if block.closed:
            if piece.strip():
                raise Odd("More of a call came when it was whole.")
            return
        if block.name is not None or block.at < 0:
            data = piece.encode(errors="replace")
            block.held += data
            self.held_bytes += len(data)
            if self.held_bytes > UNFINISHED_BYTES:
                raise Odd(f"The arguments of calls are larger than {UNFINISHED_BYTES} bytes.")
        if block.at >= 0:
            out.append(block.delta(piece))

    def _next(self) -> int:
        self._count += 1
        return self._count - 1
