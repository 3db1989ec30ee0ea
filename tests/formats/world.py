"""Upstreams of every platform all over the world, and where each may process: written by hand."""

from __future__ import annotations

from functools import cache

from gateway import compose
from gateway.config.upstreams import UPSTREAMS
from gateway.routing import Upstream

MODEL = "claude-opus-5-5"
ANYWHERE = frozenset({"*"})
EUROPE_AWS = frozenset({"DE", "CH", "SE", "IT", "ES", "IE", "GB", "FR"})
EU = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
ASIA_AWS = frozenset({"JP", "KR", "HK", "TW", "IN", "SG", "AU", "ID", "MY", "NZ", "TH", "AE"})
IN_REGION = {"models": {MODEL: f"anthropic.{MODEL}"}}
RELAYED = {"models": {MODEL: f"vendor/{MODEL}"}}
WORKSPACE = {"workspace": "wrkspc_1"}

WORLD: dict[str, tuple[str, dict[str, object], frozenset[str] | None]] = {
    "direct": ("anthropic", {}, ANYWHERE),
    "direct-us": ("anthropic", {"geo": "us"}, frozenset({"US"})),
    "proxied": ("anthropic", {"base_url": "https://proxy.example"}, None),
    "relay": ("relay", {"base_url": "https://relay.example", **RELAYED}, None),
    "chat-relay": ("openai_relay", {"base_url": "https://relay.example/v1", **RELAYED}, None),
    "foundry": (
        "foundry",
        {"resource": "ours", "deployment_type": "global_standard"},
        ANYWHERE,
    ),
    "foundry-us": (
        "foundry",
        {"resource": "ours", "deployment_type": "us_data_zone_standard"},
        frozenset({"US"}),
    ),
    "foundry-unsaid": ("foundry", {"resource": "ours"}, None),
    "bedrock-eu": ("bedrock", {"region": "eu-central-1", "profile": "eu"}, EUROPE_AWS),
    "bedrock-ireland": ("bedrock", {"region": "eu-west-1", **IN_REGION}, frozenset({"IE"})),
    "bedrock-london": ("bedrock", {"region": "eu-west-2", **IN_REGION}, frozenset({"GB"})),
    "bedrock-us": ("bedrock", {"region": "us-east-1", "profile": "us"}, frozenset({"US"})),
    "bedrock-jp": ("bedrock", {"region": "ap-northeast-1", "profile": "jp"}, frozenset({"JP"})),
    "bedrock-au": ("bedrock", {"region": "ap-southeast-2", "profile": "au"}, frozenset({"AU"})),
    "bedrock-apac": ("bedrock", {"region": "ap-south-1", "profile": "apac"}, ASIA_AWS),
    "bedrock-global": ("bedrock", {"region": "eu-west-1", "profile": "global"}, ANYWHERE),
    "bedrock-eu-from-us": (
        "bedrock",
        {"region": "us-east-1", "profile": "eu"},
        EUROPE_AWS | {"US"},
    ),
    "bedrock-gov": (
        "bedrock",
        {"region": "us-gov-west-1", "profile": "us-gov"},
        frozenset({"US"}),
    ),
    "mantle-ireland": ("bedrock_mantle", {"region": "eu-west-1"}, frozenset({"IE"})),
    "mantle-us": ("bedrock_mantle", {"region": "us-east-1"}, frozenset({"US"})),
    "aws": ("aws", {"region": "eu-central-1", **WORKSPACE}, ANYWHERE),
    "aws-us": ("aws", {"region": "eu-central-1", "geo": "us", **WORKSPACE}, frozenset({"US"})),
    "google": ("google_cloud", {"project": "p", **WORKSPACE}, ANYWHERE),
    "vertex-belgium": ("vertex", {"region": "europe-west1", "project": "p"}, frozenset({"BE"})),
    "vertex-london": ("vertex", {"region": "europe-west2", "project": "p"}, frozenset({"GB"})),
    "vertex-eu": ("vertex", {"region": "eu", "project": "p"}, EU),
    "vertex-us": ("vertex", {"region": "us", "project": "p"}, frozenset({"US"})),
    "vertex-tokyo": ("vertex", {"region": "asia-northeast1", "project": "p"}, frozenset({"JP"})),
    "vertex-global": ("vertex", {"region": "global", "project": "p"}, ANYWHERE),
}
"""Name -> provider, settings, and the countries that it may use; None: nobody knows."""


@cache
def upstream(name: str) -> Upstream:
    """Return an upstream as a configuration makes it."""
    provider, settings, _ = WORLD[name]
    section = UPSTREAMS[provider].model_validate({"name": name, "provider": provider, **settings})
    return compose.upstream(section)


def stays(name: str, allowed: frozenset[str] | None) -> bool:
    """Say whether an upstream stays where it is allowed; None: anywhere."""
    reached = WORLD[name][2]
    return allowed is None or (reached is not None and reached <= allowed)
