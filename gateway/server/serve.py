"""From a configuration to a running server."""

from __future__ import annotations

from gateway import compose
from gateway.config import NO_POLICY_WARNING, Config
from gateway.server.app import App
from gateway.server.listen import run
from gateway.server.settings import Settings
from gateway.wire.aio import AsyncWire


def serve(config: Config) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    engine = compose.engine(config)
    wire = AsyncWire()
    settings = Settings(
        host=config.server.host,
        port=config.server.port,
        keys=tuple(key.reveal() for key in config.server.keys),
        body_limit_bytes=config.server.body_limit_bytes,
    )
    notes = (NO_POLICY_WARNING, *config.notes) if config.no_file else config.notes
    return run(App(engine, wire, settings), engine.routes, notes=notes, close=wire.aclose)
