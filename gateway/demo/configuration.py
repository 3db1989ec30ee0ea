"""The configuration the demo runs with, written as files and loaded like any other."""

from __future__ import annotations

import secrets
from pathlib import Path

from gateway.config import Config, load
from gateway.emulator import Emulator
from providers.contract import Endpoint, Place
from providers.registry import PROVIDERS

ENVIRONMENT = CALLER = "demo"
_HERE = Path(__file__).parent
_SHIPPED = ("gateway.toml", "policy.toml", "attestations.toml")


def write(directory: Path, emulator: Emulator) -> None:
    """Write the shipped files, `environments/demo.toml` and Vertex's service-account file."""
    for name in _SHIPPED:
        (directory / name).write_bytes((_HERE / name).read_bytes())
    (directory / "environments").mkdir()
    overlay = directory / "environments" / f"{ENVIRONMENT}.toml"
    overlay.write_text(addresses(emulator), "utf-8")
    emulator.vertex.write_service_account(directory / "vertex.json")


def addresses(emulator: Emulator) -> str:
    """Return the TOML that puts each upstream on its emulated platform."""
    base_urls = {
        "direct": emulator.direct.base_url,
        "bedrock-frankfurt": emulator.bedrock.base_url,
        "bedrock-virginia": emulator.bedrock.base_url,
        "vertex-belgium": f"{emulator.vertex.base_url}/v1",
    }
    return "\n".join(f'[upstreams.{name}]\nbase_url = "{url}"\n' for name, url in base_urls.items())


def read(directory: Path, emulator: Emulator) -> Config:
    """Load what `write` wrote; the secrets come from an environment of the demo's own."""
    environ = {
        "GATEWAY_ENV": ENVIRONMENT,
        "DEMO_ANTHROPIC_KEY": emulator.api_key,
        "DEMO_AWS_ACCESS_KEY_ID": emulator.bedrock.door.identity.access_key,
        "DEMO_AWS_SECRET_ACCESS_KEY": emulator.bedrock.door.identity.secret_key,
        "DEMO_GATEWAY_KEY": secrets.token_urlsafe(24),
    }
    return load(directory, environ, serving=True, check_place=_endpoint)


def _endpoint(provider: str, place: Place) -> Endpoint:
    return PROVIDERS[provider].endpoint(place)
