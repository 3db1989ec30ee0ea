"""Requests in the clouds' formats, read as the server reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from gateway.call import Call, made_call
from gateway.errors import Refused
from gateway.formats import ways
from gateway.formats.contract import Asked, Way
from gateway.routing import Upstream, plan
from providers.contract import Headers

ASK: dict[str, Any] = {"max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}
BEDROCK: dict[str, Any] = {"anthropic_version": "bedrock-2023-05-31", **ASK}
VERTEX: dict[str, Any] = {"anthropic_version": "vertex-2023-10-16", **ASK}
BEARER: Headers = (("authorization", "Bearer tg_key"),)


def signed(region: str) -> Headers:
    """Return the headers of a request that is signed for a region."""
    scope = f"AKIDEXAMPLE/20261129/{region}/bedrock/aws4_request"
    words = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
    return (("authorization", words),)


def way(path: str) -> Way:
    """Return the way in of a path."""
    found = ways.find(path, (), 0.0)
    assert found is not None
    return found


def invoke(
    model: str, headers: Headers = BEARER, body: Any = None, action: str = "invoke"
) -> Asked:
    """Read a request to Bedrock's runtime."""
    raw = json.dumps(BEDROCK if body is None else body).encode()
    return way(f"/model/{quote(model, safe='')}/{action}").read(headers, raw)


def predict(
    location: str, model: str, body: Any = None, verb: str = "rawPredict", headers: Headers = BEARER
) -> Asked:
    """Read a request to Vertex AI."""
    path = f"/v1/projects/mine/locations/{location}/publishers/anthropic/models/{model}:{verb}"
    return way(path).read(headers, json.dumps(VERTEX if body is None else body).encode())


def call(asked: Asked, path: str = "/model/x/invoke") -> Call:
    """Return the call that a request is."""
    kind = way(path).kind
    assert kind is not None
    return made_call(kind, asked.headers, asked.raw, asked.fields, within=asked.within)


def planned(asked: Asked, upstreams: Iterable[Upstream]) -> list[str]:
    """Return where a request would be tried."""
    try:
        return [leg.upstream.name for leg in plan(call(asked), list(upstreams)).legs]
    except Refused:
        return []
