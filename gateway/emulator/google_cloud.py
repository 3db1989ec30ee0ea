"""Claude on Google Cloud as Anthropic runs it: the direct API behind Google's door."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from gateway.emulator.direct import Direct
from gateway.emulator.google_tokens import ServiceAccount
from gateway.emulator.http import Request, Response
from gateway.emulator.platform import World
from gateway.emulator.problems import Problem

_PATH: Final = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
    r"/workspaces/(?P<workspace>[^/]+)/invoke(?P<rest>/v1/.+)"
)


class GoogleCloud(Direct):
    """`claude.googleapis.com` on loopback.

    How it words a request that Google does not let in is not documented: here that is Anthropic's
    envelope with status 401.
    """

    name = "google_cloud"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.account = ServiceAccount()
        """The service account that is let in; the emulator's own key is a good token too."""
        self._prefix = ""

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise Problem(404, "Not found")
        self._prefix = request.path.removesuffix(found["rest"])
        query = f"?{request.query}" if request.query else ""
        return super().route(replace(request, target=found["rest"] + query))

    def here(self, request: Request) -> str:  # noqa: ARG002 - its prefix is taken off by now
        """Return the address that the API's paths stand behind."""
        return f"{self.base_url}{self._prefix}"

    def _authenticate(self, request: Request) -> str:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        known = token in self.world.keys or self.account.accepts(token, self.world.clock_s())
        if scheme.lower() != "bearer" or not known:
            raise Problem(401, "Request had invalid authentication credentials.")
        return self.account.project
