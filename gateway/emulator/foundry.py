"""Claude in Microsoft Foundry: the direct API's format behind Azure's door, by deployment.

Paths follow anthropic 2.12.0, lib/foundry.py. Entra's token endpoint and the machine's own are on
the same port; as a platform they are called `entra`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs

from msgspec.json import encode

from gateway.emulator.direct import Direct, error_event
from gateway.emulator.entra import RESOURCE, Application, TokenRefused
from gateway.emulator.http import End, Note, Pairs, Request, Response, plain
from gateway.emulator.models import Model
from gateway.emulator.platform import JSON, Platform, World
from gateway.emulator.problems import Problem
from gateway.emulator.refusals import Rules, refused_places

PREFIX: Final = "/anthropic"
"""What every path of a model's starts with."""
_MACHINE: Final = "/metadata/identity/oauth2/token"
_TOKEN: Final = re.compile(r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token")
_DISCOVERY: Final = re.compile(r"/(?P<tenant>[^/]+)/v2\.0/\.well-known/openid-configuration")
_DOORS: Final = frozenset({401, 403, 404, 429})
"""What Azure's own door says, in its own envelope; the rest is Anthropic's."""
_CODES: Final = {401: "401", 403: "403", 429: "429"}
_RULES: Final = Rules(
    versions=(),
    fields=frozenset(),
    betas=frozenset(),
    gated={},
    tool_types=(),
    tool_fields=frozenset(),
    cache_control_fields=frozenset({"scope"}),
    context_edits=(),
)
"""What is refused further down a body (litellm 1.109.1: llms/azure_ai/anthropic)."""
_OWN: Final = ("anthropic-ratelimit-", "anthropic-organization-id")


class Foundry(Direct):
    """`<resource>.services.ai.azure.com` on loopback. Settings are plain attributes."""

    name = "foundry"
    lacks = frozenset({"diagnostics", "fallbacks", "inference_geo", "speed", "tags", "thread"})
    keeps = False

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.application = Application()
        """Whose tokens are let in; the emulator's own key is a good key and token too."""
        self.reset()
        self._tokens = Entra(world, self)

    def reset(self) -> None:
        """Deploy each model under its own id, anywhere."""
        self.deployments: dict[str, str] | None = None
        """Name -> model; None: each model is deployed under its own id."""
        self.data_zone = False
        """Whether deployments are of the type US Data Zone Standard."""

    def serve(self, request: Request) -> tuple[Response, Note]:
        """Record a request and answer it, with the fault that is due."""
        if Entra.knows(request.path):
            return self._tokens.serve(request)
        return super().serve(request)

    def begun(self, request: Request) -> End | None:
        """Say how the fault that is due ends a request whose head is in; None: there is none."""
        if Entra.knows(request.path):
            return self._tokens.begun(request)
        return super().begun(request)

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        if not request.path.startswith(f"{PREFIX}/v1/messages"):
            self._authenticate(request)
            raise Problem(404, "The API is not supported.", kind="api_not_supported")
        inner = replace(request, target=request.target.removeprefix(PREFIX))
        return self._marked(super().route(inner))

    def _authenticate(self, request: Request) -> str:
        key = request.header("x-api-key") or request.header("api-key")
        if key is not None and key in self.world.keys:
            return key
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        known = token in self.world.keys or self.application.accepts(token, self.world.clock_s())
        if key is None and scheme.lower() == "bearer" and known:
            return self.application.client_id
        raise Problem(401, "Access denied due to invalid subscription key or wrong API endpoint.")

    def _checked(
        self, request: Request, kind: str, required: tuple[str, ...]
    ) -> tuple[dict[str, Any], Model, str]:
        body, model, version = super()._checked(request, kind, required)
        for where in refused_places(body, _RULES):
            raise Problem(400, f"{where}: Extra inputs are not permitted")
        return body, model, version

    def shown(self, model: str) -> str:
        """Return the model of a deployment; raises Problem where there is no such."""
        if self.deployments is None:
            return model
        if model not in self.deployments:
            words = "The API deployment for this resource does not exist."
            raise Problem(404, words, kind="DeploymentNotFound")
        return self.deployments[model]

    def scope(self, request: Request) -> str:  # noqa: ARG002 - others look
        """Return `geo` for a data zone."""
        return "geo" if self.data_zone else "global"

    def extra_usage(self, body: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - others look
        """Return the tier."""
        return {"service_tier": "standard"}

    def failure(self, problem: Problem) -> Response:
        """Return a refusal as Azure's door or Anthropic words it."""
        return self._marked(super().failure(problem))

    def refused(self, problem: Problem, headers: Pairs) -> Response:
        """Return a refusal that carries these headers."""
        if problem.status not in _DOORS or problem.code is not None:
            return super().refused(problem, headers)
        own = problem.kind if not problem.kind.endswith("_error") else ""
        code = own or _CODES.get(problem.status, "DeploymentNotFound")
        body = {"error": {"code": code, "message": problem.message}}
        return plain(problem.status, JSON + headers, encode(body))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error event."""
        return error_event(problem)

    def _marked(self, response: Response) -> Response:
        kept = tuple(pair for pair in response.headers if not pair[0].startswith(_OWN))
        marks = ("apim-request-id", self.world.ids.next("apim-"))
        return replace(response, headers=(*kept, marks))


class Entra(Platform):
    """`login.microsoftonline.com` and the machine's identity endpoint, under Foundry's port.

    Args:
        world: What it shares with the other platforms.
        foundry: The platform whose application it vouches for.
    """

    name = "entra"
    aside = True

    def __init__(self, world: World, foundry: Foundry) -> None:
        super().__init__(world)
        self._foundry = foundry

    @staticmethod
    def knows(path: str) -> bool:
        """Say whether a path is one of its own."""
        return path == _MACHINE or any(each.fullmatch(path) for each in (_TOKEN, _DISCOVERY))

    def route(self, request: Request) -> Response:
        """Answer a request for a token, or for where tokens are had; raises Problem."""
        application, now_s = self._foundry.application, self.world.clock_s()
        if request.path == _MACHINE:
            return self._machine(request, application.token(now_s))
        found = _TOKEN.fullmatch(request.path) or _DISCOVERY.fullmatch(request.path)
        if found is None or found["tenant"] != application.tenant_id:
            raise Problem(400, "Tenant not found.")
        if _DISCOVERY.fullmatch(request.path):
            return plain(200, JSON, encode(_discovered(request, found["tenant"])))
        try:
            answer = application.exchange(request.body, request.path, now_s)
        except TokenRefused as refused:
            status = 401 if refused.error == "invalid_client" else 400
            return plain(status, JSON, encode(refused.body))
        return plain(200, JSON, encode(answer))

    def _machine(self, request: Request, token: dict[str, Any]) -> Response:
        asked = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if (request.header("metadata") or "").lower() != "true":
            raise Problem(400, "Required metadata header not specified")
        if asked.get("resource") != RESOURCE:
            raise Problem(400, f"The resource must be {RESOURCE}")
        own = self._foundry.application.client_id
        if asked.get("client_id", own) != own:
            raise Problem(400, "Identity not found")
        told = {**token, "expires_in": str(token["expires_in"]), "resource": RESOURCE}
        return plain(200, JSON, encode(told))

    def failure(self, problem: Problem) -> Response:
        """Return a refusal as an OAuth 2.0 error."""
        body = {"error": "invalid_request", "error_description": problem.message}
        return plain(problem.status, JSON, encode(body))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error event: nothing here streams."""
        return error_event(problem)

    def model_of(self, request: Request) -> str | None:  # noqa: ARG002 - no model is asked
        """Return None."""
        return None


def _discovered(request: Request, tenant: str) -> dict[str, Any]:
    """Return where a tenant's tokens are had: Entra writes https whatever it is asked by."""
    root = f"https://{request.header('host')}/{tenant}"
    return {
        "issuer": f"{root}/v2.0",
        "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
        "token_endpoint": f"{root}/oauth2/v2.0/token",
    }
