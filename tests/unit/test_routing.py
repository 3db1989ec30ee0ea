from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.call import Call, read_call
from gateway.errors import Forbidden, Malformed, NotReady, Refused, UnknownModel
from gateway.routing import Plan, Upstream, plan
from providers.contract import Kind, Place
from providers.registry import PROVIDERS

DIRECT = Upstream("direct", PROVIDERS["anthropic"], PROVIDERS["anthropic"].endpoint(Place()))


def bedrock(name: str, profile: str | None, *, lenient: bool = False) -> Upstream:
    provider = PROVIDERS["bedrock"]
    place = Place(region="eu-central-1", profile=profile)
    return Upstream(name, provider, provider.endpoint(place), lenient=lenient)


EU, ANYWHERE = bedrock("eu", "eu"), bedrock("anywhere", "global")


def call(model: str = "claude-opus-5-5", *headers: tuple[str, str], **fields: Any) -> Call:
    body = {"model": model, "max_tokens": 9, "messages": [], **fields}
    version = ("anthropic-version", "2026-10-21")
    return read_call(Kind.MESSAGES, (version, *headers), json.dumps(body).encode())


def names(found: Plan) -> list[str]:
    return [leg.upstream.name for leg in found.legs]


def refused(asked: Call, *upstreams: Upstream) -> Refused:
    try:
        found = plan(asked, upstreams)
    except Refused as error:
        return error
    assert found.refused is not None
    return found.refused


def test_the_configured_order_is_the_plans() -> None:
    assert names(plan(call(), [EU, DIRECT, ANYWHERE])) == ["eu", "direct", "anywhere"]


def test_the_ill_go_last_but_stay() -> None:
    found = plan(call(), [EU, DIRECT], lambda _model: frozenset({"eu"}))
    assert names(found) == ["direct", "eu"]
    assert names(plan(call(), [EU], lambda _model: frozenset({"eu"}))) == ["eu"]


def test_a_prefixed_id_narrows() -> None:
    assert names(plan(call("eu.anthropic.claude-opus-5-5"), [DIRECT, ANYWHERE, EU])) == ["eu"]
    error = refused(call("eu.anthropic.claude-opus-5-5"), DIRECT, ANYWHERE)
    assert isinstance(error, Forbidden)
    assert "names another place" in error.message


@pytest.mark.parametrize("header", ["x-gateway-class", "x-gateway-require"])
def test_what_only_a_policy_could_keep_is_refused_without_one(header: str) -> None:
    error = refused(call("claude-opus-5-5", (header, "phi")), DIRECT)
    assert isinstance(error, Forbidden)
    assert header in error.message


def test_only_narrows_and_knows_its_names() -> None:
    assert names(plan(call("claude-opus-5-5", ("x-gateway-only", "eu")), [DIRECT, EU])) == ["eu"]
    error = refused(call("claude-opus-5-5", ("x-gateway-only", "dirct")), DIRECT, EU)
    assert isinstance(error, Malformed)
    assert "Did you mean direct?" in error.message


def test_an_unknown_model_lists_near_names() -> None:
    error = refused(call("claude-opus-5.5"), DIRECT)
    assert isinstance(error, UnknownModel)
    assert "claude-opus-5-5" in error.message


def test_a_known_model_that_nobody_serves_says_so() -> None:
    error = refused(call("claude-mythos-5-2"), EU)
    assert isinstance(error, UnknownModel)
    assert "[eu] does not serve claude-mythos-5-2" in error.message


def test_strict_passes_over_and_lenient_names_what_is_lost() -> None:
    asked = call(service_tier="auto")
    assert names(plan(asked, [EU, DIRECT])) == ["direct"]
    error = refused(asked, EU)
    assert isinstance(error, Malformed)
    assert "service_tier" in error.message
    (leg,) = plan(asked, [bedrock("eu", "eu", lenient=True)]).legs
    assert [loss.name for loss in leg.losses] == ["service_tier"]


def test_what_changes_the_meaning_is_never_left_out() -> None:
    error = refused(call(inference_geo="us"), bedrock("eu", "eu", lenient=True))
    assert "inference_geo" in error.message


def test_without_upstreams_nothing_is_ready() -> None:
    assert isinstance(refused(call()), NotReady)
