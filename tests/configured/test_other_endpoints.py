"""FIPS, dual stack, private endpoints and partitions: had by configuration, or refused with why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.boundary.where import where
from gateway.compose import connection, found, upstreams
from gateway.config import Config, ConfigError
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.policy.places import derived
from tests.server.serving import BODY

KEY = 'api_key = "${KEY}"\n'
GOOGLE = 'access_token = "${KEY}"\nproject = "p"\n'
WORKSPACE = 'workspace = "wrkspc_1"\n'
VPCE = "vpce-0a1b-2c3d.bedrock-runtime.us-east-1.vpce.amazonaws.com"
PSC = "europe-west1-aiplatform-mine.p.googleapis.com"


def config(directory: Path, more: str, key: str = "k") -> Config:
    (directory / "environments").mkdir(exist_ok=True)
    (directory / "environments" / "prod.toml").touch()
    (directory / "gateway.toml").write_text(
        f'schema = 1\nrouting = {{ order = ["it"] }}\n[upstreams.it]\n{more}'
    )
    return found(directory, {"GATEWAY_ENV": "prod", "KEY": key})


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        (
            'provider = "bedrock"\nregion = "us-east-1"\nfips = true\n' + KEY,
            "bedrock-runtime-fips.us-east-1.amazonaws.com",
        ),
        (
            'provider = "bedrock"\nregion = "us-gov-west-1"\nfips = true\ndualstack = true\n' + KEY,
            "bedrock-runtime-fips.us-gov-west-1.api.aws",
        ),
        (
            'provider = "bedrock"\nregion = "eusc-de-east-1"\n' + KEY,
            "bedrock-runtime.eusc-de-east-1.amazonaws.eu",
        ),
        (
            'provider = "bedrock_mantle"\nregion = "us-gov-west-1"\n' + KEY,
            "bedrock-mantle.us-gov-west-1.api.aws",
        ),
        (f'provider = "bedrock"\nregion = "us-east-1"\nbase_url = "https://{VPCE}"\n' + KEY, VPCE),
        (
            f'provider = "vertex"\nregion = "europe-west1"\nbase_url = "https://{PSC}/v1"\n'
            + GOOGLE,
            PSC,
        ),
        (
            'provider = "foundry"\nresource = "mine"\nallow_private_network = true\n' + KEY,
            "mine.services.ai.azure.com",
        ),
    ],
)
def test_a_request_goes_to_the_endpoint_that_is_named(
    tmp_path: Path, settings: str, host: str
) -> None:
    made = config(tmp_path, settings)
    (section,) = made.used
    (there,) = upstreams(made)
    route = connection(section, there.endpoint).route
    assert (route.scheme, route.host, route.port) == ("https", host, 443)
    assert route.allow_private_network == ("allow_private_network" in settings)
    # What answers at an address of one's own may be anywhere; a private path to the platform's own
    # host changes nothing.
    known = "processing_in" in derived(where(section))
    assert known == ("base_url" not in settings)


FIPS, DUAL = "fips = true\n", "dualstack = true\n"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ('provider = "bedrock"\nregion = "cn-north-1"\n', "not offered in China"),
        ('provider = "bedrock"\nregion = "cn-northwest-1"\nprofile = "global"\n', "China"),
        ('provider = "bedrock_mantle"\nregion = "cn-north-1"\n', "not offered in China"),
        ('provider = "bedrock_mantle"\nregion = "eusc-de-east-1"\n', 'provider = "bedrock"'),
        ('provider = "aws"\nregion = "cn-north-1"\n' + WORKSPACE, "not offered in China"),
        ('provider = "aws"\nregion = "us-gov-west-1"\n' + WORKSPACE, "or Bedrock there"),
        ('provider = "bedrock"\nregion = "eu-central-1"\n' + FIPS, "no FIPS endpoint"),
        ('provider = "bedrock_mantle"\nregion = "us-east-1"\n' + FIPS, "a setting of bedrock"),
        ('provider = "aws"\nregion = "us-east-1"\n' + WORKSPACE + FIPS, "a setting of bedrock"),
        ('provider = "vertex"\nregion = "us"\nproject = "p"\n' + FIPS, "a setting of bedrock"),
        ('provider = "google_cloud"\nproject = "p"\n' + WORKSPACE + FIPS, "a setting of bedrock"),
        # A base URL names the endpoint, so nothing would see to what is promised beside it.
        (
            f'provider = "bedrock"\nregion = "us-east-1"\nbase_url = "https://{VPCE}"\n' + FIPS,
            "beside base",
        ),
        (
            f'provider = "bedrock"\nregion = "us-east-1"\nbase_url = "https://{VPCE}"\n{DUAL}',
            "stands beside base_url",
        ),
    ],
)
def test_what_there_is_not_is_refused_with_the_reason(
    tmp_path: Path, settings: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        config(tmp_path, settings)


@pytest.mark.parametrize("platform", ["bedrock", "bedrock_mantle", "aws"])
def test_a_private_endpoint_is_signed_for_by_its_own_name(
    emulator: Emulator, tmp_path: Path, platform: str
) -> None:
    """The signature holds at the address of one's own, as AWS wants of an interface endpoint."""
    served: dict[str, Any] = {
        "bedrock": emulator.bedrock,
        "bedrock_mantle": emulator.mantle,
        "aws": emulator.aws,
    }
    identity = served[platform].door.identity
    path = "/anthropic" if platform == "bedrock_mantle" else ""
    more = WORKSPACE if platform == "aws" else 'profile = "us"\n' * (platform == "bedrock")
    address = served[platform].base_url.replace("127.0.0.1", "localhost")
    (tmp_path / "secret").write_text(identity.secret_key)
    signed = (
        f'aws_access_key_id = "${{KEY}}"\naws_secret_access_key = "${{file:{tmp_path}/secret}}"\n'
    )
    there = f'provider = "{platform}"\nregion = "us-east-1"\nbase_url = "{address}{path}"\n'
    made = config(tmp_path, there + more + signed, identity.access_key)
    with gateway.Anthropic(gateway=Engine.from_config(made), max_retries=0) as client:
        assert client.messages.create(**BODY).content
    (record,) = emulator.records.of(platform)
    assert (record.header("host") or "").startswith("localhost:")
