"""Policy holds in every format that a caller may speak, beside what the format itself says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.engine import Engine
from tests.boundary.house import BODY, House
from tests.boundary.test_doors_ask import FAST
from tests.server.serving import HEADERS, Reply, Running, serving

MODEL = str(BODY["model"])
ROOT = "/v1/projects/mine/locations"
PLAIN = {key: value for key, value in BODY.items() if key != "model"}
BEDROCK = {**PLAIN, "anthropic_version": "bedrock-2023-05-31"}
VERTEX = {**PLAIN, "anthropic_version": "vertex-2023-10-16"}
WAYS: dict[str, tuple[Callable[[str], str], dict[str, Any]]] = {
    "chat": (lambda _: "/v1/chat/completions", BODY),
    "invoke": (lambda place: f"/model/{place}.anthropic.{MODEL}/invoke", BEDROCK),
    "stream": (
        lambda place: f"/model/{place}.anthropic.{MODEL}/invoke-with-response-stream",
        BEDROCK,
    ),
    "predict": (
        lambda place: f"{ROOT}/{place}/publishers/anthropic/models/{MODEL}:streamRawPredict",
        VERTEX,
    ),
}
"""Name -> its path for a place, and its body."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def running(house: House) -> Iterator[Running]:
    house.write(more=f'[policy]\nfiles = ["policies/house.toml"]\n{FAST}')
    with serving(Engine.from_config(house.config())) as made:
        yield made


def ask(running: Running, way: str, place: str = "global", **headers: str) -> Reply:
    path, body = WAYS[way]
    labels = {f"x-gateway-{name}": value for name, value in headers.items()}
    return running.ask("POST", path(place), json.dumps(body).encode(), HEADERS | labels)


def test_an_unlabelled_request_stays_where_policy_says(
    house: House, running: Running, way: str
) -> None:
    reply = ask(running, way)
    assert (reply.status, reply.headers["x-gateway-upstream"]) == (200, "frankfurt")
    assert [path.startswith("/model/eu.anthropic.") for path in house.seen()] == [True]


def test_every_failover_stays_inside(house: House, running: Running, way: str) -> None:
    house.emulator.faults.add("status", status=500, times=-1, platform="bedrock")
    assert ask(running, way).status == 500
    assert len(house.seen()) == 2
    assert all(path.startswith("/model/eu.") for path in house.seen())


def test_a_label_opens_what_its_class_may_and_does_not_leave(
    house: House, running: Running, way: str
) -> None:
    reply = ask(running, way, **{"class": "open", "tag-team": "x"})
    assert (reply.status, reply.headers["x-gateway-upstream"]) == (200, "direct")
    (record,) = house.emulator.records
    assert not [name for name, _ in record.headers if name.lower().startswith("x-gateway")]


@pytest.mark.parametrize("labels", [{"class": "opne"}, {"only": "direct"}, {"clas": "open"}])
def test_a_label_that_opens_nothing(
    house: House, running: Running, way: str, labels: dict[str, str]
) -> None:
    reply = ask(running, way, **labels)
    assert reply.status == (400 if "clas" in labels else 403)
    assert reply.body
    assert house.seen() == []


@pytest.mark.parametrize("labels", [{}, {"class": "open"}])
def test_what_the_path_says_and_what_policy_says_both_hold(
    house: House, running: Running, labels: dict[str, str]
) -> None:
    for way in ("invoke", "stream", "predict"):
        reply = ask(running, way, "us", **labels)
        found = (reply.status, reply.headers.get("x-gateway-upstream"))
        assert found == ((200, "direct") if labels else (403, None))
    assert len(house.seen()) == (3 if labels else 0)


CANARY = "zq9canary"
PRIVATE = (
    "authorization",
    "x-api-key",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "openai-organization",
    "openai-project",
    "idempotency-key",
    "x-amz-security-token",
    "x-amz-date",
    "x-amz-content-sha256",
    "amz-sdk-invocation-id",
    "x-goog-user-project",
    "x-goog-api-client",
    "x-gateway-tag-team",
)


@pytest.mark.parametrize("only", ["direct", "frankfurt"])
def test_nothing_private_to_the_caller_leaves(
    house: House, running: Running, way: str, only: str
) -> None:
    path, body = WAYS[way]
    shown = {name: f"{name}-{CANARY}" for name in PRIVATE}
    labels = {"x-gateway-class": "open", "x-gateway-only": only}
    target = f"{path('global')}?key={CANARY}&X-Amz-Credential={CANARY}"
    raw = json.dumps(body).encode()
    reply = running.ask("POST", target, raw, HEADERS | shown | labels)
    assert reply.status == 200
    assert CANARY not in str(reply.headers)
    (record,) = house.emulator.records
    assert CANARY not in f"{record.path} {record.query} {record.headers} {record.body!r}"
