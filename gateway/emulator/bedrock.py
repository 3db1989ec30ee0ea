"""Emulates bedrock-runtime: InvokeModel, its stream, and CountTokens.

Operations, statuses and header names follow botocore's bedrock-runtime service model (API version
2023-09-30). Requests come signed (SigV4, service `bedrock`) or with a Bedrock API key as bearer.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import unquote

from msgspec import DecodeError
from msgspec.json import decode, encode

from gateway.emulator import aws_events
from gateway.emulator.aws_account import AwsAccount
from gateway.emulator.aws_door import AwsDoor
from gateway.emulator.bedrock_models import BedrockModel, counted, invoked, scope_of
from gateway.emulator.checks import check_message, check_types, parse
from gateway.emulator.http import Pairs, Request, Response, plain
from gateway.emulator.models import find_model, table
from gateway.emulator.platform import JSON, Platform, Told, World
from gateway.emulator.problems import Problem, error_type
from gateway.emulator.refusals import check_body, check_version, rules
from gateway.emulator.tokens import prompt_tokens

SERVICE: Final = "bedrock"
"""The service name in a credential scope."""
METRICS: Final = "amazon-bedrock-invocationMetrics"
"""The key that AWS adds to the last event of a stream."""
TIER_HEADER: Final = "X-Amzn-Bedrock-Service-Tier"
METADATA_HEADER: Final = "X-Amzn-Bedrock-Request-Metadata"


class Bedrock(Platform):
    """`bedrock-runtime.<region>.amazonaws.com` on loopback.

    Its tests' settings are plain attributes, to be changed before or between requests.
    """

    name = "bedrock"
    message_prefix = "msg_bdrk_"
    framing = aws_events.FRAMING

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.door = AwsDoor(world, SERVICE)
        """Who is let in; settings are plain attributes."""
        self.account = AwsAccount()
        """What the control plane says of the account; it is reached on the same port."""

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        _, region = self.door.enter(request)
        match request.path.split("/"):
            case ["", "model", model, "invoke"] if request.method == "POST":
                told, headers = self._message(request, unquote(model), region)
                return self.whole(told, (*headers, *_token_counts(told)))
            case ["", "model", model, "invoke-with-response-stream"] if request.method == "POST":
                told, headers = self._message(request, unquote(model), region)
                kind = ("content-type", aws_events.CONTENT_TYPE)
                inner = ("X-Amzn-Bedrock-Content-Type", "application/json")
                return self.stream(told, (kind, inner, *headers))
            case ["", "model", model, "count-tokens"] if request.method == "POST":
                return self._count(request, unquote(model), region)
        if request.method == "GET" and self.account.knows(request.path):
            answer = self.account.answer(request.path, region)
            return plain(200, JSON + self._request_id(), encode(answer))
        raise Problem(
            404, "The requested operation is not known.", kind="UnknownOperationException"
        )

    def _message(self, request: Request, model: str, region: str | None) -> tuple[Told, Pairs]:
        its = invoked(model, region)
        _check_metadata(request)
        headers = (*self._request_id(), *_tier(request))
        body = checked_body(request.body, its)
        told = self.tell(
            body,
            find_model(its.name),
            shown_model=its.name,
            account=model,
            scope=scope_of(model, region),
        )
        return told, headers

    def _count(self, request: Request, model: str, region: str | None) -> Response:
        its = counted(model, region)
        body = checked_body(invoke_body(parse(request.body)), its)
        answer = encode({"inputTokens": prompt_tokens(body)})
        return plain(200, JSON + self._request_id(), answer)

    def stream(self, told: Told, headers: Pairs) -> Response:
        """Return a message as event-stream frames, the last one with the metrics."""
        made = super().stream(told, headers)
        last = self.frame({"type": "message_stop", METRICS: metrics(told.message["usage"])})
        return replace(made, frames=(*made.frames[:-1], last))

    def failure(self, problem: Problem) -> Response:
        """Return a refusal as AWS's REST-JSON protocol words it."""
        name = exception_name(problem)
        status = _names().get(problem.kind, problem.status)
        headers = (*JSON, *self._request_id(), ("x-amzn-errortype", name))
        return plain(status, headers, encode({"message": problem.message}))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an exception frame, or one outside the service model, as the last of a stream."""
        if problem.kind in _data()["unmodelled"]:
            return aws_events.error(problem.kind, problem.message)
        return aws_events.exception(stream_exception_name(problem), problem.message)

    def streams(self, request: Request) -> bool:
        """Say whether a request asks for a stream."""
        return request.path.endswith("/invoke-with-response-stream")

    def model_of(self, request: Request) -> str | None:
        """Return the model of the path, if there is one."""
        match request.path.split("/"):
            case ["", "model", model, *_]:
                return unquote(model)
        return None

    def _request_id(self) -> Pairs:
        digest = blake2b(self.world.ids.next("").encode(), digest_size=16).digest()
        return (("x-amzn-requestid", str(uuid.UUID(bytes=digest, version=4))),)


def checked_body(raw: bytes, its: BedrockModel) -> dict[str, Any]:
    """Return the body of an invocation of one model; raises Problem (400)."""
    data = _data()
    limit: int = data["body_bytes_max"]
    if len(raw) > limit:
        words = "Value at 'body' failed to satisfy constraint: Member must have length less than"
        raise Problem(400, f"1 validation error detected: {words} or equal to {limit}")
    body = parse(raw)
    check_version(body.get("anthropic_version"), data["versions"])
    if its.legacy:
        check_version(body["anthropic_version"], data["legacy_versions"])
    betas = body.get("anthropic_beta") or []
    if not isinstance(betas, list):
        raise Problem(400, "anthropic_beta: Input should be a valid list")
    if not all(isinstance(beta, str) and beta in data["betas"] for beta in betas):
        raise Problem(400, "invalid beta flag")
    check_types(body, required=("max_tokens", "messages"))
    check_body(body, rules("bedrock"), betas)
    check_message(body, find_model(its.name), data["api_versions"][body["anthropic_version"]])
    return body


def invoke_body(wrapped: Mapping[str, Any]) -> bytes:
    """Return the invocation body inside a CountTokens request; raises Problem (400)."""
    try:
        return base64.b64decode(wrapped["input"]["invokeModel"]["body"], validate=True)
    except (KeyError, TypeError, ValueError):
        words = "1 validation error detected: Value at 'input' failed to satisfy constraint: "
        raise Problem(400, f"{words}Member must be invokeModel with a base64 body") from None


def metrics(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the invocation metrics for a message's usage; the times are made up."""
    return {
        "inputTokenCount": usage["input_tokens"],
        "outputTokenCount": usage["output_tokens"],
        "invocationLatency": 100 + usage["output_tokens"],
        "firstByteLatency": 100,
        "cacheReadInputTokenCount": usage["cache_read_input_tokens"],
        "cacheWriteInputTokenCount": usage["cache_creation_input_tokens"],
    }


def exception_name(problem: Problem) -> str:
    """Return the exception that a refusal is on Bedrock."""
    if problem.kind in _names():
        return problem.kind
    by_status: dict[str, str] = _data()["exception_of_status"]
    return by_status.get(str(problem.status), "ValidationException")


def stream_exception_name(problem: Problem) -> str:
    """Return the member of `ResponseStream` that an error is inside a stream."""
    data = _data()
    kind, status = problem.kind, problem.status
    if kind.endswith("Exception"):
        return kind[0].lower() + kind[1:]
    if kind != error_type(status):
        status = data["status_of_type"].get(kind, 500)
    by_status: dict[str, str] = data["stream_exception_of_status"]
    return by_status.get(str(status), "internalServerException")


def _tier(request: Request) -> Pairs:
    tier = request.header(TIER_HEADER.lower())
    if tier is None:
        return ()
    if tier not in _data()["service_tiers"]:
        known = ", ".join(_data()["service_tiers"])
        words = "Value at 'serviceTier' failed to satisfy constraint: Member must satisfy enum"
        raise Problem(400, f"1 validation error detected: {words} value set: [{known}]")
    return ((TIER_HEADER, tier),)


def _check_metadata(request: Request) -> None:
    """Check the caller's own words for the invocation logs; raises Problem (400)."""
    sent = request.header(METADATA_HEADER.lower())
    if sent is not None and not _is_metadata(sent, _data()):
        words = "Value at 'requestMetadata' failed to satisfy constraint"
        raise Problem(400, f"1 validation error detected: {words}")


def _is_metadata(sent: str, data: Mapping[str, Any]) -> bool:
    try:
        pairs = decode(sent, type=dict[str, str])
    except DecodeError:
        return False
    key, value = re.compile(data["metadata_key"]), re.compile(data["metadata_value"])
    return (
        len(sent) <= data["metadata_bytes_max"]
        and 1 <= len(pairs) <= data["metadata_pairs_max"]
        and all(key.fullmatch(k) and value.fullmatch(v) for k, v in pairs.items())
    )


def _token_counts(told: Told) -> Pairs:
    used = told.message["usage"]
    return (
        ("X-Amzn-Bedrock-Input-Token-Count", str(used["input_tokens"])),
        ("X-Amzn-Bedrock-Output-Token-Count", str(used["output_tokens"])),
    )


def _names() -> dict[str, int]:
    names: dict[str, int] = _data()["exceptions"]
    return names


@cache
def _data() -> dict[str, Any]:
    return table("bedrock.toml")
