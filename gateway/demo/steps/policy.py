"""Step `policy`: one request under three classes, and the rules that decide where it may go."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.demo.calls import Question, ask
from gateway.demo.hits import told
from gateway.demo.places import DIRECT, FRANKFURT
from gateway.demo.recorded import Account, account
from gateway.demo.scene import Claim, Scene, Step, Table
from gateway.demo.stage import Shot, Stage

COLUMNS = ("class", "door", "the caller got", "passed over, by which rule")
PROMPT = "Draft a reply to this letter."
PUBLISHED, CUSTOMER, PAYMENT = CLASSES = ("published", "customer", "payment")
EU, KEYS = "eu-only", "own-keys"
RULES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PUBLISHED: {},
        CUSTOMER: {"direct": (EU,), "bedrock-virginia": (EU,)},
        PAYMENT: {
            "direct": (EU, KEYS),
            "bedrock-frankfurt": (KEYS,),
            "bedrock-virginia": (EU, KEYS),
            "vertex-belgium": (KEYS,),
        },
    }
)
"""Class -> the upstreams that `policy.toml` rejects, and the rules that do."""
DENIED = "permission_error"

Judged = tuple[Shot, Account]
Played = Mapping[str, tuple[Judged, ...]]


def play(stage: Stage, broken: bool) -> Scene:
    """Ask under each class through each door. Broken: the requests carry no class."""
    played = {name: _asked(stage, None if broken else name) for name in CLASSES}
    rows = tuple(_row(name, each) for name, found in played.items() for each in found)
    return Scene(Table(COLUMNS, rows), claims(played))


def claims(played: Played) -> tuple[Claim, ...]:
    """Judge the calls."""
    logs = {name: tuple(shot.log for shot, _ in found) for name, found in played.items()}
    shown = {name: " | ".join(map(told, found)) for name, found in logs.items()}
    return (
        Claim(
            "published: the direct API got it, as the first choice; nobody else did",
            all(map(DIRECT.only, logs[PUBLISHED])),
            shown[PUBLISHED],
        ),
        Claim(
            "customer: Bedrock in Frankfurt got it; no platform outside the EU saw a byte",
            all(map(FRANKFURT.only, logs[CUSTOMER])),
            shown[CUSTOMER],
        ),
        Claim(
            "payment: no platform saw a byte, and the caller got a 403",
            not any(logs[PAYMENT])
            and all(shot.answer.error_type == DENIED for shot, _ in played[PAYMENT]),
            f"{shown[PAYMENT]}; {[shot.answer.ending for shot, _ in played[PAYMENT]]}",
        ),
        _explained(played),
    )


def _explained(played: Played) -> Claim:
    found = {name: [each.rejected for _, each in judged] for name, judged in played.items()}
    return Claim(
        "each upstream that was passed over is on record with its rules, alike at both doors",
        all(rules == RULES[name] for name, each in found.items() for rules in each),
        f"rejected: {found}",
    )


def _asked(stage: Stage, data_class: str | None) -> tuple[Judged, ...]:
    question = Question(PROMPT, data_class=data_class)
    shots = stage.each(lambda client: ask(client, question))
    return tuple((shot, account(stage.journal, shot.answer.decision)) for shot in shots)


def _row(data_class: str, judged: Judged) -> tuple[str, ...]:
    shot, found = judged
    answer = shot.answer
    got = answer.ending if answer.error else f"{answer.upstream}'s answer"
    return (data_class, shot.door, got, _rejections(found.rejected))


def _rejections(rejected: Mapping[str, tuple[str, ...]] | None) -> str:
    if rejected is None:
        return "not on record"
    return "\n".join(f"{name}: {', '.join(ids)}" for name, ids in rejected.items()) or "nobody"


POLICY = Step(
    "policy",
    "One request, three classes",
    "The label x-gateway-class says what the data is; policy.toml says where such data may go.",
    play,
)
