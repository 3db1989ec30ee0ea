"""What a request of the SDK asks for: a call, or something beside the calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx2
from msgspec.structs import replace

from gateway import models
from gateway.call import Call, read_call
from gateway.engine import Engine
from gateway.errors import Malformed, NotServed
from gateway.label_scope import CLASS, ONLY, joined
from providers.contract import Headers, Kind

CALLS = {"messages": Kind.MESSAGES, "messages/count_tokens": Kind.COUNT_TOKENS}
"""Path under `/v1/` -> what a POST to it asks for."""
MODELS = "models"
ATTEMPTS = "gateway_attempts"
"""The request extension that holds the caller's cap on attempts."""


def asked(request: httpx2.Request) -> str:
    """Return the path under `/v1/`; what comes before it is the base URL's."""
    path = request.url.raw_path.partition(b"?")[0].decode("ascii")
    return path.rpartition("/v1/")[2]


def kind_of(request: httpx2.Request) -> Kind | None:
    """Return what kind of call a request is; None when it is none."""
    return CALLS.get(asked(request)) if request.method == "POST" else None


def read(
    kind: Kind,
    request: httpx2.Request,
    headers: Headers,
    labels: Mapping[str, str],
    *,
    own_account: bool,
) -> Call:
    """Return the call that a request with its body loaded is; raises Malformed.

    `headers` are the request's without any credential; `labels` hold around it.
    """
    said = labelled(headers, labels) if labels else headers
    call = read_call(kind, said, request.content, own_account=own_account)
    return replace(
        call,
        silence_s=request.extensions.get("timeout", {}).get("read"),
        attempts=request.extensions.get(ATTEMPTS),
    )


def labelled(headers: Headers, labels: Mapping[str, str]) -> Headers:
    """Return the headers with labels added; a header and a label that disagree are refused."""
    said: dict[str, str] = {}
    for name, value in headers:
        if name.startswith("x-gateway-"):  # One that stands twice is one list: RFC 9110, 5.3.
            said[name] = f"{said[name]}, {value}" if name in said else value
    if CLASS in said and CLASS in labels and said[CLASS] != labels[CLASS]:
        raise Malformed(
            f"{CLASS}: the request says {said[CLASS]!r}, but labels() says {labels[CLASS]!r}."
        )
    try:
        both = joined(labels, said)
    except ValueError as error:
        raise Malformed(f"{ONLY}: {error}.") from None
    rest = (pair for pair in headers if not pair[0].startswith("x-gateway-"))
    return (*rest, *both.items())


def aside(engine: Engine, request: httpx2.Request) -> dict[str, Any]:
    """Answer a request that is no call; raises the Refused that fits."""
    path = asked(request)
    if request.method == "GET" and path == MODELS:
        return _page(engine, request.url.params)
    if request.method == "GET" and path.startswith(f"{MODELS}/"):
        return models.one(engine.upstreams, unquote(path.removeprefix(f"{MODELS}/")))
    raise NotServed(
        f"No provider serves {request.method} {request.url.path[:200]} through this client yet; "
        "it was sent nowhere."
    )


def _page(engine: Engine, given: httpx2.QueryParams) -> dict[str, Any]:
    limit = given.get("limit") or str(models.DEFAULT_LIMIT)
    if not (limit.isascii() and limit.isdigit()):
        raise Malformed(f"limit: Input should be an integer from 1 to {models.MAX_LIMIT}.")
    after_id, before_id = given.get("after_id"), given.get("before_id")
    return models.page(engine.upstreams, int(limit), after_id, before_id)
