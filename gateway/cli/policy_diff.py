"""What `gateway policy diff` does."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from gateway.cli.policy_sources import Setting, facts_of, models, now_s, policies
from gateway.config import environments
from gateway.policy.compiling import compile_policies
from gateway.policy.diff import Change, Reordered, axes, changes, reordered
from gateway.policy.diff_words import as_json as plain
from gateway.policy.diff_words import line


def run(
    old: Path,
    new: Path,
    *,
    upstreams: Path | None,
    config: Path | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Print what changes; exits 0 whether or not something does."""
    setting = Setting(config, env)
    before, after = policies([old]), policies([new])
    was, becomes = compile_policies(before), compile_policies(after)
    facts = facts_of(upstreams, setting)
    tried = axes([*before, *after], models(), _environments(upstreams, setting))
    found = changes(was, becomes, facts, tried, now_s())
    order = reordered(was, becomes)
    if as_json:
        typer.echo(json.dumps(_plain(found, order, same=was.digest == becomes.digest), indent=2))
        return
    for each in found:
        typer.echo(line(each, tried))
    for name, first, then in order:
        typer.echo(f"order only: {name} prefers {_wishes(then)} (was {_wishes(first)})")
    if not found:
        same = was.digest == becomes.digest
        typer.echo("no decision changes" + (": the policies are the same" if same else ""))


def _environments(upstreams: Path | None, setting: Setting) -> tuple[str, ...]:
    if upstreams is not None or setting.config.directory is None:
        return ()
    return environments(setting.config.directory)


def _wishes(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


def _plain(found: list[Change], order: list[Reordered], *, same: bool) -> dict[str, object]:
    return {
        "ok": True,
        "same_policy": same,
        "changes": [plain(each) for each in found],
        "prefer": [
            {"policy": name, "before": list(first), "after": list(then)}
            for name, first, then in order
        ],
    }
