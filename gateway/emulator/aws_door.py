"""Who AWS lets in: access keys that sign, and API keys as bearer tokens."""

from __future__ import annotations

from typing import Final

from gateway.emulator.aws_signature import Claim, Identity, SignedRequest, check, parse_claim
from gateway.emulator.http import Request
from gateway.emulator.platform import World
from gateway.emulator.problems import Problem

_IDENTITY: Final = Identity("AKIATIDEGATEEMULATOR", "emulated/secret+key/of/a/long/term/user00")
_SESSION: Final = Identity(
    "ASIATIDEGATEEMULATOR", "emulated/secret+key/of/a/role/session000", "emulated+session/token=="
)


class AwsDoor:
    """The door of one service of AWS; settings are plain attributes.

    Args:
        world: Has the API keys and the clock.
        service: The service name in a credential scope.
    """

    def __init__(self, world: World, service: str) -> None:
        self._world = world
        self._service = service
        self.region: str | None = None
        """The one region that this endpoint is; None: the one that each signature names."""
        self.identity = _IDENTITY
        """A long-term access key that is taken."""
        self.session_identity = _SESSION
        """An access key with a session token that is taken."""
        self.identities = {key.access_key: key for key in (_IDENTITY, _SESSION)}
        """Every access key that is taken, by its id; change it to add one or let one expire."""

    def enter(self, request: Request) -> tuple[str, str | None]:
        """Return who asks, and the region of the request; raises Problem (403)."""
        scheme, _, key = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            if key in self._world.keys:
                return key, self.region
            words = "Authentication failed: Please make sure your API Key is valid."
            raise Problem(403, words, kind="AccessDeniedException")
        signed = SignedRequest(request.method, request.target, list(request.headers), request.body)
        refusal = check(
            signed,
            self.identities,
            service=self._service,
            region=self.region,
            now_s=self._world.clock_s(),
        )
        if refusal is not None:
            raise Problem(403, refusal.message, kind=refusal.name)
        claim = parse_claim(request.header("authorization") or "")
        return (claim.access_key, claim.region) if isinstance(claim, Claim) else ("", None)
