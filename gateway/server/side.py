"""The paths beside the calls: health, greetings, models."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from gateway import models
from gateway.answers import Answer
from gateway.errors import Malformed
from gateway.routing import Upstream
from gateway.server.asgi import Scope
from gateway.server.refusals import WrongMethod, unserved
from gateway.server.replies import shown

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


def answer(scope: Scope, upstreams: Sequence[Upstream], policy: str, *, stopping: bool) -> Answer:
    """Answer a request that is no call; raises the Refused that fits."""
    path: str = scope["path"]
    if path not in OPEN and path != MODELS and not path.startswith(f"{MODELS}/"):
        raise unserved(path)
    if scope["method"] not in READS:
        raise WrongMethod(scope["method"], path, ALLOW)
    if path in GREETINGS:
        return Answer(200, ())
    if path == "/healthz":
        return shown({"status": "ok"}, policy)
    if path == "/readyz":
        return _readiness(upstreams, policy, stopping=stopping)
    if path == MODELS:
        return shown(_page(upstreams, scope["query_string"].decode("latin-1")), policy)
    return shown(models.one(upstreams, path.removeprefix(f"{MODELS}/")), policy)


def _readiness(upstreams: Sequence[Upstream], policy: str, *, stopping: bool) -> Answer:
    names = [upstream.name for upstream in upstreams]
    state = "stopping" if stopping else "ready" if names else "no upstream"
    status = 200 if state == "ready" else 503
    return shown({"status": state, "policy": policy, "upstreams": names}, policy, status)


def _page(upstreams: Sequence[Upstream], query: str) -> dict[str, object]:
    given = dict(parse_qsl(query))
    limit = given.get("limit", str(models.DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(models.MAX_LIMIT))):
        raise Malformed(f"limit: Input should be an integer from 1 to {models.MAX_LIMIT}.")
    return models.page(upstreams, int(limit), given.get("after_id"), given.get("before_id"))
