"""OAuth tokens for Google Cloud. Importing this module loads google-auth."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import google.auth
from google.auth.credentials import with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, MalformedError
from google.oauth2 import service_account

from gateway.credentials.contract import CredentialError
from gateway.credentials.headers import checked_secret
from gateway.credentials.lease import Lease
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.token_fetch import FETCH_S
from gateway.credentials.token_hosts import host_entry
from gateway.credentials.token_transport import TokenFetchError, TokenTransport

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""The scope that `anthropic.lib.vertex` asks for."""
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")


def fetch_token(settings: CredentialSettings, now_s: float) -> Lease[str]:
    """Return an access token from the source that `settings` names; blocks up to FETCH_S.

    `now_s` is in seconds since the epoch.

    Raises CredentialError, whose text quotes nothing of the token server's answer but the
    OAuth error code (RFC 6749, 5.2).
    """
    try:
        return _fetch_token(settings, now_s)
    except MalformedError:
        raise CredentialError("the Google credential file is incomplete or damaged") from None
    except DefaultCredentialsError:
        raise CredentialError(
            "no Google credentials were found: name a service-account file, set "
            "GOOGLE_APPLICATION_CREDENTIALS, or run where a service account is attached"
        ) from None
    except (GoogleAuthError, ValueError, TypeError, AttributeError, KeyError) as error:
        # Without the cause: google-auth's error quotes the answer.
        raise CredentialError("the Google access token could not be had", _detail(error)) from None


def _fetch_token(settings: CredentialSettings, now_s: float) -> Lease[str]:
    credentials: Any
    if settings.kind is CredentialKind.GOOGLE_FILE:
        info = _key_file(settings.file or "")
        transport = _transport(settings, host_entry(str(info.get("token_uri"))))
        credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=[SCOPE]
        )
    else:
        transport = _transport(settings)
        # Without scopes here: with them, google-auth asks the Resource Manager for the project.
        found, _project = google.auth.default(request=transport)
        credentials = with_scopes_if_required(found, [SCOPE])  # type: ignore[no-untyped-call]
    credentials.refresh(transport)
    token = credentials.token
    if not isinstance(token, str):
        raise CredentialError("the Google token server gave no access token")
    checked_secret(token, "the Google access token")
    return Lease(token, now_s, _epoch_s(credentials.expiry))


def _transport(settings: CredentialSettings, own_host: str | None = None) -> TokenTransport:
    further = {host.lower() for host in settings.token_hosts}
    if own_host is not None:
        further.add(own_host)
    return TokenTransport(
        until_s=time.monotonic() + FETCH_S,
        further=frozenset(further),
        ca_file=settings.ca_file,
        proxy=settings.proxy,
    )


def _key_file(path: str) -> Mapping[str, Any]:
    try:
        info = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise CredentialError(
            "the Google service-account file cannot be read", f"{path}: {error.strerror}"
        ) from None
    except ValueError:
        raise CredentialError("the Google service-account file is not JSON", path) from None
    if isinstance(info, dict) and info.get("type") == "service_account":
        return info
    raise CredentialError(
        "the Google credential file is not a service-account key; for any other type "
        "set GOOGLE_APPLICATION_CREDENTIALS and use kind google_adc",
        path,
    )


def _epoch_s(expiry: datetime | None) -> float | None:
    """Return google-auth's expiry, a UTC time without a zone, in seconds since the epoch."""
    return None if expiry is None else expiry.replace(tzinfo=UTC).timestamp()


def _detail(error: Exception) -> str:
    """Return what the log may know: our own transport's words or the OAuth error code."""
    name = type(error).__name__
    if isinstance(error, TokenFetchError):
        return str(error)
    answer = error.args[1] if len(error.args) > 1 else None
    code = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(code, str) and _OAUTH_ERROR.fullmatch(code):
        return f"{name}: {code}"
    return name
