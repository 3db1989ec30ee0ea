from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from gateway.credentials.token_fetch import ANSWER_MAX_BYTES
from gateway.credentials.token_transport import TokenFetchError, TokenTransport
from tests.unit.credentials.loopback_token_server import WAIT_S, TokenServer, reply


def transport(server: TokenServer, left_s: float = WAIT_S, **more: Any) -> TokenTransport:
    return TokenTransport(
        until_s=time.monotonic() + left_s, further=frozenset({f"127.0.0.1:{server.port}"}), **more
    )


def test_a_request_goes_out_and_its_answer_comes_back(token_server: TokenServer) -> None:
    paths: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        paths.append(f"{handler.command} {handler.path} {handler.headers['x-a']}")
        reply(handler, 404, b"none", "text/plain")

    token_server.answer = answer

    got = transport(token_server)(f"{token_server.url}?q=1", "POST", b"body", {"x-a": "b"})

    assert (got.status, got.data, got.headers["Content-Type"]) == (404, b"none", "text/plain")
    assert paths == ["POST /token?q=1 b"]
    assert token_server.bodies == [b"body"]
    assert "none" not in repr(got)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(token_server: TokenServer, status: int) -> None:
    token_server.answer = lambda handler: reply(
        handler, status, b"", location=token_server.url + "/elsewhere"
    )

    with pytest.raises(TokenFetchError, match="redirects, which is refused"):
        transport(token_server)(token_server.url)
    assert len(token_server.bodies) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_broken_server_is_an_error_at_once(
    token_server: TokenServer, status: int
) -> None:
    token_server.answer = lambda handler: reply(handler, status, b"secret words")

    with pytest.raises(TokenFetchError, match=f"^the token server answered {status}$"):
        transport(token_server)(token_server.url)


def test_a_host_that_is_not_listed_is_not_asked(token_server: TokenServer) -> None:
    with pytest.raises(TokenFetchError, match="list of token hosts"):
        TokenTransport(until_s=time.monotonic() + WAIT_S)(token_server.url)
    assert token_server.bodies == []


def test_nothing_is_sent_after_the_deadline(token_server: TokenServer) -> None:
    with pytest.raises(TokenFetchError, match="deadline"):
        transport(token_server, 0)(token_server.url)
    with pytest.raises(TokenFetchError, match="deadline"):
        transport(token_server)(token_server.url, timeout=0)
    assert token_server.bodies == []


def test_a_server_that_hangs_is_left_at_the_deadline(token_server: TokenServer) -> None:
    def hang(_handler: BaseHTTPRequestHandler) -> None:
        token_server.done.wait(WAIT_S)

    token_server.answer = hang

    with pytest.raises(TokenFetchError, match="did not answer"):
        transport(token_server)(token_server.url, timeout=0.05)


def test_a_server_that_drips_headers_is_left_at_the_deadline(token_server: TokenServer) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not token_server.done.wait(0.01):
            handler.wfile.write(b"x")

    token_server.answer = drip

    with pytest.raises(TokenFetchError, match="did not answer"):
        transport(token_server)(token_server.url, timeout=0.1)


def test_a_cut_answer_is_none(token_server: TokenServer) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"access_token":"half')

    token_server.answer = cut

    with pytest.raises(TokenFetchError, match=r"did not answer \(IncompleteRead\)"):
        transport(token_server)(token_server.url)


def test_an_answer_without_end_is_none(token_server: TokenServer) -> None:
    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * (ANSWER_MAX_BYTES + 10))

    token_server.answer = flood

    with pytest.raises(TokenFetchError, match="did not answer"):
        transport(token_server)(token_server.url)


def test_an_answer_ended_by_the_connection_is_whole(token_server: TokenServer) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"all")

    token_server.answer = answer

    assert transport(token_server)(token_server.url).data == b"all"


def test_proxies_in_the_environment_are_ignored(
    token_server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    token_server.answer = lambda handler: reply(handler, 200, b"ok")

    assert transport(token_server)(token_server.url).data == b"ok"


def test_the_configured_proxy_is_asked_for_a_tunnel() -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        asking = TokenTransport(
            until_s=time.monotonic() + WAIT_S,
            proxy=f"http://us%65r:pa%3Ass@127.0.0.1:{listener.getsockname()[1]}",
        )
        with pytest.raises(TokenFetchError, match="did not answer") as caught:
            asking("https://oauth2.googleapis.com/token")
        thread.join(WAIT_S)

    assert heard[0].startswith(b"CONNECT oauth2.googleapis.com:443 HTTP/1.")
    assert b"proxy-authorization: Basic dXNlcjpwYTpzcw==" in heard[0]
    assert "pa" not in str(caught.value).split()
    assert "pa%3Ass" not in repr(asking)
