"""Bedrock's Messages API: the direct API's format behind AWS's door, in one region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.emulator.aws_door import AwsDoor
from gateway.emulator.direct import Direct
from gateway.emulator.http import Request, Response
from gateway.emulator.platform import World
from gateway.emulator.problems import Problem

SERVICE: Final = "bedrock-mantle"
"""The service name in a credential scope, and the start of the host."""
PREFIX: Final = "/anthropic"
"""What every path starts with."""
_VENDOR: Final = "anthropic."
_GOVERNMENT: Final = "us-gov-"


class Mantle(Direct):
    """`bedrock-mantle.<region>.api.aws` on loopback.

    How it words a request that AWS does not let in is not documented: here that is Anthropic's
    envelope with status 403.
    """

    name = "bedrock_mantle"
    message_prefix = "msg_bdrk_"
    lacks = frozenset(
        {
            "cache_control",
            "container",
            "diagnostics",
            "fallbacks",
            "inference_geo",
            "mcp_servers",
            "speed",
            "tags",
            "thread",
        }
    )
    adds = frozenset({"user_profile_id"})
    keeps = False

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.door = AwsDoor(world, SERVICE)
        """Who is let in; settings are plain attributes."""

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        self._enter(request)
        if not request.path.startswith(f"{PREFIX}/v1/messages"):
            raise Problem(404, "Not found")
        return super().route(replace(request, target=request.target.removeprefix(PREFIX)))

    def _authenticate(self, request: Request) -> str:  # noqa: ARG002 - looked at before
        return ""

    def _enter(self, request: Request) -> str | None:
        """Return the region of a request; a signature covers the whole path. Raises Problem."""
        try:
            return self.door.enter(request)[1]
        except Problem as refused:
            raise Problem(403, refused.message, kind="permission_error") from None

    def shown(self, model: str) -> str:
        """Return the id without the vendor; one of a profile is none here. Raises Problem."""
        if not model.startswith(_VENDOR):
            raise Problem(404, f"model: {model}")
        return model.removeprefix(_VENDOR)

    def scope(self, request: Request) -> str:
        """Return `in_region`, or the government's partition."""
        claim = request.header("authorization") or ""
        return "government" if f"/{_GOVERNMENT}" in claim else "in_region"

    def extra_usage(self, body: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - others look
        """Return the tier."""
        return {"service_tier": "standard"}
