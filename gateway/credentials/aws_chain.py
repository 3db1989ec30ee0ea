"""AWS keys from where the operator keeps them. Importing this module loads boto3."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import checked_secret
from gateway.credentials.lease import Lease
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.sigv4 import RequestSigner

DETAIL_CHARACTERS = 500
"""How much of a library's own words goes into the log."""


def fetch_signer(
    settings: CredentialSettings, service: str, region: str, now_s: float
) -> Lease[RequestSigner]:
    """Return a signer with the keys that `settings` leads to; blocks.

    `now_s` is in seconds since the epoch.

    Raises CredentialError.
    """
    try:
        return _fetch_signer(settings, service, region, now_s)
    except (BotoCoreError, ClientError) as error:
        # Without the cause: botocore's error holds the answer.
        raise CredentialError(
            f"the AWS credentials could not be had ({type(error).__name__})",
            str(error)[:DETAIL_CHARACTERS],
        ) from None


def _fetch_signer(
    settings: CredentialSettings, service: str, region: str, now_s: float
) -> Lease[RequestSigner]:
    credentials = aws_credentials(settings, region)
    if credentials is None:
        raise CredentialError(
            "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "configure a profile, or run where a role is attached"
        )
    keys = credentials.get_frozen_credentials()
    checked_secret(keys.access_key, "the AWS access key id")
    checked_secret(keys.secret_key, "the AWS secret access key")
    if keys.token:
        checked_secret(keys.token, "the AWS session token")
    return Lease(RequestSigner(keys, service, region), now_s, _expires_at_s(credentials))


def aws_credentials(settings: CredentialSettings, region: str) -> Any:
    """Return botocore credentials from the source that `settings` names; None: there are none.

    May raise botocore's errors.
    """
    if settings.kind is CredentialKind.AWS_KEYS:
        return Credentials(
            settings.access_key_id or "", settings.secret_access_key or "", settings.session_token
        )
    # A role is assumed at the STS endpoint of the upstream's own region, nowhere else.
    session = boto3.Session(profile_name=settings.profile, region_name=region)
    return session.get_credentials()


def _expires_at_s(credentials: object) -> float | None:
    """Return the expiry of botocore credentials; it publishes none, so its field is read."""
    expiry = getattr(credentials, "_expiry_time", None)
    return expiry.timestamp() if isinstance(expiry, datetime) else None
