"""A relay of the Messages API: the direct API's format, with what relays are known to do to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.emulator.direct import Direct
from gateway.emulator.http import Pairs, Request, Response
from gateway.emulator.models import Model
from gateway.emulator.platform import Platform, Told, World
from gateway.emulator.problems import Problem

_CACHE: Final = ("cache_creation", "cache_creation_input_tokens", "cache_read_input_tokens")
_ONLY_DIRECT: Final = ("anthropic-", "request-id")
_VENDOR: Final = "vendor/"


class Relay(Direct):
    """Somebody's relay on loopback. Its habits are plain attributes; `reset` takes them back."""

    name = "relay"
    keeps = False
    message_prefix = "msg_relay_"
    lacks = frozenset(
        {
            "cache_control",
            "compaction",
            "container",
            "context_management",
            "diagnostics",
            "fallbacks",
            "inference_geo",
            "mcp_servers",
            "safeguards",
            "service_tier",
            "speed",
            "tags",
            "thread",
        }
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.reset()

    def reset(self) -> None:
        """Be a plain relay again."""
        self.versions: frozenset[str] = frozenset({"2023-06-01"})
        self.counts = True
        """Whether it counts tokens."""
        self.streams_too = True
        """Whether it streams; otherwise it answers whole what was asked to be streamed."""
        self.tells_cache = True
        """Whether it hands on what was read from the cache and written to it."""
        self.ends_streams = True
        """Whether its streams end with `message_stop`."""
        self.names_itself: str | None = None
        """The model that its answers name; None: the one that was asked for."""

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        version = request.header("anthropic-version")
        if version not in self.versions:
            return self.failure(Problem(400, f"anthropic-version: {version} is not supported"))
        if request.path.endswith("/count_tokens") and not self.counts:
            return self.failure(Problem(404, "Not found"))
        answer = super().route(request)
        kept = tuple(pair for pair in answer.headers if not pair[0].startswith(_ONLY_DIRECT))
        return replace(answer, headers=kept)

    def shown(self, model: str) -> str:
        """Return the model of a name; raises Problem for one that is not called so here."""
        if not model.startswith(_VENDOR):
            raise Problem(404, f"model: {model}")
        return model.removeprefix(_VENDOR)

    def extra_usage(self, body: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - others look
        """Return nothing: it tells no tier."""
        return {}

    def tell(
        self, body: Mapping[str, Any], model: Model, *, shown_model: str, account: str, scope: str
    ) -> Told:
        """Return the answer to a checked request, as this relay hands it on."""
        shown = self.names_itself or shown_model
        told = super().tell(body, model, shown_model=shown, account=account, scope=scope)
        if self.tells_cache:
            return told
        used = {k: v for k, v in told.message["usage"].items() if k not in _CACHE}
        return replace(told, message={**told.message, "usage": used})

    def stream(self, told: Told, headers: Pairs) -> Response:
        """Return a message as a stream, or whole where this relay has none."""
        if not self.streams_too:
            return self.whole(told, ())
        answer = Platform.stream(self, told, headers)
        return answer if self.ends_streams else replace(answer, frames=answer.frames[:-1])
