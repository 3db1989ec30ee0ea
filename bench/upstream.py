"""A fake upstream: canned answers, as cheap as Python makes them.

`python -m bench.upstream PORT [EVENTS] [PACE_S]`: how many events a stream has, and their distance.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial

import httptools

EVENTS = 60
PACE_S = 0.005
TEXT = "All the answer there is, in about one kilobyte. " * 18
MESSAGE = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 200},
}


def event(name: str, **data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def events(count: int) -> list[bytes]:
    delta = {"type": "text_delta", "text": "a few words of it "}
    start = {**MESSAGE, "content": [], "stop_reason": None}
    return [
        event("message_start", message=start),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[event("content_block_delta", index=0, delta=delta)] * (count - 5),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 200}),
        event("message_stop"),
    ]


BODY = json.dumps(MESSAGE).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_bench\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_bench\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def chunks(count: int) -> list[bytes]:
    return [*map(chunk, events(count)), b"0\r\n\r\n"]


class Upstream(asyncio.Protocol):
    def __init__(self, streamed: list[bytes], pace_s: float) -> None:
        self.streamed = streamed
        self.pace_s = pace_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.tail = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.tail = (self.tail + body)[-64:] if len(body) < 64 else body[-64:]

    def on_message_complete(self) -> None:
        streamed, self.tail = b'"stream":true' in self.tail, b""
        if not streamed:
            self.transport.write(ANSWER)
            return
        self.transport.write(STREAM_HEAD)
        self.send(0)

    def send(self, number: int) -> None:
        chunks = self.streamed
        if self.transport.is_closing() or number == len(chunks):
            return
        if number == len(chunks) - 2:
            self.transport.write(chunks[number] + chunks[number + 1])
            return
        self.transport.write(chunks[number])
        asyncio.get_running_loop().call_later(self.pace_s, partial(self.send, number + 1))


async def main(port: int, count: int = EVENTS, pace_s: float = PACE_S) -> None:
    make = partial(Upstream, chunks(count), pace_s)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    given = sys.argv[2:]
    asyncio.run(main(int(sys.argv[1]), *map(int, given[:1]), *map(float, given[1:])))
