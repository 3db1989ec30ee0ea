"""From a configuration to a running server."""

from __future__ import annotations

import gc
import logging
import sys

from gateway import logs
from gateway.config import NO_POLICY_WARNING, Config
from gateway.engine import Engine
from gateway.memory import resident_bytes, resting_note, unread_note
from gateway.server.app import App
from gateway.server.ledger_reports import reports_of
from gateway.server.listen import run
from gateway.server.log_lines import LogLines
from gateway.server.settings import Settings
from gateway.wire.aio import AsyncWire

FOLDS_S = 5.0
"""How long the last records may take to be folded; what is missing is in the journal."""
LOG = logging.getLogger("gateway.server")


def serve(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    lines = LogLines(sys.stderr)
    logs.to_stream(lines, config.logs.format)
    try:
        return _serve(config, lines)
    finally:
        lines.close()


def _serve(config: Config, lines: LogLines) -> int:
    engine = Engine.from_config(config)
    wire = AsyncWire()
    settings = Settings.of(config)
    log = logs.RequestLog(config.logs.format, lines.write)
    app = App(engine, wire, settings, log, reports=reports_of(config))
    _spare_the_collector()
    say = _log if config.logs.format == "json" else None
    try:
        return run(app, engine.routes, notes=_notes(config), say=say, close=wire.aclose)
    finally:
        if engine.folding is not None:
            engine.folding.stop(FOLDS_S)


def _notes(config: Config) -> list[str]:
    memory_mb = config.server.memory_mb
    return [
        *([NO_POLICY_WARNING] if config.no_file else []),
        *config.notes,
        *unread_note(memory_mb),
        *resting_note(memory_mb, resident_bytes()),
    ]


def _log(lines: str) -> None:
    """Say something to the operator where every line of the log is a JSON object."""
    for line in lines.splitlines():
        LOG.info("%s", line)


def _spare_the_collector() -> None:
    """Let the garbage collector look at young objects only, and seldom.

    What was made at start stays, and a call leaves next to no cycles behind; looking through it
    all again every few calls cost a quarter of a call's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
