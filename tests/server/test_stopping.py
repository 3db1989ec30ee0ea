from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from gateway.server import Settings, app, run
from gateway.server.drain import Drain
from gateway.server.shedding import Bounds, Load
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Route
from tests.server.lines import head, line
from tests.server.serving import (
    BODY,
    HEADERS,
    WAIT_S,
    Running,
    Scripted,
    Source,
    serving,
    streamed,
    until,
)

EVENT = b'event: ping\ndata: {"type": "ping"}\n\n'


def _open(port: int) -> tuple[HTTPConnection, HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("POST", "/v1/messages", json.dumps(BODY).encode(), HEADERS)
    return connection, connection.getresponse()


def _running(source: Source) -> Scripted:
    return Scripted(lambda _call: streamed(source))


def test_a_running_stream_ends_whole_while_others_are_sent_elsewhere() -> None:
    source = Source(EVENT)
    with serving(_running(source)) as gateway:
        connection, response = _open(gateway.port)
        gateway.app.drain.asked = True
        refused = gateway.call(BODY)
        assert refused.error[:2] == (503, "api_error")
        assert refused.headers["connection"] == "close"
        assert gateway.ask("GET", "/v1/models").status == 503
        assert gateway.ask("GET", "/readyz").json["status"] == "stopping"
        assert gateway.ask("GET", "/readyz").status == 503
        assert gateway.ask("GET", "/healthz").status == 200
        source.go_on.set()
        assert response.read() == EVENT
        connection.close()
    assert gateway.status == [0]
    assert not source.closed


def test_when_time_is_up_a_stream_ends_with_an_error_event() -> None:
    source = Source(EVENT)
    with serving(_running(source), drain_s=0.01) as gateway:
        connection, response = _open(gateway.port)
        gateway.app.drain.asked = True
        last = response.read().rstrip().split(b"\n\n")[-1]
        connection.close()
    assert b"shutting down" in last
    assert last.startswith(b"event: error\n")
    assert source.closed


def test_when_time_is_up_a_call_without_answer_gets_a_503() -> None:
    async def never(_call: object) -> None:
        await asyncio.Event().wait()

    with serving(Scripted(never), drain_s=0.01) as gateway:
        replies: list[tuple[int, str, str]] = []
        thread = threading.Thread(target=lambda: replies.append(gateway.call(BODY).error))
        thread.start()
        until(lambda: gateway.app.drain.running == 1)
        gateway.app.drain.asked = True
        thread.join(WAIT_S)
    assert [reply[:2] for reply in replies] == [(503, "api_error")]


def test_when_time_is_up_a_request_that_is_not_whole_gets_a_503() -> None:
    with serving(_running(Source()), drain_s=0.01) as gateway, gateway.connect() as sock:
        sock.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{")
        until(lambda: gateway.app.drain.running == 1)
        gateway.app.drain.asked = True
        answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"api_error" in answer


def test_a_caller_who_does_not_close_its_side_holds_up_no_stop() -> None:
    with ExitStack() as after:
        with serving(_running(Source()), drain_s=0.01) as gateway:
            one = after.enter_context(line(gateway))
            one.send(head(b"content-length: 9") + b"{")
            until(lambda: gateway.app.drain.running == 1)
        assert one.reply().status == 503
        assert gateway.status == [0]


PROGRAM = """
from tests.server.serving import Scripted, Source, streamed
from gateway.server import Settings, app, run
from gateway.wire.aio import AsyncWire
source = Source(b'event: ping\\ndata: {"type": "ping"}\\n\\n')
wire = AsyncWire()
door = app(Scripted(lambda call: streamed(source)), wire, Settings(port=0, drain_s=DRAIN_S))
raise SystemExit(run(door, close=wire.aclose))
"""


def _started(drain_s: float) -> tuple[subprocess.Popen[str], int]:
    return _begun(["-c", PROGRAM.replace("DRAIN_S", str(drain_s))], {})


def _begun(arguments: list[str], variables: dict[str, str]) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    return process, int(line.rstrip(".\n").rpartition(":")[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_a_second_one_stops(number: signal.Signals) -> None:
    process, port = _started(600)
    with process:
        connection, response = _open(port)
        process.send_signal(number)
        until(lambda: _refuses(port))
        process.send_signal(number)
        assert b"shutting down" in response.read()
        connection.close()
        assert process.wait(WAIT_S) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


CONFIG = """\
schema = 1
[routing]
order = ["direct"]
[upstreams.direct]
provider = "anthropic"
base_url = "http://127.0.0.1:9"
api_key = "${UPSTREAM_KEY}"
[server]
port = 0
keys = ["${CALLER_KEY}"]
"""


def test_a_configuration_is_served(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "environments" / "dev.toml").write_text("schema = 1\n")
    variables = {
        "GATEWAY_CONFIG": str(tmp_path),
        "GATEWAY_ENV": "dev",
        "UPSTREAM_KEY": "upstream-key",
        "CALLER_KEY": "caller-key",
    }
    process, port = _begun(["-m", "gateway", "serve"], variables)
    with process:
        assert json.loads(_get(port, "/readyz", {})[1])["upstreams"] == ["direct"]
        assert _get(port, "/v1/models", {"x-api-key": "upstream-key"})[0] == 401
        assert _get(port, "/v1/models", {"x-api-key": "caller-key"})[0] == 200
        process.terminate()
        assert process.wait(WAIT_S) == 0


def _refuses(port: int) -> bool:
    return _get(port, "/readyz", {})[0] == 503


def _get(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_idle_it_stops_at_once() -> None:
    process, _ = _started(600)
    with process:
        process.terminate()
        assert process.wait(WAIT_S) == 0


def _start(settings: Settings, *routes: Route) -> tuple[int, str]:
    said: list[str] = []
    status = run(app(Scripted(lambda _call: None), AsyncWire(), settings), routes, say=said.append)
    return status, "\n".join(said)


def test_without_keys_only_loopback_is_listened_on() -> None:
    status, said = _start(Settings(host="0.0.0.0", port=0))
    assert status == 1
    assert "server.keys" in said


def test_a_taken_port_is_one_line(gateway: Running) -> None:
    status, said = _start(Settings(port=gateway.port))
    assert status == 1
    assert said == f"Cannot listen on 127.0.0.1 port {gateway.port}: Address already in use."


def test_an_upstream_that_is_this_server_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    status, said = _start(Settings(port=port), Route("me", "http", "localhost", port))
    assert status == 1
    assert "me" in said
    assert "own address" in said


def test_it_says_that_nobody_needs_a_key() -> None:
    with serving(Scripted(lambda _call: None)) as gateway:
        assert "No gateway key" in gateway.said[0]
    with serving(Scripted(lambda _call: None), keys=("secret-key",)) as gateway:
        assert "key" not in gateway.said[0]


def test_a_drain_ends_with_its_last_call_or_its_time() -> None:
    load = Load(Bounds(in_flight=1, bodies_bytes=0))
    drain = Drain(load, 10.0)
    assert not drain.over(0.0)
    drain.asked = True
    assert drain.over(1.0)
    place = load.admit(None, 0)
    assert not drain.over(10.9)
    assert drain.over(11.0)
    place.leave()
    assert drain.over(1.5)
