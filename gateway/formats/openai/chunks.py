"""A stream of Anthropic events as the chunks of a chat completion.

Text travels as the JSON string that it came as: nothing of it is read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.formats.openai.answer import (
    CITATIONS,
    StopDetails,
    completion_id,
    finish_reason,
)
from gateway.formats.openai.asked import ABSENT
from gateway.formats.openai.blocks import THINKING
from gateway.formats.openai.counts import completion_usage, later
from gateway.formats.openai.errors import closing
from providers.codecs.sse import iter_events

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
LEFT_OUT = "x_gateway_dropped"
"""In the last chunk: the types of blocks that have no place; headers are long sent by then."""


class _Delta(Struct, gc=False):
    type: str = ""
    text: Raw = ABSENT
    partial_json: Raw = ABSENT
    thinking: Raw = ABSENT
    signature: Raw = ABSENT
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class _Message(Struct, gc=False):
    id: str = ""
    model: str = ""
    usage: Any = None


class _Opened(Struct, gc=False):
    type: str = ""
    id: str = ""
    name: str = ""
    input: Raw = ABSENT
    text: str = ""
    thinking: str = ""
    signature: str = ""


class _Event(Struct, gc=False):
    message: _Message | None = None
    delta: _Delta | None = None
    content_block: Raw = ABSENT
    usage: Any = None


class _Block:
    """The block that is open."""

    __slots__ = ("signature", "thinking", "told", "type", "written")

    def __init__(self, raw: Raw, opened: _Opened) -> None:
        self.type = opened.type
        self.written = raw
        """As it was opened."""
        self.thinking = [opened.thinking]
        self.signature = opened.signature
        self.told = False
        """Some of its arguments were."""


_ON_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")
_event = msgspec.json.Decoder(_Event).decode
_opened = msgspec.json.Decoder(_Opened).decode
_object = msgspec.json.Decoder(dict[str, Raw]).decode
_string = msgspec.json.Decoder(str).decode
_encode = msgspec.json.encode


class Chunks:
    """One streamed answer. What it is fed are whole events.

    Args:
        created_s: When the request came, in seconds since 1970.
        counts_usage: Whether a chunk with the usage is asked for.
    """

    def __init__(self, created_s: int, *, counts_usage: bool) -> None:
        self._created_s = created_s
        self._counts_usage = counts_usage
        self._head = b""
        self._tail = b',"logprobs":null,"finish_reason":null}]' + self._end()
        self._block: _Block | None = None
        self._calls = 0
        self._thoughts = 0
        self._usage: dict[str, Any] = {}
        self._left_out: dict[str, None] = {}
        self._finished = False
        """It was told why the answer ended."""
        self._ended = False

    def feed(self, events: bytes) -> bytes:
        """Return whole events as chunks."""
        return b"".join([self._take(name, data) for name, data in iter_events(events)])

    def end(self) -> bytes:
        """Return nothing after an end or an error, else an error: a cut is never a clean end."""
        if self._ended:
            return b""
        self._ended = True
        return closing(None)

    def _take(self, name: str, data: bytes) -> bytes:
        if self._ended:
            return b""
        if name == "content_block_delta":
            return self._delta(_event(data).delta)
        if name == "ping":
            return PING
        if name == "error":
            self._ended = True
            return closing(data)
        if name == "message_stop":
            return self._stop()
        return self._mark(name, _event(data))

    def _mark(self, name: str, event: _Event) -> bytes:
        """Take an event that stands around content."""
        if name == "message_start" and event.message is not None:
            return self._start(event.message)
        if name == "content_block_start" and event.content_block:
            return self._open(event.content_block)
        if name == "content_block_stop":
            return self._close()
        if name == "message_delta":
            later(self._usage, event.usage)
            return self._finish(event.delta)
        return b""

    def _start(self, message: _Message) -> bytes:
        later(self._usage, message.usage)
        self._head = b'data: {"id":%s,"object":"chat.completion.chunk","created":%d,"model":%s,' % (
            _encode(completion_id(message.id)),
            self._created_s,
            _encode(message.model),
        )
        return self._chunk(b'{"role":"assistant"}')

    def _open(self, raw: Raw) -> bytes:
        opened = _opened(raw)
        self._block = _Block(raw.copy(), opened)
        if opened.type == "text":
            return self._chunk(b'{"content":%b}' % _encode(opened.text)) if opened.text else b""
        if opened.type == "tool_use":
            self._calls += 1
            function = {"name": opened.name, "arguments": ""}
            call = {"id": opened.id, "type": "function", "function": function}
            return self._chunk(_encode({"tool_calls": [{"index": self._calls - 1, **call}]}))
        if opened.type not in THINKING:
            self._left_out[opened.type] = None
        return b""

    def _delta(self, delta: _Delta | None) -> bytes:
        if delta is None:
            return b""
        if delta.type == "text_delta" and delta.text:
            return b"".join(
                [
                    self._head,
                    b'"choices":[{"index":0,"delta":{"content":',
                    delta.text,
                    b"}",
                    self._tail,
                ]
            )
        if delta.type == "input_json_delta" and delta.partial_json:
            return self._arguments(bytes(delta.partial_json))
        if delta.type == "thinking_delta" and delta.thinking:
            return self._think(bytes(delta.thinking))
        if delta.type == "signature_delta" and delta.signature and self._block:
            self._block.signature += _string(delta.signature)
        elif delta.type == "citations_delta":
            self._left_out[CITATIONS] = None
        return b""

    def _arguments(self, written: bytes) -> bytes:
        if self._block is None or self._block.type != "tool_use" or written == b'""':
            return b""
        self._block.told = True
        call = b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}'
        return self._chunk(call % (self._calls - 1, written))

    def _think(self, written: bytes) -> bytes:
        if self._block is not None:
            self._block.thinking.append(_string(written))
        return self._chunk(b'{"reasoning_content":%b}' % written)

    def _close(self) -> bytes:
        block, self._block = self._block, None
        if block is None:
            return b""
        if block.type == "tool_use" and not block.told:
            # It takes no arguments, or came with all of them.
            written = _encode(bytes(_opened(block.written).input or b"{}").decode())
            call = b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}'
            return self._chunk(call % (self._calls - 1, written))
        return self._thought(block) if block.type in THINKING else b""

    def _thought(self, block: _Block) -> bytes:
        """Tell a block of thinking whole, to be sent back as it is."""
        told: dict[str, object] = {"index": self._thoughts, **_object(block.written)}
        if block.type == "thinking":
            told |= {"thinking": "".join(block.thinking), "signature": block.signature}
        self._thoughts += 1
        # A line end can only be white space here, and would end the line that carries it.
        written = _encode({"thinking_blocks": [told]}).translate(_ON_ONE_LINE)
        return self._chunk(written)

    def _finish(self, delta: _Delta | None) -> bytes:
        reason = None if delta is None else finish_reason(delta.stop_reason)
        if delta is None or reason is None:
            return b""
        self._finished = True
        out = b""
        why = delta.stop_details
        if why is not None and why.explanation is not None:
            out = self._chunk(_encode({"refusal": why.explanation}))
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}
        dropped = b""
        if self._left_out:
            dropped = b'"%b":%b,' % (LEFT_OUT.encode(), _encode(list(self._left_out)))
        return out + self._head + dropped + b'"choices":%b' % _encode([choice]) + self._end()

    def _stop(self) -> bytes:
        if not self._finished:
            return self.end()
        self._ended = True
        if not self._counts_usage:
            return DONE
        usage = _encode(completion_usage(self._usage))
        return b'%b"choices":[],"usage":%b}\n\n%b' % (self._head, usage, DONE)

    def _chunk(self, delta: bytes) -> bytes:
        return b"".join([self._head, b'"choices":[{"index":0,"delta":', delta, self._tail])

    def _end(self) -> bytes:
        return b',"usage":null}\n\n' if self._counts_usage else b"}\n\n"
