"""Where a request goes: base URLs, the path on the request line, the model asked for there."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from providers.contract import Endpoint, Operation, Place, PlaceError, PlatformModel

_DOTS = frozenset(("", ".", ".."))
_WORKSPACE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SEGMENT = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def base_url(place: Place, default: str) -> str:
    """Return the operator's base URL, or `default`; raises PlaceError when it is none."""
    if place.base_url is None:
        return default
    parts = urlsplit(place.base_url)
    extra = parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or extra:
        raise PlaceError("base_url", f"{place.base_url!r} is not like https://host[:port][/prefix]")
    return place.base_url.rstrip("/")


def refuse(place: Place, platform: str, *keys: str) -> None:
    """Raise PlaceError when one of the settings that a platform does not have is given."""
    for key in keys:
        if getattr(place, key):
            raise PlaceError(key, f"{platform} has no {key!r}: leave it out")


def segment(key: str, value: str | None, example: str) -> str:
    """Return a setting that becomes part of a host or path; raises PlaceError."""
    if not value:
        raise PlaceError(key, f"{key!r} is needed, like {example!r}")
    if value in _DOTS or not _SEGMENT.fullmatch(value):
        raise PlaceError(key, f"{key} = {value!r} is not like {example!r}")
    return value


def workspace(given: str | None, why: str) -> str:
    """Return a workspace that a platform cannot do without; raises PlaceError."""
    if given is None:
        raise PlaceError("workspace", f"'workspace' is needed: {why}")
    if not _WORKSPACE.fullmatch(given):
        raise PlaceError("workspace", f"{given!r} is not like 'wrkspc_011CZkZaBF1tNoB5'")
    return given


def target(endpoint: Endpoint, path: str) -> str:
    """Return `path` behind the path prefix of the endpoint's base URL."""
    prefix = endpoint.base_url.partition("://")[2].partition("/")[2]
    return f"/{prefix}{path}" if prefix else path


def served(endpoint: Endpoint, operation: Operation) -> PlatformModel:
    """Return how an endpoint is asked for a model; raises LookupError when it is not."""
    found = endpoint.models.get(operation.model)
    if found is None:
        raise LookupError(f"{operation.model!r} is not served at this endpoint")
    return found


def model_path(model: str, safe: str) -> str:
    """Return a model id as one path segment; raises ValueError for one that would leave it.

    A server that drops `;params` before routing sees only what stands before the first `;`.
    """
    if model.partition(";")[0] in _DOTS:
        raise ValueError(f"{model!r} cannot be a model id in a path")
    return quote(model, safe=safe)
