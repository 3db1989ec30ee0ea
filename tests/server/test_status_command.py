"""`gateway status` asks a running server; what it cannot learn is one clear line."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.emulator import Emulator
from tests.server.operated import CALLER, CALLER_KEY, KEY, config, operated, variables, write
from tests.server.serving import BODY, Running

MODEL = "claude-opus-5-5"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_CONFIG", "GATEWAY_ENV", "GATEWAY_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served(tmp_path: Path, emulator: Emulator) -> Iterator[Running]:
    with operated(config(tmp_path / "config", emulator)) as running:
        yield running


def status(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, ["status", *arguments], env=env)


def told(result: Result) -> str:
    """Return the one line of an error."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def key_file(where: Path, key: str = KEY) -> str:
    (where / "key").write_text(f"{key}\n")
    return str(where / "key")


def test_it_tells_of_every_upstream(tmp_path: Path, served: Running, emulator: Emulator) -> None:
    emulator.faults.add("status", status=500, platform="anthropic", times=-1)
    for _ in range(5):
        served.call(BODY, CALLER)
    done = status("--url", served.url, "--key-file", key_file(tmp_path))
    assert done.exit_code == 0, done.output
    first, *rest = done.stdout.splitlines()
    assert first == "status: ready"
    assert "policy: none, journal: ok" in rest
    assert any(
        line.startswith("direct: platform anthropic, region -, in flight 0") for line in rest
    )
    assert "failures 0, last failure none" in next(e for e in rest if e.startswith("frankfurt:"))
    assert any(line.startswith(f"direct: {MODEL} is ejected for ") for line in rest)
    assert not any(f"frankfurt: {MODEL}" in line for line in rest)


def test_as_json_it_is_what_the_server_says(served: Running) -> None:
    done = status("--url", served.url, "--json", env={"GATEWAY_KEY": CALLER_KEY})
    assert done.exit_code == 0
    assert [each["name"] for each in json.loads(done.stdout)["upstreams"]] == [
        "direct",
        "frankfurt",
    ]


def test_the_configuration_names_the_server_and_a_key(
    tmp_path: Path, served: Running, emulator: Emulator
) -> None:
    write(tmp_path, emulator, port=served.port)
    env = {"GATEWAY_ENV": "dev", **variables(emulator)}
    done = status("--config", str(tmp_path), env=env)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("status: ready\n")
    wrong = status("--config", str(tmp_path), env=env | {"OPERATOR_KEY": "another"})
    assert "does not take this gateway key" in told(wrong)


def test_a_server_that_stops_is_not_ready(tmp_path: Path, served: Running) -> None:
    served.app.drain.asked = True
    place = served.app.load.admit(None, 0)
    try:
        done = status("--url", served.url, "--key-file", key_file(tmp_path))
    finally:
        place.leave()
    assert done.exit_code == 2
    assert done.stdout.startswith("status: stopping\n")


def test_a_key_that_is_wrong_or_missing(tmp_path: Path, served: Running) -> None:
    wrong = told(status("--url", served.url, "--key-file", key_file(tmp_path, "wrong")))
    assert wrong.startswith(f"{served.url}: the server does not take this gateway key")
    assert "wrong" not in wrong
    assert "wants a gateway key" in told(status("--url", served.url))
    assert "cannot be read" in told(status("--url", served.url, "--key-file", str(tmp_path / "no")))
    odd = key_file(tmp_path, "a\nb")
    assert "characters that no key has" in told(status("--url", served.url, "--key-file", odd))


def test_no_server_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert told(status("--url", url)) == f"{url}: no server answers: Connection refused."


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8787", "ftp://127.0.0.1", "http://127.0.0.1:x", "http://", "http://a:b@c"]
)
def test_an_address_that_is_none(url: str) -> None:
    assert told(status("--url", url)) == "The address of a server is written http://HOST:PORT."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "(status 200) is no Tidegate"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "(status 200) is no Tidegate"),
        (b"HTTP/1.1 404 No\r\ncontent-length: 4\r\n\r\nnull", "(status 404) is no Tidegate"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "speaks no HTTP"),
        (b"", "speaks no HTTP"),
    ],
)
def test_something_else_there(answer: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        done = status("--url", f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join(20)
    assert words in told(done)


def test_any_port_is_no_address(tmp_path: Path, emulator: Emulator) -> None:
    write(tmp_path, emulator, port=0)
    done = status("--config", str(tmp_path), env={"GATEWAY_ENV": "dev", **variables(emulator)})
    assert "name it with --url" in told(done)


def test_a_configuration_with_a_mistake_is_told_as_usual(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("schema = 2\n")
    done = status("--config", str(tmp_path), env={"GATEWAY_ENV": "dev"})
    assert done.exit_code == 1
    assert "names no environment" in done.stderr
