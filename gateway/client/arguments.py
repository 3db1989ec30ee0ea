"""What each argument of the SDK's clients means here, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx2

from gateway.client.opening import (
    DEFAULT_BASE_URL,
    Gateway,
    Opened,
    chain,
    configured,
    has_static,
    is_configured,
    no_file,
)
from gateway.client.transport import AsyncHttp, SyncHttp
from gateway.config import process_environ

PLACEHOLDER = "set-by-the-gateway"
"""What stands for a key while the SDK constructs a client that has none; it is never sent."""

CREDENTIALS = ("api_key", "auth_token", "credentials", "config", "profile")

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "gateway": "Ours. A directory with a gateway.toml, a Config, or an Engine to share.",
        **dict.fromkeys(
            CREDENTIALS,
            "The direct upstream's credential in the no-file mode; an error with a configuration.",
        ),
        "webhook_key": "As in the SDK: it checks webhooks, and no request carries it.",
        "base_url": "The direct upstream's address in the no-file mode; else it routes nothing.",
        "timeout": "As in the SDK, the longest silence: until the first content, and within it.",
        "max_retries": "Caps the engine's attempts at one more than this, over all upstreams.",
        "default_headers": "As in the SDK; x-gateway-* headers are labels and stay here.",
        "default_query": "As in the SDK; no upstream gets it.",
        "open_telemetry": "As in the SDK.",
        "http_client": "An error: the gateway is the HTTP client. Use gateway=.",
        "middleware": "As in the SDK; it runs before the gateway sees the request.",
        "_strict_response_validation": "As in the SDK.",
        "_token_cache": "The SDK's own, for copies of a client.",
        "set_default_headers": "As in the SDK.",
        "set_default_query": "As in the SDK.",
        "_extra_kwargs": "As in the SDK.",
    }
)
"""Argument -> what it means here, for the constructors and for `copy` / `with_options`."""

Http = SyncHttp | AsyncHttp


@dataclass(frozen=True, slots=True)
class Settled:
    """A client's arguments after the gateway has taken its own."""

    opened: Opened | None
    """None: open it, with the caller's own credential, once the SDK has settled the base URL."""
    arguments: dict[str, Any]
    """What the SDK's constructor gets for its credential and base URL arguments."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that go with a credential of the SDK's chain."""
    profile_url: bool = False
    """The base URL is that of a profile which nobody named, and leaves with its credential."""


def settle(
    gateway: Gateway | None,
    given: Mapping[str, Any],
    base_url: str | httpx2.URL | None,
    http: Http | None,
) -> Settled:
    """Return what a constructor's arguments amount to.

    Args:
        gateway: The argument of that name.
        given: The arguments of `CREDENTIALS`.
        base_url: The argument of that name.
        http: The transport of the client that this one is a copy of.

    Raises:
        TypeError: A credential was given beside a configuration.
        ConfigError: The configuration is missing or wrong, or no upstream is described.
    """
    environ = process_environ()
    opened = http.opened if http is not None else None
    if opened is None and is_configured(gateway, environ):
        opened = configured(gateway, environ)
    if opened is not None and not opened.no_file:
        _refuse_credentials(given)
        return _without_credential(opened, given, base_url)
    explicit = any(value is not None for value in given.values())
    if explicit or has_static(environ):
        return Settled(None, {**given, "base_url": base_url})
    if opened is not None:
        return _without_credential(opened, given, base_url)
    return _found(given, base_url, environ)


def finish(client: Any, settled: Settled) -> None:
    """Give a client that the SDK has constructed its engine."""
    http: Http = client._client  # noqa: SLF001 - where the SDK keeps it
    if settled.opened is not None:
        client.api_key = None
        http.opened = settled.opened
        return
    url = str(client.base_url).rstrip("/")
    if http.opened is None:
        http.opened = _own(url)
    elif not http.opened.own or http.opened.base_url != url:
        client._client = type(http)(_own(url))  # noqa: SLF001 - the same
    client._credential_headers = {**client._credential_headers, **settled.headers}  # noqa: SLF001
    if settled.profile_url:
        client._unchosen_base_url = client.base_url  # noqa: SLF001 - as the SDK notes it


def only_ours(http_client: object, kind: type[Http]) -> None:
    """Refuse an HTTP client that is not a gateway's; raises TypeError."""
    if http_client is not None and not isinstance(http_client, kind):
        raise TypeError(
            "http_client= cannot be used: the gateway opens its own connections, so that policy "
            "holds for each of them. Set proxy, ca_file and client_cert in [upstreams.NAME] of "
            "the configuration that gateway= names"
        )


def sends_own(http: object) -> bool:
    """Say whether what the SDK puts on a request is sent as the direct upstream's credential."""
    return isinstance(http, Http) and http.opened is not None and http.opened.own


def inherited(client: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a copy, with the credential provider it inherits.

    The SDK hands a provider on between clients of its own classes only.
    """
    named = any(options.get(name) for name in ("api_key", "auth_token", "config", "profile"))
    static = client.api_key is not None or client.auth_token is not None
    if named or static or "credentials" in options or client.credentials is None:
        return dict(options)
    extra: dict[str, Any] = {"credentials": client.credentials}
    base_url = options.get("base_url")
    if base_url is None or str(base_url).rstrip("/") == str(client.base_url).rstrip("/"):
        extra["_token_cache"] = client._token_cache  # noqa: SLF001 - as the SDK shares it
    return {**options, "_extra_kwargs": {**extra, **options.get("_extra_kwargs", {})}}


def _own(url: str) -> Opened:
    return no_file(process_environ(), own=True, base_url=url)


def _refuse_credentials(given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if value is not None:
            raise TypeError(
                f"{name}= is the direct upstream's credential where there is no configuration; "
                "this client has one (gateway= or GATEWAY_CONFIG), so name the credential there, "
                "in [upstreams.NAME]"
            )


def _without_credential(
    opened: Opened, given: Mapping[str, Any], base_url: str | httpx2.URL | None
) -> Settled:
    url = base_url or DEFAULT_BASE_URL
    return Settled(opened, {**given, "api_key": PLACEHOLDER, "base_url": url})


def _found(
    given: Mapping[str, Any], base_url: str | httpx2.URL | None, environ: Mapping[str, str]
) -> Settled:
    """Settle a client without a key: with what the SDK's chain finds, or without the direct API."""
    named = base_url or environ.get("ANTHROPIC_BASE_URL", "").strip() or None
    found = chain(str(named or DEFAULT_BASE_URL))
    if found is None:
        return _without_credential(no_file(environ, own=False, base_url=None), given, base_url)
    arguments = {**given, "credentials": found.provider, "base_url": named or found.base_url}
    return Settled(None, arguments, found.extra_headers, profile_url=named is None)
