"""What a run stands on: one emulator, one gateway with a real configuration, and all its doors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import anthropic
import httpx2

import gateway
from gateway.compose import found
from gateway.emulator import Emulator, named_faults
from gateway.emulator.google_tokens import ServiceAccount
from gateway.emulator.server import Connection
from gateway.engine import Engine
from tests.faults.doors import Asynchronous, Blocking, Bytes, Door
from tests.server.serving import serving, until

THREADS = 24
CLIENT_TIMEOUT_S = 20.0
CLOSING_S = 5.0
"""How long connections may take to close; reached only by a failing run."""
KEY = "sk-ant-THE-KEY-OF-THE-PLATFORM"
GATEWAY_KEY = "tg_THE_KEY_OF_THE_CALLER"
PROJECT = "marked-project-7"
CLOCKS = """
[timeouts]
connect_s = 2
first_content_s = 2
idle_s = 1
hold_s = 0.3
call_unstreamed_s = 4
call_s = 60
[retries]
base_s = 0.02
max_s = 0.1
retry_after_cap_s = 0.5
budget_percent = 100
budget_floor_per_s = 10000
[breaker]
enabled = false
[affinity]
enabled = false
[journal]
dir = "journal"
fsync = "never"
"""
"""Short clocks, and nothing that one case could do to another. A stream that no other clock ends
would last longer than the watchdog allows."""
DOORS = ("bytes", "server", "client", "async")


@dataclass
class Stage:
    """All that a case meets."""

    emulator: Emulator
    doors: Mapping[str, Door]
    journal: Path
    url: str = ""
    """Where the server is."""
    left_open: int = 0
    """How many connections to the platforms were open when the gateway had stopped."""

    async def aclose(self) -> None:
        """Close the clients of the running loop."""
        for door in self.doors.values():
            await door.aclose()

    def running(self) -> frozenset[int]:
        """Return the numbers of the requests that have not ended."""
        return frozenset(record.number for record in self.emulator.records if record.running)

    def drop_connections(self) -> None:
        """Close what is open to the platforms, so that the next request needs a new connection."""
        thread = self.emulator._thread
        assert thread is not None
        for connection in self._connections():
            thread._loop.call_soon_threadsafe(connection.drop)
        until(lambda: not self._connections())
        # A connection is forgotten a moment before its socket is closed.
        closed = Event()
        thread._loop.call_soon_threadsafe(closed.set)
        assert closed.wait(CLOSING_S)

    def count_connections(self) -> None:
        """Count the connections that do not close, though nobody has use for them any more."""
        deadline_s = time.monotonic() + CLOSING_S
        while self._connections() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        self.left_open = len(self._connections())

    def _connections(self) -> list[Connection]:
        return [each for server in self.emulator._servers for each in list(server._connections)]

    def records(self) -> list[dict[str, Any]]:
        """Return the journal's records, as they stand in its file."""
        files = sorted(self.journal.glob("*.jsonl"))
        return [json.loads(line) for each in files for line in each.read_bytes().splitlines()]

    @property
    def secrets(self) -> dict[str, str]:
        """Return what no caller may ever see, and what each is."""
        emulator = self.emulator
        identity = emulator.bedrock.door.identity
        hosts = {each.base_url.removeprefix("http://"): "a host" for each in emulator.platforms}
        ports = {f":{host.rpartition(':')[2]}": "a port" for host in hosts}
        return {
            KEY: "the key of the Claude API",
            GATEWAY_KEY: "the caller's key",
            identity.access_key: "an AWS key id",
            identity.secret_key: "an AWS secret",
            "ya29.": "a Google token",
            emulator.vertex.account.email: "a Google account",
            PROJECT: "a Google project",
            **hosts,
            **ports,
        }


@contextmanager
def staged(directory: Path, **settings: Any) -> Iterator[Stage]:
    """Start everything on loopback; all of it ends with the block.

    Args:
        directory: An empty one, for configuration and journal.
        settings: The server's.
    """
    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(THREADS))
        emulator = stack.enter_context(Emulator(api_key=KEY, keep_records=200_000))
        stage = Stage(emulator, {}, directory / "journal")
        stack.callback(stage.count_connections)
        _write(directory, emulator)
        engine = _engine(directory, emulator)
        settings = {"keys": (GATEWAY_KEY,), "drain_s": 1.0, **settings}
        running = stack.enter_context(serving(engine, **settings))
        stage.url = running.url
        stage.doors = {
            "bytes": Bytes(running.port, GATEWAY_KEY),
            "server": Asynchronous(_sdk(running.url)),
            "client": Blocking(stack.enter_context(gateway.Anthropic(gateway=engine)), threads),
            "async": Asynchronous(gateway.AsyncAnthropic(gateway=engine)),
        }
        yield stage


def _sdk(url: str) -> anthropic.AsyncAnthropic:
    """Return the SDK's own client, without a proxy that the environment may name."""
    http = httpx2.AsyncClient(trust_env=False, timeout=CLIENT_TIMEOUT_S)
    return anthropic.AsyncAnthropic(base_url=url, api_key=GATEWAY_KEY, http_client=http)


@cache
def _private_key() -> Any:
    """Return a key for all stages: no other thread gets a turn while one is made."""
    return ServiceAccount()._private_key()


def _engine(directory: Path, emulator: Emulator) -> Engine:
    identity = emulator.bedrock.door.identity
    environ = {
        "GATEWAY_ENV": "prod",
        "KEY": KEY,
        "AWS_ID": identity.access_key,
        "AWS_SECRET": identity.secret_key,
    }
    return Engine.from_config(found(directory, environ))


def _write(directory: Path, emulator: Emulator) -> None:
    """Write the configuration: every platform, and every platform's port that refuses."""
    (directory / "environments").mkdir(parents=True)
    (directory / "environments" / "prod.toml").touch()
    emulator.vertex.account.project = PROJECT
    emulator.vertex.account._key = _private_key()
    emulator.vertex.write_service_account(directory / "vertex.json")
    urls = {
        each.name: each.base_url
        for each in emulator.platforms
        if each.name in named_faults.PLATFORMS
    }
    tables = {
        **{f"refusing-{name}": _upstream(name, emulator.refusing_url(name)) for name in urls},
        **{name: _upstream(name, url) for name, url in urls.items()},
        "anthropic-last": _upstream("anthropic", urls["anthropic"]),
    }
    order = f"schema = 1\n[routing]\norder = {json.dumps(list(tables))}\n"
    sections = "".join(f"[upstreams.{name}]\n{text}" for name, text in tables.items())
    (directory / "gateway.toml").write_text(order + sections + CLOCKS)


def _upstream(platform: str, url: str) -> str:
    own = {
        "anthropic": 'api_key = "${KEY}"\n',
        "bedrock": (
            'region = "eu-central-1"\nprofile = "eu"\n'
            'aws_access_key_id = "${AWS_ID}"\naws_secret_access_key = "${AWS_SECRET}"\n'
        ),
        "vertex": (
            f'region = "europe-west1"\nproject = "{PROJECT}"\ncredentials_file = "vertex.json"\n'
        ),
    }[platform]
    path = "/v1" if platform == "vertex" else ""
    return f'provider = "{platform}"\nbase_url = "{url}{path}"\n{own}'
