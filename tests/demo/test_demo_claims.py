from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from anthropic import Anthropic

from gateway.demo.calls import Answer
from gateway.demo.configuration import addresses
from gateway.demo.doors import Door
from gateway.demo.hits import Hit
from gateway.demo.scene import Scene, Step
from gateway.demo.stage import Shot, Stage, staged
from gateway.demo.steps import STEPS
from gateway.demo.tour import played

FOREIGN = Hit(
    "vertex", "us-east5", "/v1/models/x:rawPredict", 200, "complete", 1, b'{"messages":[]}'
)


def emptied(log: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return ()


def joined_by_another(log: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return (*log, FOREIGN)


def sent_twice(log: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return (*log, *log)


def elsewhere(log: tuple[Hit, ...]) -> tuple[Hit, ...]:
    return tuple(replace(hit, place="us-east-1") for hit in log)


class Tampered(Stage):
    """A stage whose log is changed for one call; `untouched` when that log stays as it was."""

    number = 0
    at = 0
    untouched = False
    how: Callable[[tuple[Hit, ...]], tuple[Hit, ...]] = staticmethod(emptied)

    def shoot(self, door: Door, call: Callable[[Anthropic], Answer]) -> Shot:
        shot = super().shoot(door, call)
        type(self).number += 1
        if type(self).number - 1 != self.at:
            return shot
        log = type(self).how(shot.log)
        type(self).untouched = log == shot.log
        return replace(shot, log=log)


def tampered(at: int, how: Callable[[tuple[Hit, ...]], tuple[Hit, ...]]) -> type[Tampered]:
    return type("One", (Tampered,), {"at": at, "how": staticmethod(how), "number": 0})


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_claim_holds(stage: Stage, step: Step) -> None:
    scene = step.play(stage, False)
    assert [claim for claim in scene.claims if not claim.held] == []
    assert all(len(row) == len(scene.table.columns) for row in scene.table.rows)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
@pytest.mark.parametrize("how", [emptied, joined_by_another, sent_twice, elsewhere])
def test_another_log_breaks_a_claim_whichever_call_it_is_of(
    stage: Stage, step: Step, how: Callable[[tuple[Hit, ...]], tuple[Hit, ...]]
) -> None:
    tried_twice = step.name in {"failover", "bill"}
    calls = 2 if tried_twice else len(step.play(stage, False).table.rows)
    for at in range(calls):
        if how is sent_twice and step.name == "residency" and at >= 2:
            continue  # An upstream that is down may be asked again.
        stage.emulator.reset()
        kind = tampered(at, how)
        scene = step.play(kind(stage.emulator, stage.doors, stage.journal), False)
        # A log without a request stays without one; only another's request can be added to it.
        assert kind.untouched or not all(claim.held for claim in scene.claims), at
        assert not kind.untouched or (step.name == "policy" and at >= 4), at


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_no_fault_is_left_behind(stage: Stage, step: Step) -> None:
    for broken in (False, True):
        step.play(stage, broken)
        assert stage.emulator.faults.pending() == []


def test_a_step_that_breaks_down_is_a_claim_that_does_not_hold(stage: Stage) -> None:
    def play(stage: Stage, broken: bool) -> Scene:
        raise RuntimeError("a prompt")

    scene = played(stage, Step("x", "X", "x", play), broken=False)
    [claim] = scene.claims
    assert not claim.held
    assert "RuntimeError" in claim.detail
    assert "a prompt" not in claim.detail


def test_the_files_hold_addresses_and_no_secret(stage: Stage) -> None:
    text = addresses(stage.emulator)
    assert stage.emulator.bedrock.base_url in text
    assert stage.emulator.api_key not in text


def test_everything_ends_with_the_stage() -> None:
    before = set(threading.enumerate())
    with staged() as stage:
        new = set(threading.enumerate()) - before
        own = {thread for thread in new if thread.name in {"emulator", "demo-server"}}
        assert len(own) == 2
        [client, server] = stage.doors
        url = urlsplit(str(server.client.base_url))
    assert not own & set(threading.enumerate())
    for port in (url.port, urlsplit(stage.emulator.direct.base_url).port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0))
    assert client.client.is_closed()
    assert server.client.is_closed()
