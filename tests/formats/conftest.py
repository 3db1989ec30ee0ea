"""A gateway with an upstream on each of three platforms, and clients of the clouds for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from gateway.credentials.static import StaticSigner
from gateway.dispatch.drive import Connection
from gateway.dispatch.limits import Limits
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.routing import Upstream
from gateway.wire.contract import Route
from providers.contract import Bearer, Place
from providers.registry import PROVIDERS
from tests.server.serving import Running, serving

KEY = "tg_the_callers_key"
Client = Callable[..., Any]
EU_HOME = frozenset({"DE"})


def upstreams(emulator: Emulator) -> dict[str, Place]:
    """Return where the upstreams are; all but the first one are known to stay in Germany."""
    auth = Bearer()
    return {
        "anthropic": Place(auth=auth, base_url=emulator.direct.base_url),
        "bedrock": Place(
            auth=auth, base_url=emulator.bedrock.base_url, region="eu-central-1", profile="eu"
        ),
        "vertex": Place(
            auth=auth, base_url=f"{emulator.vertex.base_url}/v1", region="eu", project="ours"
        ),
    }


def engine(emulator: Emulator) -> Engine:
    """Return an engine over all of them."""
    found, connections = [], {}
    for name, place in upstreams(emulator).items():
        endpoint = PROVIDERS[name].endpoint(place)
        port = urlsplit(endpoint.base_url).port or 0
        route = Route(name, "http", "127.0.0.1", port, allow_private_network=True)
        connections[name] = Connection(route, StaticSigner(emulator.api_key, endpoint.auth))
        home = None if name == "anthropic" else EU_HOME
        found.append(Upstream(name, PROVIDERS[name], endpoint, reach=_staying(home)))
    return Engine(found, connections, Limits(base_s=0.001, max_s=0.002))


def _staying(home: frozenset[str] | None) -> Callable[[str], frozenset[str] | None]:
    return lambda _model: home


@pytest.fixture(scope="session")
def _clouds(_emulator: Emulator) -> Iterator[Running]:
    with serving(engine(_emulator), keys=(KEY,)) as running:
        yield running


@pytest.fixture
def clouds(_clouds: Running, emulator: Emulator) -> Running:
    """A gateway that asks for a key, over the emulated platforms."""
    del emulator
    return _clouds


@pytest.fixture
def aws(clouds: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return what makes boto3 clients with nothing changed but their address.

    They sign for eu-central-1. botocore sends no bearer token without TLS, so where there is a
    key it takes the signature's place on the way out, as AWS_BEARER_TOKEN_BEDROCK does.
    """
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    opened = []

    def client(service: str, key: str | None = KEY, url: str = clouds.url) -> Any:
        session: Any = boto3.Session("AKIDEXAMPLE", "not-a-secret", region_name="eu-central-1")
        once = Config(retries={"total_max_attempts": 1})
        made = session.client(service, endpoint_url=url, config=once)
        if key is not None:
            made.meta.events.register("before-send", lambda request, **_: _bear(request, key))
        opened.append(made)
        return made

    yield client
    for each in opened:
        each.close()


def _bear(request: Any, key: str) -> None:
    del request.headers["authorization"]
    request.headers["authorization"] = f"Bearer {key}"
