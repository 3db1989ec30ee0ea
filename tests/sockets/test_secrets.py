"""Under every fault: no key, prompt or answer in a log, an error, a repr or a pickle."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.answers import Answer, refusal
from gateway.call import Call, read_call
from gateway.credentials.build import signer
from gateway.credentials.settings import CredentialKind, CredentialSettings
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.errors import Refused
from gateway.wire.aio import AsyncWire
from gateway.wire.contract import Exchange, Outgoing, Route, WireError, run_blocking
from gateway.wire.passage import Passage
from gateway.wire.sync import SyncWire
from providers.contract import Headers, Kind, SigV4
from tests.fidelity.gateways import PLATFORMS, base_url, engine_at
from tests.simulation.callers import HEADERS

KEY = "sk-ant-MARKED-KEY"
CALLERS_KEY = "tg_MARKED_KEY_of_the_caller"
PROMPT = "MARKED-PROMPT"
ANSWER = "MARKED-ANSWER"
LIMITS = Limits(
    first_content_s=0.3, idle_s=0.3, call_s=2.0, call_unstreamed_s=0.3, base_s=0.001, max_s=0.002
)
FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 400}),
    ("status", {"status": 401}),
    ("status", {"status": 429}),
    ("status", {"status": 529}),
    ("status", {"status": 200, "body": "<html>no</html>"}),
    ("status", {"status": 307, "body": ""}),
    ("error_event", {"at": 0}),
    ("error_event", {"at": 5}),
    ("cut", {"before_head": True}),
    ("cut", {"at": 5, "extra_bytes": 9}),
    ("reset", {"before_head": True}),
    ("reset", {"at": 5}),
    ("stall", {"before_head": True}),
    ("stall", {"at": 5}),
    ("end", {"at": 0}),
    ("end", {"at": 5}),
]


@pytest.fixture(scope="module")
def marked() -> Iterator[Emulator]:
    """Emulated platforms whose key can be told wherever it turns up."""
    with Emulator(api_key=KEY) as emulator:
        yield emulator


def call(*, stream: bool = True) -> Call:
    text = f"{PROMPT} [[say:{ANSWER} {ANSWER} {ANSWER} {ANSWER} {ANSWER}]]"
    body = {
        "model": "claude-opus-5-5",
        "max_tokens": 64,
        "system": PROMPT,
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
    }
    headers: Headers = (*HEADERS, ("x-api-key", CALLERS_KEY), ("authorization", CALLERS_KEY))
    return read_call(Kind.MESSAGES, headers, json.dumps(body).encode())


class Watching:
    """A wire that keeps the errors it raises and shows what it is given."""

    def __init__(self, wire: AsyncWire | SyncWire) -> None:
        self.said: list[str] = []
        self.errors: list[WireError] = []
        self._wire = wire
        self.now_s, self.sleep, self.blocking = wire.now_s, wire.sleep, wire.blocking

    async def send(
        self,
        route: Route,
        outgoing: Outgoing,
        *,
        passage: Passage,
        connect_until_s: float,
        until_s: float,
    ) -> Exchange:
        self.said.append(repr((route, outgoing)))
        try:
            return await self._wire.send(
                route,
                outgoing,
                passage=passage,
                connect_until_s=connect_until_s,
                until_s=until_s,
            )
        except WireError as error:
            self.errors.append(error)
            raise


def ask(engine: Engine, request: Call, kind: str) -> tuple[Answer, bytes, Watching]:
    async def asked(wire: AsyncWire | SyncWire) -> tuple[Answer, bytes, Watching]:
        watching = Watching(wire)
        try:
            answer = await engine.answer(request, watching)
        except Refused as error:
            answer = refusal(error)
        body = answer.body
        if answer.stream is not None:
            while part := await answer.stream.read():
                body += part
        return answer, body, watching

    async def whole() -> tuple[Answer, bytes, Watching]:
        wire = AsyncWire()
        found = await asked(wire)
        await wire.aclose()
        return found

    if kind == "asyncio":
        return asyncio.run(whole())
    wire = SyncWire()
    found = run_blocking(asked(wire))
    wire.close()
    return found


def shown(answer: Answer, watching: Watching) -> str:
    """Return all that an operator, a log or a crash report could get of one call."""
    objects: list[Any] = [answer.failure, answer.records, *watching.errors]
    if answer.stream is not None:
        objects += [answer.stream.outcome, answer.stream.stream.facts]
    parts = [repr(answer), *watching.said]
    for each in objects:
        parts += [repr(each), str(each), pickle.dumps(each).decode("latin-1")]
    for error in watching.errors:
        parts += traceback.format_exception(error)
    return "\n".join(parts)


def logged(records: list[logging.LogRecord]) -> str:
    return "\n".join(f"{record.getMessage()} {record.__dict__}" for record in records)


@pytest.mark.parametrize("kind", ["asyncio", "blocking"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_fault_brings_a_secret_to_light(
    platform: str, kind: str, marked: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = engine_at(base_url(marked, platform), platform, key=KEY, limits=LIMITS)
    for action, options in FAULTS:
        for stream in (True, False):
            marked.reset()
            marked.faults.add(action, times=-1, **options)
            answer, body, watching = ask(engine, call(stream=stream), kind)
            seen = shown(answer, watching) + logged(caplog.records)
            for secret in (KEY, CALLERS_KEY, PROMPT, ANSWER):
                assert secret not in seen, (action, options, stream)
            for secret in (KEY, CALLERS_KEY, PROMPT):
                assert secret.encode() not in body
            assert len(marked.records)
            for record in marked.records:
                assert CALLERS_KEY not in str(record.headers)


def test_a_refusal_shows_no_secret(marked: Emulator) -> None:
    engine = engine_at(base_url(marked, "anthropic"), "anthropic", key=KEY)
    request = read_call(
        Kind.MESSAGES,
        (*HEADERS, ("x-gateway-class", "phi"), ("x-api-key", CALLERS_KEY)),
        call().fields.raw,
    )
    with pytest.raises(Refused) as refused:
        engine.plan(request, 0.0)
    error = refused.value
    seen = f"{error!r} {error} {pickle.dumps(error).decode('latin-1')}"
    assert not any(secret in seen for secret in (KEY, CALLERS_KEY, PROMPT))


def test_a_request_shows_no_secret_at_any_stage(marked: Emulator) -> None:
    request = call()
    for platform in PLATFORMS:
        engine = engine_at(base_url(marked, platform), platform, key=KEY)
        chosen = engine.plan(request, 0.0)
        upstream = chosen.legs[0].upstream
        encoded = upstream.provider.encode(chosen.operation, request.fields, upstream.endpoint)
        for each in (request, request.fields, chosen, encoded, engine, engine._connections):
            for secret in (KEY, CALLERS_KEY, PROMPT):
                assert secret not in repr(each), type(each)


def test_a_credential_is_never_pickled(marked: Emulator) -> None:
    identity = marked.bedrock.door.identity
    settings = CredentialSettings(
        CredentialKind.AWS_KEYS,
        access_key_id=identity.access_key,
        secret_access_key=identity.secret_key,
    )
    own = signer(settings, SigV4("bedrock", "eu-central-1"))
    engines = [
        engine_at(base_url(marked, "bedrock"), "bedrock", signer=own),
        engine_at(base_url(marked, "anthropic"), "anthropic", key=KEY),
    ]
    for engine in engines:
        for connection in engine._connections.values():
            assert identity.secret_key not in repr(connection)
            with pytest.raises(TypeError, match="not pickled"):
                pickle.dumps(connection)
