"""The paths beside the calls: health, greetings, models, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from gateway import models
from gateway.answers import Answer
from gateway.errors import Malformed, WrongMethod
from gateway.formats.openai import listing
from gateway.routing import Upstream
from gateway.server import ledger_reports
from gateway.server.asgi import Scope
from gateway.server.metrics import Metrics
from gateway.server.refusals import unserved
from gateway.server.replies import shown
from gateway.server.status import Status, brief, verbose

GREETINGS = frozenset({"/", "/api/hello"})
"""Where clients knock to warm up a connection."""
OPEN = GREETINGS | {"/healthz", "/readyz"}
"""Paths that need no key."""
METRICS = "/metrics"
MODELS = "/v1/models"
KNOWN = OPEN | {MODELS, METRICS} | ledger_reports.PATHS.keys()
READS = frozenset({"GET", "HEAD"})
ALLOW = "GET, HEAD"


def is_open(path: str) -> bool:
    """Say whether anyone may ask for `path`, if it is not for an operator."""
    return path in OPEN


def is_for_operators(scope: Scope) -> bool:
    """Say whether an operator asks how the server does; it tells that until it has stopped."""
    return scope["path"] == METRICS or _is_verbose(scope)


def check(scope: Scope) -> None:
    """Raise the Refused for a path that is not there, or a method it does not take."""
    path: str = scope["path"]
    if path not in KNOWN and not path.startswith(f"{MODELS}/"):
        raise unserved(path)
    check_method(scope)


def check_method(scope: Scope) -> None:
    """Raise the Refused for a method that does more than read."""
    if scope["method"] not in READS:
        raise WrongMethod(scope["method"], scope["path"], ALLOW)


async def answer(scope: Scope, status: Status, metrics: Metrics, *, stopping: bool) -> Answer:
    """Answer a request that is no call; raises the Refused that fits."""
    path: str = scope["path"]
    engine = status.engine
    check(scope)
    if path in GREETINGS:
        return Answer(200, ())
    if path == "/healthz":
        return shown({"status": "ok"}, engine.policy)
    if path == "/readyz":
        told = (verbose if _is_verbose(scope) else brief)(status, stopping=stopping)
        return shown(told, engine.policy, 200 if told["status"] == "ready" else 503)
    if path == METRICS:
        return await metrics.answer(scope)
    return shown(_models(scope, engine.upstreams), engine.policy)


def _is_verbose(scope: Scope) -> bool:
    if scope["path"] != "/readyz" or not scope["query_string"]:
        return False
    query = scope["query_string"].decode("latin-1")
    return "verbose" in dict(parse_qsl(query, keep_blank_values=True))


def _models(scope: Scope, upstreams: Sequence[Upstream]) -> dict[str, object]:
    """Return models; a caller who names no version of the Messages API may speak OpenAI's format.

    That format has no pages, so such a caller gets all of them.
    """
    path: str = scope["path"]
    either = all(name != b"anthropic-version" for name, _ in scope["headers"])
    if path != MODELS:
        found = models.one(upstreams, path.removeprefix(f"{MODELS}/"))
        return listing.model(found) if either else found
    most = models.MAX_LIMIT if either else models.DEFAULT_LIMIT
    page = _page(upstreams, scope["query_string"].decode("latin-1"), most)
    return listing.page(page) if either else page


def _page(upstreams: Sequence[Upstream], query: str, most: int) -> dict[str, object]:
    given = dict(parse_qsl(query))
    limit = given.get("limit", str(most))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(models.MAX_LIMIT))):
        raise Malformed(f"limit: Input should be an integer from 1 to {models.MAX_LIMIT}.")
    return models.page(upstreams, int(limit), given.get("after_id"), given.get("before_id"))
