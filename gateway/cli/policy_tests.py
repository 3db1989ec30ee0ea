"""What `gateway policy test` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from gateway.cli.policy_sources import (
    TEST_SUFFIX,
    Setting,
    is_test,
    mistake,
    now_s,
    policies,
    scenarios,
    test_beside,
)
from gateway.policy.compiling import compile_policies
from gateway.policy.facts import FactSheet
from gateway.policy.scenarios import Outcome
from gateway.policy.scenarios import run as outcomes


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of one policy found."""

    policy: Path
    file: Path
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> list[Outcome]:
        """The tests that did not pass."""
        return [each for each in self.outcomes if not each.passed]


def run(paths: Sequence[Path], *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Print how the tests went; exits 1 when one failed."""
    setting = Setting(config, env)
    files = test_files(paths or [_configured(setting)])
    found = [_tested(file, setting) for file in files]
    untested = _untested(paths, files)
    failed = any(each.failures for each in found)
    if as_json:
        typer.echo(json.dumps(_plain(found, untested, failed=failed), indent=2))
    else:
        _show(found, untested)
    raise typer.Exit(int(failed))


def test_files(paths: Iterable[Path]) -> list[Path]:
    """Return the test files that paths name: themselves, those beside policies, or in directories.

    Raises ConfigError where there are none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob(f"*{TEST_SUFFIX}"))
            if not inside:
                raise mistake(path, f"has no tests in it: no *{TEST_SUFFIX}")
            found += inside
        else:
            found.append(path if is_test(path) else test_beside(path))
    return list(dict.fromkeys(found))


def _configured(setting: Setting) -> Path:
    """Return the directory of the configuration's policies."""
    return setting.config.path("policies")


def _untested(paths: Sequence[Path], files: Sequence[Path]) -> list[Path]:
    """Return the policies in the named directories that no test is for."""
    there = [each for path in paths if path.is_dir() for each in sorted(path.glob("*.toml"))]
    return [each for each in there if not is_test(each) and test_beside(each) not in files]


def _tested(file: Path, setting: Setting) -> Tested:
    policy = file.with_name(file.name.removesuffix(TEST_SUFFIX) + ".toml")
    if not policy.exists():
        raise mistake(file, f"tests {policy.name}, which is not beside it")
    tests = scenarios(file)
    compiled = compile_policies(policies([policy]))
    facts = setting.facts if tests.facts is None else FactSheet(())
    return Tested(policy, file, tuple(outcomes(tests, compiled, facts, now_s())))


def _show(found: Sequence[Tested], untested: Sequence[Path]) -> None:
    for each in found:
        for outcome in each.failures:
            typer.echo(f"FAIL {each.file}: {outcome.name}")
            for difference in outcome.differences:
                typer.echo(f"     {difference}")
        passed = len(each.outcomes) - len(each.failures)
        typer.echo(f"{each.file}: {passed} passed, {len(each.failures)} failed")
    for path in untested:
        typer.echo(f"note: {path} has no tests beside it")


def _plain(found: Sequence[Tested], untested: Sequence[Path], *, failed: bool) -> dict[str, object]:
    files = [
        {
            "file": str(each.file),
            "policy": str(each.policy),
            "tests": [
                {
                    "name": outcome.name,
                    "passed": outcome.passed,
                    "differences": list(outcome.differences),
                }
                for outcome in each.outcomes
            ],
        }
        for each in found
    ]
    return {"ok": not failed, "files": files, "untested": [str(path) for path in untested]}
