"""Requests that an SDK does not send, and platforms that break off: told, never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import anthropic
import pytest

from gateway.emulator import Emulator
from tests.server.serving import HEADERS
from tests.stateful.doors import DOORS, House, request

BATCHES = "/v1/messages/batches"


MAKES: dict[str, Callable[[anthropic.Anthropic], object]] = {
    "batch": lambda sdk: sdk.messages.batches.create(requests=[request("a")]),
    "file": lambda sdk: sdk.beta.files.upload(file=("a.txt", b"text")),
    "skill": lambda sdk: sdk.beta.skills.create(files=[("s/SKILL.md", b"---\nname: s\n---\n")]),
}


@pytest.fixture
def house(tmp_path: Path, emulator: Emulator) -> House:
    made = House(tmp_path / "config", emulator)
    made.write()
    return made


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-16", "text/plain", "multipart/form-data; boundary=x"]
)
def test_a_batch_is_sent_as_what_it_was_read_as(
    house: House, emulator: Emulator, kind: str
) -> None:
    body = json.dumps({"requests": [request("a")]}).encode()
    with house.server() as running:
        assert running.ask("POST", BATCHES, body, {**HEADERS, "content-type": kind}).status == 200
    (record,) = emulator.records
    kinds = [value for name, value in record.headers if name.lower() == "content-type"]
    assert kinds == ["application/json"]


def test_no_request_of_a_batch_chooses_an_account(house: House, emulator: Emulator) -> None:
    asked = request("b")
    asked["params"]["user_profile_id"] = "uprof_1"
    body = json.dumps({"requests": [request("a"), asked]}).encode()
    with house.server() as running:
        refused = running.ask("POST", BATCHES, body, HEADERS)
    assert refused.status == 400
    assert "requests.1.params: user_profile_id" in refused.json["error"]["message"]
    assert not emulator.records


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action", ["cut", "reset"])
@pytest.mark.parametrize("what", MAKES)
def test_what_broke_off_after_its_body_is_made_once_at_most(
    house: House, emulator: Emulator, door: str, action: str, what: str
) -> None:
    emulator.faults.add(action, platform="anthropic", before_head=True, times=9)
    with house.sdk(door) as sdk, pytest.raises(anthropic.APIStatusError) as caught:
        MAKES[what](sdk.with_options(max_retries=3))
    assert "may have been done" in caught.value.message
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(emulator.records) == 1


def test_only_the_callers_own_words_for_the_platform_go_up(
    house: House, emulator: Emulator
) -> None:
    odd = {
        "cookie": "a=CANARY",
        "x-forwarded-for": "CANARY",
        "x-gateway-tag-team": "CANARY",
        "x-goog-user-project": "CANARY",
        "x-amz-security-token": "CANARY",
        "proxy-authorization": "Basic CANARY",
        "idempotency-key": "CANARY",
        "range": "bytes=0-1",
    }
    body = json.dumps({"requests": [request("a")]}).encode()
    with house.server(keys=("k",)) as running:
        headers = {**HEADERS, **odd, "x-api-key": "k"}
        made = running.ask("POST", BATCHES, body, headers)
        assert made.status == 200, made.json
        running.ask("GET", f"{BATCHES}/{made.json['id']}/results", None, headers)
    assert len(emulator.records) == 2
    for record in emulator.records:
        assert not any("CANARY" in value for _, value in record.headers)
