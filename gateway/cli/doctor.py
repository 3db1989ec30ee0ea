"""`gateway doctor`: asks platforms what they let one verify; prints what is known, and fences."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.setting import ConfigOption, EnvOption, configured, explained
from gateway.cli.table import table

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config import Config, Upstream
    from gateway.doctor.report import Report, Row

_COLUMNS = ("upstream", "fact", "before", "after", "probe")

UpstreamOption = Annotated[
    list[str] | None,
    typer.Option("--upstream", metavar="NAME", help="Only this one; may be given again."),
]


def doctor(  # noqa: PLR0917 - typer passes options by name
    config: ConfigOption = None,
    env: EnvOption = None,
    upstream: UpstreamOption = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep what was found, in verified.toml.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    spend: Annotated[
        bool, typer.Option("--spend", help="Ask relays for a word too: it costs a few tokens.")
    ] = False,
    scp: Annotated[
        bool, typer.Option("--scp", help="Print the AWS policy that fences Bedrock; ask nobody.")
    ] = False,
    support: Annotated[
        bool, typer.Option("--support", help="Print what each platform does; ask nobody.")
    ] = False,
) -> None:
    """Ask the platforms what they let one verify. Exit 1: a fact was dropped.

    No model is run, but with --spend, on relays.
    """
    if support:
        _support(as_json=as_json)
        return
    with explained():
        found = configured(config, env, serving=False)
        sections = _chosen(found, upstream or [])
        if scp:
            _fence(sections)
            return
        report, kept = _examined(found, sections, write=write, spend=spend)
    if as_json:
        rows = [asdict(row) for row in report.rows]
        told = {"ok": report.ok, "drift": report.drift, "unverified": report.unverified}
        typer.echo(json.dumps({**told, "written": kept and str(kept), "findings": rows}, indent=2))
    else:
        _show(report, kept)
    if not report.ok:
        raise typer.Exit(1)


def _support(*, as_json: bool) -> None:
    """Print what each platform does through the gateway; it needs no configuration."""
    from gateway.support import cells  # noqa: PLC0415 - reads every platform's data

    if as_json:
        typer.echo(json.dumps(cells.table(), indent=2))
        return
    rows = [[name, *row.values()] for name, row in cells.table().items()]
    if sys.stdout.isatty():
        short = [[cell.partition(":")[0] for cell in row] for row in rows]
        table(("platform", *(column.name for column in cells.columns())), short)
    for name, row in cells.table().items():
        does = ", ".join(column for column, cell in row.items() if cell == cells.YES)
        typer.echo(f"{name}: {does}")
        for column, cell in row.items():
            if cell != cells.YES:
                typer.echo(f"{name}: {column}: {cell}")


def _chosen(config: Config, names: list[str]) -> list[Upstream]:
    """Return the upstreams that are named, or all in use; raises ConfigError."""
    from gateway.config import ConfigError, Mistake  # noqa: PLC0415 - pydantic is slow to import
    from gateway.config.mistakes import nearest  # noqa: PLC0415 - the same

    known = config.upstreams
    wrong = [
        Mistake(None, None, "--upstream", f"{name} is no upstream", nearest(name, known))
        for name in names
        if name not in known
    ]
    if wrong:
        raise ConfigError(wrong)
    return [known[name] for name in dict.fromkeys(names)] or list(config.used)


def _fence(sections: list[Upstream]) -> None:
    from gateway.boundary.where import where  # noqa: PLC0415 - pydantic is slow to import
    from gateway.doctor.fence import fence, unfenced  # noqa: PLC0415 - the same

    places = [where(each) for each in sections]
    typer.echo(json.dumps(fence(places), indent=2))
    for note in unfenced(places):
        typer.echo(f"note: {note}", err=True)


def _examined(
    config: Config, sections: list[Upstream], *, write: bool, spend: bool
) -> tuple[Report, Path | None]:
    """Return what a run came to, and the file it was written to; raises ConfigError."""
    from gateway.boundary.load import vouched  # noqa: PLC0415 - pydantic is slow to import
    from gateway.boundary.where import where  # noqa: PLC0415 - the same
    from gateway.doctor.examining import examined  # noqa: PLC0415 - the same
    from gateway.doctor.outcome import concluded  # noqa: PLC0415 - the same
    from gateway.doctor.report import reported  # noqa: PLC0415 - the same
    from gateway.doctor.subject import Subject  # noqa: PLC0415 - the same

    path = _target(config) if write else None
    attestations, prior = vouched(config)
    subjects = [Subject.of(each) for each in sections]
    findings = examined(subjects, spend=spend)
    now_s = time.time()
    asked = [each.where for each in subjects]
    new = concluded(findings, prior, asked, config.upstreams, now_s)
    places = [where(each) for each in config.upstreams.values()]
    report = reported(findings, places, attestations, (prior, new), now_s)
    if path is not None:
        _written(path, new)
    return report, path


def _target(config: Config) -> Path:
    from gateway.config import ConfigError, Mistake  # noqa: PLC0415 - pydantic is slow to import

    if config.directory is None:
        words = "there is no configuration to write verified.toml beside"
        raise ConfigError([Mistake(None, None, "--write", words, "run gateway init")])
    return config.path(config.policy.verified)


def _written(path: Path, new: Any) -> None:
    from gateway.config import ConfigError, Mistake  # noqa: PLC0415 - pydantic is slow to import
    from gateway.doctor.verified_file import write  # noqa: PLC0415 - the same

    try:
        write(path, new)
    except OSError as error:
        words = f"cannot be written: {error.strerror}"
        raise ConfigError([Mistake(str(path), None, "", words)]) from None


def _show(report: Report, kept: Path | None) -> None:
    """Print a report for people; a table on a terminal, else one line for each fact."""
    if sys.stdout.isatty():
        table(_COLUMNS, map(_cells, report.rows))
    else:
        for row in report.rows:
            typer.echo(": ".join(_cells(row)[:2]) + ": " + _change(row))
    for line in report.unverified:
        typer.echo(f"could not verify: {line}")
    for line in report.drift:
        typer.echo(f"drift: {line}")
    if kept is not None:
        typer.echo(f"written: {kept}")


def _change(row: Row) -> str:
    return f"{row.before} -> {row.after} [{row.outcome}, {row.probe}]"


def _cells(row: Row) -> list[str]:
    many = f" ({len(row.models)} models)" if len(row.models) > 1 else ""
    fact = row.fact + (many or "".join(f" ({model})" for model in row.models))
    return [row.upstream, fact, row.before, row.after, row.probe]
