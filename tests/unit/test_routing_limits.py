"""What a platform is certain to refuse is left out of the plan before anything is sent."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.boundary import Boundary, Leave
from gateway.call import Call, read_call
from gateway.cli.setting import endpoint
from gateway.config import load
from gateway.dispatch.limits import Limits
from gateway.engine import Engine
from gateway.errors import Malformed, NotServed, TooLarge, UnknownModel
from gateway.routing import Cause, Plan, Upstream, plan
from providers import capabilities
from providers.contract import Kind, Operation, Place
from providers.registry import PROVIDERS
from tests.fuzz.samples import PLACES

DAY = dt.timedelta(days=1)
END = dt.date(2026, 11, 30)
OLD = "claude-sonnet-4-5"


def at(platform: str, name: str | None = None, *, lenient: bool = False, **more: Any) -> Upstream:
    provider = PROVIDERS[platform]
    place = provider.endpoint(replace(PLACES[platform], **more))
    return Upstream(name or platform, provider, place, lenient=lenient)


DIRECT, BEDROCK, VERTEX = at("anthropic"), at("bedrock"), at("vertex")


def call(
    model: str = "claude-opus-5-5", *, kind: Kind = Kind.MESSAGES, beta: str = "", **fields: Any
) -> Call:
    body = {"model": model, "max_tokens": 9, "messages": [], **fields}
    if kind is Kind.COUNT_TOKENS:
        del body["max_tokens"]
    headers = (("anthropic-version", "2026-10-21"), *((("anthropic-beta", beta),) if beta else ()))
    return read_call(kind, headers, json.dumps(body).encode())


def names(found: Plan) -> list[str]:
    return [leg.upstream.name for leg in found.legs]


def test_a_model_is_served_to_its_last_day_on_each_platform() -> None:
    places = [DIRECT, BEDROCK]
    assert names(plan(call(OLD), places, today=END)) == ["anthropic", "bedrock"]
    found = plan(call(OLD), places, today=END + DAY)
    assert names(found) == ["bedrock"]
    (rejected,) = found.rejected
    assert rejected.cause is Cause.MODEL
    assert "retired there on 2026-11-30" in rejected.reason
    assert isinstance(plan(call(OLD), [DIRECT], today=END + DAY).refused, UnknownModel)


def test_without_a_day_nothing_is_taken_to_be_retired() -> None:
    assert names(plan(call(OLD), [DIRECT])) == ["anthropic"]


def test_an_earliest_end_decides_nothing() -> None:
    row = capabilities.load("vertex").models[OLD]
    assert row.no_sooner_than is not None
    assert names(plan(call(OLD), [VERTEX], today=row.no_sooner_than + 400 * DAY)) == ["vertex"]


def test_an_id_that_the_operator_chose_has_the_end_the_operator_knows() -> None:
    own = at("anthropic", models={OLD: "their-own"})
    assert names(plan(call(OLD), [own], today=END + DAY)) == ["anthropic"]


def test_why_a_model_is_not_there_is_said() -> None:
    reasons = [
        (at("bedrock", profile="jp"), "claude-fable-5-1", "under the profiles global, us, eu"),
        (at("bedrock", profile=None), "claude-opus-5-5", "or without one in us-gov-east-1"),
        (at("vertex"), "claude-mythos-5-1", "Google Vertex AI is not known to have it"),
        (at("anthropic", geo="us"), "claude-haiku-4-5", "does not take inference_geo"),
    ]
    for upstream, model, reason in reasons:
        (rejected,) = plan(call(model), [upstream]).rejected
        assert rejected.reason.startswith(f"does not serve {model} (")
        assert reason in rejected.reason


def test_a_model_that_is_offered_in_some_regions_is_absent_in_others() -> None:
    caps = capabilities.load("vertex")
    row = replace(caps.models["claude-opus-5-5"], regions=("us", "us-*"))
    made = replace(caps, models={**caps.models, "claude-opus-5-5": row})

    def served(region: str) -> bool:
        return "claude-opus-5-5" in capabilities.platform_models(made, Place(region=region))

    assert served("us-east5")
    assert not served("europe-west1")
    assert capabilities.absence(made, VERTEX.endpoint, "claude-opus-5-5") == (
        "Google Vertex AI has it in us, us-* only"
    )


@pytest.mark.parametrize("asked", [64_001, 128_000])
def test_where_platforms_differ_the_output_limit_filters(asked: int) -> None:
    found = plan(call("claude-sonnet-4-6", max_tokens=asked), [BEDROCK, DIRECT])
    assert names(found) == ["anthropic"]
    (rejected,) = found.rejected
    assert rejected.reason == (
        "max_tokens: claude-sonnet-4-6 answers at most 64000 tokens on Amazon Bedrock"
    )
    assert names(plan(call("claude-sonnet-4-6", max_tokens=64_000), [BEDROCK])) == ["bedrock"]


@pytest.mark.parametrize("platform", PROVIDERS)
@pytest.mark.parametrize("asked", [128_001, 10**400])
def test_over_every_limit_is_the_callers_mistake(platform: str, asked: int) -> None:
    body = b'{"model":"claude-opus-5-5","messages":[],"max_tokens":%d}' % asked
    version = (("anthropic-version", "2026-10-21"),)
    refused = plan(read_call(Kind.MESSAGES, version, body), [at(platform)]).refused
    assert isinstance(refused, Malformed)
    assert "at most 128000 tokens" in refused.message


@pytest.mark.parametrize("platform", PROVIDERS)
def test_a_number_too_long_for_python_is_over_every_limit(platform: str) -> None:
    asked, place = call(), at(platform)
    asked.fields.body["max_tokens"] = msgspec.Raw(b"9" * 5000)  # type: ignore[index]
    operation = Operation(Kind.MESSAGES, "claude-opus-5-5")
    (loss,) = place.provider.losses(operation, asked.fields, place.endpoint)
    assert (loss.name, loss.droppable) == ("max_tokens", False)


def test_a_beta_that_raises_the_limit_leaves_it_to_the_platform() -> None:
    asked = call(max_tokens=300_000, beta="output-300k-2026-03-24")
    assert names(plan(asked, [DIRECT, BEDROCK])) == ["anthropic"]


def test_a_limit_that_nobody_knows_filters_nothing() -> None:
    assert names(plan(call("claude-fable-5-2", max_tokens=10**6), [DIRECT])) == ["anthropic"]


@pytest.mark.parametrize("asked", [1e6, True, -1, None, "9"])
def test_what_is_no_number_is_not_compared(asked: Any) -> None:
    body = msgspec.json.encode(asked)
    sent = call()
    sent.fields.body["max_tokens"] = msgspec.Raw(body)  # type: ignore[index]
    assert names(plan(sent, [DIRECT])) == ["anthropic"]


def test_a_body_goes_where_it_fits() -> None:
    text = "x" * 20_000_000
    found = plan(call(messages=[{"role": "user", "content": text}]), [BEDROCK, DIRECT])
    assert names(found) == ["anthropic"]
    (rejected,) = found.rejected
    assert rejected.cause is Cause.SIZE
    assert "takes bodies up to 20000000 bytes, not 2000" in rejected.reason


def test_a_body_is_measured_as_it_would_be_sent() -> None:
    (leg,) = plan(call(), [BEDROCK]).legs
    provider, operation = BEDROCK.provider, plan(call(), [BEDROCK]).operation

    def sized(length: int) -> Call:
        return call(messages=[{"role": "user", "content": "x" * length}])

    def sent(asked: Call) -> int:
        return len(provider.encode(operation, asked.fields, BEDROCK.endpoint, leg.losses).body)

    fits = 20_000_000 - sent(sized(0))
    assert names(plan(sized(fits), [BEDROCK])) == ["bedrock"]
    refused = plan(sized(fits + 1), [BEDROCK]).refused
    assert isinstance(refused, TooLarge)
    assert (refused.status, refused.type) == (413, "request_too_large")


def test_no_window_filters_for_nobody_has_counted() -> None:
    asked = call("claude-haiku-4-5", messages=[{"role": "user", "content": "a b " * 500_000}])
    assert names(plan(asked, [DIRECT, VERTEX])) == ["anthropic", "vertex"]


def test_who_cannot_count_is_not_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    caps = capabilities.load("vertex")
    made = replace(caps, supports={**caps.supports, "count_tokens": "it has no such path"})
    monkeypatch.setattr(capabilities, "load", lambda _name: made)
    refused = plan(call(kind=Kind.COUNT_TOKENS), [VERTEX]).refused
    assert isinstance(refused, NotServed)
    assert "it has no such path" in refused.message
    assert names(plan(call(), [VERTEX])) == ["vertex"]


@pytest.mark.parametrize("platform", PROVIDERS)
def test_who_is_said_not_to_count_does_not(platform: str) -> None:
    counts = capabilities.load(platform).supports.get("count_tokens")
    assert counts is not None
    found = plan(call("claude-sonnet-4-6", kind=Kind.COUNT_TOKENS), [at(platform)])
    assert bool(found.legs) is (counts is True)
    if counts is not True:
        assert isinstance(found.refused, NotServed)
        assert str(counts) in found.refused.message


def test_the_engine_plans_with_the_day_of_the_call() -> None:
    config = load(None, {"ANTHROPIC_API_KEY": "x"}, check_place=endpoint)

    def planned(day: dt.date) -> list[str]:
        unix_s = dt.datetime.combine(day, dt.time(23, 59), dt.UTC).timestamp()
        boundary = Boundary(config, unix_s=lambda: unix_s)
        engine = Engine([DIRECT], {}, Limits(), boundary=boundary)
        return names(engine.plan(call(OLD), 0.0))

    assert planned(END) == ["anthropic"]
    assert planned(END + DAY) == []


def test_a_leave_without_a_clock_names_no_day() -> None:
    assert Leave(None).today is None
