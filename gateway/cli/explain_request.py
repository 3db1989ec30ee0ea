"""`gateway explain` for a request that nobody sent: it takes the way of the server's requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from gateway import compose
from gateway.boundary import Boundary, Leave
from gateway.call import Call, Caller, read_call
from gateway.cli.explain_report import Explained, report
from gateway.cli.policy_sources import Setting, mistake
from gateway.config import Config
from gateway.config.mistakes import nearest
from gateway.errors import Malformed, Refused, UnknownModel
from gateway.judging import Judgement
from gateway.policy import hints, request_checks
from gateway.policy.deciding import decide
from gateway.policy.in_force import InForce
from gateway.routing import Plan, plan
from providers.contract import Headers, Kind

NOTHING_ALLOWED, USAGE = 1, 2
_DOOR = "command line"
_VERSION = ("anthropic-version", "2023-06-01")
_KINDS = {kind.value: kind for kind in (Kind.MESSAGES, Kind.COUNT_TOKENS)}


@dataclass(frozen=True, slots=True)
class Question:
    """A request as the options describe it."""

    data_class: str | None = None
    model: str | None = None
    features: tuple[str, ...] = ()
    """Asked for beside what the body asks for."""
    betas: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    """`name:value`."""
    body: str | None = None
    """A file; `-`: standard input."""
    kind: str = Kind.MESSAGES.value
    key: str | None = None


def run(
    asked: Question,
    *,
    why_not: str | None,
    config: Path | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Print where the request may go; exits 1 when nowhere, 2 when it is no request."""
    setting = Setting(config, env)
    found = explained(asked, setting)
    _check_name(why_not, setting.config)
    report(found, why_not, as_json=as_json)
    raise typer.Exit(_status(found))


def explained(asked: Question, setting: Setting) -> Explained:
    """Decide a request as the doors would, and plan it; raises ConfigError."""
    config = setting.config
    boundary = Boundary(config)
    upstreams = compose.upstreams(config)
    leave = Leave(boundary, compose.costing(config, upstreams).dearness)
    caller = _caller(asked.key, config)
    kind, headers, body = _kind(asked.kind), _headers(asked), _body(asked)
    _check_features(asked.features)
    in_force = boundary.current()
    judge = None if in_force is None else _asking(leave, in_force, asked.features, boundary.now_s())
    try:
        call = read_call(kind, headers, body, caller=caller)
        planned: Plan | None = plan(
            call,
            upstreams,
            judge=judge,
            ranks=leave.ranks,
            reach=leave.reach,
            today=leave.today,
        )
        refused = None if planned is None else planned.refused
    except Refused as error:
        planned, refused = None, error
    return Explained(planned, refused, in_force)


def _asking(
    leave: Leave, in_force: InForce, features: Sequence[str], moment: float
) -> Callable[[Call, str], Judgement] | None:
    """Return what asks policy, with features that the options add to those of the body."""
    judge = leave.judge
    if judge is None or not features:
        return judge

    def ask(call: Call, model: str) -> Judgement:
        found = judge(call, model)
        asked = found.request.features.union(features)
        request = found.request._replace(features=asked, checks=request_checks.passed(asked))
        decision = decide(in_force.compiled, in_force.facts, request, moment)
        return msgspec.structs.replace(found, request=request, decision=decision)

    return ask


def _status(found: Explained) -> int:
    if isinstance(found.refused, (Malformed, UnknownModel)):
        return USAGE
    return 0 if found.refused is None else NOTHING_ALLOWED


def _kind(name: str) -> Kind:
    if name not in _KINDS:
        raise typer.BadParameter(f"{name} is none: {', '.join(_KINDS)}", param_hint="--kind")
    return _KINDS[name]


def _check_features(names: Sequence[str]) -> None:
    """Refuse a name that nobody knows: misspelt, it would not be forbidden."""
    for name in names:
        if name not in hints.features() and not name.startswith("unknown:"):
            hint = nearest(name, hints.features())
            raise typer.BadParameter(f"{name} is no feature; {hint}", param_hint="--feature")


def _check_name(upstream: str | None, config: Config) -> None:
    used = config.routing.order
    if upstream is not None and upstream not in used:
        what = f"no upstream in use is called {upstream}; {nearest(upstream, used)}"
        raise typer.BadParameter(what, param_hint="--why-not")


def _caller(key: str | None, config: Config) -> Caller:
    if key is None:
        return Caller(door=_DOOR)
    plain = {f"key-{number}" for number, _ in enumerate(config.server.keys, start=1)}
    if key in plain:
        return Caller(key, frozenset(), door=_DOOR)
    if key not in config.callers:
        what = f"no caller is called {key}; {nearest(key, {*config.callers, *plain})}"
        raise typer.BadParameter(what, param_hint="--key")
    found = config.callers[key]
    return Caller(key, frozenset(found.classes), frozenset(found.layers), _DOOR)


def _headers(asked: Question) -> Headers:
    given = [_header(each) for each in asked.headers]
    if asked.data_class is not None:
        given.append(("x-gateway-class", asked.data_class))
    if asked.require:
        given.append(("x-gateway-require", ",".join(asked.require)))
    if asked.betas:
        given.append(("anthropic-beta", ",".join(asked.betas)))
    if not any(name == _VERSION[0] for name, _ in given):
        given.append(_VERSION)
    return tuple(given)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is no NAME:VALUE", param_hint="--header")
    return name.strip().lower(), value.strip()


def _body(asked: Question) -> bytes:
    if asked.body is None:
        if asked.model is None:
            raise typer.BadParameter("name a --model, or a --body that does", param_hint="--model")
        return msgspec.json.encode({"model": asked.model, "max_tokens": 1, "messages": []})
    if asked.model is not None:
        raise typer.BadParameter("the body names the model", param_hint="--model")
    if asked.body == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(asked.body).read_bytes()
    except OSError as error:
        raise mistake(Path(asked.body), f"cannot be read: {error.strerror}") from None
