"""From a client's arguments and the environment to the engine that serves it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anthropic.lib.credentials import CredentialResult, default_credentials

from gateway import compose
from gateway.client.own_credential import OwnCredential
from gateway.config import NO_POLICY_WARNING, Config
from gateway.engine import Engine

Gateway = str | os.PathLike[str] | Config | Engine
"""What `gateway=` takes: a directory with a `gateway.toml`, a configuration, or an engine."""

DIRECT = "direct"
"""The name of the direct API's upstream in the no-file mode."""
DEFAULT_BASE_URL = "https://api.anthropic.com"

_LOG = logging.getLogger("gateway")
_said: set[str] = set()


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and on whose account a client uses it."""

    engine: Engine
    no_file: bool = False
    """There is no configuration: the SDKs' variables and arguments describe the upstreams."""
    own: bool = False
    """The direct upstream takes the credential that the SDK puts on each request."""
    base_url: str | None = None
    """Where the direct upstream is, if it is the caller's own."""


def is_configured(gateway: Gateway | None, environ: Mapping[str, str]) -> bool:
    """Say whether a configuration is meant: passed, or named in the environment."""
    named = any(environ.get(name, "").strip() for name in ("GATEWAY_CONFIG", "GATEWAY_ENV"))
    return gateway is not None or named


def configured(gateway: Gateway | None, environ: Mapping[str, str]) -> Opened:
    """Return the engine of a configuration; raises ConfigError."""
    if isinstance(gateway, Engine):
        return Opened(gateway)
    where = gateway if isinstance(gateway, Config | None) else Path(gateway)
    config = compose.found(where, environ)
    _say(*((NO_POLICY_WARNING,) if config.no_file else ()), *config.notes)
    return Opened(Engine.from_config(config))


def no_file(environ: Mapping[str, str], *, own: bool, base_url: str | None) -> Opened:
    """Return the engine that variables and arguments describe; raises ConfigError.

    Args:
        environ: The environment.
        own: The SDK has a credential for the direct API.
        base_url: The direct API's address, where the caller named one.
    """
    variables = dict(environ)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        variables.pop(name, None)
    if own:
        # It only says that there is such an upstream: what is sent is the SDK's own credential.
        variables["ANTHROPIC_API_KEY"] = "from-the-client"
    if base_url is not None:
        variables["ANTHROPIC_BASE_URL"] = base_url
    config = compose.found(None, variables)
    _say(NO_POLICY_WARNING, *config.notes)
    signers = {DIRECT: OwnCredential()} if own else {}
    return Opened(Engine.from_config(config, signers), no_file=True, own=own, base_url=base_url)


def has_static(environ: Mapping[str, str]) -> bool:
    """Say whether the environment holds a key or token for the direct API."""
    names = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    return any(environ.get(name, "").strip() for name in names)


def chain(base_url: str) -> CredentialResult | None:
    """Return what the SDK's own credential chain finds: a profile, workload identity.

    The SDK asks it for its own classes only, not for subclasses. Raises AnthropicError when a
    profile that was chosen is broken.
    """
    return default_credentials(base_url=base_url)


def _say(*lines: str) -> None:
    """Log each line once in a process."""
    for line in lines:
        if line not in _said:
            _said.add(line)
            _LOG.warning("%s", line)
