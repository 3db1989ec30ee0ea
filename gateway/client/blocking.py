"""The blocking client: the SDK's own class over the gateway's engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
from anthropic import DEFAULT_MAX_RETRIES, NotGiven, Timeout, not_given
from anthropic._middleware import MiddlewareInput
from anthropic._types import OpenTelemetryClientOption
from anthropic.lib.credentials import AccessTokenProvider, TokenCache

from gateway.client.arguments import finish, inherited, only_ours, sends_own, settle
from gateway.client.opening import Gateway
from gateway.client.requests import ATTEMPTS
from gateway.client.transport import SyncHttp

if TYPE_CHECKING:
    from anthropic._models import FinalRequestOptions


class Anthropic(anthropic.Anthropic):
    """`anthropic.Anthropic`, answered by whichever upstream the configuration allows.

    Everything the SDK's class has works. One argument is ours, `gateway`: a directory with a
    `gateway.toml`, a `Config`, or an `Engine` to share. Without it GATEWAY_CONFIG names the
    directory; without that, the SDKs' variables and this class's credential arguments describe
    the upstreams. `gateway.client.arguments.MEANINGS` says what each argument means here.

    Raises:
        ConfigError: The configuration is missing or wrong, or no upstream is described.
        TypeError: A credential beside a configuration, or an `http_client`.
    """

    _supports_message_threads = False

    def __init__(
        self,
        *,
        gateway: Gateway | None = None,
        api_key: str | None = None,
        auth_token: str | None = None,
        credentials: AccessTokenProvider | None = None,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        webhook_key: str | None = None,
        base_url: str | httpx2.URL | None = None,
        timeout: float | Timeout | NotGiven | None = not_given,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        open_telemetry: OpenTelemetryClientOption = None,
        http_client: httpx2.Client | None = None,
        middleware: Sequence[MiddlewareInput] | None = None,
        _strict_response_validation: bool = False,
        _token_cache: TokenCache | NotGiven | None = not_given,
    ) -> None:
        only_ours(http_client, SyncHttp)
        given = {
            "api_key": api_key,
            "auth_token": auth_token,
            "credentials": credentials,
            "config": config,
            "profile": profile,
        }
        shared = http_client if isinstance(http_client, SyncHttp) else None
        settled = settle(gateway, given, base_url, shared)
        super().__init__(
            **settled.arguments,
            webhook_key=webhook_key,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            default_query=default_query,
            open_telemetry=open_telemetry,
            http_client=SyncHttp() if shared is None else shared,
            middleware=middleware,
            _strict_response_validation=_strict_response_validation,
            _token_cache=_token_cache,
        )
        finish(self, settled)

    if not TYPE_CHECKING:

        @wraps(anthropic.Anthropic.copy)
        def copy(self, **options: Any) -> Anthropic:
            """Return a client with other options, over the same engine and connections."""
            return super().copy(**inherited(self, options))

        with_options = copy

    def _validate_headers(self, headers: httpx2.Headers, omitted: frozenset[str]) -> None:
        """Ask for a credential only where the caller's own is sent."""
        if sends_own(self._client):
            super()._validate_headers(headers, omitted)

    def _build_request(
        self, options: FinalRequestOptions, *, retries_taken: int = 0
    ) -> httpx2.Request:
        """Say on the request how many attempts the caller allows."""
        request = super()._build_request(options, retries_taken=retries_taken)
        retries = options.get_max_retries(self.max_retries)
        request.extensions[ATTEMPTS] = max(1, retries + 1 - retries_taken)
        return request
