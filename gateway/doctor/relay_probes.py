"""Asks a relay of the Messages API what it can do; what it answers is judged as an answer would be.

A count of tokens runs no model. To see whether it streams and reads marks of the cache, a word must
be asked for: only with `spend`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from gateway.config import RelayUpstream
from gateway.doctor.finding import Finding, Outcome
from gateway.doctor.subject import TIMEOUT_S, Subject
from gateway.errors import quoted
from gateway.wire.contract import Route, WireError
from gateway.wire.tls import tls_context
from providers.contract import Failure, Headers, Kind, Operation
from providers.registry import PROVIDERS

_MESSAGES, _COUNT = "/v1/messages", "/v1/messages/count_tokens"
_ABSENT = frozenset({400, 404, 405, 422, 501})
"""Statuses by which a relay says that it has no such thing."""
_GOOD = 200
_LONGEST_BYTES = 1 << 20
ANSWER_S = 60.0
"""The longest one answer may take; a relay may send it byte by byte."""
_NOT_ASKED = "a model must be run to see it: gateway doctor --spend"
Answer = tuple[int, Headers, bytes]


def probe_relay(subject: Subject, section: RelayUpstream, *, spend: bool) -> Iterator[Finding]:
    """Yield what a relay can do, for the first of its models."""
    model, wire_id = next(iter(subject.where.models.items()))
    asked: dict[str, Any] = {"model": wire_id, "messages": [{"role": "user", "content": "Hello"}]}
    probe = _Probe(subject, section, model)
    yield probe.ask("count_tokens", _COUNT, asked, Operation(Kind.COUNT_TOKENS, model))
    if not spend:
        yield from subject.silent(f"POST {_MESSAGES}", _NOT_ASKED, "stream", "cache_control")
        return
    asked |= {"max_tokens": 1}
    stream = Operation(Kind.MESSAGES, model, stream=True)
    yield probe.ask("stream", _MESSAGES, {**asked, "stream": True}, stream)
    mark = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
    marked = {**asked, "messages": [{"role": "user", "content": [mark]}]}
    yield probe.ask("cache_control", _MESSAGES, marked, Operation(Kind.MESSAGES, model))


class _Probe:
    def __init__(self, subject: Subject, section: RelayUpstream, model: str) -> None:
        self._subject = subject
        self._section = section
        self._model = model

    def ask(self, does: str, path: str, body: dict[str, Any], operation: Operation) -> Finding:
        """Return whether the relay does something; what settles nothing is unverified."""
        try:
            status, headers, answer = self._posted(path, body)
        except (httpx2.HTTPError, WireError) as error:
            words = f"the relay did not answer ({type(error).__name__})"
            return self._finding(does, path, Outcome.UNVERIFIED, words)
        if status != _GOOD:
            outcome = Outcome.ABSENT if status in _ABSENT else Outcome.UNVERIFIED
            return self._finding(does, path, outcome, f"the relay answered {status}")
        fault = _fault(does, operation, headers, answer)
        if fault:
            return self._finding(does, path, Outcome.ABSENT, fault)
        return self._finding(does, path, Outcome.VERIFIED, f"write {does} = true to keep it so")

    def _finding(self, does: str, path: str, outcome: Outcome, because: str) -> Finding:
        return Finding(self._subject.name, does, outcome, f"POST {path}", self._model, because)

    def _posted(self, path: str, body: dict[str, Any]) -> Answer:
        section = self._section
        token = section.token.reveal() if section.token is not None else ""
        own = {"x-api-key": token} if section.api_key else {"authorization": f"Bearer {token}"}
        headers = {**own, "anthropic-version": section.version, "content-type": "application/json"}
        until_s = time.monotonic() + ANSWER_S
        with (
            _client(section) as http,
            http.stream(
                "POST", f"{section.base_url}{path}", headers=headers, content=json.dumps(body)
            ) as answer,
        ):
            data = b""
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > _LONGEST_BYTES or time.monotonic() > until_s:
                    raise httpx2.DecodingError("the answer is too long")
            found = tuple((name.lower(), value) for name, value in answer.headers.items())
            return answer.status_code, found, data


@contextmanager
def _client(section: RelayUpstream) -> Iterator[httpx2.Client]:
    route = Route(
        section.name, "https", "", 443, ca_file=section.ca_file, client_cert=section.client_cert
    )
    proxy = section.proxy.reveal() if section.proxy is not None else None
    with httpx2.Client(
        follow_redirects=False,
        trust_env=False,
        proxy=proxy,
        verify=tls_context(route),
        timeout=TIMEOUT_S,
    ) as http:
        yield http


def _fault(does: str, operation: Operation, headers: Headers, body: bytes) -> str:
    """Return what is wrong with a 200; empty when it is as good as one of Anthropic's."""
    provider = PROVIDERS["relay"]
    if operation.stream:
        kind = next((value for name, value in headers if name == "content-type"), "")
        if not kind.startswith(provider.stream_type()):
            return f"what was to be streamed came as {quoted(kind, 40)}"
        decoder = provider.decoder(operation, headers)
        decoder.feed(body)
        decoder.end()
        whole = decoder.stopped and decoder.failure is None
        return "" if whole else "its stream did not end with message_stop"
    found = provider.answer(operation, headers, body)
    if isinstance(found, Failure):
        return "its answer is not one of the Messages API"
    if does != "cache_control":
        return ""
    usage = json.loads(found).get("usage") or {}
    told = {"cache_creation_input_tokens", "cache_read_input_tokens"} <= usage.keys()
    return "" if told else "its usage does not tell of the cache"
