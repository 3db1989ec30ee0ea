"""The worlds of the worked examples: the shipped policies over emulated platforms."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.emulator import Emulator

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "config" / "policies"
EXAMPLES = ROOT / "docs" / "examples"

Facts = Mapping[str, str]
"""Fact -> its value in TOML."""


@dataclass(frozen=True)
class World:
    """One organization: its policy, its upstreams, and what it vouches for."""

    policy: str
    script: str
    upstreams: Mapping[str, Mapping[str, str]]
    """Upstream -> its keys; the address is the emulator's."""
    facts: Mapping[str, Facts]
    """Upstream -> what is attested of it."""
    verified: frozenset[str] = field(default=frozenset())
    """Facts that are attested as verified."""


def written(world: World, emulator: Emulator, where: Path) -> Path:
    """Write the configuration of a world; return its directory."""
    config = where / "config"
    (config / "environments").mkdir(parents=True)
    (config / "environments" / "prod.toml").touch()
    shutil.copy(POLICIES / world.policy, config / world.policy)
    emulator.vertex.write_service_account(config / "vertex.json")
    order = ", ".join(f'"{name}"' for name in world.upstreams)
    sections = [_upstream(name, keys, emulator) for name, keys in world.upstreams.items()]
    main = f'schema = 1\n[policy]\nfiles = ["{world.policy}"]\n[journal]\ndir = "journal"\n'
    main += f"[routing]\norder = [{order}]\n[retries]\nbase_s = 0.001\nmax_s = 0.002\n"
    (config / "gateway.toml").write_text(main + "".join(sections))
    (config / "attestations.toml").write_text(_attestations(world))
    return config


def ran(script: str, config: Path, emulator: Emulator) -> subprocess.CompletedProcess[str]:
    """Run a labelled application as its users would."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "GATEWAY_CONFIG": str(config),
        "GATEWAY_ENV": "prod",
        "EXAMPLE_KEY": emulator.api_key,
    }
    return subprocess.run(  # noqa: S603 - it starts what it names
        [sys.executable, str(EXAMPLES / script)],
        env=environ,
        cwd=config.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def printed(script: str, config: Path, emulator: Emulator) -> list[str]:
    """Return the lines that an application prints when nothing goes wrong."""
    done = ran(script, config, emulator)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def asked(emulator: Emulator) -> Sequence[tuple[str, str]]:
    """Return platform and path of every request with a prompt that the platforms got."""
    records = [each for each in emulator.records if each.platform != "google-tokens"]
    return [(each.platform, each.path) for each in records]


def _upstream(name: str, keys: Mapping[str, str], emulator: Emulator) -> str:
    addresses = {
        "anthropic": emulator.direct.base_url,
        "bedrock": emulator.bedrock.base_url,
        "vertex": f"{emulator.vertex.base_url}/v1",
    }
    credential = {"vertex": 'credentials_file = "vertex.json"\nproject = "tidegate"\n'}
    own = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    secret = credential.get(keys["provider"], 'api_key = "${EXAMPLE_KEY}"\n')
    return f'[upstreams.{name}]\nbase_url = "{addresses[keys["provider"]]}"\n{secret}{own}'


def _attestations(world: World) -> str:
    rows = [
        _attested(name, fact, value, verified=fact in world.verified)
        for name, facts in world.facts.items()
        for fact, value in facts.items()
    ]
    return "schema = 1\n" + "".join(rows)


def _attested(upstream: str, fact: str, value: str, *, verified: bool) -> str:
    level = 'assurance = "verified"\nprobe = "test"' if verified else 'assurance = "org"'
    return (
        f'[[attest]]\nupstream = "{upstream}"\nfact = "{fact}"\nvalue = {value}\n'
        f'{level}\nevidence = "test"\n'
    )
