"""A company's configuration under the platforms' own host names, and where its requests went."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.compose import found
from gateway.config import Config
from gateway.emulator import Emulator, Record
from tests.leaks.hosts import Hosts
from tests.leaks.places import AWS, GOOGLE, US, countries, countries_of_host

BEDROCK = "bedrock-runtime.{}.amazonaws.com".format
VERTEX = "{}-aiplatform.googleapis.com".format
MULTI_REGION = "aiplatform.{}.rep.googleapis.com".format
DIRECT = "api.anthropic.com"
AWS_KEYS = 'aws_access_key_id = "${AWS_ID}"\naws_secret_access_key = "${AWS_SECRET}"\n'


def names() -> dict[str, str]:
    """Return every host that stands behind the proxy, and its platform."""
    bedrock = {BEDROCK(region): "bedrock" for region in AWS}
    regions = {VERTEX(name): "vertex" for name in GOOGLE if "-" in name}
    wide = {MULTI_REGION("eu"): "vertex", MULTI_REGION("us"): "vertex"}
    everywhere = {"aiplatform.googleapis.com": "vertex", DIRECT: "anthropic"}
    return bedrock | regions | wide | everywhere


def direct(more: str = "") -> str:
    return f'provider = "anthropic"\napi_key = "${{KEY}}"\n{more}'


def bedrock(region: str, profile: str | None, more: str = "") -> str:
    own = "" if profile is None else f'profile = "{profile}"\n'
    return f'provider = "bedrock"\nregion = "{region}"\n{own}{AWS_KEYS}{more}'


def vertex(location: str) -> str:
    where = f'region = "{location}"\nproject = "a-project"\n'
    return f'provider = "vertex"\n{where}access_token = "${{KEY}}"\n'


IN_REGION = 'models = {"claude-opus-5-5" = "anthropic.claude-opus-5-5"}\n'
RENAMED = 'models = {"claude-opus-5-5" = "global.anthropic.claude-opus-5-5"}\n'
UPSTREAMS = {
    "direct": direct(),
    "direct-us": direct('geo = "us"\n'),
    "direct-global": direct('geo = "global"\n'),
    "belgium": vertex("europe-west1"),
    "member-states": vertex("eu"),
    "google-london": vertex("europe-west2"),
    "google-us": vertex("us-east5"),
    "google-global": vertex("global"),
    "frankfurt": bedrock("eu-central-1", None, IN_REGION),
    "london": bedrock("eu-west-2", None, IN_REGION),
    "europe": bedrock("eu-central-1", "eu"),
    "america": bedrock("us-east-1", "us"),
    "eu-frankfurt": bedrock("eu-central-1", "global"),
    "eu-renamed": bedrock("eu-central-1", "eu", RENAMED),
}
"""Two of them are called `eu` and run under a `global.` profile."""

HEAD = """
schema = 1
name = "company"
unlabelled = "union"
[classes]
union = "stays in the European Union"
wide = "stays in Europe, London and Zurich too"
states = "stays in the United States"
anything = "may go anywhere"
[[permit]]
classes = ["union", "wide", "states", "anything"]
environments = ["prod"]
[zones]
member-states = [
  "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV",
  "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
]
western-europe = ["DE", "CH", "SE", "IT", "ES", "IE", "GB", "FR"]
[[rule]]
id = "union-only"
classes = ["union"]
require.processing_in = "member-states"
[[rule]]
id = "europe-only"
classes = ["wide"]
require.processing_in = "western-europe"
[[rule]]
id = "states-only"
classes = ["states"]
require.processing_in = "us"
"""
BRISK = """
[policy]
files = ["policies/company.toml"]
[journal]
dir = "journal"
[retries]
attempts = 6
base_s = 0.001
max_s = 0.002
"""
HASTE = """
[timeouts]
first_content_s = 0.1
call_unstreamed_s = 0.2
hold_s = 0.05
"""


@dataclass
class Company:
    """The files of a configuration, the platforms it is about, and their log."""

    where: Path
    emulator: Emulator
    hosts: Hosts
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, order: Sequence[str], policy: str = HEAD, sections: str = BRISK) -> None:
        """Write every file; `order` is that in which upstreams are asked."""
        for folder in ("environments", "policies"):
            (self.where / folder).mkdir(parents=True, exist_ok=True)
        (self.where / "environments" / "prod.toml").touch()
        (self.where / "policies" / "company.toml").write_text(policy)
        reached = f'proxy = "{self.hosts.url}"\nca_file = "{self.hosts.ca_file}"\n'
        tables = "".join(f"[upstreams.{name}]\n{UPSTREAMS[name]}{reached}" for name in order)
        head = f"schema = 1\n[routing]\norder = {json.dumps(list(order))}\n"
        (self.where / "gateway.toml").write_text(head + tables + sections)

    def hurry(self) -> None:
        """Make the clocks short."""
        with (self.where / "gateway.toml").open("a") as file:
            file.write(HASTE)

    def config(self) -> Config:
        """Read the files."""
        key = self.emulator.bedrock.door.identity
        own = {
            "GATEWAY_ENV": "prod",
            "KEY": self.emulator.api_key,
            "AWS_ID": key.access_key,
            "AWS_SECRET": key.secret_key,
        }
        return found(self.where, own | self.environ)

    @property
    def log(self) -> list[Record]:
        """What the platforms got."""
        return list(self.emulator.records)

    @property
    def reached(self) -> set[str | None]:
        """The hosts that got a request."""
        return {record.header("host") for record in self.log}

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the records of one kind."""
        files = sorted((self.where / "journal").glob("*.jsonl"))
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [line["data"] for line in lines if line["kind"] == kind]

    def stayed(self, within: frozenset[str]) -> None:
        """Assert that every request, and every connection, was for a place within a zone."""
        for record in self.log:
            found = countries(record)
            assert found <= within, f"{record.platform} {record.path} could run in {sorted(found)}"
            assert record.header("host") in self.hosts.asked
        for host in self.hosts.asked:
            # The Claude API's one host is told in each request where it is to run.
            found = US if host == DIRECT else countries_of_host(host)
            assert found & within, f"{host} is in {sorted(found)}"
