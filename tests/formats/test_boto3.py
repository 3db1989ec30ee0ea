"""boto3 with another address: Bedrock's runtime and its control plane, answered as by AWS."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from gateway.emulator import Emulator
from tests.formats.asking import BEDROCK
from tests.formats.conftest import Client
from tests.server.serving import Running

MODEL = "claude-opus-5-5"
EU = f"eu.anthropic.{MODEL}"
GLOBAL = f"global.anthropic.{MODEL}"
BODY = json.dumps(BEDROCK)
NOT_THERE = frozenset({"amazon-bedrock-invocationMetrics"})
"""What Bedrock adds to a stream's last event: times that only it knows."""


def streamed(answer: Any) -> list[dict[str, Any]]:
    """Return the events of an answer, without pings, which Bedrock has none of."""
    events = [json.loads(each["chunk"]["bytes"]) for each in answer["body"]]
    kept = [each for each in events if each["type"] != "ping"]
    return [{key: value for key, value in each.items() if key not in NOT_THERE} for each in kept]


def plain(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events without what differs from one request to the next."""
    start = events[0]["message"]
    return [{**events[0], "message": {**start, "id": "", "usage": {}, "model": ""}}, *events[1:]]


def told(error: ClientError) -> tuple[str, int]:
    """Return name and status of an error."""
    response: Any = error.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_whole_answer_is_what_bedrock_gives(aws: Client, emulator: Emulator) -> None:
    ours = aws("bedrock-runtime").invoke_model(modelId=EU, body=BODY)
    there = aws("bedrock-runtime", emulator.api_key, emulator.bedrock.base_url)
    theirs = there.invoke_model(modelId=EU, body=BODY)
    mine, its = json.loads(ours["body"].read()), json.loads(theirs["body"].read())
    assert mine.keys() <= its.keys() | {"usage"}
    assert mine["content"] == its["content"]
    assert mine["usage"].items() >= its["usage"].items()
    assert ours["contentType"] == theirs["contentType"] == "application/json"
    assert ours["ResponseMetadata"]["RequestId"]
    assert {record.platform for record in emulator.records} == {"bedrock"}


def test_a_stream_is_what_bedrock_gives(aws: Client, emulator: Emulator) -> None:
    ours = aws("bedrock-runtime").invoke_model_with_response_stream(modelId=EU, body=BODY)
    there = aws("bedrock-runtime", emulator.api_key, emulator.bedrock.base_url)
    theirs = there.invoke_model_with_response_stream(modelId=EU, body=BODY)
    assert ours["contentType"] == theirs["contentType"]
    assert plain(streamed(ours)) == plain(streamed(theirs))


def test_tokens_are_counted(aws: Client, emulator: Emulator) -> None:
    ask = {"modelId": "anthropic.claude-sonnet-4-6", "input": {"invokeModel": {"body": BODY}}}
    ours = aws("bedrock-runtime").count_tokens(**ask)["inputTokens"]
    there = aws("bedrock-runtime", emulator.api_key, emulator.bedrock.base_url)
    assert ours == there.count_tokens(**ask)["inputTokens"]


@pytest.mark.parametrize("service", ["invoke_model", "invoke_model_with_response_stream"])
@pytest.mark.parametrize(
    ("status", "kind", "name", "expected"),
    [
        (400, "invalid_request_error", "ValidationException", 400),
        (404, "not_found_error", "ResourceNotFoundException", 404),
        (413, "request_too_large", "ValidationException", 400),
        (429, "rate_limit_error", "ThrottlingException", 429),
        (500, "api_error", "InternalServerException", 500),
        (504, "timeout_error", "ModelTimeoutException", 408),
        (529, "overloaded_error", "ServiceUnavailableException", 503),
    ],
)
def test_an_error_has_awss_name(  # noqa: PLR0917 - one row of a table
    aws: Client, emulator: Emulator, service: str, status: int, kind: str, name: str, expected: int
) -> None:
    emulator.faults.add("status", status=status, type=kind, message="these words", times=-1)
    with pytest.raises(ClientError) as caught:
        getattr(aws("bedrock-runtime"), service)(modelId=GLOBAL, body=BODY)
    assert told(caught.value) == (name, expected)
    response: Any = caught.value.response
    assert response["ResponseMetadata"]["RequestId"]


def test_the_words_of_anthropic_about_a_request_are_kept(aws: Client, emulator: Emulator) -> None:
    words = "prompt is too long: 1000001 tokens > 1000000 maximum"
    emulator.faults.add("status", status=400, message=words, times=-1)
    with pytest.raises(ClientError, match=words):
        aws("bedrock-runtime").invoke_model(modelId=GLOBAL, body=BODY)


def test_a_stream_that_is_cut_ends_in_an_exception(aws: Client, emulator: Emulator) -> None:
    emulator.faults.add("cut", at=4, times=-1)
    answer = aws("bedrock-runtime").invoke_model_with_response_stream(modelId=GLOBAL, body=BODY)
    with closing(answer["body"]) as events, pytest.raises(EventStreamError) as caught:
        list(events)
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "internalServerException"
    assert response["Error"]["Message"]


def test_profiles_are_listed_in_pages(aws: Client) -> None:
    client = aws("bedrock")
    found = client.list_inference_profiles(typeEquals="SYSTEM_DEFINED")
    everything = found["inferenceProfileSummaries"]
    pager = client.get_paginator("list_inference_profiles")
    pages = list(pager.paginate(typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 7}))
    paged = [each for page in pages for each in page["inferenceProfileSummaries"]]
    assert len(pages) == -(-len(everything) // 7)
    assert paged == everything
    ids = {each["inferenceProfileId"] for each in everything}
    assert {EU, GLOBAL} <= ids
    # Germany lies within nothing that is called `us` or `jp`.
    assert {each.partition(".")[0] for each in ids} == {"eu", "global"}
    assert (
        client.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"] == []
    )


def test_one_profile_is_found_by_id_and_by_arn(aws: Client) -> None:
    client = aws("bedrock")
    one = client.get_inference_profile(inferenceProfileIdentifier=EU)
    assert (one["inferenceProfileId"], one["status"]) == (EU, "ACTIVE")
    assert one["models"][0]["modelArn"].endswith(f"foundation-model/anthropic.{MODEL}")
    again = client.get_inference_profile(inferenceProfileIdentifier=one["inferenceProfileArn"])
    assert again["inferenceProfileId"] == EU
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=r"us\.anthropic"):
        client.get_inference_profile(inferenceProfileIdentifier=f"us.anthropic.{MODEL}")


def test_what_is_listed_is_served(aws: Client, emulator: Emulator) -> None:
    runtime = aws("bedrock-runtime")
    profiles = aws("bedrock").list_inference_profiles()["inferenceProfileSummaries"]
    for each in profiles:
        for name in (each["inferenceProfileId"], each["inferenceProfileArn"]):
            answer = runtime.invoke_model(modelId=name, body=BODY)
            assert json.loads(answer["body"].read())["type"] == "message"
    europe = [record for record in emulator.records if record.platform != "direct"]
    assert europe


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("type=OTHER", "type"),
        ("maxResults=0", "maxResults"),
        ("maxResults=1001", "maxResults"),
        ("maxResults=x", "maxResults"),
        (f"maxResults=00001{'0' * 5000}", "maxResults"),
        ("nextToken=x", "nextToken"),
    ],
)
def test_a_wrong_page_is_refused_by_name(clouds: Running, query: str, says: str) -> None:
    shown = {"authorization": "Bearer tg_the_callers_key"}
    reply = clouds.ask("GET", f"/inference-profiles?{query}", headers=shown)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert says in reply.json["message"]
    assert clouds.ask("POST", "/inference-profiles", b"", shown).status == 405


def test_a_signed_request_without_a_key_is_told_what_to_set(aws: Client) -> None:
    with pytest.raises(ClientError, match="AWS_BEARER_TOKEN_BEDROCK") as caught:
        aws("bedrock-runtime", None).invoke_model(modelId=GLOBAL, body=BODY)
    assert told(caught.value) == ("AccessDeniedException", 403)
    with pytest.raises(ClientError, match="AWS_BEARER_TOKEN_BEDROCK") as caught:
        aws("bedrock", None).list_inference_profiles()
    assert told(caught.value) == ("AccessDeniedException", 403)


def test_a_wrong_key_is_not_let_in(aws: Client, emulator: Emulator) -> None:
    with pytest.raises(ClientError, match="not valid"):
        aws("bedrock-runtime", "wrong").invoke_model(modelId=GLOBAL, body=BODY)
    assert len(emulator.records) == 0


def test_metadata_becomes_tags_and_labels_work(aws: Client, emulator: Emulator) -> None:
    client = aws("bedrock-runtime")

    def label(request: Any, **_: Any) -> None:
        request.headers["x-gateway-only"] = "vertex"

    client.meta.events.register("before-send", label)
    client.invoke_model(modelId=EU, body=BODY, requestMetadata=json.dumps({"Team": "a"}))[
        "body"
    ].read()
    (record,) = emulator.records
    assert record.platform == "vertex"
    assert not any(name.lower().startswith("x-gateway") for name, _ in record.headers)


def test_a_repeat_by_botocore_counts_as_one(aws: Client, emulator: Emulator) -> None:
    """It comes with `amz-sdk-request`, and shares the budget of all attempts."""
    emulator.faults.add("status", status=529, times=-1)
    client = aws("bedrock-runtime")

    def third(request: Any, **_: Any) -> None:
        request.headers["amz-sdk-request"] = "attempt=9; max=9"

    client.meta.events.register("before-send", third)
    with pytest.raises(ClientError):
        client.invoke_model(modelId=GLOBAL, body=BODY)
    assert len(emulator.records) == 1
