"""What breaks before an answer, over bare sockets; and the bomb at its full size."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from anthropic import APIConnectionError

from gateway.emulator import Emulator
from tests.faults_are_real.clients import client
from tests.faults_are_real.feelings import Question, ask, class_name

ROOT = Path(__file__).parents[2]
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
PLATFORMS = ("anthropic", "bedrock", "vertex")


def connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_a_connection_closes_before_anything_is_sent(emulator: Emulator) -> None:
    emulator.faults.add("accept-close", platform="anthropic")
    with closing(connected(emulator.direct.base_url)) as sock:
        assert sock.recv(1) == b""
    assert emulator.faults.struck == {"accept-close": 1}
    assert len(emulator.records) == 0


def test_a_connection_is_reset_before_anything_is_sent(emulator: Emulator) -> None:
    emulator.faults.add("accept-reset", platform="bedrock")
    # The reset may be felt while connecting already.
    with pytest.raises(ConnectionResetError), closing(connected(emulator.bedrock.base_url)) as sock:
        sock.recv(1)
    assert emulator.faults.struck == {"accept-reset": 1}


def test_a_connection_fault_leaves_other_platforms_alone(emulator: Emulator) -> None:
    emulator.faults.add("accept-close", platform="vertex", times=-1)
    assert httpx2.get(emulator.direct.base_url + "/api/hello").status_code == 200
    assert httpx2.get(emulator.elsewhere.base_url).status_code == 200
    assert emulator.faults.struck == {}


def test_a_reset_may_wait_for_the_head_only(emulator: Emulator) -> None:
    emulator.faults.add("reset-before-head")
    with closing(connected(emulator.vertex.base_url)) as sock:
        sock.sendall(HEAD)
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    (record,) = emulator.records
    assert (record.fault, record.outcome, record.body) == ("reset-before-head", "reset", b"")


def test_a_reset_after_the_body_waits_for_it(emulator: Emulator) -> None:
    emulator.faults.add("reset-after-body")
    with closing(connected(emulator.direct.base_url)) as sock:
        sock.sendall(HEAD)
        # Another request is answered meanwhile: this fault was not due for a head.
        assert httpx2.get(emulator.elsewhere.base_url).status_code == 200
        assert emulator.faults.struck == {}
        sock.sendall(b"{}")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)
    assert [record.body for record in emulator.records.of("anthropic")] == [b"{}"]


def test_a_connection_fault_for_some_requests_waits_for_their_body(emulator: Emulator) -> None:
    emulator.faults.add("accept-close", contains="|marked|", times=-1)
    with client(emulator, "anthropic", 30.0) as asking:
        assert ask(asking, Question("anthropic", False, "|plain|")).error is None
        struck = ask(asking, Question("anthropic", False, "|marked|"))
        assert class_name(struck.error) == "anthropic.APIConnectionError"
        assert ask(asking, Question("anthropic", False, "|plain|")).error is None
    assert [record.fault for record in emulator.records] == [None, "accept-close", None]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nobody_listens_at_the_refusing_address(emulator: Emulator, platform: str) -> None:
    url = emulator.refusing_url(platform)
    assert emulator.refusing_url(platform) == url
    with client(emulator, platform, 30.0) as asking:
        asking.base_url = httpx2.URL(url)
        felt = ask(asking, Question(platform, False, "hello"))
    assert isinstance(felt.error, APIConnectionError)
    assert isinstance(felt.error.__cause__, httpx2.ConnectError)
    assert "refused" in str(felt.error.__cause__)


BOMB = """
import resource, anthropic
from gateway.emulator import Emulator
with Emulator() as emulator:
    emulator.faults.add("gzip-bomb")
    with anthropic.Anthropic(
        base_url=emulator.direct.base_url, api_key=emulator.api_key, max_retries=0
    ) as client:
        answer = client.messages.with_raw_response.create(
            model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
        print(answer.headers["content-length"], len(answer.read()), answer.parse().stop_reason)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_the_bomb_fills_a_bare_clients_memory_and_passes_for_an_answer() -> None:
    # In a process of its own, which gives the memory back.
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", BOMB], cwd=ROOT, capture_output=True, text=True, check=True
    )
    sent, inflated, stop_reason, peak_mb = ran.stdout.split()
    assert int(sent) < 300_000
    assert int(inflated) > 256 * 1024 * 1024
    assert stop_reason == "max_tokens"
    assert int(peak_mb) > 512
