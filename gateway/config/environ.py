"""The process environment: read in one place, and what the SDKs' variables alone describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.config.document import Document
from gateway.config.mistakes import ConfigError, Key, Mistake
from providers import catalog

NO_POLICY_WARNING = (
    "no configuration found: upstreams come from the SDKs' environment variables and there is no "
    "policy, so any of them may get any request; `gateway init` writes a configuration"
)
"""What is said once at start in the no-file mode."""

_NOTHING = (
    "set ANTHROPIC_API_KEY; or AWS_REGION with AWS credentials, and ANTHROPIC_AWS_WORKSPACE_ID for "
    "Claude Platform on AWS; or ANTHROPIC_VERTEX_PROJECT_ID and CLOUD_ML_REGION; or "
    "ANTHROPIC_FOUNDRY_API_KEY and ANTHROPIC_FOUNDRY_RESOURCE; or write a configuration with "
    "`gateway init` and name it in GATEWAY_CONFIG"
)
_AWS_SIGNS = (
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "ANTHROPIC_BEDROCK_BASE_URL",
)
"""Any of these says that AWS credentials are meant to be had (boto3's chain finds them)."""
_AWS_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ("AWS_CONFIG_FILE", ".aws/config"),
)

Found = tuple[dict[str, str], dict[str, str]]
"""An upstream's settings, and which variable each came from."""


def process_environ() -> Mapping[str, str]:
    """Return a copy of the process environment."""
    return dict(os.environ)


def variable(environ: Mapping[str, str], name: str) -> str | None:
    """Return a variable's value; empty or blank is unset."""
    return environ.get(name, "").strip() or None


def from_variables(
    environ: Mapping[str, str], exists: Callable[[Path], bool] = Path.is_file
) -> tuple[Document, tuple[str, ...]]:
    """Return the document that the SDKs' variables amount to, and notes on half-set ones.

    The variables are those of the SDK's clients (`anthropic/_client.py`,
    `anthropic/lib/aws/_client.py`, `anthropic/lib/bedrock/_client.py`,
    `anthropic/lib/foundry.py`, `anthropic/lib/vertex/_client.py`).

    Args:
        environ: The environment.
        exists: Says whether a file is there; asked about the AWS configuration files only.

    Raises:
        ConfigError: No variable describes an upstream.
    """
    notes: list[str] = []
    found = {
        "direct": _direct(environ),
        "aws": _aws(environ, notes),
        "bedrock": _bedrock(environ, exists, notes),
        "vertex": _vertex(environ, notes),
        "foundry": _foundry(environ, notes),
    }
    upstreams = {name: upstream for name, upstream in found.items() if upstream is not None}
    if not upstreams:
        raise ConfigError(
            [
                *(Mistake(None, None, "", note) for note in notes),
                Mistake(None, None, "", "no upstream is configured", _NOTHING),
            ]
        )
    data: dict[str, Any] = {"schema": 1, "routing": {"order": list(upstreams)}}
    data["upstreams"] = {name: settings for name, (settings, _) in upstreams.items()}
    variables: dict[Key, str] = {
        ("upstreams", name, key): origin
        for name, (_, origins) in upstreams.items()
        for key, origin in origins.items()
    }
    return Document(data, (), variables), tuple(notes)


def _direct(environ: Mapping[str, str]) -> Found | None:
    for key, name in (("api_key", "ANTHROPIC_API_KEY"), ("auth_token", "ANTHROPIC_AUTH_TOKEN")):
        if variable(environ, name):
            secrets = {key: name}
            return _found(environ, "anthropic", secrets, {"base_url": "ANTHROPIC_BASE_URL"})
    return None


def _aws(environ: Mapping[str, str], notes: list[str]) -> Found | None:
    """Only who names a workspace means this platform: AWS credentials alone mean Bedrock."""
    if not variable(environ, "ANTHROPIC_AWS_WORKSPACE_ID"):
        return None
    region = _aws_region(environ)
    if not variable(environ, region):
        notes.append("ANTHROPIC_AWS_WORKSPACE_ID is set and AWS_REGION is not: no Claude on AWS")
        return None
    key = "ANTHROPIC_AWS_API_KEY"
    settings = {
        "region": region,
        "workspace": "ANTHROPIC_AWS_WORKSPACE_ID",
        "base_url": "ANTHROPIC_AWS_BASE_URL",
    }
    return _found(environ, "aws", {"api_key": key} if variable(environ, key) else {}, settings)


def _aws_region(environ: Mapping[str, str]) -> str:
    return "AWS_REGION" if variable(environ, "AWS_REGION") else "AWS_DEFAULT_REGION"


def _bedrock(
    environ: Mapping[str, str], exists: Callable[[Path], bool], notes: list[str]
) -> Found | None:
    if not _aws_credentials(environ, exists):
        return None
    region = _aws_region(environ)
    bearer = variable(environ, "AWS_BEARER_TOKEN_BEDROCK")
    if not variable(environ, region):
        if bearer:
            notes.append("AWS_BEARER_TOKEN_BEDROCK is set and AWS_REGION is not: no Bedrock")
        return None
    secrets = {"api_key": "AWS_BEARER_TOKEN_BEDROCK"} if bearer else {}
    settings = {"region": region, "base_url": "ANTHROPIC_BEDROCK_BASE_URL"}
    found, origins = _found(environ, "bedrock", secrets, settings)
    # No variable names a profile, and most models need one: the one that stays nearest.
    profile = catalog.geography(found["region"])
    return (found if profile is None else {**found, "profile": profile}), origins


def _aws_credentials(environ: Mapping[str, str], exists: Callable[[Path], bool]) -> bool:
    if any(variable(environ, name) for name in _AWS_SIGNS):
        return True
    home = variable(environ, "HOME")
    named = [variable(environ, name) for name, _ in _AWS_FILES]
    usual = [str(Path(home, path)) for _, path in _AWS_FILES] if home else []
    return any(exists(Path(path)) for path in (*named, *usual) if path)


def _vertex(environ: Mapping[str, str], notes: list[str]) -> Found | None:
    if not variable(environ, "ANTHROPIC_VERTEX_PROJECT_ID"):
        return None
    if not variable(environ, "CLOUD_ML_REGION"):
        notes.append("ANTHROPIC_VERTEX_PROJECT_ID is set and CLOUD_ML_REGION is not: no Vertex AI")
        return None
    settings = {
        "project": "ANTHROPIC_VERTEX_PROJECT_ID",
        "region": "CLOUD_ML_REGION",
        "base_url": "ANTHROPIC_VERTEX_BASE_URL",
    }
    return _found(environ, "vertex", {}, settings)


def _foundry(environ: Mapping[str, str], notes: list[str]) -> Found | None:
    """Nothing names the type of the deployments, so their prices and places stay unknown."""
    prefix = "ANTHROPIC_FOUNDRY_"
    if not variable(environ, f"{prefix}API_KEY"):
        named = (f"{prefix}{key}" for key in ("RESOURCE", "BASE_URL"))
        notes += [
            f"{name} is set and {prefix}API_KEY is not: no Microsoft Foundry; what Entra lets in "
            "needs a configuration"
            for name in named
            if variable(environ, name)
        ][:1]
        return None
    # The SDK's client refuses both; here the base URL says more.
    key = "base_url" if variable(environ, f"{prefix}BASE_URL") else "resource"
    name = f"{prefix}{key.upper()}"
    if not variable(environ, name):
        notes.append(f"{prefix}API_KEY is set and {prefix}RESOURCE is not: no Microsoft Foundry")
        return None
    return _found(environ, "foundry", {"api_key": f"{prefix}API_KEY"}, {key: name})


def _found(
    environ: Mapping[str, str], provider: str, secrets: dict[str, str], settings: dict[str, str]
) -> Found:
    known = {key: found for key, name in settings.items() if (found := variable(environ, name))}
    references = {key: f"${{{name}}}" for key, name in secrets.items()}
    return {"provider": provider, **references, **known}, {**secrets, **settings}
