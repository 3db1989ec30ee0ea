"""Emulates a relay that serves Claude as chat completions, with the habits that relays have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from msgspec.json import encode

from gateway.emulator.chat_answers import Chunks, Habit, completion
from gateway.emulator.chat_requests import as_messages, check
from gateway.emulator.checks import check_prompt, check_sampling, parse
from gateway.emulator.framing import Framing
from gateway.emulator.http import Pairs, Request, Response, plain
from gateway.emulator.models import find_model, known_models
from gateway.emulator.platform import EVENT_STREAM, JSON, Platform, Told, World
from gateway.emulator.problems import Problem

PREFIX: Final = "/v1"
"""What an OpenAI client's base URL ends in."""
VENDOR: Final = "anthropic/"
"""What the ids of Claude's models begin with there."""
_OLD_VERSION: Final = "2023-06-01"
"""The API version that has what chat completions have."""
_DATA: Final = b"data: "
_DONE: Final = b"data: [DONE]\n\n"
_BUSY: Final = b": PROCESSING\n\n"
_CODES: Final = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
"""Status -> type and code of an error; else by its hundred."""
_SERVER: Final = 500


def _wrapped(kind: str, event: bytes) -> bytes:
    return _BUSY if kind == "ping" else b"data: %b\n\n" % event


class OpenaiRelay(Platform):
    """An OpenAI-compatible relay on loopback; an OpenAI client's base URL is `client_url`."""

    name = "openai_relay"
    message_prefix = "chatcmpl-"
    framing = Framing(
        wrap=_wrapped,
        unwrap=lambda frame: frame.removeprefix(_DATA).rstrip(),
        filler=lambda size: b":%b\n\n" % (b" " * size),
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.habits: Iterable[Habit] = ()
        """What it does that OpenAI does not; set it between requests."""

    @property
    def client_url(self) -> str:
        """The base URL that an OpenAI client is given."""
        return self.base_url + PREFIX

    def route(self, request: Request) -> Response:
        """Answer a request; raises Problem."""
        self._authenticate(request)
        match (request.method, request.path):
            case ("POST", "/v1/chat/completions"):
                return self._chat(request)
            case ("GET", "/v1/models"):
                rows = [{"id": VENDOR + name, "object": "model"} for name in known_models()]
                return plain(200, JSON, encode({"object": "list", "data": rows}))
        raise Problem(404, f"Invalid URL ({request.method} {request.path})")

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, "You didn't provide an API key.")
        if token not in self.world.keys:
            raise Problem(401, "Incorrect API key provided.")

    def _chat(self, request: Request) -> Response:
        body = parse(request.body)
        check(body)
        asked = as_messages(body)
        model = find_model(asked["model"].removeprefix(VENDOR))
        check_sampling(body, model, _OLD_VERSION)
        check_prompt(asked, model, _OLD_VERSION)
        told = self.tell(asked, model, shown_model=body["model"], account="relay", scope="global")
        if Habit.ONE_ID in frozenset(self.habits):
            told = replace(told, message={**told.message, "id": "chatcmpl-1"})
        headers = (("x-request-id", self.world.ids.next("req_")),)
        if body.get("stream"):
            counted = bool((body.get("stream_options") or {}).get("include_usage"))
            return self._streamed(told, headers, counted=counted)
        made = encode(completion(told.message, frozenset(self.habits)))
        return replace(plain(200, JSON + headers, made), work=told.work)

    def _streamed(self, told: Told, headers: Pairs, *, counted: bool) -> Response:
        """Return an answer as chunks; what is billed goes by the events that they stand for."""
        whole = self.stream(told, EVENT_STREAM + headers)
        work = whole.work
        if work is None:
            return whole
        habits = frozenset(self.habits)
        pairs = list(Chunks(told.message, habits, counted=counted).of(work.events))
        before = _BUSY if Habit.COMMENTS in habits else b""
        frames = [before + _wrapped("", encode(chunk)) for _, chunk in pairs]
        events = [event for event, _ in pairs]
        if Habit.NO_DONE not in habits:
            frames.append(_DONE)
            events.append({"type": "message_stop"})
        return replace(whole, frames=tuple(frames), work=replace(work, events=events))

    def failure(self, problem: Problem) -> Response:
        """Return a refusal in OpenAI's envelope."""
        status = 200 if Habit.ERROR_AS_SUCCESS in frozenset(self.habits) else problem.status
        headers = (("x-request-id", self.world.ids.next("req_")),)
        return plain(status, JSON + headers, encode({"error": _error(problem)}))

    def error_frame(self, problem: Problem) -> bytes:
        """Return an error in the middle of a stream."""
        return _wrapped("", encode({"error": _error(problem)}))


def _error(problem: Problem) -> dict[str, Any]:
    usual = ("server_error", None) if problem.status >= _SERVER else ("invalid_request_error", None)
    kind, code = _CODES.get(problem.status, usual)
    if problem.message.startswith("prompt is too long"):
        code = "context_length_exceeded"
    return {"message": problem.message, "type": kind, "param": None, "code": problem.code or code}
