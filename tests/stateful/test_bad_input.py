"""Requests that are wrong: a clear error, and nothing goes where it should not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from gateway.emulator import Emulator
from gateway.stateful.addresses import rewritten
from gateway.stateful.table import is_known, match, table
from tests.server.serving import HEADERS, Running
from tests.stateful.doors import DOORS, House, request

BATCHES = "/v1/messages/batches"


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator, ["direct"])
    made.write()
    return made


@pytest.fixture
def running(house: House) -> Iterator[Running]:
    with house.server() as found:
        yield found


def batch(*requests: Any) -> bytes:
    return json.dumps({"requests": list(requests)}).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{}", "requests: Field required"),
        (b'{"requests":{}}', "requests: Input should be a valid list"),
        (b'{"requests":[]}', "requests: List should have at least 1 item"),
        (b'{"requests":[1]}', "requests.0"),
        (b'{"requests":[{"custom_id":"a"}]}', "requests.0.params: Field required"),
        (batch({"custom_id": "a", "params": {"max_tokens": 1}}), "requests.0.params: model"),
        (batch(request(), {"custom_id": "b", "params": {"model": 7}}), "requests.1.params: model"),
        (b'{"requests":[{"params":{"model":"m","model":"n"}}]}', "requests.0.params: model"),
        (b'{"requests":[{"params":{},"params":{}}]}', "requests.0: params"),
        (b'{"requests":[{"params":{"model":"a"}}],"requests":[]}', "requests: this field"),
        (b'{"requests":[{"params":' + b'{"a":' * 5000, "nested|JSON"),
        (b'{"requests":"\xff"}', "UTF-8"),
    ],
)
def test_a_batch_that_is_none_is_refused_by_name(
    running: Running, emulator: Emulator, body: bytes, words: str
) -> None:
    status, kind, message = running.ask("POST", BATCHES, body).error
    assert (status, kind) == (400, "invalid_request_error")
    assert any(each in message for each in words.split("|")), message
    assert not list(emulator.records)


def test_an_unknown_model_is_not_found(running: Running, emulator: Emulator) -> None:
    status, kind, message = running.ask("POST", BATCHES, batch(request("a", "claude-x"))).error
    assert (status, kind) == (404, "not_found_error")
    assert "claude-x" in message
    assert not list(emulator.records)


@pytest.mark.parametrize("door", DOORS)
def test_the_platforms_own_400_passes(house: House, emulator: Emulator, door: str) -> None:
    with (
        house.sdk(door) as sdk,
        pytest.raises(anthropic.BadRequestError, match="duplicate custom_id 'a'"),
    ):
        sdk.messages.batches.create(requests=[request("a"), request("a")])
    assert len(emulator.records) == 1


@pytest.mark.parametrize("door", DOORS)
def test_the_platforms_own_409_passes(house: House, emulator: Emulator, door: str) -> None:
    emulator.direct.batches.takes_s = 1e9
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request("a")])
        with pytest.raises(anthropic.ConflictError, match="cancel it first"):
            sdk.messages.batches.delete(made.id)
        assert sdk.messages.batches.retrieve(made.id).processing_status == "in_progress"


@pytest.mark.parametrize(
    "name",
    ["..", "%2e%2e", "..%2f..%2fv1%2fmodels", "a%00b", "a%20b", ".", "a;b", "%2F", "a" * 300],
)
@pytest.mark.parametrize("tail", ["", "/results", "/cancel"])
def test_an_id_that_could_be_a_path_goes_nowhere(
    running: Running, emulator: Emulator, name: str, tail: str
) -> None:
    method = "POST" if tail == "/cancel" else "GET"
    status = _raw(running, f"{method} {BATCHES}/{name}{tail} HTTP/1.1")
    assert status in {400, 404, 501}, status
    assert not list(emulator.records)


def _raw(running: Running, line: str) -> int:
    headers = "host: 127.0.0.1\r\nanthropic-version: 2026-10-21\r\ncontent-length: 0\r\n"
    head = f"{line}\r\n{headers}connection: close\r\n\r\n"
    with running.connect() as sock:
        sock.sendall(head.encode())
        answer = b""
        while data := sock.recv(65536):
            answer += data
    return int(answer.split()[1])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", BATCHES, "POST, GET"),
        ("POST", f"{BATCHES}/msgbatch_1", "GET, DELETE"),
        ("GET", f"{BATCHES}/msgbatch_1/cancel", "POST"),
        ("POST", "/v1/files/file_1/content", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    running: Running, emulator: Emulator, method: str, path: str, allow: str
) -> None:
    reply = running.ask(method, path, b"")
    assert reply.error[:2] == (405, "invalid_request_error")
    assert reply.headers["allow"] == allow
    assert not list(emulator.records)


def test_a_query_goes_on_and_a_broken_one_does_not(running: Running, emulator: Emulator) -> None:
    assert running.ask("GET", f"{BATCHES}?limit=3&after_id=x").status == 200
    assert emulator.records[-1].query == "limit=3&after_id=x"
    assert _raw(running, f"GET {BATCHES}?a=\u00e9 HTTP/1.1") == 400
    assert len(emulator.records) == 1


def test_a_body_over_the_limit_is_turned_away(house: House, emulator: Emulator) -> None:
    with house.server(body_limit_bytes=1000) as running:
        body = batch(request("a", system="x" * 2000))
        assert running.ask("POST", BATCHES, body).error[:2] == (413, "request_too_large")
    assert not list(emulator.records)


@pytest.mark.parametrize("door", DOORS)
def test_a_platform_without_batches_is_named(house: House, emulator: Emulator, door: str) -> None:
    house.upstreams = ["bedrock"]
    house.write()
    with house.sdk(door) as sdk:
        with pytest.raises(anthropic.HTTPNotImplementedError, match=r"batches.*bedrock"):
            sdk.messages.batches.create(requests=[request("a")])
        with pytest.raises(anthropic.HTTPNotImplementedError, match="files"):
            sdk.beta.files.list()
    assert not list(emulator.records)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_may_have_been_made_is_told_and_not_made_again(
    house: House, emulator: Emulator, door: str, status: int
) -> None:
    house.upstreams = ["direct", "aws"]
    house.write()
    emulator.faults.add("status", status=status, platform="anthropic")
    with house.sdk(door) as sdk, pytest.raises(anthropic.APIStatusError) as caught:
        sdk.with_options(max_retries=2).messages.batches.create(requests=[request("a")])
    assert "may have been done" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 1


@pytest.mark.parametrize("status", [429, 503, 529])
def test_what_was_surely_not_made_is_made_elsewhere(
    house: House, emulator: Emulator, status: int
) -> None:
    house.upstreams = ["direct", "aws"]
    house.write()
    for _ in range(3):
        emulator.faults.add("status", status=status, platform="anthropic")
    with house.sdk("client") as sdk:
        made = sdk.with_options(max_retries=2).messages.batches.create(requests=[request("a")])
        assert sdk.messages.batches.retrieve(made.id).id == made.id
    assert emulator.records[-1].platform == "aws"


def test_a_url_at_another_host_is_left_out_and_named(house: House, emulator: Emulator) -> None:
    emulator.direct.batches.results_host = "https://elsewhere.invalid"
    with house.server() as running:
        made = running.ask("POST", BATCHES, batch(request("a"))).json["id"]
        reply = running.ask("GET", f"{BATCHES}/{made}")
    assert reply.json["results_url"] is None
    assert reply.headers["x-gateway-dropped"] == "results_url"


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("gate.example:8443", "http://gate.example:8443"),
        ("[::1]:80", "http://[::1]:80"),
        ("evil.example/path", None),
        ("a b", None),
    ],
)
def test_results_are_under_the_host_that_was_called(
    house: House, host: str, told: str | None
) -> None:
    with house.server(keys=("k",)) as running:
        headers = {**HEADERS, "x-api-key": "k", "host": host}
        made = running.ask("POST", BATCHES, batch(request("a")), headers).json["id"]
        reply = running.ask("GET", f"{BATCHES}/{made}", None, headers)
    url = reply.json["results_url"]
    assert url == (None if told is None else f"{told}{BATCHES}/{made}/results")


def test_a_public_url_goes_before_the_host(house: House) -> None:
    with house.server(public_url="https://claude.corp.example/gw/") as running:
        made = running.ask("POST", BATCHES, batch(request("a"))).json["id"]
        url = running.ask("GET", f"{BATCHES}/{made}").json["results_url"]
    assert url == f"https://claude.corp.example/gw{BATCHES}/{made}/results"


OWN = "https://gate.example"


@pytest.mark.parametrize(
    ("url", "base", "path"),
    [
        (
            "https://api.anthropic.com/v1/messages/batches/b1/results",
            "https://api.anthropic.com",
            1,
        ),
        ("https://h/p/x/v1/messages/batches/b1/results", "https://h/p/x", 1),
        ("https://h/v1/messages/batches/b1/results", "https://h/p/x", 1),
        ("https://h:444/v1/messages/batches/b1/results", "https://h", 0),
        ("http://h/v1/messages/batches/b1/results", "https://h", 0),
        ("https://h.evil/v1/messages/batches/b1/results", "https://h", 0),
        ("https://u:p@h/v1/messages/batches/b1/results", "https://h", 0),
        ("https://h/v1/messages/batches/../x/results", "https://h", 0),
        ("https://h/v1/organizations/me", "https://h", 0),
        ("https://h/v1/messages/batches/b1/results?a=b", "https://h", 0),
        ("https://[", "https://h", 0),
        ("/v1/messages/batches/b1/results", "https://h", 0),
    ],
)
def test_only_the_upstreams_own_urls_become_ours(url: str, base: str, path: int) -> None:
    body = json.dumps({"id": "b1", "results_url": url, "note": "x"}, indent=1).encode()
    found = rewritten(body, ["results_url"], base, OWN)
    shown = f"{OWN}/v1/messages/batches/b1/results" if path else None
    assert json.loads(found.body) == {"id": "b1", "results_url": shown, "note": "x"}
    assert found.body.replace(json.dumps(shown).encode(), json.dumps(url).encode()) == body
    assert found.dropped == (() if path else ("results_url",))


EVIL = "https://evil.example/v1/messages/batches/b1/results"
HERE = "https://h/v1/messages/batches/b1/results"
_OURS = f"{OWN}/v1/messages/batches/b1/results"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f'{{"data":[null,{{"id":"b1","results_url":"{EVIL}"}}]}}', "null"),
        (f'{{"data":[7,{{"id":"b1","results_url":"{HERE}"}}]}}', f'"{_OURS}"'),
        (f'{{"results_url":"{EVIL}","results_url":"{HERE}"}}', f'"{_OURS}"'),
        (f'{{"results_url":"{HERE}","results\\u005furl":"{EVIL}"}}', "null"),
        (f'{{"data":[{{"results_url":"{EVIL}","results_url":null}}]}}', "null"),
        (f'{{"results_url":["{EVIL}"]}}', "null"),
        (f'{{"results_url":{{"a":"{EVIL}"}}}}', "null"),
    ],
)
def test_no_odd_answer_leads_past_the_gateway(body: str, shown: str) -> None:
    found = rewritten(body.encode(), ["results_url"], "https://h", OWN)
    text = found.body.decode()
    assert "evil" not in text
    assert "https://h/" not in text
    assert f'"results_url":{shown}' in text


@pytest.mark.parametrize("url", ["", "id", "note"])
def test_a_url_like_another_value_changes_only_itself(url: str) -> None:
    told = {"id": "b1", "note": "", "results_url": url}
    found = rewritten(json.dumps(told).encode(), ["results_url"], "https://h", OWN)
    assert json.loads(found.body) == {**told, "results_url": None}


@pytest.mark.parametrize("door", DOORS)
def test_an_answer_that_is_no_text_is_a_bad_one(
    house: House, emulator: Emulator, door: str
) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request("a")])
        emulator.faults.add(
            "status",
            status=200,
            body=b'{"id":"b","results_url":"\xff"}',
            headers={"content-type": "application/json"},
            platform="anthropic",
            times=3,
        )
        with pytest.raises(anthropic.APIStatusError) as caught:
            sdk.messages.batches.retrieve(made.id)
        assert caught.value.status_code == 502


def test_every_path_of_the_sdk_is_in_the_tables() -> None:
    root = Path(anthropic.__file__).parent / "resources"
    found = {
        path
        for file in root.rglob("*.py")
        for path in _paths(file.read_text())
        if not path.startswith(("/v1/models", "/v1/complete"))
        and path not in {"/v1/messages", "/v1/messages/count_tokens"}
    }
    assert len(found) > 100
    assert [path for path in found if not is_known(path)] == []
    assert all(each.path.split("/{")[0] in found for each in table().endpoints)
    assert match("GET", f"{BATCHES}/msgbatch_1").ids == {"batch": "msgbatch_1"}


def _paths(text: str) -> list[str]:
    return re.findall(r'"(/v1/[^"?]*)', text)


@pytest.mark.parametrize("door", DOORS)
def test_a_page_is_no_results(house: House, emulator: Emulator, door: str) -> None:
    with house.sdk(door) as sdk:
        made = sdk.messages.batches.create(requests=[request("a")])
        page = {"content-type": "text/html; charset=utf-8"}
        fault = {"status": 200, "body": b"<p>", "headers": page, "path": "/results"}
        emulator.faults.add("status", **fault)
        patient = sdk.with_options(max_retries=2)
        assert len(list(patient.messages.batches.results(made.id))) == 1
        assert [each.path.rpartition("/")[2] for each in emulator.records].count("results") == 2
        emulator.faults.add("status", **fault, times=9)
        with pytest.raises(anthropic.APIStatusError, match="not a valid one"):
            sdk.messages.batches.results(made.id)


@pytest.mark.parametrize("door", DOORS)
def test_a_page_may_be_a_file(house: House, emulator: Emulator, door: str) -> None:
    with house.sdk(door) as sdk:
        made = sdk.beta.files.upload(file=("a.html", b"<p>", "text/html"))
        page = {"content-type": "text/html"}
        emulator.faults.add("status", status=200, body=b"<p>", headers=page, path="/content")
        assert sdk.beta.files.download(made.id).read() == b"<p>"


def test_a_download_that_breaks_off_has_no_clean_end(house: House, emulator: Emulator) -> None:
    data = b"x" * 400_000
    for door in DOORS:
        with house.sdk(door) as sdk:
            made = sdk.beta.files.upload(file=("a.bin", data, "application/octet-stream"))
            emulator.faults.add("cut", platform="anthropic", path=f"/v1/files/{made.id}/content")
            with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
                sdk.beta.files.download(made.id).read()


def test_the_key_of_a_caller_never_leaves(house: House, emulator: Emulator) -> None:
    key = "gateway-key-of-a-caller"
    with (
        house.server(keys=(key,)) as running,
        anthropic.Anthropic(base_url=running.url, api_key=key) as sdk,
    ):
        made = sdk.messages.batches.create(requests=[request("a")])
        list(sdk.messages.batches.results(made.id))
        sdk.beta.files.upload(file=("a.txt", b"text", "text/plain"))
    assert len(emulator.records) >= 4
    for record in emulator.records:
        assert not any("gateway-key" in value for _, value in record.headers)
