"""What `gateway policy lint` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from gateway import boundary
from gateway.cli.policy_sources import (
    Setting,
    mistake,
    models,
    now_s,
    policies,
    policy_paths,
    scenarios,
    test_beside,
)
from gateway.config import ConfigError
from gateway.config.text import text_of
from gateway.policy.lint import Finding, lint, lint_attestations


def run(paths: Sequence[Path], *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Print what was found; exits 1 on an error."""
    setting = Setting(config, env)
    try:
        found = _named(paths, setting) if paths else _in_force(setting)
    except ConfigError as error:
        found = [Finding(each) for each in error.mistakes]
    failed = any(each.error for each in found)
    if as_json:
        findings = [{"error": each.error, **asdict(each.mistake)} for each in found]
        typer.echo(json.dumps({"ok": not failed, "findings": findings}, indent=2))
    else:
        for each in found:
            typer.echo(str(each))
        typer.echo(_counted(found))
    raise typer.Exit(int(failed))


def _named(paths: Sequence[Path], setting: Setting) -> list[Finding]:
    """Look at each file alone; what cannot be read is an error among the others'."""
    found: list[Finding] = []
    for path in policy_paths(paths):
        try:
            found += _alone(path, setting)
        except ConfigError as error:
            found += map(Finding, error.mistakes)
    return found


def _alone(path: Path, setting: Setting) -> list[Finding]:
    read = policies([path])
    beside = test_beside(path)
    own = scenarios(beside) if beside.exists() else None
    if own is not None and own.facts is not None:
        return lint(read, own.facts, models(), own.at(now_s()))
    names = setting.config.upstreams
    environment = setting.config.environment
    return lint(read, setting.facts, models(), now_s(), environment=environment, upstreams=names)


def _in_force(setting: Setting) -> list[Finding]:
    """Look at what the configuration puts in force, all of it together."""
    in_force = setting.in_force
    if in_force is None:
        raise mistake(
            None, "no policy is in force: [policy] files is empty", "name files to look at"
        )
    names, now = setting.config.upstreams, now_s()
    found = lint(
        in_force.files,
        in_force.facts,
        models(),
        now,
        environment=in_force.environment,
        upstreams=names,
    )
    path = boundary.attestation_file(setting.config)
    if path is not None:
        text = text_of(path)
        found += lint_attestations(str(path), text, in_force.facts, now, upstreams=names)
    return found


def _counted(found: Sequence[Finding]) -> str:
    errors = sum(each.error for each in found)
    return f"{errors} errors, {len(found) - errors} warnings"
