"""What policy says of a call: its labels, its body, and the models inside it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Raw, Struct

from gateway.call import Call
from gateway.errors import Forbidden, quoted
from gateway.policy import hatches, models_inside, request_checks, request_layer
from gateway.policy.deciding import decide, looks_inside
from gateway.policy.decision import Decision, Request
from gateway.policy.features import LOOKED_INTO, Asked, features
from gateway.policy.in_force import InForce

_NAMING_MODELS = frozenset({"tools", "fallbacks"})
"""Fields that name models, and so are always looked into."""
_BRINGING_TOOLS = frozenset({"messages", "system"})
"""Fields in which a tool may be defined too."""


class Judgement(Struct, frozen=True):
    """What was decided for one call, and on what."""

    request: Request
    """What was decided on."""
    asked: Asked
    """What its body and headers ask for, as far as they were looked into."""
    models: tuple[str, ...]
    """The models inside the body that were judged too: canonical ids, or the name as it stands."""
    decision: Decision


def judge(call: Call, model: str, in_force: InForce, now_s: float) -> Judgement:
    """Return what the policies in force say of a call.

    Args:
        call: The call.
        model: The canonical id of the model it asks for.
        in_force: The policies and facts.
        now_s: Unix time.

    Raises:
        Malformed: A requirement is not known, or the body could be read in two ways.
        Forbidden: The caller may not assert the class.
    """
    known = _known(call, model, in_force)
    closely = looks_inside(in_force.compiled, in_force.facts, known, now_s)
    asked = features(
        call.fields, call.kind, within=LOOKED_INTO if closely else _for_models(call.fields.body)
    )
    models = models_inside.judged(asked.models_inside, asked.features)
    request = known._replace(
        features=asked.features,
        betas=frozenset(call.fields.betas),
        checks=frozenset() if asked.unread else request_checks.passed(asked.features),
        hatches=hatches.used(asked.hatches),
        models_inside=frozenset(models),
    )
    decision = decide(in_force.compiled, in_force.facts, request, now_s)
    return Judgement(request, asked, models, decision)


def judge_asked(
    call: Call,
    model: str,
    asked: Asked,
    change: Callable[[Request], Request],
    *,
    in_force: InForce,
    now_s: float,
) -> Judgement:
    """Return what the policies in force say of a call that was looked into elsewhere.

    Args:
        call: The call; its body is not read here.
        model: The canonical id of the model it is for, or a word that stands for none.
        asked: What it asks for.
        change: Completes what is decided on.
        in_force: The policies and facts.
        now_s: Unix time.

    Raises:
        Malformed: A requirement is not known.
        Forbidden: The caller may not assert the class.
    """
    request = change(_known(call, model, in_force))
    decision = decide(in_force.compiled, in_force.facts, request, now_s)
    return Judgement(request, asked, tuple(sorted(request.models_inside)), decision)


def again(judgement: Judgement, in_force: InForce, now_s: float) -> frozenset[str]:
    """Return the upstreams that are still allowed, by what is in force now.

    Where a rule now asks for what was not looked into, none is.
    """
    compiled, facts = in_force.compiled, in_force.facts
    request = judgement.request._replace(environment=in_force.environment)
    if judgement.asked.unread and looks_inside(compiled, facts, request, now_s):
        return frozenset()
    allowed = decide(compiled, facts, request, now_s).allowed
    return frozenset(judgement.decision.allowed).intersection(allowed)


def _known(call: Call, model: str, in_force: InForce) -> Request:
    """Return what is known of a request before its body is looked into."""
    label = call.labels.data_class
    if label is not None and not call.caller.may_assert(label):
        raise Forbidden(f"x-gateway-class: this key may not assert the class {quoted(label)}.")
    return Request(
        in_force.environment,
        label,
        model,
        layers=call.caller.layers,
        require=request_layer.checked(call.labels.require, in_force.compiled.zones),
    )


def _for_models(body: Mapping[str, Raw]) -> frozenset[str]:
    """Return the fields to look into for models when no rule asks for more."""
    bringing = {name for name in _BRINGING_TOOLS & body.keys() if _may_define_tools(body[name])}
    return _NAMING_MODELS | bringing


def _may_define_tools(raw: Raw) -> bool:
    """Say whether a tool may be defined there; any escape could spell the key."""
    written = bytes(raw)
    return b"definition" in written or b"\\u" in written
