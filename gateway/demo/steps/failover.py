"""Step `failover`: the direct API is throttled, Bedrock answers."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.demo.calls import Question, ask
from gateway.demo.hits import told
from gateway.demo.places import DIRECT, FRANKFURT
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("door", "attempt", "platform", "status", "path")
PROMPT = "Which boats are due today?"
TOO_MANY = 429
THROTTLED: Mapping[str, object] = {
    "action": "status",
    "platform": "anthropic",
    "status": TOO_MANY,
    "headers": {"retry-after": "30"},
}


def play(stage: Stage, broken: bool) -> Scene:
    """Call while the direct API says 429. Broken: it does not."""
    fault = {} if broken else THROTTLED
    shots = stage.each(lambda client: ask(client, Question(PROMPT)), **fault)
    rows = tuple(
        (shot.door, str(number), hit.platform, str(hit.status), hit.path)
        for shot in shots
        for number, hit in enumerate(shot.log, 1)
    )
    return Scene(Table(COLUMNS, rows), claims(shots))


def claims(shots: tuple[Shot, ...]) -> tuple[Claim, ...]:
    """Judge the calls."""
    logs = [shot.log for shot in shots]
    log = " | ".join(map(told, logs))
    first = all(log and DIRECT.got(log[0]) and log[0].status == TOO_MANY for log in logs)
    second = all(FRANKFURT.only(log[1:]) for log in logs)
    return (
        Claim("the direct API was asked first, once, and said 429", first, log),
        Claim("Bedrock in Frankfurt was asked next and answered; nobody else was", second, log),
        _same_bytes(shots),
        _said_so(shots),
    )


def _same_bytes(shots: tuple[Shot, ...]) -> Claim:
    found = [[hit.raw("messages") for hit in shot.log] for shot in shots]
    return Claim(
        "both attempts carried the same messages, byte for byte",
        all(len(sent) > 1 and len(set(sent)) == 1 for sent in found),
        f"attempts of each call: {[len(sent) for sent in found]}",
    )


def _said_so(shots: tuple[Shot, ...]) -> Claim:
    found = [(shot.answer.upstream, shot.answer.attempts, len(shot.log)) for shot in shots]
    return Claim(
        "the answer names its upstream and as many attempts as the log has",
        all(
            name == FRANKFURT.upstream and attempts == str(logged)
            for name, attempts, logged in found
        ),
        f"x-gateway-upstream, x-gateway-attempts, requests in the log: {found}",
    )


FAILOVER = Step(
    "failover",
    "Throttled, then answered elsewhere",
    "The direct API answers 429 (retry after 30 s); the next upstream takes over at once.",
    play,
)
