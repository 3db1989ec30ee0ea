"""Configurations with several upstreams, and both doors to them, for tests of what is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic

import gateway
from gateway.config import load
from gateway.emulator import Emulator
from gateway.engine import Engine
from tests.server.serving import Running, serving

MODEL = "claude-opus-5-5"
DOORS = ("client", "server")
RETRIES = """
[retries]
attempts = 3
base_s = 0.001
max_s = 0.002
[breaker]
enabled = false
"""
POLICY = """
schema = 1
name = "house"
unlabelled = "internal"
[classes]
public = "published"
internal = "ours"
secret = "nobody else's"
[[permit]]
classes = ["public", "internal", "secret"]
environments = ["test"]
[[rule]]
id = "secret-kept"
classes = ["secret"]
forbid.features = ["batch", "files"]
"""


def policy(forbidden: Sequence[str] = (), more: str = "") -> str:
    """Return a policy that forbids some upstreams."""
    if not forbidden:
        return POLICY + more
    listed = ", ".join(f'"{name}"' for name in forbidden)
    return f'{POLICY}[[rule]]\nid = "kept-out"\nforbid.upstreams = [{listed}]\n{more}'


def request(custom_id: str = "one", model: str = MODEL, **more: Any) -> Any:
    """Return one request of a batch."""
    messages = [{"role": "user", "content": f"hello {custom_id}"}]
    params = {"model": model, "max_tokens": 32, "messages": messages, **more}
    return {"custom_id": custom_id, "params": params}


@dataclass
class House:
    """A configuration in a directory, with which engines can be made."""

    where: Path
    emulator: Emulator
    upstreams: Sequence[str] = ("direct", "aws")
    journal: bool = True
    policy: str | None = None
    more: str = ""
    sections: dict[str, str] = field(default_factory=dict)

    def write(self) -> None:
        """Write the files as they are to be now."""
        (self.where / "environments").mkdir(parents=True, exist_ok=True)
        (self.where / "environments" / "test.toml").write_text("")
        listed = ", ".join(f'"{name}"' for name in self.upstreams)
        parts = [f"schema = 1\n[routing]\norder = [{listed}]\n", RETRIES, self.more]
        parts += [self.section(name) for name in self.upstreams]
        if self.journal:
            parts.append('[journal]\ndir = "journal"\n')
        if self.policy is not None:
            (self.where / "house.toml").write_text(self.policy)
            parts.append('[policy]\nfiles = ["house.toml"]\n')
        (self.where / "gateway.toml").write_text("".join(parts))

    def section(self, name: str) -> str:
        """Return the section of an upstream."""
        if name in self.sections:
            return self.sections[name]
        kind = name.partition("-")[0]
        emulator, key = self.emulator, "${TEST_KEY}"
        own = {
            "direct": f'provider = "anthropic"\nbase_url = "{emulator.direct.base_url}"\n',
            "aws": f'provider = "aws"\nregion = "eu-central-1"\nworkspace = "wrkspc_01a"\n'
            f'base_url = "{emulator.aws.base_url}"\n',
            "bedrock": f'provider = "bedrock"\nregion = "eu-central-1"\nprofile = "eu"\n'
            f'base_url = "{emulator.bedrock.base_url}"\n',
        }[kind]
        return f'[upstreams.{name}]\n{own}api_key = "{key}"\n'

    def environ(self) -> Mapping[str, str]:
        """Return what the configuration reads of the environment."""
        return {"GATEWAY_ENV": "test", "TEST_KEY": self.emulator.api_key}

    def engine(self) -> Engine:
        """Return an engine of the files as they are."""
        return Engine.from_config(load(self.where, self.environ()))

    @contextlib.contextmanager
    def server(self, engine: Engine | None = None, **settings: Any) -> Iterator[Running]:
        """Serve it until the block ends."""
        with serving(engine or self.engine(), **settings) as running:
            yield running

    @contextlib.contextmanager
    def sdk(self, door: str, engine: Engine | None = None) -> Iterator[anthropic.Anthropic]:
        """Return the SDK's blocking client behind a door."""
        engine = engine or self.engine()
        if door == "client":
            with gateway.Anthropic(gateway=engine, max_retries=0) as client:
                yield client
            return
        with (
            self.server(engine) as running,
            anthropic.Anthropic(base_url=running.url, api_key="any", max_retries=0) as client,
        ):
            yield client
