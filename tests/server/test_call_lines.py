"""One line for each call, whatever becomes of it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Sized
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.emulator import Emulator
from gateway.server import Settings, app
from gateway.wire.aio import AsyncWire
from tests.server.logged import calls, lines, logged
from tests.server.operated import CALLER, config, operated, variables, write
from tests.server.serving import BODY, HEADERS, Running, Scripted, until

MODEL = "claude-opus-5-5"
TIME = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
STREAM = BODY | {"stream": True}
FIELDS = [
    "time", "level", "logger", "request_id", "decision", "door", "caller", "class", "tags", "model",
    "kind", "stream", "status", "state", "refused", "upstream", "region", "attempts",
    "first_content_ms", "took_ms", "bytes_in", "usage", "cost_usd", "dropped", "policy",
]  # fmt: skip


def told(text: io.StringIO, number: int) -> None:
    """Wait for so many lines of calls."""
    until(lambda: len(calls(text)) == number)


def came(records: Sized, number: int) -> None:
    """Wait for so many requests at the platforms."""
    until(lambda: len(records) == number)


def test_a_call_is_one_line_with_all_that_is_known(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("reset", before_head=True, platform="anthropic")
    labels = {"x-gateway-tag-team": "claims", "x-gateway-tag-odd": "a b"}
    with operated(config(tmp_path, emulator)) as gateway, logged() as text:
        reply = gateway.call(STREAM, CALLER | labels)
        told(text, 1)
    (line,) = calls(text)
    assert list(line) == FIELDS
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["request_id"] == reply.headers["request-id"]
    assert line["decision"] == reply.headers["x-gateway-decision"]
    assert (line["door"], line["caller"], line["class"]) == ("server", "billing", None)
    assert line["tags"] == ["team", "odd"]
    assert (line["model"], line["kind"], line["stream"]) == (MODEL, "messages", True)
    assert (line["status"], line["state"], line["refused"]) == (200, "complete", None)
    assert (line["upstream"], line["region"]) == ("frankfurt", "eu-central-1")
    first, second = line["attempts"]
    assert first.pop("took_ms") >= 0
    assert second.pop("took_ms") >= 0
    assert first == {"upstream": "direct", "kind": "ambiguous", "status": None}
    assert second == {"upstream": "frankfurt", "kind": "ok", "status": 200}
    assert 0 < line["first_content_ms"] <= line["took_ms"]
    assert line["bytes_in"] == len(json.dumps(STREAM))
    assert line["usage"]["output_tokens"] > 0
    assert (line["dropped"], line["policy"]) == ([], "none")
    others = [each for each in lines(text) if each not in calls(text)]
    assert [each["level"] for each in others] == ["warning"]
    assert "attempt 1 at direct" in others[0]["message"]


@pytest.mark.parametrize(
    ("sent", "status", "refused"),
    [
        ((BODY, {"x-api-key": "wrong"}), 401, "unauthorized"),
        ((b"{", {}), 400, "malformed"),
        ((b"[]", {"content-encoding": "snappy"}), 415, "unknown_encoding"),
        ((BODY, {"content-length": "99999999"}), 413, "too_large"),
        ((BODY | {"model": "claude-none-9"}, {}), 404, "unknown_model"),
        ((BODY, {"x-gateway-class": "phi"}), 403, "forbidden"),
        ((BODY, {"x-gateway-only": "nowhere"}), 400, "malformed"),
    ],
)
def test_a_refusal_is_one_line_with_the_id_that_the_caller_saw(
    tmp_path: Path,
    emulator: Emulator,
    sent: tuple[dict[str, object] | bytes, dict[str, str]],
    status: int,
    refused: str,
) -> None:
    body, headers = sent
    with operated(config(tmp_path, emulator)) as gateway, logged() as text:
        reply = gateway.call(body, CALLER | headers)
    assert reply.status == status
    (line,) = calls(text)
    assert (line["status"], line["state"], line["refused"]) == (status, "refused", refused)
    assert line["request_id"] == reply.headers["request-id"]
    assert line["decision"] == reply.headers.get("x-gateway-decision")
    assert line["caller"] == (None if status == 401 else "billing")
    assert (line["upstream"], line["attempts"]) == (None, [])


def test_a_call_that_every_upstream_failed_is_one_line(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("status", status=529, times=-1)
    with operated(config(tmp_path, emulator)) as gateway, logged() as text:
        reply = gateway.call(BODY, CALLER)
    (line,) = calls(text)
    assert (line["status"], line["state"]) == (reply.status, "failed")
    assert line["request_id"] == reply.headers["request-id"]
    assert [each["kind"] for each in line["attempts"]] == ["ill"] * 3


def test_a_caller_who_left_is_one_line(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("stall", before_head=True)
    emulator.faults.add("stall", at=5)
    with operated(config(tmp_path, emulator)) as gateway, logged() as text:
        for number, body in enumerate((BODY, STREAM), 1):
            connection = HTTPConnection("127.0.0.1", gateway.port)
            connection.request("POST", "/v1/messages", json.dumps(body), CALLER)
            came(emulator.records, number)
            if body is STREAM:
                connection.getresponse().read(1)
            connection.close()
            told(text, number)
        with gateway.connect() as sock:
            sock.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n")
            sock.sendall(b"x-api-key: %b\r\n\r\n{" % CALLER["x-api-key"].encode())
            until(lambda: gateway.app.drain.running)
        told(text, 3)
    before, during, unread = calls(text)
    assert (before["state"], before["status"], before["request_id"][:7]) == (
        "left",
        None,
        "req_gw_",
    )
    assert (during["state"], during["status"]) == ("left", 200)
    assert [each["kind"] for each in during["attempts"]] == ["left"]
    assert (unread["state"], unread["caller"], unread["model"]) == ("left", "billing", None)


def test_a_mistake_of_ours_is_one_line_and_one_report_with_the_same_id(
    gateway: Running, emulator: Emulator
) -> None:
    with logged() as text:
        connections = gateway.app._engine._connections  # type: ignore[attr-defined]
        kept = connections.pop("direct")
        reply = gateway.call(BODY)
        connections["direct"] = kept
    assert reply.status == 500
    report, line = lines(text) if "message" in lines(text)[0] else reversed(lines(text))
    assert (line["state"], line["status"]) == ("broken", 500)
    assert line["request_id"] == reply.headers["request-id"]
    assert report["message"].startswith("unexpected KeyError at drive.py")
    assert report["message"].endswith(f"request {reply.headers['request-id']}")


def test_what_is_no_call_has_no_line(gateway: Running) -> None:
    with logged() as text:
        for path in ("/", "/healthz", "/readyz", "/metrics", "/v1/models", "/nowhere", "/v1/x"):
            gateway.ask("GET", path)
    assert lines(text) == []


def test_in_words_it_is_one_line_too(tmp_path: Path, emulator: Emulator) -> None:
    emulator.faults.add("reset", before_head=True, platform="anthropic")
    with operated(config(tmp_path, emulator)) as gateway, logged("text") as text:
        request_id = gateway.call(STREAM, CALLER).headers["request-id"]
        gateway.call(BODY, HEADERS)
        until(lambda: len(text.getvalue().splitlines()) == 3)
    _, whole, refused = text.getvalue().splitlines()
    assert re.fullmatch(
        rf"{TIME} INFO request {request_id}: messages for {MODEL} by billing: "
        r"complete 200 at frankfurt, [\d.]+ ms, first content after [\d.]+ ms, "
        r"2 attempts \(direct ambiguous; frankfurt ok\), \d+ tokens in, \d+ tokens out, [\d.]+ USD",
        whole,
    )
    assert re.fullmatch(
        rf"{TIME} INFO request req_gw_\w+: messages: refused 401 \(unauthorized\), [\d.]+ ms",
        refused,
    )


def test_an_engine_of_another_kind_is_told_of_what_the_door_refuses() -> None:
    asked = Scripted(lambda _call: None)
    made = app(asked, AsyncWire(), Settings())
    assert made.status.state(stopping=False) == "no upstream"


def test_the_command_writes_json_only(tmp_path: Path, emulator: Emulator) -> None:
    write(tmp_path, emulator, more='[logs]\nformat = "json"\n')
    environ = {"GATEWAY_CONFIG": str(tmp_path), "GATEWAY_ENV": "dev", **variables(emulator)}
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve"],
        env=environ, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        began = json.loads(process.stderr.readline())
        assert began["logger"] == "gateway.server"
        port = int(began["message"].rpartition(":")[2].rstrip("."))
        gateway = Running(f"http://127.0.0.1:{port}", None, [])  # type: ignore[arg-type]
        assert gateway.call(BODY, CALLER).status == 200
        assert gateway.call(BODY, HEADERS).status == 401
        process.terminate()
        rest = [json.loads(line) for line in process.stderr]
        assert process.wait(20) == 0
    assert [line["status"] for line in rest if "status" in line] == [200, 401]
    assert {line["logger"] for line in rest} <= {"gateway.server", "gateway.requests"}
