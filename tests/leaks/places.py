"""Where a request would have run, read from what an emulated platform got.

This is written apart from the gateway's own data, from the platforms' pages alone, so that a
mistake in that data shows: AWS regions and inference profiles, Google locations, `inference_geo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from gateway.emulator import Record

EVERYWHERE = frozenset({"*"})
EU = frozenset(
    {
        *("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT"),
        *("LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE"),
    }
)
"""The member states of the European Union."""
US = frozenset({"US"})

AWS = {
    "eu-central-1": "DE",
    "eu-central-2": "CH",
    "eu-north-1": "SE",
    "eu-south-1": "IT",
    "eu-south-2": "ES",
    "eu-west-1": "IE",
    "eu-west-2": "GB",
    "eu-west-3": "FR",
    "us-east-1": "US",
    "us-east-2": "US",
    "us-west-2": "US",
}
PROFILES = {
    "eu": frozenset({"DE", "CH", "SE", "IT", "ES", "IE", "GB", "FR"}),
    "us": US,
    "global": EVERYWHERE,
}
"""AWS: geographic cross-region inference. `eu.` is Europe, with London and Zurich."""
GOOGLE = {
    "europe-west1": frozenset({"BE"}),
    "europe-west2": frozenset({"GB"}),
    "europe-west3": frozenset({"DE"}),
    "us-east5": US,
    "eu": EU,
    "us": US,
    "global": EVERYWHERE,
}
GEOS = {"us": US}
TAKES_A_GEO = ("opus", "sonnet", "fable", "mythos")
"""Families of which 4.6 and later take `inference_geo`; an older model may run anywhere."""

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/bedrock/aws4_request")
_MODEL = re.compile(r"/model/(?:([a-z-]+)\.)?anthropic\.[^/]+/(?:invoke|count-tokens)")
_LOCATION = re.compile(r"/v1/projects/[^/]+/locations/([^/]+)/publishers/anthropic/models/")
_AWS_HOST = re.compile(r"bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com")
_GOOGLE_HOST = re.compile(r"(?:([a-z0-9-]+)-)?aiplatform(?:\.([a-z]+)\.rep)?\.googleapis\.com")


def countries(record: Record) -> frozenset[str]:
    """Return every country in which a request could have been processed; `*`: anywhere.

    What does not say where it runs could have run anywhere.
    """
    return {"anthropic": _direct, "bedrock": _bedrock, "vertex": _vertex}[record.platform](record)


def countries_of_host(host: str) -> frozenset[str]:
    """Return where a platform's host stands; a connection alone tells it that someone is there."""
    if (found := _AWS_HOST.fullmatch(host)) is not None:
        return _aws(found[1])
    if (found := _GOOGLE_HOST.fullmatch(host)) is not None:
        return GOOGLE.get(found[1] or found[2] or "global", EVERYWHERE)
    return EVERYWHERE


def _direct(record: Record) -> frozenset[str]:
    body = json.loads(record.body)
    fenced = all(map(_takes_a_geo, _models(body)))
    return GEOS.get(body.get("inference_geo"), EVERYWHERE) if fenced else EVERYWHERE


def _models(body: Any) -> Iterator[str]:
    """Yield every model that a body names, wherever it stands."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name == "fallbacks" and isinstance(value, str):
                yield value
            elif name == "model":
                yield str(value)
            else:
                yield from _models(value)
    elif isinstance(body, list):
        for value in body:
            yield from _models(value)


def _takes_a_geo(model: str) -> bool:
    found = re.fullmatch(r"claude-([a-z]+)-(\d)(?:-(\d))?(?:-\d{8})?", model)
    if found is None or found[1] not in TAKES_A_GEO:
        return False
    return (int(found[2]), int(found[3] or 0)) >= (4, 6)


def _bedrock(record: Record) -> frozenset[str]:
    found = _MODEL.match(unquote(record.path))
    signed = _SCOPE.search(record.header("authorization") or "")
    host = countries_of_host(record.header("host") or "")
    if found is None or signed is None:
        return EVERYWHERE
    reached = PROFILES.get(found[1], EVERYWHERE) if found[1] else frozenset()
    return host | _aws(signed[1]) | reached


def _vertex(record: Record) -> frozenset[str]:
    found = _LOCATION.match(record.path)
    if found is None:
        return EVERYWHERE
    return countries_of_host(record.header("host") or "") | GOOGLE.get(found[1], EVERYWHERE)


def _aws(region: str) -> frozenset[str]:
    return frozenset({AWS[region]}) if region in AWS else EVERYWHERE
