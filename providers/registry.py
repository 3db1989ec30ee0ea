"""Every platform the gateway can speak to, by the name it has in a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from providers.anthropic import Anthropic
from providers.aws import Aws
from providers.bedrock import Bedrock
from providers.bedrock_mantle import BedrockMantle
from providers.contract import Provider
from providers.foundry import Foundry
from providers.google_cloud import GoogleCloud
from providers.openai_relay import OpenaiRelay
from providers.relay import Relay
from providers.vertex import Vertex

PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Anthropic(),
    "aws": Aws(),
    "bedrock": Bedrock(),
    "bedrock_mantle": BedrockMantle(),
    "foundry": Foundry(),
    "google_cloud": GoogleCloud(),
    "openai_relay": OpenaiRelay(),
    "relay": Relay(),
    "vertex": Vertex(),
}
"""One instance each: a provider holds no state."""
