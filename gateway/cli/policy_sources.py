"""The policies, tests and upstreams that a command's arguments name, read."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gateway import boundary
from gateway.cli.setting import configured
from gateway.config import Config, ConfigError, Mistake
from gateway.config.text import text_of
from gateway.policy.facts import FactSheet
from gateway.policy.files import PolicyFile, read_policy
from gateway.policy.in_force import InForce
from gateway.policy.scenarios import Scenarios, read_scenarios
from providers import catalog

TEST_SUFFIX = "_test.toml"


@dataclass(frozen=True)
class Setting:
    """The configuration of a command, read only when something asks for it."""

    directory: Path | None
    environment: str | None

    @cached_property
    def config(self) -> Config:
        """The configuration; raises ConfigError."""
        return configured(self.directory, self.environment, serving=False)

    @cached_property
    def facts(self) -> FactSheet:
        """What is known of the configured upstreams; raises ConfigError."""
        return boundary.facts(self.config)

    @cached_property
    def in_force(self) -> InForce | None:
        """The policies in force; raises ConfigError."""
        return boundary.load(self.config)


def mistake(file: Path | None, message: str, suggestion: str = "") -> ConfigError:
    """Return an error about a whole file, or about none."""
    named = None if file is None else str(file)
    return ConfigError([Mistake(named, None, "", message, suggestion)])


def policy_paths(paths: Iterable[Path]) -> list[Path]:
    """Return the policy files among paths; a directory stands for those in it.

    Raises ConfigError where one is not there, or a directory has none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [each for each in sorted(path.glob("*.toml")) if not is_test(each)]
        if not inside:
            raise mistake(path, "has no policy in it", "name a directory of *.toml files")
        found += inside
    return list(dict.fromkeys(found))


def is_test(path: Path) -> bool:
    """Say whether a file holds tests."""
    return path.name.endswith(TEST_SUFFIX)


def test_beside(policy: Path) -> Path:
    """Return the file that would hold a policy's tests."""
    return policy.with_name(policy.stem + TEST_SUFFIX)


def policies(paths: Iterable[Path]) -> list[PolicyFile]:
    """Read the policies that paths name; raises ConfigError with every mistake in them."""
    found: list[PolicyFile] = []
    mistakes: list[Mistake] = []
    for path in policy_paths(paths):
        try:
            found.append(read_policy(str(path), text_of(path)))
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError(mistakes)
    return found


def scenarios(path: Path) -> Scenarios:
    """Read a test file; raises ConfigError with every mistake in it."""
    return read_scenarios(str(path), text_of(path))


def facts_of(upstreams: Path | None, setting: Setting) -> FactSheet:
    """Return the facts of a test file's own upstreams, or of the configured ones."""
    if upstreams is None:
        return setting.facts
    found = scenarios(upstreams).facts
    if found is None:
        raise mistake(upstreams, "has no [upstreams.NAME] of its own", "leave --upstreams out")
    return found


def models() -> list[str]:
    """Return the canonical id of every model there is."""
    return [model.id for model in catalog.models()]


def now_s() -> float:
    """Return the Unix time."""
    return time.time()
