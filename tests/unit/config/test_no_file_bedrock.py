from __future__ import annotations

import pytest

from gateway.config import BedrockUpstream, load


@pytest.mark.parametrize(
    ("region", "profile"),
    [
        ("eu-central-1", "eu"),
        ("us-west-2", "us"),
        ("ap-northeast-1", "jp"),
        ("ap-southeast-2", "au"),
        ("ap-south-1", "apac"),
        ("us-gov-west-1", "us-gov"),
        ("ca-central-1", None),
    ],
)
def test_without_files_bedrock_stays_near_its_region(region: str, profile: str | None) -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "key", "AWS_REGION": region}
    upstream = load(None, environ).upstreams["bedrock"]
    assert isinstance(upstream, BedrockUpstream)
    assert upstream.profile == profile
