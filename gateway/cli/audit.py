"""`gateway audit`: whether the journal is whole, proofs of single calls, checkpoints, exports."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn

import typer

from gateway.cli.setting import ConfigOption, EnvOption, configured, explained

if TYPE_CHECKING:
    from gateway.journal.checkpoint import Checkpoint
    from gateway.journal.verify import Report

app = typer.Typer(
    help="Check the journal, prove what is in it, and copy from it.", no_args_is_help=True
)

DirOption = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="The journal; else the configuration's."),
]
CheckpointOption = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="FILE", help="Kept elsewhere; else those beside it."),
]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="PEM", help="Sign with this Ed25519 private key.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS_HELP = "A UTC day or time, such as 2026-11-22 or 2026-11-22T06:00:00Z."


@app.command()
def verify(
    *,
    directory: DirOption = None,
    checkpoint: CheckpointOption = None,
    public_key: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="The checkpoints must be signed by this Ed25519 key."),
    ] = None,
    config: ConfigOption = None,
    env: EnvOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the first bad or missing record of each file; exit 1 when there is one."""
    with _put_right():
        from gateway.journal import folder  # noqa: PLC0415 - only audits need it

        where = journal_dir(config, env, directory)
        kept = folder.own_checkpoints(where) if checkpoint is None else folder.kept(checkpoint)
        report = folder.check(where, kept)
        unsigned = [] if public_key is None else _unsigned(kept, public_key)
    found = _summary(where, report, unsigned, signatures=public_key is not None)
    typer.echo(json.dumps(found, indent=2) if as_json else _told(found))
    raise typer.Exit(0 if found["ok"] else 1)


@app.command()
def checkpoint(
    *,
    directory: DirOption = None,
    key: KeyOption = None,
    printed: Annotated[
        bool, typer.Option("--print", help="Print it as well, to be kept elsewhere.")
    ] = False,
    removed: Annotated[
        bool, typer.Option("--removed", help="Files were taken away on purpose since the last one.")
    ] = False,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Write down what the journal holds now, beside it; refused when the journal is not whole."""
    with _put_right():
        made = _made(journal_dir(config, env, directory), key, removed=removed)
    if printed:
        typer.echo(made.line().decode())
    else:
        typer.echo(f"checkpoint: {made.size} records in {len(made.files)} files, root {made.root}")


@app.command()
def prove(
    *,
    request_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The answer's `request-id`.")
    ] = None,
    decision: Annotated[
        str | None, typer.Option(metavar="ID", help="The answer's `x-gateway-decision`.")
    ] = None,
    directory: DirOption = None,
    checkpoint: CheckpointOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Print a proof that the records of one call are in the journal; docs/audit.md checks it."""
    if (request_id is None) == (decision is None):
        raise typer.BadParameter("give one of --request-id and --decision")
    with _put_right():
        import msgspec  # noqa: PLC0415 - only audits need it

        from gateway.journal import proof, read  # noqa: PLC0415 - only audits need it

        where = journal_dir(config, env, directory)

        def records() -> Iterator[read.Placed]:
            return read.records(where)

        asked = decision if request_id is None else request_id
        wanted = decision if request_id is None else proof.decision_of(records(), request_id)
        call = [] if wanted is None else proof.about(records, wanted)
        if wanted is None or not call:
            _give_up(f"{where} has no record of {asked!r}")
        kept = _covering(where, checkpoint, key, call)
        proven = proof.prove(records, kept, wanted, call)
    typer.echo(msgspec.json.format(msgspec.json.encode(proven), indent=2).decode())


@app.command()
def export(
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help=_DAYS_HELP)],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="The first time left out.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there; else to standard output.")
    ] = None,
    directory: DirOption = None,
    config: ConfigOption = None,
    env: EnvOption = None,
) -> None:
    """Copy the records of a period, each line as it stands in the journal."""
    first, end = _moment(since, "--from"), _moment(until, "--to")
    with _put_right():
        from gateway.journal import read  # noqa: PLC0415 - only audits need it

        where = journal_dir(config, env, directory)
        if out is not None and out.resolve().parent == where.resolve():
            _give_up(f"{out} would lie in the journal; write it elsewhere")
        with _output(out) as file:
            for placed in read.records(where):
                if first <= placed.record.at < end:
                    file.write(placed.line + b"\n")


def journal_dir(config: Path | None, env: str | None, given: Path | None) -> Path:
    """Return the journal's directory: the one given, else the configuration's; exits without."""
    found = _configured_dir(config, env) if given is None else given
    if found is None:
        _give_up("the configuration has no `[journal] dir`; give --dir DIR")
    if not found.is_dir():
        _give_up(f"{found} is no directory: there is no journal yet, or it is elsewhere")
    from gateway.journal import folder  # noqa: PLC0415 - only audits need it

    if not folder.is_journal(found):
        _give_up(f"{found} has no file of a journal: there is none yet, or it is elsewhere")
    return found


def _configured_dir(config: Path | None, env: str | None) -> Path | None:
    settings = configured(config, env, serving=False)
    return None if settings.journal.dir is None else settings.path(settings.journal.dir)


def _made(where: Path, key: Path | None, *, removed: bool = False) -> Checkpoint:
    """Return a new checkpoint of the journal, written beside it."""
    from gateway.journal import folder, signing  # noqa: PLC0415 - only audits need it

    signer = None if key is None else _key(key, signing.private_key)
    with folder.alone(where):
        before = folder.own_checkpoints(where)
        now_s = time.time()  # Before it is read, so that what is not covered yet is later.
        report = folder.check(where, before)
        wrong = [found for found in report.problems if not (removed and found.whole_file)]
        if wrong:
            _give_up(f"the journal is not whole, so there is no checkpoint\n{wrong[0]}")
        made = folder.next_checkpoint(report, before, now_s)
        if signer is not None:
            made = signing.signed(made, signer)
        folder.add_checkpoint(where, made)
    return made


def _covering(where: Path, given: Path | None, key: Path | None, call: list[Any]) -> Checkpoint:
    """Return the last checkpoint; a new one where none was given and the last is too old."""
    from gateway.journal import folder, proof  # noqa: PLC0415 - only audits need it

    kept = folder.own_checkpoints(where) if given is None else folder.kept(given)
    if kept and (given is not None or proof.covers(kept[-1], call)):
        return kept[-1]
    return _made(where, key)


def _unsigned(kept: tuple[Checkpoint, ...], public_key: Path) -> list[str]:
    from gateway.journal import signing  # noqa: PLC0415 - only audits need it

    key = _key(public_key, signing.public_key)
    if not kept:
        return ["there is no checkpoint that could be signed"]
    return [
        f"checkpoint {number} of {found.at} is not signed by this key"
        for number, found in enumerate(kept, start=1)
        if not signing.is_signed_by(found, key)
    ]


def _key(path: Path, read: Any) -> Any:
    from gateway.journal.signing import BadKey  # noqa: PLC0415 - only audits need it

    try:
        return read(path.read_bytes())
    except BadKey as error:
        _give_up(f"{path} {error}")


def _summary(
    where: Path, report: Report, unsigned: list[str], *, signatures: bool
) -> dict[str, Any]:
    """Return what a check came to, as JSON values."""
    last = report.checkpoint
    return {
        "ok": not report.problems and not unsigned,
        "directory": str(where),
        "records": report.records,
        "files": [
            {"name": chain.name, "records": chain.records, "closed": chain.closed}
            for chain in (file.chain for file in report.files)
        ],
        "checkpoint": None
        if last is None
        else {"at": last.at, "size": last.size, "root": last.root, "signature_checked": signatures},
        "problems": [
            *({**asdict(found), "text": str(found)} for found in report.problems),
            *({"what": "signature", "text": text} for text in unsigned),
        ],
        "notes": [{**asdict(found), "text": str(found)} for found in report.notes],
    }


def _told(found: dict[str, Any]) -> str:
    """Return a summary for people."""
    lines = [f"journal: {found['directory']}"]
    for file in found["files"]:
        ending = "closed" if file["closed"] else "not closed: in use, or its process was stopped"
        lines.append(f"file: {file['name']}, {file['records']} records, {ending}")
    lines += [f"problem: {problem['text']}" for problem in found["problems"]]
    lines += [f"note: {note['text']}" for note in found["notes"]]
    last = found["checkpoint"]
    if last is None:
        lines.append("checkpoint: none, so nobody would see files taken away or ends cut off")
    else:
        signed = "signature checked" if last["signature_checked"] else "signature not checked"
        lines.append(f"checkpoint: {last['at']}, {last['size']} records, {signed}")
    lines.append("whole" if found["ok"] else "NOT WHOLE")
    return "\n".join(lines)


def _moment(text: str, option: str) -> str:
    """Return a UTC time as records carry it, so that they compare as text."""
    from gateway.journal.record import written_time  # noqa: PLC0415 - only audits need it

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is no time. {_DAYS_HELP}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return written_time((moment - _EPOCH) // timedelta(microseconds=1))
    except OverflowError:
        raise typer.BadParameter(f"{option} {text!r} is out of range. {_DAYS_HELP}") from None


@contextmanager
def _output(out: Path | None) -> Iterator[BinaryIO]:
    """Open a file for its owner alone, or standard output."""
    if out is None:
        yield sys.stdout.buffer
        return
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        yield file


@contextmanager
def _put_right() -> Iterator[None]:
    """Turn what a user can put right into one line on standard error, and exit 1."""
    from gateway.journal.folder import BadCheckpoint  # noqa: PLC0415 - only audits need it
    from gateway.journal.proof import NotCovered  # noqa: PLC0415 - only audits need it
    from gateway.journal.read import Unreadable  # noqa: PLC0415 - only audits need it

    try:
        with explained():
            yield
    except (BadCheckpoint, NotCovered, Unreadable) as error:
        _give_up(str(error))
    except OSError as error:
        _give_up(f"{error.filename or 'the journal'}: {error.strerror}")


def _give_up(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
