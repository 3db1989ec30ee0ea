"""The direct API: messages, count_tokens and models, under both API versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, unquote

from msgspec.json import encode

from gateway.emulator.batches import BATCHES, Batches
from gateway.emulator.checks import (
    allowed_fields,
    check_fields,
    check_geo,
    check_message,
    check_prompt,
    check_types,
    check_version,
    parse,
)
from gateway.emulator.files import FILES, SKILLS, Files, Skills
from gateway.emulator.framing import sse
from gateway.emulator.http import Pairs, Request, Response, plain
from gateway.emulator.models import Model, find_model, known_models
from gateway.emulator.organization import WORKSPACES, Organization
from gateway.emulator.platform import EVENT_STREAM, JSON, Platform, World
from gateway.emulator.problems import Problem
from gateway.emulator.referring import Referring
from gateway.emulator.tokens import prompt_tokens

_MAX_PAGE: Final = 1000
_ORGANIZATION: Final = "00000000-0000-4000-8000-00000000e301"


class Direct(Platform):
    """`api.anthropic.com` on loopback."""

    name = "anthropic"
    lacks: ClassVar[frozenset[str]] = frozenset()
    """Top-level fields of the direct API that this platform does not take."""
    adds: ClassVar[frozenset[str]] = frozenset()
    """Top-level fields that only this platform takes."""
    keeps: ClassVar[bool] = True
    """Whether it has batches, files and skills."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        new_id = world.ids.next
        self.batches = Batches(world.clock_s, new_id, self._batched)
        self.files = Files(world.clock_s, new_id)
        self.skills = Skills(world.clock_s, new_id)
        self.referring = Referring(world.clock_s, new_id, self.files.shelf, self.skills.shelf)
        self.organization = Organization()
        """What the Admin API says; settings are plain attributes."""

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        path = request.path
        if path == "/api/hello":
            return plain(200, JSON, b"")
        headers = (("request-id", self.world.ids.next("req_")), *_ORGANIZED)
        try:
            headers += _workspace(request)
            return self._routed(request, path, headers)
        except Problem as problem:
            return self.refused(problem, headers)

    def _routed(self, request: Request, path: str, headers: Pairs) -> Response:
        if path.startswith(WORKSPACES):
            check_version(request.header("anthropic-version"))
            return plain(200, JSON + headers, encode(self.organization.answer(request)))
        key = self._authenticate(request)
        if self.keeps and path.startswith((BATCHES, FILES, SKILLS)):
            return self._kept(request, path, key, headers)
        match (request.method, path):
            case ("POST", "/v1/messages"):
                return self._message(request, key, headers)
            case ("POST", "/v1/messages/count_tokens"):
                return self._count(request, headers)
            case ("GET", "/v1/models"):
                check_version(request.header("anthropic-version"))
                return plain(200, JSON + headers, encode(_listed(request.query)))
            case ("GET", _) if path.startswith("/v1/models/"):
                check_version(request.header("anthropic-version"))
                model = find_model(unquote(path.removeprefix("/v1/models/")))
                return plain(200, JSON + headers, encode(_shown(model)))
            case (_, "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models"):
                raise Problem(405, "Method Not Allowed", kind="invalid_request_error")
        raise Problem(404, "Not found")

    def _kept(self, request: Request, path: str, key: str, headers: Pairs) -> Response:
        """Answer a request to an endpoint that keeps something; raises Problem."""
        check_version(request.header("anthropic-version"))
        if path.startswith(BATCHES):
            return self.batches.answer(request, key, self.here(request), headers)
        kept = self.files if path.startswith(FILES) else self.skills
        return kept.answer(request, key, headers)

    def forget(self) -> None:
        """Forget all that is kept."""
        self.batches.clear()
        self.files.shelf.clear()
        self.skills.shelf.clear()
        self.referring.clear()

    def here(self, request: Request) -> str:  # noqa: ARG002 - some look
        """Return the address that the API's paths stand behind."""
        return self.base_url

    def _batched(self, body: dict[str, Any], account: str) -> dict[str, Any]:
        """Return the message that answers one request of a batch; raises Problem."""
        check_types(body, required=("model", "max_tokens", "messages"))
        version = "2026-10-21"
        check_fields(body, allowed_fields("message", version, ()) - self.lacks | self.adds)
        model = find_model(self.shown(body["model"]))
        check_message(body, model, version)
        check_geo(body, model)
        self.referring.check(body, account)
        shown = self.shown(body["model"])
        told = self.tell(body, model, shown_model=shown, account=account, scope="global")
        return told.message

    def _authenticate(self, request: Request) -> str:
        # Where both are sent, the API takes x-api-key.
        key = request.header("x-api-key")
        if key is not None:
            if key in self.world.keys:
                return key
            raise Problem(401, "invalid x-api-key")
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            if token in self.world.keys:
                return token
            raise Problem(401, "Invalid bearer token")
        raise Problem(401, "x-api-key header is required")

    def _message(self, request: Request, key: str, headers: Pairs) -> Response:
        body, model, version = self._checked(request, "message", ("model", "max_tokens"))
        check_message(body, model, version)
        check_geo(body, model)
        self.referring.check(body, key)
        told = self.tell(
            body,
            model,
            shown_model=self.shown(body["model"]),
            account=key,
            scope=self.scope(request),
        )
        self.referring.leave(told.message, body, key)
        headers += _limits(self.world.clock_s())
        if body.get("stream"):
            return self.stream(told, EVENT_STREAM + headers)
        return self.whole(told, headers)

    def _count(self, request: Request, headers: Pairs) -> Response:
        body, model, version = self._checked(request, "count", ("model",))
        check_prompt(body, model, version)
        count = prompt_tokens(body)
        return plain(200, JSON + headers, encode({"input_tokens": count}))

    def _checked(
        self, request: Request, kind: str, required: tuple[str, ...]
    ) -> tuple[dict[str, Any], Model, str]:
        version = check_version(request.header("anthropic-version"))
        body = parse(request.body)
        check_types(body, required=(*required, "messages"))
        check_fields(body, allowed_fields(kind, version, betas(request)) - self.lacks | self.adds)
        return body, find_model(self.shown(body["model"])), version

    def shown(self, model: str) -> str:
        """Return a model's name in answers; raises Problem for one that is not called so here."""
        return model

    def scope(self, request: Request) -> str:  # noqa: ARG002 - some look
        """Return how far a request may travel; see `billing.Bill`."""
        return "global"

    def extra_usage(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the tier, and where the model ran."""
        placed = find_model(body["model"]).inference_geo
        extra = {
            "service_tier": "standard",
            "inference_geo": (body.get("inference_geo") or "global") if placed else NOT_PLACED,
        }
        return extra | ({"speed": body["speed"]} if body.get("speed") else {})

    def failure(self, problem: Problem) -> Response:
        """Return a refusal in Anthropic's envelope."""
        return self.refused(problem, (("request-id", self.world.ids.next("req_")), *_ORGANIZED))

    def refused(self, problem: Problem, headers: Pairs) -> Response:
        """Return a refusal that carries these headers, `request-id` first."""
        body = envelope(problem) | {"request_id": headers[0][1]}
        return plain(problem.status, JSON + headers, encode(body))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error event."""
        return error_event(problem)


def _workspace(request: Request) -> Pairs:
    """Return the workspace that a request chose, as its answer names it; raises Problem."""
    chosen = request.header(WORKSPACE)
    if chosen is None:
        return ()
    if not chosen.startswith("wrkspc_"):
        raise Problem(400, f"{WORKSPACE}: there is no workspace of this id")
    return ((WORKSPACE, chosen),)


WORKSPACE: Final = "anthropic-workspace-id"
NOT_PLACED: Final = "not_available"
"""What `usage.inference_geo` says of a model that cannot be told where to run."""
_ORGANIZED: Final[Pairs] = (("anthropic-organization-id", _ORGANIZATION),)


_LIMITS: Final = {
    "requests": 4_000,
    "tokens": 2_400_000,
    "input-tokens": 2_000_000,
    "output-tokens": 400_000,
}
"""What the made-up organization may use a minute."""


def _limits(now_s: float) -> Pairs:
    """Return the rate-limit headers of a message: limit, remaining, reset (RFC 3339)."""
    reset = datetime.fromtimestamp(now_s // 60 * 60 + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = []
    for name, limit in _LIMITS.items():
        start = f"anthropic-ratelimit-{name}-"
        rows += [(f"{start}limit", str(limit)), (f"{start}remaining", str(limit - 1))]
        rows.append((f"{start}reset", reset))
    return tuple(rows)


def betas(request: Request) -> tuple[str, ...]:
    """Return the beta names of every `anthropic-beta` header."""
    rows = [value for name, value in request.headers if name.lower() == "anthropic-beta"]
    return tuple(beta.strip() for row in rows for beta in row.split(",") if beta.strip())


def envelope(problem: Problem) -> dict[str, Any]:
    """Return a refusal as Anthropic's error object."""
    error: dict[str, Any] = {"type": problem.kind, "message": problem.message}
    if problem.code is not None:
        error["details"] = {"error_code": problem.code}
    return {"type": "error", "error": error}


def error_event(problem: Problem) -> bytes:
    """Return an error in the middle of a stream."""
    return sse("error", encode(envelope(problem)))


def _listed(query: str) -> dict[str, Any]:
    given = {name: values[-1] for name, values in parse_qs(query).items()}
    limit = _limit(given.get("limit", "20"))
    rows = list(known_models().values())
    ids = [model.id for model in rows]
    start = ids.index(given["after_id"]) + 1 if given.get("after_id") in ids else 0
    end = ids.index(given["before_id"]) if given.get("before_id") in ids else len(ids)
    page = rows[start:end][:limit]
    return {
        "data": [_shown(model) for model in page],
        "has_more": len(rows[start:end]) > limit,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _limit(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= _MAX_PAGE:
        raise Problem(400, f"limit: Input should be a valid integer from 1 to {_MAX_PAGE}")
    return int(text)


_NOT_SHOWN: Final = (
    "aliases",
    "min_cache_tokens",
    "sampling",
    "prefill",
    "thinking",
    "inference_geo",
)


def _shown(model: Model) -> dict[str, Any]:
    shown = {k: v for k, v in asdict(model).items() if k not in _NOT_SHOWN}
    return {"type": "model", **shown}
