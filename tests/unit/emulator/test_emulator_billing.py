"""What an honest platform bills: for whole answers, for broken ones, for what was never begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import msgspec
import pytest

from gateway.emulator import Emulator, FaultError, Record
from gateway.emulator.bedrock_models import scope_of
from gateway.emulator.billing import Bill, Why
from gateway.emulator.faults import fault
from gateway.emulator.http import Request
from gateway.emulator.messages import events
from gateway.emulator.tokens import text_tokens
from gateway.emulator.work import Work
from tests.server.serving import until

PLATFORMS = ("anthropic", "bedrock", "vertex")
PLACE = "/v1/projects/p-1/locations/europe-west1/publishers/anthropic/models"
ARN = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile"
TOOL = {"name": "t", "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=0.5) as client:
        yield client


def request(
    emulator: Emulator, platform: str, text: str, *, stream: bool, model: str = ""
) -> tuple[str, dict[str, Any]]:
    """Return the address and the arguments of one question."""
    key, version = emulator.api_key, "2026-10-21"
    fields: dict[str, Any] = {
        "max_tokens": 500,
        "messages": [{"role": "user", "content": text}],
        "tools": [TOOL],
    }
    if platform == "anthropic":
        headers = {"x-api-key": key, "anthropic-version": version}
        body = {"model": model or "claude-opus-5-5", "stream": stream, **fields}
        return emulator.direct.base_url + "/v1/messages", {"json": body, "headers": headers}
    headers = {"authorization": f"Bearer {key}"}
    fields["anthropic_version"] = version
    if platform == "bedrock":
        verb = "invoke-with-response-stream" if stream else "invoke"
        url = f"{emulator.bedrock.base_url}/model/{model or 'eu.anthropic.claude-opus-5-5'}/{verb}"
        return url, {"json": fields, "headers": headers}
    verb = "streamRawPredict" if stream else "rawPredict"
    url = f"{emulator.vertex.base_url}{model or f'{PLACE}/claude-opus-5-5'}:{verb}"
    return url, {"json": {**fields, "stream": stream}, "headers": headers}


def asked(
    emulator: Emulator,
    http: httpx2.Client,
    platform: str = "anthropic",
    text: str = "[[words:40]]",
    *,
    stream: bool = False,
    model: str = "",
) -> Record:
    """Ask, whatever comes of it, and return what is on record once it has ended."""
    url, arguments = request(emulator, platform, text, stream=stream, model=model)
    with suppress(httpx2.HTTPError):
        http.post(url, **arguments)
    record = emulator.records[-1]
    until(lambda: record.billed is not None)
    return record


def billed(record: Record) -> Bill:
    assert record.billed is not None
    return record.billed


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_whole_answer_is_billed_as_it_says(
    platform: str, emulator: Emulator, http: httpx2.Client
) -> None:
    url, arguments = request(emulator, platform, "[[words:40]]", stream=False)
    message = http.post(url, **arguments).json()
    found = billed(emulator.records[-1])
    assert (found.why, found.usage) == (Why.WHOLE, message["usage"])
    assert (found.message_id, found.model) == (message["id"], "claude-opus-5-5")
    streamed = billed(asked(emulator, http, platform, stream=True))
    assert streamed.usage == found.usage
    assert streamed.message_id != found.message_id


@pytest.mark.parametrize(
    ("platform", "model", "scope"),
    [
        ("anthropic", "claude-opus-5-5", "global"),
        ("bedrock", "global.anthropic.claude-opus-5-5", "global"),
        ("bedrock", "eu.anthropic.claude-opus-5-5", "geo"),
        (
            "bedrock",
            f"{ARN}%2Fglobal.anthropic.claude-opus-5-5",
            "global",
        ),
        ("bedrock", "us-gov.anthropic.claude-opus-5-5", "government"),
        ("vertex", f"{PLACE}/claude-opus-5-5", "in_region"),
        ("vertex", f"{PLACE}/claude-opus-5-5".replace("europe-west1", "eu"), "geo"),
        ("vertex", f"{PLACE}/claude-opus-5-5".replace("europe-west1", "global"), "global"),
    ],
)
def test_a_bill_says_how_far_the_request_could_travel(
    platform: str, model: str, scope: str, emulator: Emulator, http: httpx2.Client
) -> None:
    found = billed(asked(emulator, http, platform, model=model))
    assert (found.why, found.scope) == (Why.WHOLE, scope)


def test_a_base_model_is_sold_for_its_region() -> None:
    for region, scope in (("us-gov-west-1", "government"), ("eu-central-1", "in_region")):
        assert scope_of("anthropic.claude-opus-5-5", region) == scope


NOT_BEGUN = [
    ("status-529", "vertex", True),
    ("status-400", "bedrock", False),
    ("redirect", "anthropic", False),
    ("html-200", "anthropic", False),
    ("error-object-200", "bedrock", True),
    ("reset-before-head", "anthropic", True),
]
WHOLE = [
    ("reset-after-body", "anthropic", True),
    ("close-after-body", "vertex", False),
    ("html-as-json-200", "vertex", True),
    ("empty-200", "bedrock", False),
    ("truncated-json", "anthropic", False),
    ("no-usage", "vertex", False),
    ("cut-in-body", "anthropic", False),
    ("stall-in-body", "vertex", False),
    ("surplus-bytes", "vertex", True),
    ("gzip-garbage", "anthropic", True),
    ("split-at-every-byte", "vertex", True),
    ("no-message-start", "anthropic", True),
    ("no-message-delta", "vertex", True),
    ("no-message-stop", "anthropic", True),
    ("length-too-short", "anthropic", True),
    # Generation goes on there.
    ("cut-after-events", "bedrock", True),
    ("stall-after-events", "bedrock", True),
    ("hang-before-head", "bedrock", False),
    ("cut-before-events", "bedrock", True),
]
BROKEN_OFF = [
    ("hang-before-head", "anthropic", False, 0),
    ("cut-before-events", "vertex", True, 0),
    ("stall-before-content", "anthropic", True, 1),
    ("error-as-first-event", "bedrock", True, 0),
    ("error-before-content", "vertex", True, 1),
    ("bedrock-frame-ThrottlingException", "bedrock", True, 1),
    ("cut-after-events", "anthropic", True, 2),
    ("end-after-events", "vertex", True, 2),
    ("reset-after-events", "anthropic", True, 2),
    ("stall-after-events", "vertex", True, 2),
    ("chunked-abort-after-events", "vertex", True, 2),
    ("exception-frame", "bedrock", True, 2),
]


@pytest.mark.parametrize(("name", "platform", "stream"), NOT_BEGUN)
def test_what_was_never_begun_is_not_billed(
    name: str, platform: str, stream: bool, emulator: Emulator, http: httpx2.Client
) -> None:
    emulator.faults.add(name)
    assert billed(asked(emulator, http, platform, stream=stream)) == Bill(Why.NOT_BEGUN)


@pytest.mark.parametrize("name", ["accept-close", "reset-before-head"])
def test_what_stands_for_a_request_that_was_never_whole_is_not_billed(
    name: str, emulator: Emulator, http: httpx2.Client
) -> None:
    emulator.faults.add(name, contains="words:40")
    assert billed(asked(emulator, http)) == Bill(Why.NOT_BEGUN)


@pytest.mark.parametrize(("name", "platform", "stream"), WHOLE)
def test_what_was_generated_to_its_end_is_billed_in_full(
    name: str, platform: str, stream: bool, emulator: Emulator, http: httpx2.Client
) -> None:
    whole = billed(asked(emulator, http, platform, stream=stream))
    emulator.faults.add(name, platform=platform)
    record = asked(emulator, http, platform, stream=stream)
    assert record.fault == name
    assert (billed(record).why, billed(record).usage) == (Why.WHOLE, whole.usage)


@pytest.mark.parametrize("row", BROKEN_OFF, ids=str)
def test_what_broke_off_is_billed_as_far_as_it_got(
    row: tuple[str, str, bool, int], emulator: Emulator, http: httpx2.Client
) -> None:
    name, platform, stream, least = row
    whole = billed(asked(emulator, http, platform, stream=stream)).usage
    emulator.faults.add(name, platform=platform)
    found = billed(asked(emulator, http, platform, stream=stream))
    assert found.why is Why.BROKEN_OFF
    assert least <= found.usage["output_tokens"] < whole["output_tokens"]
    assert {**found.usage, "output_tokens": 0} == {**whole, "output_tokens": 0}


@pytest.mark.parametrize(("platform", "why"), [("vertex", "broken_off"), ("bedrock", "whole")])
def test_who_leaves_is_billed_for_what_was_generated(
    platform: str, why: str, emulator: Emulator, http: httpx2.Client
) -> None:
    url, arguments = request(emulator, platform, "[[words:99]] [[pace_ms:30]]", stream=True)
    with http.stream("POST", url, **arguments) as answer:
        chunks = answer.iter_raw()
        read = b"".join(next(chunks) for _ in range(6))
        record = emulator.records[-1]
        assert record.billed is None
        assert record.running
    until(lambda: record.billed is not None)
    assert (record.outcome, record.running) == ("left", False)
    assert billed(record).why == why
    if platform == "vertex":
        told = [msgspec.json.decode(line[6:]) for line in read.split(b"\n") if line[:5] == b"data:"]
        text = "".join(each.get("delta", {}).get("text", "") for each in told)
        assert text_tokens(text) <= billed(record).usage["output_tokens"]


def test_the_event_on_its_way_has_been_generated(emulator: Emulator) -> None:
    url, arguments = request(emulator, "anthropic", "[[words:40]]", stream=True)
    body = msgspec.json.encode(arguments["json"])
    path = url.removeprefix(emulator.direct.base_url)
    asking = Request("POST", path, tuple(arguments["headers"].items()), body)
    response, note = emulator.direct.serve(asking)
    note("left", 3)
    assert response.work is not None
    told = [response.work.generated(sent) for sent in (3, 4)]
    assert told[0] < told[1] == billed(emulator.records[-1]).usage["output_tokens"]


def test_who_waits_in_vain_is_billed_when_he_leaves(
    emulator: Emulator, http: httpx2.Client
) -> None:
    emulator.faults.add("stall-after-events")
    url, arguments = request(emulator, "anthropic", "[[words:99]]", stream=True)
    with http.stream("POST", url, **arguments):
        record = emulator.records[-1]
        until(lambda: record.outcome == "stall")
        assert record.billed is None
    until(lambda: record.billed is not None)


@pytest.mark.parametrize("text", ["[[words:60]]", "[[say:]]", "[[tool]]", "[[say:a]]"])
def test_no_less_is_generated_than_has_been_sent(
    text: str, emulator: Emulator, http: httpx2.Client
) -> None:
    url, arguments = request(emulator, "anthropic", text, stream=False)
    message = http.post(url, **arguments).json()
    said = events(message)
    work = Work(message, "m", "global", said)
    total = message["usage"]["output_tokens"]
    counts = [work.generated(sent) for sent in range(len(said) + 1)]
    assert counts == sorted(counts)
    assert (counts[0], counts[1], counts[-1], counts[-2]) == (0, min(1, total), total, total)
    for sent in range(len(said)):
        deltas = [event.get("delta", {}) for event in said[:sent]]
        parts = "".join(each.get("text", "") + each.get("partial_json", "") for each in deltas)
        assert text_tokens(parts) <= counts[sent]


@pytest.mark.parametrize(("platform", "why"), [("anthropic", "waived"), ("bedrock", "whole")])
def test_an_empty_refusal_is_waived_where_the_platform_says_so(
    platform: str, why: str, emulator: Emulator, http: httpx2.Client
) -> None:
    record = asked(emulator, http, platform, "[[refusal]]")
    assert (record.status, billed(record).why) == (200, why)
    assert billed(asked(emulator, http, platform, "[[refusal:mid]]")).why is Why.WHOLE


def test_counts_and_lists_are_free_and_refusals_too(
    emulator: Emulator, http: httpx2.Client
) -> None:
    url, arguments = request(emulator, "anthropic", "Hello", stream=False)
    del arguments["json"]["max_tokens"], arguments["json"]["stream"]
    assert http.post(f"{url}/count_tokens", **arguments).status_code == 200
    http.get(url.replace("messages", "models"), headers=arguments["headers"])
    http.post(url, **arguments)
    found = [billed(record).why for record in emulator.records]
    assert found == [Why.FREE, Why.FREE, Why.NOT_BEGUN]


def test_the_true_model_and_the_true_counts_are_billed(
    emulator: Emulator, http: httpx2.Client
) -> None:
    found = billed(asked(emulator, http, text="[[model:claude-haiku-4-5]] [[geo:us]]"))
    assert (found.model, found.usage["inference_geo"]) == ("claude-opus-5-5", "us")


def test_a_script_says_what_is_billed(emulator: Emulator, http: httpx2.Client) -> None:
    emulator.faults.add("status-500", bills="all")
    record = asked(emulator, http)
    assert (record.status, billed(record).why) == (500, Why.WHOLE)
    with pytest.raises(FaultError, match="bills: should be one of nothing, sent, all"):
        fault({"action": "cut", "bills": "some"})


def test_the_control_endpoint_shows_the_bill(emulator: Emulator, http: httpx2.Client) -> None:
    record = asked(emulator, http)
    shown = http.get(emulator.direct.base_url + "/_emulator/requests").json()[0]["billed"]
    assert shown["why"] == "whole"
    assert shown["usage"] == billed(record).usage
