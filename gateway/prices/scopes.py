"""How far a request to an upstream may travel, as its platform prices it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

import msgspec

from gateway.policy.places import profile_of
from gateway.prices.cost import Scope
from providers.contract import Endpoint
from providers.data_files import Table
from providers.shapes import ready


class _BedrockTable(Table, kw_only=True):
    profiles: dict[str, Scope]
    regions: dict[str, Scope]
    unknown_regions: tuple[str, ...]


class _VertexTable(Table, kw_only=True):
    locations: dict[str, Scope]


class _FoundryTable(Table, kw_only=True):
    zones: dict[str, Scope]


class _AnthropicTable(Table, kw_only=True):
    geos: dict[str, Scope]


@ready
class _ScopeFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    bedrock: _BedrockTable
    vertex: _VertexTable
    foundry: _FoundryTable
    anthropic: _AnthropicTable


@cache
def _file() -> _ScopeFile:
    text = (resources.files("gateway") / "data" / "price_scopes.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _ScopeFile)


def scope_of(platform: str, endpoint: Endpoint, model: str) -> Scope | None:
    """Return the scope in which an upstream serves a model.

    On Bedrock the id there tells it. An ARN that names no profile (an application's own) is taken
    for one of the upstream's `profile`.

    Args:
        platform: The provider's name.
        endpoint: The upstream's endpoint.
        model: The canonical id.

    Returns:
        None where nothing tells it: what is asked there has no price.
    """
    derive = _BY_PLATFORM.get(platform)
    return None if derive is None else derive(endpoint, model)


def _bedrock(endpoint: Endpoint, model: str) -> Scope | None:
    table, region = _file().bedrock, endpoint.region or ""
    if any(fnmatchcase(region, glob) for glob in table.unknown_regions):
        return None
    for glob, scope in table.regions.items():
        if fnmatchcase(region, glob):
            return scope
    served = endpoint.models.get(model)
    profile = endpoint.profile if served is None else profile_of(served.id)
    if profile == "":
        profile = endpoint.profile or ""
    return "in_region" if profile is None else table.profiles.get(profile)


def _vertex(endpoint: Endpoint, _model: str) -> Scope | None:
    return _file().vertex.locations.get(endpoint.region or "", "in_region")


def _anthropic(endpoint: Endpoint, _model: str) -> Scope | None:
    return _file().anthropic.geos.get(endpoint.geo or "global")


def _foundry(endpoint: Endpoint, _model: str) -> Scope | None:
    return _file().foundry.zones.get(endpoint.zone or "")


def _anywhere(_endpoint: Endpoint, _model: str) -> Scope:
    """Return the widest scope: nobody says where a relay runs a model."""
    return "global"


_BY_PLATFORM: Mapping[str, Callable[[Endpoint, str], Scope | None]] = {
    "bedrock": _bedrock,
    "bedrock_mantle": _bedrock,
    "vertex": _vertex,
    "anthropic": _anthropic,
    "aws": _anthropic,
    "foundry": _foundry,
    "google_cloud": _anthropic,
    "openai_relay": _anywhere,
    "relay": _anywhere,
}
