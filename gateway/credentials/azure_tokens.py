"""OAuth tokens of Entra. Importing this module loads azure-identity, an extra."""

from __future__ import annotations

import re
import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import AzureError
from azure.identity import (
    CertificateCredential,
    ChainedTokenCredential,
    ClientSecretCredential,
    CredentialUnavailableError,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from gateway.credentials.contract import CredentialError
from gateway.credentials.entra_logs import hushed
from gateway.credentials.entra_transport import EntraTransport
from gateway.credentials.headers import checked_secret
from gateway.credentials.lease import Lease
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.credentials.token_fetch import FETCH_S, TokenFetch
from gateway.credentials.token_hosts import host_entry

SCOPE = "https://ai.azure.com/.default"
"""The scope of Foundry's endpoints (anthropic 2.12 `lib/foundry.md`)."""
_CODE = re.compile(r"AADSTS[0-9]{4,7}")
_MACHINES = frozenset({CredentialKind.AZURE_MANAGED, CredentialKind.AZURE_DEFAULT})
"""Kinds that ask the machine itself."""


class _Credential(Protocol):
    def get_token_info(self, *scopes: str) -> AccessTokenInfo: ...


def fetch_token(settings: CredentialSettings, now_s: float) -> Lease[str]:
    """Return an access token from the source that `settings` names; blocks up to FETCH_S.

    `now_s` is in seconds since the epoch.

    Raises CredentialError, whose text quotes nothing of the token server's answer but Entra's own
    code of the error (`AADSTS7000215`).
    """
    transport = _transport(settings)
    try:
        # Made first: some kinds load their modules, with the loggers in them, when they are made.
        credential = _credential(settings, transport)
        with hushed():
            token = credential.get_token_info(SCOPE)
        expires_at_s = float(token.expires_on)
    except CredentialUnavailableError as error:
        raise CredentialError(
            "no Entra credential was found: name a client secret, a certificate or a token file, "
            "or run where Azure gives the machine an identity",
            _detail(error, transport),
        ) from None
    except OSError as error:
        words = "the file of the Entra credential cannot be read"
        raise CredentialError(words, f"{settings.file}: {error.strerror}") from None
    except (AzureError, ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        # Without the cause: the library's error quotes the answer.
        words = "the Entra access token could not be had"
        raise CredentialError(words, _detail(error, transport)) from None
    return Lease(checked_secret(token.token, "the Entra access token"), now_s, expires_at_s)


def _transport(settings: CredentialSettings) -> EntraTransport:
    authority = host_entry(settings.authority)
    own = frozenset({host.lower() for host in (*settings.token_hosts, authority) if host})
    fetch = TokenFetch(
        until_s=time.monotonic() + FETCH_S,
        further=own,
        known=frozenset(),
        nearby=settings.kind in _MACHINES,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
    )
    plain = urlsplit(settings.authority).scheme == "http"
    return EntraTransport(fetch, frozenset({authority}) if plain and authority else frozenset())


def _credential(settings: CredentialSettings, transport: EntraTransport) -> _Credential:
    asking: dict[str, Any] = {"transport": transport, "retry_total": 0, "retry_status": 0}
    entra = asking | {
        "authority": f"https://{urlsplit(settings.authority).netloc}",
        # The authority is the configuration's own word: no other host is asked about it.
        "disable_instance_discovery": True,
    }
    tenant, client = settings.tenant_id or "", settings.client_id or ""
    match settings.kind:
        case CredentialKind.AZURE_SECRET:
            return ClientSecretCredential(tenant, client, settings.client_secret or "", **entra)
        case CredentialKind.AZURE_CERTIFICATE:
            password = settings.file_password
            return CertificateCredential(tenant, client, settings.file, password=password, **entra)
        case CredentialKind.AZURE_WORKLOAD:
            return WorkloadIdentityCredential(
                tenant_id=tenant, client_id=client, token_file_path=settings.file, **entra
            )
        case CredentialKind.AZURE_MANAGED:
            return ManagedIdentityCredential(client_id=settings.client_id, **entra)
        case _:
            # Not the library's whole chain: that runs programs, which ask whatever hosts they like.
            machine = ManagedIdentityCredential(client_id=settings.client_id, **entra)
            return ChainedTokenCredential(EnvironmentCredential(**entra), machine)


def _detail(error: Exception, transport: EntraTransport) -> str:
    """Return what the log may know: our own transport's words or Entra's code."""
    name = type(error).__name__
    code = _CODE.search(str(error))
    if code is not None:
        return f"{name}: {code[0]}"
    return transport.failure or name
