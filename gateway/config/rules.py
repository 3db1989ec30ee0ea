"""Rules between the settings of one upstream; they look at what is set, never at a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.config.addresses import is_plain

_AWS_CREDENTIALS = ("api_key", "aws_access_key_id", "aws_profile")
_GOOGLE_CREDENTIALS = ("credentials_file", "access_token")
_AWS_PAIRS = (
    ("aws_access_key_id", "aws_secret_access_key"),
    ("aws_secret_access_key", "aws_access_key_id"),
    ("aws_session_token", "aws_access_key_id"),
)
_EXCLUSIVE: dict[str, tuple[str, ...]] = {
    "anthropic": ("api_key", "auth_token"),
    "aws": _AWS_CREDENTIALS,
    "bedrock": _AWS_CREDENTIALS,
    "bedrock_mantle": _AWS_CREDENTIALS,
    "foundry": (
        "api_key",
        "access_token",
        "client_secret",
        "certificate_file",
        "federated_token_file",
        "managed_identity",
    ),
    "google_cloud": _GOOGLE_CREDENTIALS,
    "openai_relay": ("api_key",),
    "relay": ("api_key", "auth_token"),
    "vertex": _GOOGLE_CREDENTIALS,
}
"""Provider -> the settings that each name a credential; one upstream has one."""

_KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai_relay": "RELAY_API_KEY",
    "relay": "RELAY_API_KEY",
}
"""Provider without a credential of its own to be found -> a variable that one may be in."""

_NEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "aws": _AWS_PAIRS,
    "bedrock": _AWS_PAIRS,
    "bedrock_mantle": _AWS_PAIRS,
    "foundry": (
        *(
            (key, needed)
            for key in ("client_secret", "certificate_file", "federated_token_file")
            for needed in ("tenant_id", "client_id")
        ),
        ("certificate_password", "certificate_file"),
    ),
}
"""Provider -> pairs: the first setting means nothing without the second."""


_SENT = {
    "base_url": "prompts and credentials",
    "control_url": "credentials",
    "authority": "credentials",
}
"""An address -> what goes there."""


class Fault(NamedTuple):
    """What is wrong with one setting of a table."""

    key: str
    message: str
    suggestion: str = ""


def upstream_faults(provider: str, table: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong between the settings of an upstream's table, unvalidated as it is."""
    return [*_credentials(provider, table), *_needs(provider, table), *_plain(table)]


def _credentials(provider: str, table: Mapping[str, Any]) -> list[Fault]:
    kinds = _EXCLUSIVE[provider]
    named = [key for key in kinds if key in table]
    if provider in _KEY_VARIABLES and not named:
        hint = f'write api_key = "${{{_KEY_VARIABLES[provider]}}}"'
        return [Fault("api_key", "is missing", hint)]
    return [
        Fault(key, f"stands beside {named[0]}: an upstream has one credential", "keep one of them")
        for key in named[1:]
    ]


def _needs(provider: str, table: Mapping[str, Any]) -> list[Fault]:
    return [
        Fault(needed, f"is missing: {key} is set", f"add {needed}")
        for key, needed in _NEEDS.get(provider, ())
        if key in table and needed not in table
    ]


def _plain(table: Mapping[str, Any]) -> list[Fault]:
    private = table.get("allow_private_network") is True
    hint = "write https://, or set allow_private_network = true for a network of your own"
    return [
        Fault(key, f"would send {what} without TLS", hint)
        for key, what in _SENT.items()
        if isinstance(url := table.get(key), str) and is_plain(url) and not private
    ]
