"""From a configuration to a running server."""

from __future__ import annotations

import gc
import logging

from gateway import logs
from gateway.config import NO_POLICY_WARNING, Config
from gateway.engine import Engine
from gateway.server.app import App
from gateway.server.listen import run
from gateway.server.settings import Settings
from gateway.wire.aio import AsyncWire

LOG = logging.getLogger("gateway.server")


def serve(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    logs.to_stderr(config.logs.format)
    engine = Engine.from_config(config)
    wire = AsyncWire()
    settings = Settings.of(config)
    _spare_the_collector()
    notes = (NO_POLICY_WARNING, *config.notes) if config.no_file else config.notes
    say = _log if config.logs.format == "json" else None
    return run(App(engine, wire, settings), engine.routes, notes=notes, say=say, close=wire.aclose)


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
