"""Claude Platform on AWS: the direct API behind AWS's door, each request in a workspace."""

from __future__ import annotations

from typing import Final

from gateway.emulator.aws_door import AwsDoor
from gateway.emulator.direct import WORKSPACE, Direct
from gateway.emulator.http import Request
from gateway.emulator.platform import World
from gateway.emulator.problems import Problem

SERVICE: Final = "aws-external-anthropic"
"""The service name in a credential scope, and the start of the host."""


class AwsPlatform(Direct):
    """`aws-external-anthropic.<region>.api.aws` on loopback.

    How it words a request that AWS does not let in is not documented: here that is Anthropic's
    envelope with status 403.
    """

    name = "aws"
    lacks = frozenset({"diagnostics", "speed"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.door = AwsDoor(world, SERVICE)
        """Who is let in; settings are plain attributes."""

    def _authenticate(self, request: Request) -> str:
        try:
            key, _ = self.door.enter(request)
        except Problem as refused:
            raise Problem(403, refused.message, kind="permission_error") from None
        if request.header(WORKSPACE) is None:
            raise Problem(400, f"{WORKSPACE}: this header is required")
        return key
