"""The request head: what goes out is read back as what was meant, or nothing goes out."""

from __future__ import annotations

import contextlib

import pytest
from httptools import HttpRequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.contract import Outgoing, Route, WireError
from gateway.wire.request import connect_head, host_header, request_head
from providers.contract import FailureKind, Headers

ROUTE = Route("up", "https", "api.example.com", 443)


class Reader:
    """What a server's parser makes of a request."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[str, str]] = []
        self.complete = 0
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(data)
        self.method = self._parser.get_method().decode()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_message_complete(self) -> None:
        self.complete += 1


@given(
    st.one_of(st.just("/v1/messages"), st.text(max_size=8).map(lambda text: "/" + text)),
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(["x-a", "X-B"]), st.text(max_size=5)),
            st.one_of(st.text(max_size=8), st.text("a\r\n\t :\x00\xe9€", max_size=8)),
        ),
        max_size=3,
    ),
)
@example("/x", [("x-a", "b\r\nevil: 1")])
@example("/x", [("x-a", "b\nevil: 1")])
@example("/x HTTP/1.1\r\nevil: 1\r\n\r\n", [])
@example("/x", [("evil: 1\r\nx", "b")])
@example("/x", [("", "b")])
def test_what_goes_out_is_what_was_meant(target: str, pairs: list[tuple[str, str]]) -> None:
    outgoing = Outgoing("POST", target, tuple(pairs), b"ab")
    try:
        head = request_head(ROUTE, outgoing)
    except WireError:
        return
    reader = Reader(head + b"ab")
    # Blanks around a value are no part of it (RFC 9110, 5.5).
    read = [(name, value.strip(" \t")) for name, value in reader.headers]
    assert reader.complete == 1
    assert (reader.method, reader.url) == ("POST", target.encode())
    expected = [(name, value.strip(" \t")) for name, value in pairs]
    assert read == [
        ("host", "api.example.com"),
        *expected,
        ("accept-encoding", "identity"),
        ("content-length", "2"),
    ]


@pytest.mark.parametrize(
    ("outgoing", "says"),
    [
        (Outgoing("post", "/", (), b""), "method"),
        (Outgoing("HEAD", "/", (), b""), "method"),
        (Outgoing("POST", "v1", (), b""), "target"),
        (Outgoing("POST", "/a b", (), b""), "target"),
        (Outgoing("POST", "/\r\n", (), b""), "target"),
        (Outgoing("POST", "/", (("a b", "c"),), b""), "'a b' is not a token"),
        (Outgoing("POST", "/", (("x-api-key", "hush\r\n"),), b""), "x-api-key"),
        (Outgoing("POST", "/", (("x-api-key", "hush\0"),), b""), "x-api-key"),
        (Outgoing("POST", "/", (("x-api-key", "hush€"),), b""), "x-api-key"),
        (Outgoing("POST", "/", (("Host", "hush"),), b""), "host is set by the wire"),
        (Outgoing("POST", "/", (("content-length", "1"),), b""), "content-length is set"),
        (Outgoing("POST", "/", (("transfer-encoding", "x"),), b""), "transfer-encoding is set"),
        (Outgoing("POST", "/", (("accept-encoding", "gzip"),), b""), "accept-encoding is set"),
    ],
)
def test_a_refusal_names_the_part_and_not_the_value(outgoing: Outgoing, says: str) -> None:
    with pytest.raises(WireError, match=says) as caught:
        request_head(ROUTE, outgoing)
    assert caught.value.kind is FailureKind.NOT_SENT
    assert "hush" not in caught.value.detail
    assert caught.value.__suppress_context__


def test_a_get_has_no_length() -> None:
    assert b"content-length" not in request_head(ROUTE, Outgoing("GET", "/", (), b""))
    assert b"content-length: 0" in request_head(ROUTE, Outgoing("POST", "/", (), b""))


@pytest.mark.parametrize(
    ("route", "host"),
    [
        (ROUTE, "api.example.com"),
        (Route("u", "https", "a.b", 8443), "a.b:8443"),
        (Route("u", "http", "a.b", 80), "a.b"),
        (Route("u", "http", "a.b", 443), "a.b:443"),
        (Route("u", "https", "::1", 443), "[::1]"),
        (Route("u", "https", "::1", 8443), "[::1]:8443"),
    ],
)
def test_the_host_header(route: Route, host: str) -> None:
    assert host_header(route) == host
    assert f"\r\nhost: {host}\r\n".encode() in request_head(route, Outgoing("GET", "/", (), b""))


def test_a_proxy_gets_the_absolute_form_only_for_plain_http() -> None:
    headers: Headers = (("x", "y"),)
    plain = Route("u", "http", "a.b", 80, proxy="http://me:p%40ss@proxy:3128")
    head = request_head(plain, Outgoing("GET", "/v1", headers, b""))
    assert head.startswith(
        b"GET http://a.b/v1 HTTP/1.1\r\nhost: a.b\r\nproxy-authorization: Basic "
    )
    secure = Route("u", "https", "a.b", 443, proxy="http://me:p%40ss@proxy:3128")
    assert b"proxy-" not in request_head(secure, Outgoing("GET", "/v1", headers, b""))
    assert connect_head(secure) == (
        b"CONNECT a.b:443 HTTP/1.1\r\nhost: a.b:443\r\n"
        b"proxy-authorization: Basic bWU6cEBzcw==\r\n\r\n"
    )


@pytest.mark.parametrize(
    "proxy",
    ["https://p:1", "p:3128", "http://hush@p", "http://:1", "http://u:hush@p:99999", "http://[::1"],
)
def test_a_proxy_must_be_one(proxy: str) -> None:
    route = Route("u", "http", "a.b", 80, proxy=proxy)
    with pytest.raises(WireError, match="proxy must be") as caught:
        request_head(route, Outgoing("GET", "/", (), b""))
    assert "hush" not in repr(caught.value) + repr(route)


@given(st.text(max_size=10))
def test_a_host_is_nothing_but_a_host(host: str) -> None:
    with contextlib.suppress(WireError):
        reader = Reader(request_head(Route("u", "https", host, 443), Outgoing("GET", "/", (), b"")))
        assert [name for name, _ in reader.headers] == ["host", "accept-encoding"]
