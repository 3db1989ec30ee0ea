"""Our wires and httpx2 read the same answers the same way."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from tests.unit.wire.conftest import Peer, Rig, fetch, says

HEAD = b"HTTP/1.1 200 OK\r\n"
ANSWERS = {
    "counted": HEAD + b"Content-Type: application/json\r\ncontent-length: 5\r\n\r\nhello",
    "empty": HEAD + b"content-length: 0\r\n\r\n",
    "chunked": HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n",
    "trailers": HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
    "close": HEAD + b"connection: close\r\ncontent-length: 1\r\n\r\na",
    "error": b"HTTP/1.1 529 \r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}",
    "redirect": b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early\r\nl: x\r\n\r\n" + HEAD + b"content-length: 1\r\n\r\na",
    "repeated": HEAD + b"x-c: a\r\nx-c: b\r\nX-Sp:  a b \t\r\ncontent-length: 0\r\n\r\n",
    "latin": HEAD + b"x: \xe9\r\ncontent-length: 2\r\n\r\n\xff\x00",
    "large": HEAD + b"content-length: 1000000\r\n\r\n" + bytes(1_000_000),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_we_read_what_httpx2_reads(rig: Rig, peer: Callable[..., Peer], name: str) -> None:
    server = peer(says(ANSWERS[name]))
    ours = rig.run(lambda wire: fetch(wire, server.route()))
    url = f"http://127.0.0.1:{server.port}/v1/messages"
    with httpx2.Client(trust_env=False, follow_redirects=False) as client:
        theirs = client.post(url, content=b"{}")
    assert ours.status == theirs.status_code
    assert ours.body == theirs.content
    assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in ours.headers] == [
        (name.lower(), value) for name, value in theirs.headers.raw
    ]
