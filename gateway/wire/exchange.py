"""One HTTP/1.1 answer, from bytes to status, headers and body; no I/O.

The parser is llhttp in its strict mode, by way of `httptools`. It refuses by itself what makes
the end of an answer doubtful: two lengths, a length beside chunks, folded headers, bare line
feeds (RFC 9112, 6.3). Each answer has a parser of its own, so a connection that serves the next
request can never mix two answers.
"""

from __future__ import annotations

from enum import IntEnum

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.wire.contract import WireError
from providers.contract import FailureKind, Headers

MAX_HEAD_BYTES = 64 * 1024
"""Status lines and headers together, interim (1xx) answers included; trailers likewise."""
MAX_HEADERS = 200
MAX_BUFFERED_BYTES = 256 * 1024
"""Unread body beyond which a wire stops reading from its socket."""

_END_OF_HEAD = b"\r\n\r\n"
_BODY_HEADERS = frozenset({"content-length", "transfer-encoding", "content-encoding", "upgrade"})
_FIRST_BYTE = ord("H")
_TAIL_BYTES = 5
_NO_CONTENT = 204
_BODILESS = frozenset({_NO_CONTENT, 304})
_FIRST_FINAL = 200
_SWITCHING = 101


class _Framing(IntEnum):
    HEAD = 0
    COUNTED = 1
    CHUNKED = 2
    UNTIL_CLOSE = 3


class Answer:
    """What has arrived of one answer.

    `chunks` holds the body bytes nobody has taken yet; empty it with `clear`, in place. `done`
    says that the answer ended as its framing promised, `error` why it cannot; `keep` whether
    the connection may serve another request. Bytes that came before an error are still good.
    """

    __slots__ = (
        "_count",
        "_ended_at",
        "_framing",
        "_overhead_bytes",
        "_pairs",
        "_parser",
        "_rest_bytes",
        "_surplus",
        "_tail",
        "chunks",
        "done",
        "error",
        "has_head",
        "headers",
        "keep",
        "on_body",
        "status",
    )

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.chunks: list[bytes] = []
        self.has_head = False
        self.done = False
        self.keep = False
        self.error: WireError | None = None
        self.on_body = self.chunks.append
        self._framing = _Framing.HEAD
        self._pairs: list[tuple[str, str]] = []
        self._count = 0
        self._overhead_bytes = 0
        self._rest_bytes = 0
        self._tail = b""
        self._ended_at = -1
        self._surplus = False
        # The parser holds our callbacks and we hold the parser; it is let go at the end, so
        # that no answer waits for the cycle collector.
        self._parser = HttpResponseParser(self)

    @property
    def over(self) -> bool:
        """Whether nothing more can come."""
        return self.done or self.error is not None

    def feed(self, data: bytes) -> None:
        """Take in bytes as they came off the wire."""
        if self.over:
            self.keep = False
            return
        if self._framing is _Framing.HEAD:
            data = self._feed_head(data)
            if not data:
                return
            if self.done:
                self.keep = False
                return
        if self._framing is _Framing.CHUNKED:
            self._feed_chunked(data)
        elif self._framing is _Framing.COUNTED:
            self._feed_counted(data)
        else:
            self.chunks.append(data)

    def end(self) -> None:
        """Say that the peer closed its side cleanly.

        This is the end of a close-delimited body. Nothing proves that one was whole: its reader
        must know its own end (a `message_stop`, a closing brace).
        """
        if self.over:
            self.keep = False
        elif self._framing is _Framing.UNTIL_CLOSE:
            self._finish()
        else:
            self.broke("the peer closed the connection")

    def broke(self, detail: str, *, timed_out: bool = False) -> None:
        """Say that no more will come, and why; what was sent may have been worked on."""
        if not self.over:
            kind = FailureKind.CUT if self.has_head else FailureKind.AMBIGUOUS
            where = "in the body" if self.has_head else "before the answer's head"
            self._fail(WireError(kind, f"{detail} {where}", timed_out=timed_out))

    # Callbacks of the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer; trailers only count."""
        self._count += 1
        if self._count > MAX_HEADERS:
            raise ValueError("too many headers")
        if not self.has_head:
            self._pairs.append(
                (name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t"))
            )

    def on_headers_complete(self) -> None:
        """Ask while the parser knows: after an empty body it has forgotten."""
        self.keep = self._parser.should_keep_alive()

    def on_message_begin(self) -> None:
        """Notice a second answer behind the first."""
        self._surplus = self._ended_at >= 0

    def on_message_complete(self) -> None:
        """Remember where the body ends."""
        if self._ended_at < 0:
            self._ended_at = len(self.chunks)

    def _feed_head(self, data: bytes) -> bytes:
        """Return what follows the head, b"" while it is not complete."""
        while data and not self.has_head:
            if not self._tail and data[0] != _FIRST_BYTE:
                return self._odd("the answer does not begin with HTTP/")
            at = (self._tail + data).find(_END_OF_HEAD)
            size = len(data) if at < 0 else at + len(_END_OF_HEAD) - len(self._tail)
            self._overhead_bytes += size
            if self._overhead_bytes > MAX_HEAD_BYTES:
                return self._odd(f"the answer's head is larger than {MAX_HEAD_BYTES} bytes")
            if not self._parse(data[:size] if size < len(data) else data):
                return b""
            if at < 0:
                self._tail = (self._tail + data)[-3:]
                return b""
            self._tail = b""
            self._head_came()
            if self.error is not None:
                return b""
            data = data[size:]
        return data

    def _parse(self, data: bytes) -> bool:
        """Feed the parser; return whether it took the bytes."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._odd("the answer switches protocols, which nobody asked for")
        except HttpParserError as error:
            # llhttp's reasons are fixed sentences; they quote nothing of the answer.
            reason = error.__context__ or error
            if self._ended_at < 0:
                self._odd(f"the answer is not HTTP/1.1: {reason}")
            else:
                self._surplus = True
        return self.error is None

    def _head_came(self) -> None:
        """Take status and headers over, and settle how the body is framed."""
        parser = self._parser
        status = parser.get_status_code()
        if status == _SWITCHING or status < 100:  # noqa: PLR2004 - the smallest HTTP status.
            self._odd("the answer does not begin with an HTTP status")
        elif status < _FIRST_FINAL:
            self._pairs.clear()
            self._ended_at = -1
        else:
            self.status = status
            self.headers = tuple(self._pairs)
            version = parser.get_http_version()
            self.keep = self.keep and version == "1.1"
            self._settle(version)

    def _settle(self, version: str) -> None:
        """Choose how the body is framed (RFC 9112, 6.3)."""
        if version not in {"1.1", "1.0"}:
            self._odd(f"the answer speaks HTTP/{version} on an HTTP/1.1 connection")
            return
        length, chunked = self._body_headers(version)
        if self.error is not None:
            return
        self.has_head = True
        self._overhead_bytes = self._count = 0
        if length == 0 or self.status in _BODILESS:
            if self.status == _NO_CONTENT and (chunked or length):
                self.keep = False  # The body that cannot be (RFC 9110, 8.6) may still come.
            self._framing = _Framing.COUNTED
            self._finish()
        elif length is not None:
            self._framing, self._rest_bytes = _Framing.COUNTED, length
        elif chunked:
            self._framing = _Framing.CHUNKED
        else:
            self._framing = _Framing.UNTIL_CLOSE

    def _body_headers(self, version: str) -> tuple[int | None, bool]:
        """Return the content length, and whether the body comes in chunks."""
        length, chunked = None, False
        for name, value in self.headers:
            if name not in _BODY_HEADERS:
                continue
            if name == "content-length":
                length = int(value)
            elif name == "transfer-encoding":
                if chunked or value.lower() != "chunked" or version != "1.1":
                    self._odd("the answer has a transfer-encoding other than plain chunked")
                chunked = True
            elif name == "upgrade":
                self.keep = False
            elif value.lower() not in {"", "identity"}:
                self._odd("the answer is compressed although identity was asked for")
        return length, chunked

    def _feed_counted(self, data: bytes) -> None:
        rest = self._rest_bytes - len(data)
        self._rest_bytes = max(rest, 0)
        if rest > 0:
            self.chunks.append(data)
            return
        if rest < 0:
            self.keep = False
            data = data[:rest]
        if data:
            self.chunks.append(data)
        self._finish()

    def _feed_chunked(self, data: bytes) -> None:
        before = len(self.chunks)
        self._tail = (
            data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else (self._tail + data)[-_TAIL_BYTES:]
        )
        if not self._parse(data):
            return
        if self._ended_at >= 0:
            del self.chunks[self._ended_at :]
            # The parser skips line ends between answers in silence; nothing else shows them.
            clean = self._tail.endswith(_END_OF_HEAD) and self._tail[0] not in _END_OF_HEAD
            self.keep = self.keep and clean and not self._surplus
            self._finish()
        elif len(self.chunks) > before:
            self._overhead_bytes = 0
        else:
            self._overhead_bytes += len(data)
            if self._overhead_bytes > MAX_HEAD_BYTES:
                self._odd(f"the answer's trailers are larger than {MAX_HEAD_BYTES} bytes")

    def _finish(self) -> None:
        self.done = True
        del self._parser

    def _odd(self, detail: str) -> bytes:
        self._fail(WireError(FailureKind.BAD200, detail))
        return b""

    def _fail(self, error: WireError) -> None:
        if self.error is None:
            self.error = error
            del self._parser
        self.keep = False
