"""The leave to go out: asked before a socket opens, and again before a request's first byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.routing import Leg, Plan, Upstream
from gateway.wire.contract import EgressRefused, Route, Wire, run_blocking
from gateway.wire.guard import open_socket
from gateway.wire.passage import Passage, Withdrawn, passage_of
from providers.contract import FailureKind, Kind, Operation, Place
from providers.registry import PROVIDERS
from tests.unit.wire.conftest import Line, Peer, Rig, fetch, passage_along, says
from tests.unit.wire.test_wire_guard import PUBLIC, Names

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Start = Callable[..., Peer]


class Answers:
    """A policy that gives its answers one by one; the last one stays."""

    def __init__(self, *answers: bool) -> None:
        self.left = list(answers)
        self.asked: list[str] = []

    def __call__(self, upstream: str) -> bool:
        self.asked.append(upstream)
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@pytest.mark.parametrize(
    "planned",
    [
        {},
        {"other": ("http", "127.0.0.1", 0)},
        {"peer": ("https", "127.0.0.1", 0)},
        {"peer": ("http", "127.0.0.2", 0)},
        {"peer": ("http", "127.0.0.1", 1)},
    ],
)
def test_what_is_not_planned_opens_no_socket(
    rig: Rig, peer: Start, planned: dict[str, tuple[str, str, int]]
) -> None:
    server = peer(says(OK))
    here = {name: (s, host, port or server.port) for name, (s, host, port) in planned.items()}
    passage = Passage(here, lambda _name: True)

    async def work(wire: Wire) -> None:
        with pytest.raises(EgressRefused) as caught:
            await fetch(wire, server.route(), passage=passage)
        assert caught.value.kind is FailureKind.NOT_SENT
        assert "plan" in caught.value.detail

    rig.run(work)
    assert server.connections == 0


def test_what_policy_has_withdrawn_opens_no_socket(rig: Rig, peer: Start) -> None:
    server = peer(says(OK))

    async def work(wire: Wire) -> None:
        route = server.route()
        with pytest.raises(Withdrawn, match="peer: policy no longer allows it"):
            await fetch(wire, route, passage=passage_along(route, lambda _name: False))

    rig.run(work)
    assert server.connections == 0


def test_what_is_withdrawn_while_a_connection_opens_gets_no_byte(rig: Rig, peer: Start) -> None:
    noted: list[bytes] = []
    closed = threading.Event()

    def talk(line: Line) -> None:
        while data := line.sock.recv(65536):
            noted.append(data)
        closed.set()

    server = peer(talk)
    may = Answers(True, True, False)  # before the look-up, before the socket, before the request

    async def work(wire: Wire) -> None:
        with pytest.raises(Withdrawn):
            await fetch(wire, server.route(), passage=passage_along(server.route(), may))
        await wire.sleep(wire.now_s())
        assert closed.wait(10)

    rig.run(work)
    assert (server.connections, noted) == (1, [])
    assert may.asked == ["peer"] * 3


def test_an_idle_connection_is_used_only_with_leave(rig: Rig, peer: Start) -> None:
    requests: list[bytes] = []

    def talk(line: Line) -> None:
        while head := line.request()[0]:
            requests.append(head)
            line.say(OK)

    server = peer(talk)

    async def work(wire: Wire) -> None:
        route = server.route()
        await fetch(wire, route)
        may = Answers(False)
        with pytest.raises(Withdrawn):
            await fetch(wire, route, passage=passage_along(route, may))
        assert may.asked == ["peer"]
        with pytest.raises(EgressRefused, match="not in the request's plan"):
            await fetch(wire, route, passage=passage_along(replace(route, upstream="other")))
        await fetch(wire, route)

    rig.run(work)
    assert len(requests) == 2


def test_a_name_is_looked_up_only_with_leave_and_leave_is_asked_again_after() -> None:
    names = Names("8.8.8.8")
    with pytest.raises(Withdrawn):
        run_blocking(open_socket(PUBLIC, passage_along(PUBLIC, Answers(False)), 110.0, names))
    assert names.asked == []
    with pytest.raises(Withdrawn):
        run_blocking(open_socket(PUBLIC, passage_along(PUBLIC, Answers(True, False)), 110.0, names))
    assert names.asked == [("api.example.com", 443)]
    assert names.went == []


def test_leave_is_asked_again_before_the_next_address_of_a_name() -> None:
    names = Names("8.8.8.8", "8.8.4.4", fail=frozenset({"8.8.8.8"}))
    leave = passage_along(PUBLIC, Answers(True, True, False))
    with pytest.raises(Withdrawn):
        run_blocking(open_socket(PUBLIC, leave, 110.0, names))
    assert [ip for ip, _ in names.went] == ["8.8.8.8"]


def legs(*places: tuple[str, str, Place]) -> Plan:
    upstreams = [
        Upstream(name, PROVIDERS[provider], PROVIDERS[provider].endpoint(place))
        for name, provider, place in places
    ]
    return Plan(Operation(Kind.MESSAGES, "claude-opus-5-5"), tuple(Leg(each) for each in upstreams))


def test_a_plan_gives_leave_to_its_own_hosts_only() -> None:
    plan = legs(
        ("direct", "anthropic", Place()),
        ("near", "anthropic", Place(base_url="http://127.0.0.1:8080/prefix")),
        ("frankfurt", "bedrock", Place(region="eu-central-1", profile="eu")),
    )
    passage = passage_of(plan, lambda _name: True)
    frankfurt = "bedrock-runtime.eu-central-1.amazonaws.com"
    passage.check(Route("direct", "https", "api.anthropic.com", 443))
    passage.check(Route("near", "http", "127.0.0.1", 8080))
    passage.check(Route("frankfurt", "https", frankfurt, 443))
    for astray in (
        Route("frankfurt", "https", frankfurt.replace("eu-central-1", "us-east-1"), 443),
        Route("frankfurt", "http", frankfurt, 443),
        Route("near", "http", "127.0.0.1", 80),
        Route("direct", "https", frankfurt, 443),
        Route("elsewhere", "https", "api.anthropic.com", 443),
    ):
        with pytest.raises(EgressRefused, match="plan"):
            passage.check(astray)
