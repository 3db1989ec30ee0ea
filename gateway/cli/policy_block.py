"""What `gateway policy block` and `gateway policy unblock` do."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from gateway import boundary
from gateway.cli.policy_sources import Setting, mistake, now_s
from gateway.config import Config
from gateway.config.mistakes import nearest
from gateway.config.text import text_of
from gateway.policy.blocking import only_blocks, text, with_block, without
from gateway.policy.facts import end_of
from gateway.policy.files import read_policy
from gateway.policy.globs import Globs
from gateway.policy.model import Block
from gateway.policy.moments import BadMoment, end

_OWNER_WRITES = 0o644


def block(
    upstream: str,
    *,
    because: str,
    until: str | None,
    config: Path | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Write the block and print what is blocked now."""
    setting = Setting(config, env).config
    _check_upstream(upstream, setting)
    new = Block(upstream=upstream, because=_reason(because), until=_until(until))
    _change(setting, lambda blocks: with_block(blocks, new), as_json=as_json)


def unblock(upstream: str, *, config: Path | None, env: str | None, as_json: bool) -> None:
    """Take the block out and print what is blocked still."""

    def shorter(blocks: Sequence[Block]) -> list[Block]:
        left = without(blocks, upstream)
        if len(left) == len(blocks):
            there = nearest(upstream, [each.upstream for each in blocks])
            raise mistake(None, f"{upstream} is not blocked", there)
        return left

    _change(Setting(config, env).config, shorter, as_json=as_json)


def _change(
    config: Config, change: Callable[[Sequence[Block]], list[Block]], *, as_json: bool
) -> None:
    path = _file(config)
    try:
        with _alone(path.parent):
            blocks = change(_blocks(path))
            written = text(blocks)
            read_policy(str(path), written)
            _replace(path, written)
    except OSError as error:
        raise mistake(path, f"cannot be written: {error.strerror}") from None
    _show(path, blocks, in_force=bool(config.policy.files), as_json=as_json)


def _file(config: Config) -> Path:
    if config.directory is None:
        raise mistake(
            None, "there is no configuration, so nothing reads a block", "`gateway init` writes one"
        )
    return config.path(boundary.BLOCKS)


def _blocks(path: Path) -> Sequence[Block]:
    if not path.exists():
        return ()
    read = read_policy(str(path), text_of(path))
    if not only_blocks(read):
        raise mistake(path, "holds more than blocks", "edit it by hand, or move the rest")
    return read.policy.block


def _check_upstream(upstream: str, config: Config) -> None:
    globs = Globs([upstream])
    if not any(name in globs for name in config.upstreams):
        raise mistake(None, f"{upstream} fits no upstream", nearest(upstream, config.upstreams))


def _reason(because: str) -> str:
    if not because.strip():
        raise typer.BadParameter("say why: it stands in every refusal", param_hint="--because")
    return because


def _until(until: str | None) -> dt.date | dt.datetime | None:
    if until is None:
        return None
    try:
        found = end(until, now_s())
    except BadMoment as error:
        raise typer.BadParameter(str(error), param_hint="--until") from None
    if end_of(found) <= now_s():
        raise typer.BadParameter(f"{until} is over already", param_hint="--until")
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other commands from changing the file meanwhile."""
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, written: str) -> None:
    """Write a file so that a reader sees the old one or the new one, and never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            os.fchmod(handle, _OWNER_WRITES)
            stream.write(written)
            stream.flush()
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _show(path: Path, blocks: Sequence[Block], *, in_force: bool, as_json: bool) -> None:
    if as_json:
        rows = [each.model_dump(mode="json") for each in blocks]
        report = {"ok": True, "file": str(path), "in_force": in_force, "blocks": rows}
        typer.echo(json.dumps(report, indent=2))
        return
    typer.echo(f"wrote {path}")
    for each in blocks:
        until = "it is unblocked" if each.until is None else each.until.isoformat()
        typer.echo(f"blocked: {each.upstream} until {until}: {each.because}")
    if not in_force:
        typer.echo("note: [policy] files is empty, so there is no policy and blocks do not act")
