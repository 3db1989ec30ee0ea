"""The server door: the Anthropic API over HTTP, answered by an engine."""

from __future__ import annotations

from gateway.server.addresses import own_address
from gateway.server.app import App, app
from gateway.server.listen import Server, run
from gateway.server.serve import serve
from gateway.server.settings import Settings

__all__ = ["App", "Server", "Settings", "app", "own_address", "run", "serve"]
