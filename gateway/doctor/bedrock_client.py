"""A client of Bedrock's control plane for one upstream. Importing this module loads boto3."""

from __future__ import annotations

from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gateway.config import BedrockUpstream
from gateway.credentials.aws_chain import aws_credentials
from gateway.credentials.contract import CredentialError
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.doctor.subject import TIMEOUT_S


def control_plane(section: BedrockUpstream, settings: CredentialSettings, region: str) -> Any:
    """Return boto3's `bedrock` client: one try, no redirect, nothing from the environment.

    Raises:
        CredentialError: The upstream's credential could not be had.
    """
    try:
        keys = _keys(settings, region)
        client = boto3.Session(region_name=region).client(
            "bedrock",
            endpoint_url=section.control_url,
            verify=section.ca_file or True,
            config=_config(section, unsigned=settings.kind is CredentialKind.TOKEN),
            **keys,
        )
    except (BotoCoreError, ClientError) as error:
        # Without the cause: botocore's error may hold an answer.
        words = f"the AWS credentials or settings cannot be used ({type(error).__name__})"
        raise CredentialError(words) from None
    if settings.kind is CredentialKind.TOKEN:
        client.meta.events.register("before-call.bedrock", _bearing(settings.token or ""))
    return client


def _config(section: BedrockUpstream, *, unsigned: bool) -> Config:
    proxy = section.proxy.reveal() if section.proxy is not None else None
    return Config(
        connect_timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
        proxies={"https": proxy, "http": proxy} if proxy else {},
        client_cert=section.client_cert,
        ignore_configured_endpoint_urls=True,  # type: ignore[call-arg]  # not in the stubs
        use_fips_endpoint=section.fips,
        use_dualstack_endpoint=section.dualstack,
        signature_version=UNSIGNED if unsigned else "v4",
    )


def _keys(settings: CredentialSettings, region: str) -> dict[str, Any]:
    if settings.kind is CredentialKind.TOKEN:
        return {}
    found = aws_credentials(settings, region)
    frozen = found.get_frozen_credentials() if found is not None else None
    if frozen is None:
        raise CredentialError("no AWS credentials were found")
    return {
        "aws_access_key_id": frozen.access_key,
        "aws_secret_access_key": frozen.secret_key,
        "aws_session_token": frozen.token,
    }


def _bearing(token: str) -> Any:
    """Return a handler that sends a Bedrock API key, which boto3 takes only from a variable."""

    def bear(params: dict[str, Any], **_unused: Any) -> None:
        params["headers"]["Authorization"] = f"Bearer {token}"

    return bear
