"""Stub until the real one is merged."""

from __future__ import annotations

from msgspec import Struct

from gateway.call import Call
from gateway.policy.deciding import decide
from gateway.policy.decision import Decision, Request
from gateway.policy.features import Asked, features
from gateway.policy.in_force import InForce


class Judgement(Struct, frozen=True):
    request: Request
    asked: Asked
    models: tuple[str, ...]
    decision: Decision


def judge(call: Call, model: str, in_force: InForce, now_s: float) -> Judgement:
    asked = features(call.fields, call.kind)
    request = Request(
        in_force.environment,
        call.labels.data_class,
        model,
        asked.features,
        frozenset(call.fields.betas),
        layers=call.caller.layers,
    )
    decision = decide(in_force.compiled, in_force.facts, request, now_s)
    return Judgement(request, asked, (), decision)


def again(judgement: Judgement, in_force: InForce, now_s: float) -> frozenset[str]:
    return frozenset(decide(in_force.compiled, in_force.facts, judgement.request, now_s).allowed)
