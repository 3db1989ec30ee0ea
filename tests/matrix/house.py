"""One gateway over every emulated platform, and all the ways in to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.compose import found
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.ledger.row import Row
from tests.ledger.bills import folded_lines
from tests.server.serving import serving

KEY = "tg_THE_KEY_OF_THE_CALLER"
MODEL = "claude-opus-5-5"
CLOCKS = """
schema = 1
journal = { dir = "journal", fsync = "never" }
retries = { base_s = 0.01, max_s = 0.02 }
breaker = { enabled = false }
affinity = { enabled = false }
"""
API_KEY = 'api_key = "${KEY}"\n'
GOOGLE = 'project = "matrix"\naccess_token = "${KEY}"\n'
ROOT = "/v1/projects/matrix/locations/global/workspaces/wrkspc_matrix/invoke"
COUNTED = "claude-sonnet-4-6"
"""A model whose tokens every platform counts that counts any."""


def models(upstream: str, vendor: str) -> str:
    """Return what models a relay has, and what it calls them."""
    rows = "".join(f'"{name}" = "{vendor}/{name}"\n' for name in (MODEL, COUNTED))
    return f"[upstreams.{upstream}.models]\n{rows}"


@dataclass(frozen=True)
class Upstream:
    """One platform as the configuration writes it."""

    settings: str
    address: str
    """Which of the emulator's platforms answers."""
    path: str = ""


UPSTREAMS = {
    "anthropic": Upstream(API_KEY, "direct"),
    "bedrock": Upstream(f'region = "us-east-1"\nprofile = "us"\n{API_KEY}', "bedrock"),
    "bedrock_mantle": Upstream(f'region = "us-east-1"\n{API_KEY}', "mantle", "/anthropic"),
    "aws": Upstream(f'region = "us-east-1"\nworkspace = "wrkspc_matrix"\n{API_KEY}', "aws"),
    "vertex": Upstream(f'region = "us-east5"\n{GOOGLE}', "vertex", "/v1"),
    "foundry": Upstream(f'deployment_type = "global_standard"\n{API_KEY}', "foundry", "/anthropic"),
    "relay": Upstream(
        "stream = true\ncount_tokens = true\ncache_control = true\n"
        f'fields = ["output_config"]\n{API_KEY}{models("relay", "vendor")}',
        "relay",
    ),
    "google_cloud": Upstream(f'workspace = "wrkspc_matrix"\n{GOOGLE}', "google_cloud", ROOT),
    "openai_relay": Upstream(
        f"cache_markers = true\n{API_KEY}{models('openai_relay', 'anthropic')}",
        "openai_relay",
        "/v1",
    ),
}
"""Provider -> how it is configured here."""


@dataclass
class House:
    """What a test of the matrix meets."""

    emulator: Emulator
    url: str
    journal: Path

    def mark(self) -> int:
        """Return how many lines are recorded so far."""
        return len(self._lines())

    def rows(self, since: int = 0) -> list[Row]:
        """Return the ledger's rows of all that was asked after a mark, or ever."""
        return folded_lines(self._lines()[since:])

    def _lines(self) -> list[tuple[str, bytes]]:
        """Return the lines that are whole: one may be written just now."""
        (file,) = self.journal.glob("*.jsonl")
        *lines, _ = file.read_bytes().split(b"\n")
        return [(file.name, line) for line in lines]


@contextmanager
def opened(directory: Path) -> Iterator[House]:
    """Start everything on loopback; all of it ends with the block."""
    with Emulator() as emulator:
        engine = _engine(directory, emulator)
        with serving(engine, keys=(KEY,)) as running:
            yield House(emulator, running.url, directory / "journal")


def _engine(directory: Path, emulator: Emulator) -> Engine:
    (directory / "environments").mkdir(parents=True)
    (directory / "environments" / "prod.toml").touch()
    sections = "".join(
        f'[upstreams.{name}]\nprovider = "{name}"\n'
        f'base_url = "{getattr(emulator, each.address).base_url}{each.path}"\n{each.settings}'
        for name, each in UPSTREAMS.items()
    )
    order = ", ".join(f'"{name}"' for name in UPSTREAMS)
    (directory / "gateway.toml").write_text(
        f"{CLOCKS}routing = {{ order = [{order}] }}\n{sections}"
    )
    environ = {"GATEWAY_ENV": "prod", "KEY": emulator.api_key}
    return Engine.from_config(found(directory, environ))
