"""The configuration: files and environment in, one checked `Config` out."""

from __future__ import annotations

from gateway.config.build import CheckPlace
from gateway.config.environ import NO_POLICY_WARNING, process_environ
from gateway.config.foundry_upstream import FoundryUpstream
from gateway.config.load import environments, load
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.model import (
    Breaker,
    Caller,
    Config,
    Journal,
    Policy,
    Retries,
    Routing,
    Server,
    Timeouts,
)
from gateway.config.relay_upstream import RelayUpstream
from gateway.config.secret import Secret
from gateway.config.upstream_section import CredentialKind
from gateway.config.upstreams import (
    AnthropicUpstream,
    AwsUpstream,
    AwsUpstreamSection,
    BedrockMantleUpstream,
    BedrockUpstream,
    GoogleCloudUpstream,
    GoogleUpstreamSection,
    OpenaiRelayUpstream,
    Upstream,
    VertexUpstream,
)

__all__ = [
    "NO_POLICY_WARNING",
    "AnthropicUpstream",
    "AwsUpstream",
    "AwsUpstreamSection",
    "BedrockMantleUpstream",
    "BedrockUpstream",
    "Breaker",
    "Caller",
    "CheckPlace",
    "Config",
    "ConfigError",
    "CredentialKind",
    "FoundryUpstream",
    "GoogleCloudUpstream",
    "GoogleUpstreamSection",
    "Journal",
    "Mistake",
    "OpenaiRelayUpstream",
    "Policy",
    "RelayUpstream",
    "Retries",
    "Routing",
    "Secret",
    "Server",
    "Timeouts",
    "Upstream",
    "VertexUpstream",
    "environments",
    "load",
    "process_environ",
]
