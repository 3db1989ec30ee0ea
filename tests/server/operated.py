"""A server of a configuration with two platforms, and what its operator sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway.compose import found
from gateway.config import Config
from gateway.emulator import Emulator
from gateway.engine import Engine
from gateway.server import Settings
from gateway.server.metrics import FAMILIES
from tests.server.serving import HEADERS, WAIT_S, Running, serving

KEY = "key-of-an-operator"
CALLER_KEY = "key-of-a-caller"
AUTH = {"x-api-key": KEY}
CALLER = HEADERS | {"x-api-key": CALLER_KEY}
CONFIG = """
schema = 1
[routing]
order = ["direct", "frankfurt"]
[upstreams.direct]
provider = "anthropic"
api_key = "${{UPSTREAM_KEY}}"
base_url = "{direct}"
[upstreams.frankfurt]
provider = "bedrock"
region = "eu-central-1"
profile = "eu"
api_key = "${{UPSTREAM_KEY}}"
base_url = "{bedrock}"
[retries]
base_s = 0.001
max_s = 0.002
[server]
port = {port}
in_flight = {in_flight}
keys = ["${{OPERATOR_KEY}}"]
[callers.billing]
key = "${{CALLER_KEY}}"
"""
LABELS = {family.name: family.labels for family in FAMILIES}
JOURNAL = '[journal]\ndir = "journal"\n'


def config(where: Path, emulator: Emulator, more: str = JOURNAL, in_flight: int = 99) -> Config:
    """Write a configuration and read it."""
    write(where, emulator, more, in_flight=in_flight)
    return found(where, {"GATEWAY_ENV": "dev", **variables(emulator)})


def write(
    where: Path, emulator: Emulator, more: str = JOURNAL, port: int = 0, in_flight: int = 99
) -> None:
    urls = {"direct": emulator.direct.base_url, "bedrock": emulator.bedrock.base_url}
    (where / "environments").mkdir(parents=True, exist_ok=True)
    (where / "environments" / "dev.toml").write_text("schema = 1\n")
    (where / "gateway.toml").write_text(
        CONFIG.format(port=port, in_flight=in_flight, **urls) + more
    )


def variables(emulator: Emulator) -> dict[str, str]:
    return {
        "UPSTREAM_KEY": emulator.api_key,
        "OPERATOR_KEY": KEY,
        "CALLER_KEY": CALLER_KEY,
    }


@contextmanager
def operated(checked: Config) -> Iterator[Running]:
    """Serve a configuration until the block ends."""
    settings = Settings.of(checked)
    said = {each.name: getattr(settings, each.name) for each in fields(settings)}
    engine = Engine.from_config(checked)
    try:
        with serving(engine, **said | {"port": 0, "drain_s": 5.0}) as running:
            yield running
    finally:
        if engine.folding is not None:
            engine.folding.stop(WAIT_S)


def scraped(running: Running, headers: Mapping[str, str] = AUTH) -> list[Sample]:
    """Return what Prometheus would read."""
    reply = running.ask("GET", "/metrics", headers=headers)
    assert reply.status == 200, reply.body
    families = text_string_to_metric_families(reply.body.decode())
    return [sample for family in families for sample in family.samples]


def values(samples: list[Sample], name: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Return the values of one metric by its other labels in their order; `labels` choose."""
    family = re.sub("_(total|bucket|count|sum)$", "", name)
    order = (*(each for each in LABELS.get(family, ()) if each not in labels), "le")
    return {
        tuple(sample.labels[label] for label in order if label in sample.labels): sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }
