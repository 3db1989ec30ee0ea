"""Emulates Vertex AI, as Google serves Claude there, and the token endpoint that lets one in.

Paths follow anthropic 2.12.0, lib/vertex; error objects follow google.rpc.Status in JSON. The
token endpoint is `POST /token` on the same port; as a platform it is called `google-tokens`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from msgspec.json import encode

from gateway.emulator.checks import check_fields, check_message, check_prompt, check_types, parse
from gateway.emulator.direct import betas, error_event
from gateway.emulator.google_tokens import ServiceAccount
from gateway.emulator.http import End, Note, Request, Response, plain
from gateway.emulator.model_garden import ModelGarden
from gateway.emulator.models import Model, find_model, table
from gateway.emulator.platform import EVENT_STREAM, JSON, Platform, World
from gateway.emulator.problems import Problem
from gateway.emulator.refusals import check_body, check_version, rules
from gateway.emulator.tokens import prompt_tokens

TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
"""Where assertions are exchanged for access tokens."""
COUNTER: Final = "count-tokens"
"""The model id that counts."""

_PATH: Final = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/publishers/anthropic/models/"
    r"(?P<model>[^/]+):(?P<verb>rawPredict|streamRawPredict)"
)


class Vertex(Platform):
    """`<location>-aiplatform.googleapis.com` on loopback.

    The SDK's client wants `base_url` with `/v1` after it. Settings are plain attributes.
    """

    name = "vertex"
    message_prefix = "msg_vrtx_"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.account = ServiceAccount()
        """The service account that is let in; the emulator's own key is a good token too."""
        self.project: str | None = None
        """The one project the account may use; None: any."""
        self.location: str | None = None
        """The one location that this endpoint is; None: any."""
        self.garden = ModelGarden()
        """What may be read of locations and models."""
        self._tokens = GoogleTokens(world, self)

    @property
    def token_uri(self) -> str:
        """Where this account's assertions are exchanged."""
        return self.base_url + TOKEN_PATH

    def write_service_account(self, path: Path) -> Path:
        """Write a service-account JSON file that works here, and return its path."""
        path.write_text(json.dumps(self.account.info(self.token_uri), indent=2), "utf-8")
        path.chmod(0o600)
        return path

    def serve(self, request: Request) -> tuple[Response, Note]:
        """Record a request and answer it, with the fault that is due."""
        if request.path == TOKEN_PATH:
            return self._tokens.serve(request)
        return super().serve(request)

    def begun(self, request: Request) -> End | None:
        """Say how the fault that is due ends a request whose head is in; None: there is none."""
        if request.path == TOKEN_PATH:
            return self._tokens.begun(request)
        return super().begun(request)

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        self._authenticate(request)
        if request.method == "GET" and self.garden.knows(request.path):
            answer = self.garden.answer(request.path, self.project, _data()["models"].values())
            return plain(200, JSON, encode(answer))
        found = _PATH.fullmatch(request.path)
        if request.method != "POST" or found is None:
            raise Problem(404, "The requested URL was not found on this server.")
        where = {name: unquote(value) for name, value in found.groupdict().items()}
        self._check_place(where)
        if request.header("anthropic-version") is not None:
            raise Problem(400, "anthropic-version: header not allowed; use anthropic_version")
        if where["model"] == COUNTER:
            return _count(request, where)
        return self._message(request, where)

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer":
            now_s = self.world.clock_s()
            if token in self.world.keys or self.account.accepts(token, now_s):
                return
        lacks = "had invalid authentication credentials" if scheme else "is missing a credential"
        raise Problem(
            401,
            f"Request {lacks}. Expected OAuth 2 access token, login cookie or other valid "
            "authentication credential.",
        )

    def _check_place(self, where: Mapping[str, str]) -> None:
        if self.project not in {None, where["project"]}:
            place = f"projects/{where['project']}/locations/{where['location']}"
            words = f"Permission 'aiplatform.endpoints.predict' denied on resource '{place}'"
            raise Problem(403, f"{words} (or it may not exist).")
        if self.location not in {None, where["location"]}:
            raise Problem(400, f"Location {where['location']} is not served by this endpoint.")

    def _message(self, request: Request, where: Mapping[str, str]) -> Response:
        model = _served(where["model"], where)
        body = parse(request.body)
        version = _checked(body, rules("vertex").fields, request)
        check_types(body, required=("max_tokens", "messages"))
        check_message(body, model, version)
        streamed = where["verb"] == "streamRawPredict"
        if body.get("stream") and not streamed:
            raise Problem(400, "stream: use streamRawPredict for a streamed answer")
        account = f"{where['project']}:{where['location']}"
        scope = _scope(where["location"])
        told = self.tell(body, model, shown_model=model.id, account=account, scope=scope)
        if body.get("stream"):
            return self.stream(told, EVENT_STREAM)
        return self.whole(told, ())

    def extra_usage(self, body: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - of no use
        """Return the tier; the location is in the URL, so no geography is reported."""
        return {"service_tier": "standard"}

    def failure(self, problem: Problem) -> Response:
        """Return a refusal as Google's error object."""
        statuses: dict[str, str] = _data()["statuses"]
        named = problem.kind if problem.kind.isupper() else statuses.get(str(problem.status))
        error = {
            "code": problem.status,
            "message": problem.message,
            "status": named or "UNKNOWN",
        }
        headers = (("content-type", "application/json; charset=UTF-8"),)
        return plain(problem.status, headers, encode({"error": error}))

    def refusal(self, request: Request, problem: Problem) -> Response:
        """Return a refusal: an object, and where a stream was asked for an array around it."""
        made = self.failure(problem)
        if not request.path.endswith(":streamRawPredict"):
            return made
        body = b"[" + b"".join(made.frames) + b"]"
        return replace(made, frames=(body,), length=len(body))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error event."""
        return error_event(problem)

    def model_of(self, request: Request) -> str | None:
        """Return the model of the path; for a count, that of the body."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return None
        return super().model_of(request) if found["model"] == COUNTER else unquote(found["model"])


class GoogleTokens(Platform):
    """`oauth2.googleapis.com` on loopback, under the port of Vertex.

    Args:
        world: What it shares with the other platforms.
        vertex: The platform whose account it vouches for.
    """

    name = "google-tokens"
    aside = True

    def __init__(self, world: World, vertex: Vertex) -> None:
        super().__init__(world)
        self._vertex = vertex

    def route(self, request: Request) -> Response:
        """Exchange an assertion for an access token."""
        if request.method != "POST":
            raise Problem(405, "Method Not Allowed", kind="invalid_request")
        vertex = self._vertex
        status, answer = vertex.account.exchange(
            request.body, vertex.token_uri, self.world.clock_s()
        )
        return plain(status, JSON, encode(answer))

    def failure(self, problem: Problem) -> Response:
        """Return a refusal as an OAuth 2.0 error (RFC 6749, 5.2)."""
        answer = {"error": problem.kind, "error_description": problem.message}
        return plain(problem.status, JSON, encode(answer))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an OAuth 2.0 error object."""
        return encode({"error": problem.kind})

    def model_of(self, request: Request) -> str | None:  # noqa: ARG002 - there is none
        """Return None: a token is for no model."""
        return None


def _scope(location: str) -> str:
    """Return how far a request may travel that is sent to a location."""
    if location == "global":
        return "global"
    return "geo" if location in _data()["multi_regions"] else "in_region"


def _count(request: Request, where: Mapping[str, str]) -> Response:
    if where["verb"] != "rawPredict":
        raise Problem(400, f"{COUNTER} takes rawPredict only")
    body = parse(request.body)
    check_types(body, required=("model", "messages"))
    version = _checked(body, _data()["count_fields"], request)
    check_prompt(body, _served(body["model"], where), version)
    return plain(200, JSON, encode({"input_tokens": prompt_tokens(body)}))


def _checked(body: Mapping[str, Any], fields: Any, request: Request) -> str:
    """Check what is Vertex's own and return the API version; raises Problem (400)."""
    data = _data()
    check_version(body.get("anthropic_version"), data["versions"])
    check_fields(body, fields)
    inside = body.get("anthropic_beta") or []
    if not isinstance(inside, list):
        raise Problem(400, "anthropic_beta: Input should be a valid list")
    sent = betas(request)
    _check_betas(sent, data["betas"], "header")
    _check_betas(inside, set(data["betas"]).difference(data["header_betas"]), "field")
    check_body({k: v for k, v in body.items() if k != "model"}, rules("vertex"), [*sent, *inside])
    version: str = data["api_versions"][body["anthropic_version"]]
    return version


def _check_betas(sent: Sequence[Any], known: Collection[str], place: str) -> None:
    for beta in sent:
        if not isinstance(beta, str) or beta not in known:
            words = f"Unexpected value(s) `{beta}` for the `anthropic-beta` {place}."
            raise Problem(400, f"{words} Please consult our documentation or try again without.")


def _served(name: str, where: Mapping[str, str]) -> Model:
    """Return the model behind a Vertex id; raises Problem (404)."""
    plain_name = name.removesuffix("@default")
    for ours, theirs in _data()["models"].items():
        if name == theirs or (plain_name == theirs and "@" not in theirs):
            return find_model(ours)
    place = f"projects/{where['project']}/locations/{where['location']}"
    raise Problem(
        404,
        f"Publisher Model `{place}/publishers/anthropic/models/{name}` was not found or your "
        "project does not have access to it. Please ensure you are using a valid model version.",
    )


@cache
def _data() -> dict[str, Any]:
    return table("vertex.toml")
