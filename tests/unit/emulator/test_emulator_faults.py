"""Fault scripts: as data, and as SDK clients and raw sockets feel them."""

from __future__ import annotations

import json
import socket
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.emulator import Action, Emulator, Fault, FaultError, Faults
from gateway.emulator.faults import as_dict, fault

MODEL = "claude-opus-5-5"


def ask(client: anthropic.Anthropic, text: str = "[[events:4]]", **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return client.messages.create(
        **{"model": MODEL, "max_tokens": 400, "messages": messages, **more}
    )


def kinds(client: anthropic.Anthropic) -> list[str]:
    """Stream an answer and return the events that came, cut or not."""
    return [event.type for event in ask(client, stream=True)]


def raw(emulator: Emulator, *, stream: bool = True, version: str = "1.1") -> bytes:
    """Ask over a bare socket and return every byte until the other side ends."""
    host, _, port = emulator.direct.base_url.removeprefix("http://").partition(":")
    messages = [{"role": "user", "content": "[[events:4]]"}]
    body = json.dumps(
        {"model": MODEL, "max_tokens": 99, "messages": messages, "stream": stream}
    ).encode()
    head = (
        f"POST /v1/messages HTTP/{version}\r\nhost: x\r\nx-api-key: {emulator.api_key}\r\n"
        f"anthropic-version: 2026-10-21\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(head.encode() + body)
        received = b""
        while chunk := sock.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (413, anthropic.RequestTooLargeError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.InternalServerError),
        (529, anthropic.OverloadedError),
    ],
)
def test_a_status_becomes_the_sdks_error(
    emulator: Emulator,
    client: anthropic.Anthropic,
    status: int,
    error: type[anthropic.APIStatusError],
) -> None:
    emulator.faults.add("status", status=status, headers={"retry-after": "7"})
    with pytest.raises(error) as caught:
        ask(client)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.request_id
    assert ask(client).stop_reason == "end_turn"
    assert [(r.status, r.fault) for r in emulator.records] == [(status, "status"), (200, None)]


def test_a_fault_strikes_as_often_as_it_says(emulator: Emulator) -> None:
    emulator.faults.add("status", status=500, times=2, headers={"retry-after-ms": "1"})
    with anthropic.Anthropic(
        base_url=emulator.direct.base_url, api_key=emulator.api_key, max_retries=2
    ) as client:
        assert ask(client).stop_reason == "end_turn"
    assert [r.status for r in emulator.records] == [500, 500, 200]
    assert emulator.faults.pending() == []


def test_a_fault_for_ever_stays(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("status", times=-1)
    for _ in range(3):
        with pytest.raises(anthropic.OverloadedError):
            ask(client)
    emulator.reset()
    assert ask(client).stop_reason == "end_turn"


def test_a_fault_strikes_only_what_it_matches(
    emulator: Emulator, client: anthropic.Anthropic
) -> None:
    emulator.faults.add("status", model="claude-sonnet-5-5", status=503)
    emulator.faults.add("status", path="count_tokens", status=429)
    emulator.faults.add("status", platform="elsewhere", status=500)
    assert ask(client).stop_reason == "end_turn"
    with pytest.raises(anthropic.RateLimitError):
        client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "x"}])
    with pytest.raises(anthropic.InternalServerError):
        ask(client, model="claude-sonnet-5-5")
    assert [one.platform for one in emulator.faults.pending()] == ["elsewhere"]


def test_faults_that_look_for_a_text_can_be_dropped(
    emulator: Emulator, client: anthropic.Anthropic
) -> None:
    for text in ("one", "two"):
        emulator.faults.add("status-529", contains=text, times=-1)
    emulator.faults.drop(contains="one")
    assert ask(client, "one").stop_reason == "end_turn"
    with pytest.raises(anthropic.APIStatusError):
        ask(client.with_options(max_retries=0), "two")


def test_any_body_can_be_sent(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add(
        Fault(Action.STATUS, status=200, headers=(("content-type", "text/html"),), body="<html>")
    )
    answer = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}]
    )
    assert answer.text() == "<html>"


def test_a_content_length_may_lie(emulator: Emulator) -> None:
    emulator.faults.add("status", status=200, body="abcdef", headers=[["content-length", "3"]])
    answer = raw(emulator, stream=False)
    assert b"content-length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\nabcdef")


@pytest.mark.parametrize("at", [0, 1, 4])
def test_an_error_event_ends_the_stream(
    emulator: Emulator, client: anthropic.Anthropic, at: int
) -> None:
    emulator.faults.add("error_event", at=at, status=529)
    with pytest.raises(anthropic.APIStatusError) as caught:
        kinds(client)
    assert caught.value.type == "overloaded_error"
    assert (emulator.records[0].outcome, emulator.records[0].frames) == ("complete", at + 1)


def test_a_cut_stream_ends_without_its_last_chunk(emulator: Emulator) -> None:
    emulator.faults.add("cut", at=4)
    answer = raw(emulator)
    assert answer.count(b"event: ") == 4
    assert not answer.endswith(b"0\r\n\r\n")
    assert (emulator.records[0].outcome, emulator.records[0].frames) == ("cut", 4)
    whole = raw(emulator)
    assert whole.endswith(b"0\r\n\r\n")


def test_a_cut_may_fall_inside_an_event(emulator: Emulator) -> None:
    emulator.faults.add("cut", at=1, extra_bytes=10)
    assert raw(emulator).endswith(b"a\r\nevent: con\r\n")


def test_a_clean_end_may_come_early(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("end", at=4)
    assert kinds(client) == ["message_start", "content_block_start", "content_block_delta"]


def test_a_json_answer_can_be_cut_and_shortened(
    emulator: Emulator, client: anthropic.Anthropic
) -> None:
    emulator.faults.add("cut", extra_bytes=20)
    with pytest.raises(anthropic.APIConnectionError):
        ask(client)
    emulator.faults.add("end", extra_bytes=20)
    answer = raw(emulator, stream=False)
    assert b"content-length: 20\r\n" in answer
    assert len(answer.partition(b"\r\n\r\n")[2]) == 20


def test_a_reset_before_the_head(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("reset", before_head=True)
    with pytest.raises(ConnectionResetError):
        raw(emulator)
    emulator.faults.add("cut", before_head=True)
    with pytest.raises(anthropic.APIConnectionError):
        ask(client)
    assert [(r.status, r.outcome) for r in emulator.records] == [(None, "reset"), (None, "cut")]


def test_a_reset_in_a_stream(emulator: Emulator) -> None:
    emulator.faults.add("reset", at=3)
    with pytest.raises(ConnectionResetError):
        raw(emulator)
    assert (emulator.records[0].outcome, emulator.records[0].frames) == ("reset", 3)


@pytest.mark.parametrize("options", [{"before_head": True}, {"at": 3}])
def test_a_stall_lasts_until_the_client_goes(
    emulator: Emulator, client: anthropic.Anthropic, options: dict[str, Any]
) -> None:
    emulator.faults.add("stall", **options)
    impatient = client.with_options(timeout=0.2)
    with pytest.raises((anthropic.APITimeoutError, httpx2.ReadTimeout)):
        kinds(impatient)
    assert emulator.records[0].outcome == "stall"


@pytest.mark.parametrize("options", [{"before_head": True}, {"at": 3}])
def test_a_stall_lasts_as_long_as_it_says(
    emulator: Emulator, client: anthropic.Anthropic, options: dict[str, Any]
) -> None:
    emulator.faults.add("stall", for_s=3600.0, **options)
    with pytest.raises((anthropic.APITimeoutError, httpx2.ReadTimeout)):
        kinds(client.with_options(timeout=0.2))


def test_a_stall_may_pass(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("stall", at=3, for_s=0.01)
    emulator.faults.add("stall", before_head=True, for_s=0.01)
    assert kinds(client)[-1] == "message_stop"
    assert kinds(client)[-1] == "message_stop"


def test_a_dripped_answer_is_whole(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("drip", every_s=0.0, times=2)
    assert kinds(client)[-1] == "message_stop"
    assert ask(client).stop_reason == "end_turn"


def test_pings_for_ever(emulator: Emulator, client: anthropic.Anthropic) -> None:
    emulator.faults.add("ping", at=1, every_s=0.001)
    with client.messages.with_streaming_response.create(
        model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}], stream=True
    ) as answer:
        lines = (line for line in answer.iter_lines() if line.startswith("event:"))
        seen = [next(lines) for _ in range(10)]
    assert seen == ["event: message_start"] + ["event: ping"] * 9


def test_a_client_that_leaves_is_on_record(emulator: Emulator, client: anthropic.Anthropic) -> None:
    with ask(client, "[[words:300]][[pace_ms:2]]", stream=True) as stream:
        next(iter(stream))
    # The next request arrives on another connection, after the closing of the first.
    for _ in range(500):
        if emulator.records[0].outcome != "open":
            break
        client.models.list()
    assert emulator.records[0].left
    assert 0 < emulator.records[0].frames < 100


def test_http_1_0_gets_no_chunks(emulator: Emulator) -> None:
    answer = raw(emulator, version="1.0")
    assert b"transfer-encoding" not in answer
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_the_control_endpoints(emulator: Emulator, client: anthropic.Anthropic) -> None:
    url = emulator.direct.base_url + "/_emulator/"
    http = client._client
    script = [{"action": "status", "status": 503}, {"action": "cut", "at": 2}]
    assert http.post(url + "faults", json=script).json() == {"pending": 2}
    assert [f["action"] for f in http.get(url + "faults").json()] == ["status", "cut"]
    with pytest.raises(anthropic.InternalServerError):
        ask(client)
    (seen,) = http.get(url + "requests").json()
    assert (seen["status"], seen["fault"], seen["path"]) == (503, "status", "/v1/messages")
    assert emulator.api_key not in str(seen)
    wrong = http.post(url + "faults", json={"action": "cut", "att": 2})
    assert (wrong.status_code, "att: no such key" in wrong.text) == (400, True)
    emulator._world.cache._live[b"x"] = (9e9, 300.0)
    http.post(url + "reset")
    assert emulator._world.cache._live == {}
    assert (http.get(url + "requests").json(), emulator.faults.pending()) == ([], [])
    assert http.get(url + "what").status_code == 404


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({}, "action: should be one of status, "),
        ({"action": "explode"}, "action: should be one of"),
        ({"action": "cut", "at": "3"}, "at: should be of type int"),
        ({"action": "cut", "times": True}, "times: should be of type int"),
        ({"action": "status", "headers": "x"}, "headers: should be a table"),
        ({"action": "status", "nope": 1}, "nope: no such key"),
    ],
)
def test_a_wrong_script_says_what_is_wrong(script: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=words):
        fault(script)


def test_a_script_is_loaded_whole_or_not_at_all() -> None:
    faults = Faults()
    with pytest.raises(FaultError):
        faults.load([{"action": "cut"}, {"action": "nope"}])
    assert faults.pending() == []


def test_a_fault_survives_the_way_through_data() -> None:
    one = Fault(Action.STATUS, times=3, status=429, headers=(("retry-after", "1"),), body="{}")
    assert fault(json.loads(json.dumps(as_dict(one)))) == one
