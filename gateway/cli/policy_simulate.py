"""What `gateway policy simulate` does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from gateway.cli.journal_entries import entries, journal_of
from gateway.cli.policy_sources import Setting, facts_of, now_s, policies
from gateway.money import usd
from gateway.policy.compiling import compile_policies
from gateway.policy.in_force import InForce
from gateway.policy.moments import BadMoment, start_s
from gateway.policy.recorded import Entry
from gateway.policy.simulate import Cell, Costs, Group, Money, Simulation, by_count, simulate
from gateway.policy.simulate import as_json as plain

READ = frozenset({"decision", "finished"})
"""The kinds of records that are read."""
_SHOWN = 20
"""Groups of each kind that people are shown; the others are counted."""


def run(
    policy: Sequence[Path],
    *,
    journal: Path | None,
    since: str | None,
    upstreams: Path | None,
    config: Path | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Print what a journal's decisions become; exits 0 whether or not something differs."""
    setting = Setting(config, env)
    start = _since(since)
    files = policies(policy)
    facts = facts_of(upstreams, setting)
    environment = env or (setting.config.environment if upstreams is None else None)
    in_force = InForce(environment or "", compile_policies(files), facts, tuple(files))
    where = journal_of(journal, setting)
    costs = _costs(setting) if upstreams is None else None
    found = simulate(_from(start, entries(where)), in_force, costs)
    if as_json:
        typer.echo(json.dumps({"ok": True, **plain(found)}, indent=2))
    else:
        _show(found)


def _costs(setting: Setting) -> Costs:
    from gateway import compose  # noqa: PLC0415 - the wire and the credentials come with it

    return compose.costing(setting.config, compose.upstreams(setting.config))


def _since(since: str | None) -> float | None:
    try:
        return None if since is None else start_s(since, now_s())
    except BadMoment as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def _from(start: float | None, found: Iterable[Entry]) -> Iterator[Entry]:
    for entry in found:
        if entry.kind in READ and (start is None or entry.at_s >= start):
            yield entry


def _show(found: Simulation) -> None:
    typer.echo(f"decisions: {found.decisions}")
    for count, what in _aside(found):
        if count:
            typer.echo(f"note: {count} {what}")
    typer.echo(f"allowed: {found.allowed_before} before, {found.allowed_after} after")
    _show_groups("newly refused", found.newly_refused)
    _show_groups("newly allowed", found.newly_allowed)
    for name, shift in sorted(found.first_choice.items()):
        typer.echo(f"first choice {name}: {shift.before} before, {shift.after} after")
    typer.echo(f"cost: {_money(found.money)}")


def _money(money: Money | None) -> str:
    if money is None:
        return "unknown, the upstreams are not those of a configuration"
    without = f"; {money.unpriced} more have no price" if money.unpriced else ""
    before, after = usd(money.before_pico), usd(money.after_pico)
    return f"{before} USD before, {after} USD after, of {money.calls} answered calls{without}"


def _aside(found: Simulation) -> list[tuple[int, str]]:
    return [
        (found.turned_away, "were refused before policy was asked, and would be again"),
        (found.unreadable, "have another shape and are left out"),
        (found.unsure, "are allowed as far as the journal tells; not all they ask for is recorded"),
    ]


def _show_groups(title: str, groups: Mapping[Cell, Group]) -> None:
    typer.echo(f"{title}: {sum(group.count for group in groups.values())}")
    ordered = by_count(groups)
    for cell, group in ordered[:_SHOWN]:
        typer.echo(f"  {group.count} x {_cell(cell)} (such as {group.decisions[0]})")
    if len(ordered) > _SHOWN:
        typer.echo(f"  and {len(ordered) - _SHOWN} more kinds: see --json")


def _cell(cell: Cell) -> str:
    parts = [f"class {cell.data_class or 'unlabelled'}, {cell.environment}, {cell.model}"]
    if cell.features:
        parts.append(f"features {', '.join(cell.features)}")
    if cell.betas:
        parts.append(f"betas {', '.join(cell.betas)}")
    text = "; ".join(parts)
    return f"{text}: {', '.join(cell.rules)}" if cell.rules else text
