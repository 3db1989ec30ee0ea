"""A stream of chat completion chunks as the events of the Messages API.

A tool call is begun as soon as it has a name; what comes for another block while its arguments are
not whole waits for the end. Reasoning is left out, as it is of whole answers (`chat_answer`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw

from providers.codecs import chat_errors, chat_usage, errors
from providers.codecs.chat_answer import (
    MAX_TOKENS,
    NULL,
    Odd,
    Said,
    answer_id,
    is_null,
    spoken,
    stop_reason,
)
from providers.codecs.chat_blocks import Blocks
from providers.codecs.sse import WholeEvents, frame, iter_events
from providers.contract import Failure, Headers

_DONE = b"[DONE]"
_DATA = b"data: "
_HIGH_HALF = re.compile(rb'(?<!\\)(\\u[dD][89abAB][0-9a-fA-F]{2})(?=")')
"""The first half of a surrogate pair at the end of a text."""
_LOW_HALF = re.compile(rb'(?<=")(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})')
"""Before the second half of one at the start of a text."""
_NO_CHUNK = "An event is no chunk."


class _Choice(msgspec.Struct, gc=False):
    delta: Said | None = None
    finish_reason: str | None = None
    index: int = 0
    error: Raw = NULL


class _Chunk(msgspec.Struct, gc=False):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: Raw = NULL
    error: Raw = NULL


_decode = msgspec.json.Decoder(_Chunk).decode


class ChatDecoder:
    """Decoder of one stream of chunks.

    The answer ends at `[DONE]`, at the usage behind its last chunk, or with a transport that ends
    cleanly once a reason to end has come. Without such a reason it was cut.

    Args:
        model: The model as it was asked for; it stands where a relay names none.
        headers: The head of the answer.
    """

    __slots__ = (
        *("_blocks", "_ended", "_events", "_half", "_headers", "_id", "_model", "_reasons"),
        *("_refused", "_started", "_usage", "failure", "stopped"),
    )

    def __init__(self, model: str, headers: Headers) -> None:
        self.stopped = False
        self.failure: Failure | None = None
        self._model = model
        self._headers = headers
        self._events = WholeEvents()
        self._blocks = Blocks()
        self._id = ""
        self._started = False
        self._refused = False
        self._reasons: set[str] = set()
        self._ended = False
        self._half = b""
        self._usage: dict[str, object] | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the whole events that `data` completes; see `providers.contract.Decoder`."""
        if self.failure is not None or self.stopped:
            return b""
        block = self._events.take(data)
        out = self._read(block) if block else b""
        if self.failure is None:
            self.failure = self._events.fault()
        return out

    def end(self) -> bytes:
        """Say that the transport ended; without a reason to end the answer was cut."""
        if self._over():
            return b""
        out: list[bytes] = []
        rest = self._events.rest()
        if rest.strip():
            out.append(self._read(rest + b"\n\n"))
            if self._broken():
                self.failure = self._cut("The stream ended inside a chunk.")
        if not self._over():
            self._guarded(out, None)
        return b"".join(out)

    def _over(self) -> bool:
        return self.stopped or self.failure is not None

    def _broken(self) -> bool:
        return self.failure is not None and self.failure.detail == _NO_CHUNK

    def _read(self, block: bytes) -> bytes:
        """Return the events that a block of whole chunks makes."""
        out: list[bytes] = []
        for data in _payloads(block):
            self._guarded(out, data)
            if self._over():
                break
        return b"".join(out)

    def _guarded(self, out: list[bytes], data: bytes | None) -> None:
        """Take one chunk, or the end; what cannot be becomes the failure."""
        try:
            if data is None or data.startswith(_DONE):
                self._close(out)
            else:
                self._take(self._chunk(data), out)
        except Odd as odd:
            self.failure = errors.bad_answer(str(odd), headers=self._headers)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.failure = errors.bad_answer(_NO_CHUNK, headers=self._headers)

    def _chunk(self, data: bytes) -> _Chunk:
        """Return a chunk; raises msgspec.DecodeError, UnicodeDecodeError or RecursionError.

        Relays that cut texts by their UTF-16 units send a character in two halves.
        """
        try:
            return _decode(data)
        except msgspec.DecodeError:
            mended = _LOW_HALF.sub(lambda _: self._half, data, count=1) if self._half else data
            halves = _HIGH_HALF.findall(mended)
            chunk = _decode(_HIGH_HALF.sub(b"", mended))
            self._half = halves[-1] if halves else b""
            return chunk

    def _take(self, chunk: _Chunk, out: list[bytes]) -> None:
        if not is_null(chunk.error):
            self.failure = chat_errors.told_in_stream(chunk.error)
            return
        counted = None if is_null(chunk.usage) else chat_usage.read(chunk.usage)
        if counted is not None:
            self._usage = _merged(self._usage, counted)
        choices = chunk.choices
        if not choices:
            if counted is not None and self._ended:
                self._close(out)
            return
        if len(choices) > 1 or choices[0].index:
            raise Odd("The answer has more than one choice.")
        if not self._started:
            out.append(self._start(chunk))
        choice = choices[0]
        if not is_null(choice.error):
            self.failure = chat_errors.told_in_stream(choice.error)
            return
        if choice.delta is not None:
            self._said(choice.delta, out)
        if choice.finish_reason:
            self._reasons.add(choice.finish_reason)
            self._ended = True

    def _start(self, chunk: _Chunk) -> bytes:
        self._started = True
        self._id = answer_id(chunk.id, self._headers) or ""
        message: dict[str, object] = {
            "id": self._id or None,
            "type": "message",
            "role": "assistant",
            "model": chunk.model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": chat_usage.UNKNOWN,
        }
        event = {"type": "message_start", "message": message}
        return frame("message_start", msgspec.json.encode(event))

    def _said(self, said: Said, out: list[bytes]) -> None:
        words = spoken(said)
        if words:
            self._ended = False
            self._blocks.text(words, out)
            self._refused = self._refused or bool(said.refusal)
        for part in said.tool_calls or ():
            self._ended = False
            self._blocks.call(part, self._id, out)

    def _close(self, out: list[bytes]) -> None:
        """End the answer, if a reason to end has come."""
        if not self._ended:
            self.failure = self._cut("The stream ended without a reason to end.")
            return
        if self._half:
            raise Odd("The answer ends in half a character.")
        reason = self._reason()
        self._blocks.close(out, cut=reason == MAX_TOKENS)
        event = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": self._usage or chat_usage.UNKNOWN,
        }
        out.append(frame("message_delta", msgspec.json.encode(event)))
        out.append(frame("message_stop", b'{"type":"message_stop"}'))
        self.stopped = True

    def _reason(self) -> str:
        """Return why the answer ended; some relays say it twice, and then it must be the same."""
        called, refused = self._blocks.called, self._refused
        meant = {stop_reason(each, called=called, refused=refused) for each in self._reasons}
        if len(meant) > 1:
            raise Odd("The answer ended for more than one reason.")
        return meant.pop()

    def _cut(self, detail: str) -> Failure:
        if self._started:
            return errors.broken_off(detail)
        return errors.bad_answer(detail, headers=self._headers)


def _merged(known: dict[str, object] | None, told: dict[str, object]) -> dict[str, object]:
    """Return the counts told last; one that is not told again is as it was."""
    if known is None:
        return told
    return {**known, **{name: count for name, count in told.items() if count is not None}}


def _payloads(block: bytes) -> Iterator[bytes]:
    """Yield the data of each event in a block of whole events.

    Nearly every one is a single `data:` line. An event without data is none (HTML standard, 9.2.6).
    """
    if b"\r" in block:
        yield from _read(block)
        return
    for event in block.split(b"\n\n"):
        if event.startswith(_DATA) and b"\n" not in event:
            if len(event) > len(_DATA):
                yield event[len(_DATA) :]
        elif event:
            yield from _read(event + b"\n\n")


def _read(block: bytes) -> Iterator[bytes]:
    for name, data in iter_events(block):
        # An event that says by its name that it is an error need not say so again inside.
        bare = name == "error" and b'"error"' not in data
        yield b'{"error":%b}' % data if bare else data
