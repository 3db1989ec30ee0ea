"""A configuration with policies over emulated platforms, as an operator would write it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.compose import found
from gateway.config import Config
from gateway.emulator import Emulator

ENVIRONMENT = "prod"
BODY: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}
POLICY = """
schema = 1
name = "house"
unlabelled = "inner"
[classes]
inner = "stays in Europe"
open = "may go anywhere"
[[permit]]
classes = ["inner", "open"]
environments = ["prod"]
[zones]
here = ["DE", "FR", "IE"]
[[rule]]
id = "stays-here"
classes = ["inner"]
require.processing_in = "here"
"""
UPSTREAMS = """
[upstreams.direct]
provider = "anthropic"
api_key = "${{TEST_KEY}}"
base_url = "{direct}"

[upstreams.frankfurt]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{TEST_KEY}}"
base_url = "{bedrock}"

[upstreams.anywhere]
provider = "bedrock"
region = "eu-central-1"
profile = "global"
api_key = "${{TEST_KEY}}"
base_url = "{bedrock}"
"""
PLACES = {"direct": ["US"], "frankfurt": ["DE", "FR"]}
"""Where the organization vouches for: an emulated platform is no platform's own address."""


SECTIONS = '[policy]\nfiles = ["policies/house.toml"]\n[journal]\ndir = "journal"\n'


@dataclass
class House:
    """The files of a configuration, and what they are read with."""

    where: Path
    emulator: Emulator
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> Path:
        """The policy's file."""
        return self.where / "policies" / "house.toml"

    @property
    def journal(self) -> Path:
        """The journal's directory."""
        return self.where / "journal"

    def write(
        self,
        policy: str = POLICY,
        *,
        order: Sequence[str] = ("direct", "frankfurt", "anywhere"),
        more: str = "",
        attest: dict[str, list[str]] | None = None,
    ) -> None:
        """Write every file."""
        (self.where / "environments").mkdir(parents=True, exist_ok=True)
        (self.where / "policies").mkdir(exist_ok=True)
        (self.where / "environments" / f"{ENVIRONMENT}.toml").touch()
        self.policy.write_text(policy)
        head = f"schema = 1\n[routing]\norder = {json.dumps(list(order))}\n"
        urls = {"direct": self.emulator.direct.base_url, "bedrock": self.emulator.bedrock.base_url}
        text = head + UPSTREAMS.format(**urls) + (more or SECTIONS)
        (self.where / "gateway.toml").write_text(text)
        self.attest(PLACES if attest is None else attest)

    def attest(self, places: dict[str, list[str]]) -> None:
        """Write where upstreams process requests."""
        rows = "".join(
            textwrap.dedent(f"""
            [[attest]]
            upstream = "{name}"
            fact = "processing_in"
            value = {json.dumps(countries)}
            assurance = "org"
            evidence = "the test"
            """)
            for name, countries in places.items()
        )
        (self.where / "attestations.toml").write_text(f"schema = 1\n{rows}")

    def config(self) -> Config:
        """Read the files."""
        environ = {"GATEWAY_ENV": ENVIRONMENT, "TEST_KEY": self.emulator.api_key, **self.environ}
        return found(self.where, environ)

    def records(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return the data of the journal's records, of one kind or all."""
        lines = [
            json.loads(line)
            for file in sorted(self.journal.glob("*.jsonl"))
            for line in file.read_text().splitlines()
        ]
        return [line["data"] for line in lines if kind in (None, line["kind"])]

    def seen(self) -> list[str]:
        """Return the paths that the emulated platforms were asked for."""
        return [record.path for record in self.emulator.records]
