"""The paths beside the calls: health, greetings, models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from gateway import models
from gateway.answers import Answer
from gateway.errors import Malformed
from gateway.routing import Upstream
from gateway.server.asgi import Scope
from gateway.server.refusals import WrongMethod, unserved
from gateway.server.replies import shown


class Shows(Protocol):
    """The part of `gateway.engine.Engine` that is shown here."""

    @property
    def upstreams(self) -> Sequence[Upstream]:
        """The configured upstreams, in their order."""
        ...

    @property
    def policy(self) -> str:
        """What answers say of the policy in force."""
        ...

    @property
    def troubles(self) -> Sequence[str]:
        """What an operator should look at."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether no request is sent."""
        ...


GREETINGS = frozenset({"/", "/api/hello"})
"""Where clients knock to warm up a connection."""
OPEN = GREETINGS | {"/healthz", "/readyz"}
"""Paths that need no key."""
MODELS = "/v1/models"
READS = frozenset({"GET", "HEAD"})
ALLOW = "GET, HEAD"


def is_open(path: str) -> bool:
    """Say whether anyone may ask for `path`."""
    return path in OPEN


def answer(scope: Scope, engine: Shows, *, stopping: bool) -> Answer:
    """Answer a request that is no call; raises the Refused that fits."""
    path: str = scope["path"]
    if path not in OPEN and path != MODELS and not path.startswith(f"{MODELS}/"):
        raise unserved(path)
    if scope["method"] not in READS:
        raise WrongMethod(scope["method"], path, ALLOW)
    if path in GREETINGS:
        return Answer(200, ())
    if path == "/healthz":
        return shown({"status": "ok"}, engine.policy)
    if path == "/readyz":
        return _readiness(engine, stopping=stopping)
    if path == MODELS:
        page = _page(engine.upstreams, scope["query_string"].decode("latin-1"))
        return shown(page, engine.policy)
    return shown(models.one(engine.upstreams, path.removeprefix(f"{MODELS}/")), engine.policy)


def _readiness(engine: Shows, *, stopping: bool) -> Answer:
    names = [upstream.name for upstream in engine.upstreams]
    state = "stopping" if stopping else "ready" if names else "no upstream"
    if state == "ready" and engine.stopped:
        state = "no journal"
    told = {
        "status": state,
        "policy": engine.policy,
        "upstreams": names,
        "troubles": list(engine.troubles),
    }
    return shown(told, engine.policy, 200 if state == "ready" else 503)


def _page(upstreams: Sequence[Upstream], query: str) -> dict[str, object]:
    given = dict(parse_qsl(query))
    limit = given.get("limit", str(models.DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(models.MAX_LIMIT))):
        raise Malformed(f"limit: Input should be an integer from 1 to {models.MAX_LIMIT}.")
    return models.page(upstreams, int(limit), given.get("after_id"), given.get("before_id"))
